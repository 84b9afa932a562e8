-- Figures of stage A: what the build made, and what it requires.
--
-- Needs before: stage A. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT 'tables' AS figure, to_jsonb(array_agg(class.relname ORDER BY class.relname))
FROM pg_catalog.pg_class AS class
WHERE class.relnamespace = 'public'::regnamespace
  AND class.relkind = 'r'
  AND class.relname IN (
    'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
    'axis_registry', 'axis_value', 'coverage_rule'
  )
UNION ALL
SELECT
  'unmarked rows',
  to_jsonb(
    (
      SELECT count(*)
      FROM (
        SELECT created_by FROM public.axis_registry
        UNION ALL SELECT created_by FROM public.axis_value
        UNION ALL SELECT created_by FROM public.axis_assignment
        UNION ALL SELECT created_by FROM public.coverage_rule
        UNION ALL SELECT created_by FROM public.axis_object_ownership
        UNION ALL SELECT created_by FROM public.axis_candidate_finding
      ) AS marked
      WHERE created_by NOT LIKE 'TEST\_CLONE\_AXIS\_%'
    )
  )
UNION ALL
SELECT
  'key columns',
  to_jsonb(
    (
      SELECT count(*)
      FROM pg_catalog.pg_attribute AS attribute
      WHERE NOT attribute.attisdropped
        AND (attribute.attrelid::regclass::text, attribute.attname) IN (
          ('axis_registry', 'axis_family'), ('axis_registry', 'axis_kind'),
          ('axis_registry', 'value_domain'), ('axis_registry', 'owner_scope_ref'),
          ('axis_registry', 'lifecycle_status'), ('axis_value', 'parent_value_code'),
          ('axis_value', 'provenance'), ('axis_assignment', 'zone'),
          ('axis_assignment', 'match_score'), ('axis_assignment', 'confidence'),
          ('axis_assignment', 'provenance'), ('axis_assignment', 'evidence'),
          ('axis_assignment', 'assigned_kind'), ('axis_assignment', 'assigned_at'),
          ('axis_assignment', 'valid_from'), ('axis_assignment', 'valid_to'),
          ('axis_assignment', 'revision'), ('axis_assignment', 'superseded_by'),
          ('coverage_rule', 'coverage_mode'),
          ('coverage_rule', 'confidence_threshold'),
          ('coverage_rule', 'staleness_days'),
          ('coverage_rule', 'required_owner_kind'),
          ('axis_object_ownership', 'owner_gov_code'),
          ('axis_object_ownership', 'owner_kind'),
          ('axis_candidate_finding', 'severity'),
          ('axis_candidate_finding', 'scan_count'),
          ('axis_candidate_finding', 'last_seen')
        )
    )
  )
UNION ALL
SELECT 'views', to_jsonb(array_agg(class.relname ORDER BY class.relname))
FROM pg_catalog.pg_class AS class
WHERE class.relnamespace = 'public'::regnamespace
  AND class.relkind = 'v'
  AND class.relname LIKE 'v\_axis\_%'
UNION ALL
SELECT
  'axes',
  jsonb_agg(
    jsonb_build_array(
      axis_code, axis_family, axis_kind, status, value_count, active_rules
    )
    ORDER BY axis_code
  )
FROM public.v_axis_registry_coverage
UNION ALL
SELECT
  'values beside the active scopes',
  to_jsonb(
    (
      SELECT count(*)
      FROM public.axis_value AS value
      FULL JOIN public.governance_responsibility_scope AS scope
        ON scope.scope_code = value.value_code
        AND scope.status = 'active'
      WHERE value.axis_code = 'responsibility'
        AND scope.scope_code IS NULL
    )
  )
UNION ALL
SELECT 'rules', jsonb_agg(
  jsonb_build_array(rule_code, axis_code, applies_to, coverage_mode, status)
  ORDER BY rule_code
)
FROM public.coverage_rule
UNION ALL
SELECT 'required', to_jsonb(count(*)) FROM public.v_axis_required_cell
UNION ALL
SELECT 'gap', to_jsonb(count(*)) FROM public.v_axis_coverage_gap
UNION ALL
SELECT 'canonical gap', to_jsonb(count(*)) FROM public.v_object_owner_gap
ORDER BY figure;
