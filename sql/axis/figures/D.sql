-- Figures of stage D: the summary of axes, and the findings of two passes.
--
-- Needs before: stage D. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT
  'summary of ' || axis_code AS figure,
  jsonb_build_array(
    required_cells, gap_cells, ok_assignments, low_conf, stale, quarantine
  )
FROM public.v_axis_coverage_summary
UNION ALL
SELECT 'axes in the summary', jsonb_agg(axis_code ORDER BY axis_code)
FROM public.v_axis_coverage_summary
UNION ALL
SELECT
  'finding ' || finding_type,
  jsonb_build_array(severity, count(*))
FROM public.axis_candidate_finding
GROUP BY
  finding_type,
  severity
UNION ALL
SELECT 'findings', to_jsonb(count(*))
FROM public.axis_candidate_finding
UNION ALL
SELECT 'seen', jsonb_build_array(min(scan_count), max(scan_count))
FROM public.axis_candidate_finding
UNION ALL
SELECT 'missing assignments', to_jsonb(count(*))
FROM public.v_axis_missing_assignment
UNION ALL
SELECT
  'within the bound',
  to_jsonb(
    (SELECT count(*) FROM public.axis_candidate_finding) <= (
      SELECT count(*) FROM public.v_governance_object_inventory
    ) * (
      SELECT count(DISTINCT finding_type) FROM public.axis_candidate_finding
    )
  )
UNION ALL
SELECT
  'workers',
  jsonb_build_array(
    (SELECT count(*) FROM public.dot_iu_runtime_lease),
    (
      SELECT count(*)
      FROM public.job_queue
      WHERE state IN ('queued', 'leased', 'in_progress', 'retry_waiting')
    )
  )
ORDER BY figure;
