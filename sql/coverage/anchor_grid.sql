-- R1.1: the grid of groups and scopes, and how the anchors fill it; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- The grid comes from the registry and the scopes, not from the anchors: thirty
-- anchors of which one is beside the grid are told from thirty that fill it.

WITH grid AS (
  SELECT DISTINCT
    registry."group"::text AS group_code,
    scope.scope_code
  FROM public.collection_registry AS registry
  CROSS JOIN public.governance_responsibility_scope AS scope
  WHERE registry.governance_role = 'governed'
    AND registry.coverage_status = 'BIRTH_REQUIRED'
    AND scope.status = 'active'
),
anchor AS (
  SELECT
    object_ref AS group_code,
    scope AS scope_code,
    count(*) AS owners
  FROM public.governance_object_ownership
  WHERE object_type = 'group'
    AND owner_kind = 'accountable'
    AND is_inherited_anchor
    AND lifecycle_status = 'active'
    AND (effective_from IS NULL OR effective_from <= now())
    AND (effective_to IS NULL OR effective_to > now())
  GROUP BY
    object_ref,
    scope
)
SELECT
  count(grid.group_code) AS grid_cells,
  count(*) FILTER (WHERE grid.group_code IS NOT NULL AND anchor.owners = 1)
    AS anchored_once,
  count(*) FILTER (WHERE grid.group_code IS NULL) AS beside_the_grid
FROM grid
FULL JOIN anchor
  ON anchor.group_code = grid.group_code
  AND anchor.scope_code = grid.scope_code;
