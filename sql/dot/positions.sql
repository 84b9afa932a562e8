-- D2: where the sequences stand that a registration moves.
--
-- Needs before: nothing. Leaves: nothing; reads only. is_called tells a sequence at 1
--   that was used from one that was not.

SELECT 'birth_registry_id_seq' AS sequence, last_value, is_called
FROM public.birth_registry_id_seq
UNION ALL
SELECT 'dot_tools_id_seq', last_value, is_called
FROM public.dot_tools_id_seq
UNION ALL
SELECT 'entity_labels_id_seq', last_value, is_called
FROM public.entity_labels_id_seq
ORDER BY sequence;
