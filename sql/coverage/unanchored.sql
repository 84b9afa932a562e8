-- Told when R1.1 fails: the pairs of group and scope without an anchor; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT DISTINCT
  registry."group"::text || '/' || scope.scope_code AS cell
FROM public.collection_registry AS registry
CROSS JOIN public.governance_responsibility_scope AS scope
WHERE registry.governance_role = 'governed'
  AND registry.coverage_status = 'BIRTH_REQUIRED'
  AND scope.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.governance_object_ownership AS owner
    WHERE owner.object_type = 'group'
      AND owner.object_ref = registry."group"
      AND owner.scope = scope.scope_code
      AND owner.owner_kind = 'accountable'
      AND owner.is_inherited_anchor
      AND owner.lifecycle_status = 'active'
  )
ORDER BY cell
LIMIT 10;
