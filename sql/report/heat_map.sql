-- The heat map of the report: each governed object in each active scope; one read.
--
-- Needs before: the governance views. Leaves: nothing. Undone by: nothing to undo.
-- Returns a row per cell, owned or not: group, object, scope, owner, owner's name,
--   direct or inherited, depth, kind and name of the anchor (NULL without an owner).

SELECT
  COALESCE(containment.parent_ref, '') AS group_ref,
  inventory.object_ref,
  scope.scope_code AS scope,
  owner.owner_gov_code::text AS owner,
  registry.name::text AS owner_name,
  owner.resolution,
  owner.depth,
  owner.source_anchor_type AS anchor_type,
  owner.source_anchor_ref AS anchor
FROM public.v_governance_object_inventory AS inventory
CROSS JOIN public.governance_responsibility_scope AS scope
LEFT JOIN public.v_governance_object_containment AS containment
  ON containment.object_type = inventory.object_type
  AND containment.object_ref = inventory.object_ref
LEFT JOIN public.v_object_effective_owner AS owner
  ON owner.object_type = inventory.object_type
  AND owner.object_ref = inventory.object_ref
  AND owner.scope = scope.scope_code
LEFT JOIN public.governance_registry AS registry
  ON registry.code = owner.owner_gov_code
WHERE scope.status = 'active'
ORDER BY
  COALESCE(containment.parent_ref, '') COLLATE "C",
  inventory.object_ref COLLATE "C",
  scope.scope_code COLLATE "C";
