-- R8.1: rows of one group that its objects do not inherit; three of them.
--
-- Needs before: a clone, its seed deleted. Leaves: three rows on the first group's
--   first scope: an accountable owner that is no anchor, an anchor whose owner only
--   supports, an anchor that is superseded. Nothing where the database is no clone.
-- Undone by: the rollback.

INSERT INTO public.governance_object_ownership (
  object_type, object_ref, scope, owner_kind, owner_gov_code, is_inherited_anchor,
  lifecycle_status, created_by
)
SELECT
  'group',
  first.parent_ref,
  first.scope_code,
  kind.owner_kind,
  'GOV-COUNCIL',
  kind.is_anchor,
  kind.lifecycle_status,
  'CLONE_TEST_NOT_INHERITED'
FROM (
  VALUES
    ('accountable', false, 'active'),
    ('supporting', true, 'active'),
    ('accountable', true, 'superseded')
) AS kind (owner_kind, is_anchor, lifecycle_status)
CROSS JOIN (
  SELECT
    containment.parent_ref,
    scope.scope_code
  FROM public.v_governance_object_containment AS containment
  CROSS JOIN public.governance_responsibility_scope AS scope
  WHERE scope.status = 'active'
  ORDER BY
    containment.parent_ref COLLATE "C",
    scope.scope_code COLLATE "C"
  LIMIT 1
) AS first
WHERE current_database() ~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
RETURNING owner_kind;
