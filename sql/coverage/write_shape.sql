-- R3: what the scanner has written; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  (SELECT count(*) FROM public.governance_candidate_state) AS candidate_state,
  (SELECT count(*) FROM public.governance_candidate_object) AS candidate_object,
  (SELECT count(*) FROM public.candidate_scan_run) AS scan_run,
  (
    SELECT count(*)
    FROM public.candidate_scan_run
    WHERE status = 'completed'
  ) AS scan_run_completed,
  (SELECT count(*) FROM public.governance_ruleset) AS ruleset,
  (
    SELECT count(*)
    FROM public.governance_ruleset
    WHERE status = 'active'
  ) AS ruleset_active,
  (
    SELECT string_agg(run, ', ' ORDER BY run COLLATE "C")
    FROM (
      SELECT last_run_id AS run FROM public.governance_candidate_state
      UNION
      SELECT last_run_id FROM public.governance_candidate_object
    ) AS seen
  ) AS last_run_ids;
