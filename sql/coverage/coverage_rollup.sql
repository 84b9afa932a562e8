-- R1.4: the coverage roll-up; covered + gap = inventory x active scopes; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- covered is counted from the effective owners of inventory cells, not taken as the
-- ceiling less the gap: so the sum is a statement and not a tautology.

WITH figure AS (
  SELECT
    (SELECT count(*) FROM public.v_governance_object_inventory) AS governed_objects,
    (
      SELECT count(*)
      FROM public.governance_responsibility_scope
      WHERE status = 'active'
    ) AS active_scopes,
    (
      SELECT count(*)
      FROM public.v_governance_object_inventory AS inventory
      JOIN public.v_object_effective_owner AS owner
        ON owner.object_type = inventory.object_type
        AND owner.object_ref = inventory.object_ref
      JOIN public.governance_responsibility_scope AS scope
        ON scope.scope_code = owner.scope
        AND scope.status = 'active'
    ) AS covered_cells,
    (SELECT count(*) FROM public.v_object_owner_gap) AS gap_cells,
    (SELECT count(*) FROM public.v_object_owner_conflict) AS conflicts,
    (SELECT count(*) FROM public.governance_object_ownership) AS ownership_rows
)
SELECT
  governed_objects,
  active_scopes,
  governed_objects * active_scopes AS ceiling,
  covered_cells,
  gap_cells,
  conflicts,
  ownership_rows,
  round(
    100.0 * covered_cells / NULLIF(governed_objects * active_scopes, 0), 2
  ) AS coverage_pct
FROM figure;
