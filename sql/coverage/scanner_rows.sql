-- R8.5: every candidate state, object and cursor, whole; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT 'state ' || group_key AS name, to_jsonb(state) AS content
FROM public.governance_candidate_state AS state
UNION ALL
SELECT 'object ' || candidate_key, to_jsonb(object)
FROM public.governance_candidate_object AS object
UNION ALL
SELECT 'cursor ' || worker_name || ', ' || source_name, to_jsonb(cursor)
FROM public.gov_worker_cursor AS cursor
ORDER BY name;
