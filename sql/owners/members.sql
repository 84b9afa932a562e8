-- O3: the governed collections, the group of each, and as what they are governed.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- A collection that lost what makes it governed is told too, with what it is now.

SELECT
  collection_name::text AS name,
  "group"::text AS group_code,
  status::text AS status,
  governance_role::text AS governance_role,
  coverage_status::text AS coverage_status,
  coverage_scope_status::text AS coverage_scope_status
FROM public.collection_registry
WHERE (governance_role = 'governed' AND coverage_status = 'BIRTH_REQUIRED')
  OR collection_name = ANY (%(known)s::text[])
ORDER BY collection_name COLLATE "C";
