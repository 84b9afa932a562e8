-- E7, GET /coverage/scan-status: one row, the last scan, what it holds, the cursor.
--
-- Needs before: the scanner's tables, and no relation of this name.
-- Leaves: view v_api_coverage_scan_status. Undone by: the rollback, or
--   drop_contract.sql.
--
-- Runs of one transaction have the same times, so that the run's id decides between
-- them. Without a scan or a cursor its columns are NULL, and the counts are 0.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_scan_status WITH (security_invoker = true) AS
WITH last_run AS (
  SELECT
    ruleset_version,
    run_id,
    status,
    worker_name,
    groups_scanned,
    objects_materialized,
    candidates_upserted
  FROM public.candidate_scan_run
  ORDER BY
    started_at DESC NULLS LAST,
    run_id COLLATE "C" DESC
  LIMIT 1
),
position AS (
  SELECT
    worker_name,
    last_watermark_id,
    events_seen
  FROM public.gov_worker_cursor
  ORDER BY
    last_watermark_ts DESC NULLS LAST,
    worker_name COLLATE "C",
    source_name COLLATE "C"
  LIMIT 1
)
SELECT
  last_run.ruleset_version,
  last_run.run_id AS last_run_id,
  last_run.status,
  last_run.groups_scanned,
  last_run.objects_materialized,
  last_run.candidates_upserted,
  (SELECT count(*) FROM public.governance_candidate_state) AS candidate_states,
  (SELECT count(*) FROM public.governance_candidate_object) AS candidate_objects,
  COALESCE(position.worker_name, last_run.worker_name) AS worker_name,
  position.last_watermark_id AS watermark,
  position.events_seen
FROM (VALUES (true)) AS one (row)
LEFT JOIN last_run
  ON true
LEFT JOIN position
  ON true;
COMMENT ON VIEW public.v_api_coverage_scan_status IS
  'pytest-oneroof, read contract E7: GET /coverage/scan-status; drop_contract.sql.';
