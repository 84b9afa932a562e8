-- R2: effective owners, direct and inherited, and which of them are cells; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- The view counts group nodes too: 240 = 30 + 210, of which 210 are inventory cells.

SELECT
  count(*) AS total,
  count(*) FILTER (
    WHERE owner.resolution = 'direct' AND owner.depth = 0
  ) AS direct,
  count(*) FILTER (
    WHERE owner.resolution = 'direct'
      AND owner.depth = 0
      AND owner.object_type = 'group'
  ) AS direct_groups,
  count(*) FILTER (
    WHERE owner.resolution = 'inherited' AND owner.depth = 1
  ) AS inherited,
  count(*) FILTER (
    WHERE owner.resolution = 'inherited'
      AND owner.depth = 1
      AND inventory.object_ref IS NOT NULL
  ) AS inherited_cells
FROM public.v_object_effective_owner AS owner
LEFT JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = owner.object_type
  AND inventory.object_ref = owner.object_ref;
