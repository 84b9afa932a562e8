-- C4, D3: work that is under way in the database's own queue and ledgers.
--
-- Needs before: nothing. Leaves: nothing; reads only. Returns leases (0 expected),
--   jobs not ended (0), and runs of a DOT command that have no end (0).

SELECT
  (SELECT count(*) FROM public.dot_iu_runtime_lease) AS leases,
  (
    SELECT count(*)
    FROM public.job_queue
    WHERE state IN ('queued', 'leased', 'in_progress', 'retry_waiting')
  ) AS jobs,
  (
    SELECT count(*)
    FROM public.dot_iu_command_run
    WHERE finished_at IS NULL
  ) AS runs;
