-- Figures of stage B: axes, values, rule and assignments as candidates.
--
-- Needs before: stage B. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT
  'axes' AS figure,
  jsonb_agg(
    jsonb_build_array(axis_code, axis_family, axis_kind, value_domain, status)
    ORDER BY axis_code
  )
FROM public.axis_registry
UNION ALL
SELECT
  'containment values',
  jsonb_agg(value_code ORDER BY value_code)
FROM public.axis_value
WHERE axis_code = 'containment'
UNION ALL
SELECT
  'containment values beside the groups',
  to_jsonb(
    (
      SELECT count(*)
      FROM (
        SELECT value_code AS name
        FROM public.axis_value
        WHERE axis_code = 'containment'
      ) AS value
      FULL JOIN (
        SELECT DISTINCT parent_ref AS name FROM public.v_governance_object_containment
      ) AS folder
        USING (name)
      WHERE value.name IS NULL
        OR folder.name IS NULL
    )
  )
UNION ALL
SELECT
  'containment cells',
  jsonb_build_array(
    (
      SELECT count(*)
      FROM public.v_axis_required_cell
      WHERE axis_code = 'containment'
    ),
    (
      SELECT count(*)
      FROM public.v_axis_coverage_gap
      WHERE axis_code = 'containment'
    )
  )
UNION ALL
SELECT
  'topic values',
  jsonb_agg(
    jsonb_build_array(value_code, parent_value_code, status) ORDER BY value_code
  )
FROM public.axis_value
WHERE axis_code = 'topic'
UNION ALL
SELECT
  'designated by',
  jsonb_object_agg(designated_by, amount)
FROM (
  SELECT
    provenance ->> 'designated_by' AS designated_by,
    count(*) AS amount
  FROM public.axis_value
  WHERE axis_code = 'topic'
  GROUP BY provenance ->> 'designated_by'
) AS lane
UNION ALL
SELECT
  'topic rule',
  jsonb_agg(
    jsonb_build_array(
      rule_code, coverage_mode, confidence_threshold, staleness_days,
      required_owner_kind
    )
    ORDER BY rule_code
  )
FROM public.coverage_rule
WHERE axis_code = 'topic'
UNION ALL
SELECT
  'topic assignments',
  jsonb_agg(
    jsonb_build_array(object_ref, value_code, zone, assigned_kind) ORDER BY object_ref
  )
FROM public.axis_assignment
WHERE axis_code = 'topic'
UNION ALL
SELECT 'required', to_jsonb(count(*)) FROM public.v_axis_required_cell
UNION ALL
SELECT 'gap', to_jsonb(count(*)) FROM public.v_axis_coverage_gap
UNION ALL
-- A person's designation qualifies; an agent's proposal needs a review and, on every
-- assignment, the confidence that the rule asks for.
SELECT
  'qualifies',
  jsonb_object_agg(
    value.value_code,
    value.provenance ->> 'designated_by' = 'human'
    OR (value.provenance ? 'reviewed_by' AND COALESCE(cleared.all_clear, false))
  )
FROM public.axis_value AS value
LEFT JOIN (
  SELECT
    assignment.value_code,
    bool_and(assignment.confidence >= rule.confidence_threshold) AS all_clear
  FROM public.axis_assignment AS assignment
  JOIN public.coverage_rule AS rule
    ON rule.axis_code = assignment.axis_code
  WHERE assignment.axis_code = 'topic'
    AND assignment.zone <> 'quarantine'
  GROUP BY assignment.value_code
) AS cleared
  ON cleared.value_code = value.value_code
WHERE value.axis_code = 'topic'
ORDER BY figure;
