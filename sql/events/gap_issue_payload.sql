-- C5: the issue that would be opened for each open cell, shaped by reading.
--
-- Needs before: nothing. Leaves: nothing; system_issues is not written.
-- Returns one row per row of v_object_owner_gap.

SELECT
  'GAP-' || object_ref || '-' || scope AS code,
  'governance_coverage_gap' AS issue_type,
  'ownership' AS issue_class,
  'warning' AS severity,
  object_type AS entity_type,
  object_ref AS entity_code,
  'gov_coverage_scanner' AS source,
  'phase1_coverage' AS source_system,
  'gap:' || object_type || ':' || object_ref || ':' || scope AS coalesce_key,
  jsonb_build_object(
    'object', object_ref,
    'scope', scope,
    'missing', 'accountable_owner'
  ) AS evidence_snapshot
FROM public.v_object_owner_gap
ORDER BY
  object_ref COLLATE "C",
  scope COLLATE "C";
