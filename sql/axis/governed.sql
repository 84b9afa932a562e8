-- What the clone's baseline recorded as governed, beside what is governed now.
--
-- Needs before: a clone at its baseline (stages A and C). Leaves: nothing; reads only.
-- Returns (kind, name, parent, recorded, present): objects with their group, scopes
--   and groups. Recorded are the objects and groups of the baseline's scan and the
--   scopes of its ownership anchors; present is what the views say at this moment.
--
-- So a 36th collection or a seventh scope is told by name, and a baseline built
-- anew records it.

SELECT
  kind,
  name,
  COALESCE(was.parent, now.parent) AS parent,
  was.here IS NOT NULL AS recorded,
  now.here IS NOT NULL AS present
FROM (
  SELECT
    'object' AS kind,
    candidate_key AS name,
    group_key AS parent,
    true AS here
  FROM public.governance_candidate_object
  UNION
  SELECT 'group', group_key, NULL, true
  FROM public.governance_candidate_state
  UNION
  SELECT 'scope', scope, NULL, true
  FROM public.governance_object_ownership
  WHERE is_inherited_anchor
    AND lifecycle_status = 'active'
) AS was
FULL JOIN (
  SELECT
    'object' AS kind,
    inventory.object_type || ':' || inventory.object_ref AS name,
    containment.parent_ref AS parent,
    true AS here
  FROM public.v_governance_object_inventory AS inventory
  LEFT JOIN public.v_governance_object_containment AS containment
    ON containment.object_type = inventory.object_type
    AND containment.object_ref = inventory.object_ref
  UNION
  SELECT 'group', parent_ref, NULL, true
  FROM public.v_governance_object_containment
  UNION
  SELECT 'scope', scope_code, NULL, true
  FROM public.governance_responsibility_scope
  WHERE status = 'active'
) AS now
  USING (kind, name)
ORDER BY
  kind COLLATE "C",
  name COLLATE "C";
