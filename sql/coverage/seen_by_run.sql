-- R4: states and objects that one scan run saw last; one read.
--
-- Needs before: nothing. Placeholder, filled by Python: run_id.
-- Leaves: nothing. Undone by: nothing to undo.

SELECT
  (
    SELECT count(*)
    FROM public.governance_candidate_state
    WHERE last_run_id = %(run_id)s::text
  ) AS states,
  (
    SELECT count(*)
    FROM public.governance_candidate_object
    WHERE last_run_id = %(run_id)s::text
  ) AS objects;
