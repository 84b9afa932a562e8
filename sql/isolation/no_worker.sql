-- K8: leases, running jobs and running scans, beside the scans that ended; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  (SELECT count(*) FROM public.dot_iu_runtime_lease) AS leases,
  (
    SELECT count(*)
    FROM public.job_queue
    WHERE state IN ('leased', 'in_progress')
      OR lease_owner IS NOT NULL
  ) AS running_jobs,
  (
    SELECT count(*)
    FROM public.candidate_scan_run
    WHERE status = 'running'
  ) AS running_scans,
  (
    SELECT count(*)
    FROM public.candidate_scan_run
    WHERE status = 'completed'
  ) AS ended_scans;
