-- Stage B: what a scanner reads, in its order; pure reads.
--
-- Needs before: stage A (without owners the same reads give 0 covered of 210).
-- Leaves: nothing. Undone by: nothing to undo.
--
-- On the seeded clone: 35; 35; 30; 30 direct and 210 inherited; 210 cells, 0 open,
-- 210 covered, 100.00; six scopes of 35 objects; no conflict; twelve sample rows.
-- Invariant: covered + gap = inventory x active scopes.

-- 1. Inventory.
SELECT count(*) AS inventory
FROM public.v_governance_object_inventory;

-- 2. Containment.
SELECT
  parent_ref AS group_code,
  count(*) AS objects
FROM public.v_governance_object_containment
GROUP BY parent_ref
ORDER BY parent_ref COLLATE "C";

-- 3. Committed anchors.
SELECT
  object_ref AS group_code,
  owner_gov_code,
  count(*) AS scopes
FROM public.governance_object_ownership
WHERE object_type = 'group'
  AND owner_kind = 'accountable'
  AND is_inherited_anchor
  AND lifecycle_status = 'active'
GROUP BY
  object_ref,
  owner_gov_code
ORDER BY object_ref COLLATE "C";

-- 4. Effective owner; its rows include the group nodes.
SELECT
  resolution,
  depth,
  count(*) AS owned
FROM public.v_object_effective_owner
GROUP BY
  resolution,
  depth
ORDER BY depth;

-- 5. Coverage summary.
WITH cell AS (
  SELECT
    (SELECT count(*) FROM public.v_governance_object_inventory) * (
      SELECT count(*)
      FROM public.governance_responsibility_scope
      WHERE status = 'active'
    ) AS total_cells,
    (SELECT count(*) FROM public.v_object_owner_gap) AS gap_cells
)
SELECT
  total_cells,
  gap_cells,
  total_cells - gap_cells AS covered_cells,
  round(100.0 * (total_cells - gap_cells) / NULLIF(total_cells, 0), 2)
    AS coverage_pct
FROM cell;

-- 6. Per scope.
SELECT
  scope.scope_code AS scope,
  count(*) AS objects,
  count(gap.object_ref) AS gap
FROM public.governance_responsibility_scope AS scope
CROSS JOIN public.v_governance_object_inventory AS inventory
LEFT JOIN public.v_object_owner_gap AS gap
  ON gap.object_type = inventory.object_type
  AND gap.object_ref = inventory.object_ref
  AND gap.scope = scope.scope_code
WHERE scope.status = 'active'
GROUP BY scope.scope_code
ORDER BY scope.scope_code COLLATE "C";

-- 7. Conflict.
SELECT count(*) AS conflicts
FROM public.v_object_owner_conflict;

-- 8. Sample.
SELECT
  object_ref,
  scope,
  owner_gov_code,
  resolution,
  depth,
  source_anchor_ref
FROM public.v_object_effective_owner
WHERE object_type = 'collection'
  AND object_ref IN ('agents', 'approval_requests')
ORDER BY
  object_ref COLLATE "C",
  scope COLLATE "C";
