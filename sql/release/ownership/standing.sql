-- Ownership packet: which of its steps stand in the database. Reads only.
--
-- Gate: none. SELECT alone, which the executor sends in its own READ ONLY transaction.
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. Returns (step, state, found); state is absent, whole or in part.

SELECT
  '1' AS step,
  CASE count(*) WHEN 0 THEN 'absent' WHEN 30 THEN 'whole' ELSE 'in part' END AS state,
  count(*) || ' of 30 anchors' AS found
FROM public.governance_object_ownership
WHERE created_by = 'F6_OWNERSHIP_SEED_COMMIT';
