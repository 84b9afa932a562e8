-- The five governance views: inventory, containment, effective owner, gap, conflict.
--
-- Needs before: 04, 05, 06 and 07. Leaves: five views owned by directus, which every
--   other part reads and none replaces. Undone by: DROP DATABASE.

SET ROLE directus;

-- Both booleans are constant true behind this WHERE; 'locked' cannot appear. The
-- ::text casts keep CREATE OR REPLACE possible over the stub that came before.
CREATE VIEW public.v_governance_object_inventory AS
SELECT
  'collection'::text AS object_type,
  collection_name::text AS object_ref,
  (governance_role IN ('governed', 'locked')) AS requires_owner,
  (coverage_status = 'BIRTH_REQUIRED') AS born
FROM public.collection_registry
WHERE governance_role = 'governed'
  AND coverage_status = 'BIRTH_REQUIRED';
COMMENT ON VIEW public.v_governance_object_inventory IS
  'Objects that need an accountable owner in every active scope.';

CREATE VIEW public.v_governance_object_containment AS
SELECT
  'collection'::text AS object_type,
  collection_name::text AS object_ref,
  'group'::text AS parent_type,
  "group"::text AS parent_ref
FROM public.collection_registry
WHERE governance_role = 'governed'
  AND coverage_status = 'BIRTH_REQUIRED'
  AND "group" IS NOT NULL
  AND "group" <> '';
COMMENT ON VIEW public.v_governance_object_containment IS
  'Edges from an object up to its folder group; depth 1, no cycle.';

-- An owner counts while its row is in force and its body has not retired; GOV-MOIT
-- is known to own while it is a draft.
CREATE VIEW public.v_object_effective_owner AS
WITH RECURSIVE node AS (
  SELECT object_type, object_ref FROM public.v_governance_object_inventory
  UNION
  SELECT object_type, object_ref FROM public.v_governance_object_containment
  UNION
  SELECT parent_type, parent_ref FROM public.v_governance_object_containment
),
walk AS (
  SELECT
    node.object_type,
    node.object_ref,
    node.object_type AS anchor_type,
    node.object_ref AS anchor_ref,
    0 AS depth
  FROM node
  UNION ALL
  SELECT
    walk.object_type,
    walk.object_ref,
    edge.parent_type,
    edge.parent_ref,
    walk.depth + 1
  FROM walk
  JOIN public.v_governance_object_containment AS edge
    ON edge.object_type = walk.anchor_type
    AND edge.object_ref = walk.anchor_ref
  WHERE walk.depth < 64
)
SELECT DISTINCT ON (walk.object_type, walk.object_ref, scope.scope_code)
  walk.object_type,
  walk.object_ref,
  scope.scope_code AS scope,
  owner.owner_gov_code,
  owner.owner_kind,
  walk.anchor_type AS source_anchor_type,
  walk.anchor_ref AS source_anchor_ref,
  CASE WHEN walk.depth = 0 THEN 'direct' ELSE 'inherited' END AS resolution,
  walk.depth
FROM walk
CROSS JOIN public.governance_responsibility_scope AS scope
JOIN public.governance_object_ownership AS owner
  ON owner.object_type = walk.anchor_type
  AND owner.object_ref = walk.anchor_ref
  AND owner.scope = scope.scope_code
JOIN public.governance_registry AS body
  ON body.code = owner.owner_gov_code
WHERE scope.status = 'active'
  AND owner.owner_kind = 'accountable'
  AND owner.lifecycle_status = 'active'
  AND (owner.effective_from IS NULL OR owner.effective_from <= now())
  AND (owner.effective_to IS NULL OR owner.effective_to > now())
  AND body.status IN ('active', 'draft')
  AND (walk.depth = 0 OR owner.is_inherited_anchor)
ORDER BY
  walk.object_type,
  walk.object_ref,
  scope.scope_code,
  walk.depth,
  owner.id;
COMMENT ON VIEW public.v_object_effective_owner IS
  'Nearest accountable owner per node and scope; group nodes are rows of their own.';

CREATE VIEW public.v_object_owner_gap AS
SELECT
  inventory.object_type,
  inventory.object_ref,
  scope.scope_code AS scope
FROM public.v_governance_object_inventory AS inventory
CROSS JOIN public.governance_responsibility_scope AS scope
LEFT JOIN public.v_object_effective_owner AS owner
  ON owner.object_type = inventory.object_type
  AND owner.object_ref = inventory.object_ref
  AND owner.scope = scope.scope_code
  AND owner.owner_kind = 'accountable'
WHERE scope.status = 'active'
  AND inventory.requires_owner
  AND inventory.born
  AND owner.owner_gov_code IS NULL;
COMMENT ON VIEW public.v_object_owner_gap IS
  'Cells of inventory and active scopes without an accountable owner.';

CREATE VIEW public.v_object_owner_conflict AS
SELECT
  object_type,
  object_ref,
  scope,
  count(*) AS owners
FROM public.governance_object_ownership
WHERE owner_kind = 'accountable'
  AND lifecycle_status = 'active'
GROUP BY
  object_type,
  object_ref,
  scope
HAVING count(*) > 1;
COMMENT ON VIEW public.v_object_owner_conflict IS
  'Cells with two active accountable owners; empty while uq_gov_obj_accountable is.';

RESET ROLE;
