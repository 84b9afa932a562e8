-- Figures of stage C: cells by axis, assignments and their quality, owners.
--
-- Needs before: stage C. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT
  axis_code || ' cells' AS figure,
  jsonb_build_array(
    count(*),
    (
      SELECT count(*)
      FROM public.v_axis_coverage_gap AS gap
      WHERE gap.axis_code = required.axis_code
    )
  )
FROM public.v_axis_required_cell AS required
GROUP BY axis_code
UNION ALL
SELECT
  'all cells',
  jsonb_build_array(
    (SELECT count(*) FROM public.v_axis_required_cell),
    (SELECT count(*) FROM public.v_axis_coverage_gap)
  )
UNION ALL
SELECT
  'assignment of ' || assignment.object_ref,
  jsonb_build_array(
    assignment.value_code,
    assignment.zone,
    assignment.confidence,
    assignment.assigned_kind,
    quality.quality_flag
  )
FROM public.axis_assignment AS assignment
JOIN public.v_axis_assignment_quality AS quality
  ON quality.axis_code = assignment.axis_code
  AND quality.value_code = assignment.value_code
  AND quality.object_ref = assignment.object_ref
WHERE assignment.axis_code = 'topic'
  AND assignment.status = 'active'
UNION ALL
SELECT
  'owners',
  jsonb_agg(jsonb_build_array(object_ref, owner_kind) ORDER BY object_ref)
FROM public.axis_object_ownership
WHERE axis_code = 'topic'
UNION ALL
SELECT 'open', jsonb_agg(object_ref ORDER BY object_ref)
FROM public.v_axis_coverage_gap
WHERE axis_code = 'topic'
UNION ALL
SELECT 'flags', jsonb_object_agg(quality_flag, amount)
FROM (
  SELECT quality_flag, count(*) AS amount
  FROM public.v_axis_assignment_quality
  WHERE axis_code = 'topic'
  GROUP BY quality_flag
) AS flagged
UNION ALL
SELECT
  'assignments without one flag',
  to_jsonb(
    (SELECT count(*) FROM public.axis_assignment WHERE status = 'active')
    - (SELECT count(*) FROM public.v_axis_assignment_quality)
  )
ORDER BY figure;
