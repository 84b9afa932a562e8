-- O3: the governed collections, the group of each, and as what they are governed.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- A collection that lost what makes it governed is told too, with what it is now.

SELECT
  registry.collection_name::text AS name,
  registry."group"::text AS group_code,
  registry.status::text AS status,
  registry.governance_role::text AS governance_role,
  registry.coverage_status::text AS coverage_status,
  registry.coverage_scope_status::text AS coverage_scope_status
FROM public.collection_registry AS registry
WHERE (registry.governance_role = 'governed' AND registry.coverage_status = 'BIRTH_REQUIRED')
  OR registry.collection_name = ANY (%(known)s::text[])
ORDER BY registry.collection_name COLLATE "C";
