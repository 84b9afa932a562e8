-- What a release leaves that counts alone do not tell: whose anchors stand there,
-- and how many of the full release's eleven tables.
-- Needs: the One Roof schema; the release's tables may be absent.
-- Leaves: nothing. Undone by: nothing to undo. Returns (trace, value), both text.
SELECT trace, value
  FROM (
    SELECT 'anchors_by' AS trace,
           coalesce(
             pg_catalog.string_agg(DISTINCT created_by, ', ' ORDER BY created_by), ''
           ) AS value
      FROM public.governance_object_ownership
     WHERE is_inherited_anchor
       AND lifecycle_status = 'active'
    UNION ALL
    SELECT 'release_tables', count(*)::text
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'public'
       AND c.relkind IN ('r', 'p')
       AND lower(c.relname) IN ('axis_registry', 'axis_value', 'axis_assignment',
                         'coverage_rule', 'axis_object_ownership',
                         'axis_candidate_finding', 'topic_taxonomy_map',
                         'topic_label_reconcile_decision', 'governance_scan_run',
                         'governance_drift_state', 'governance_event_log')
  ) AS traces
 ORDER BY trace
