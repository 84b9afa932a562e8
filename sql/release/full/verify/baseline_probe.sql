-- Baseline probe, at entry, in the middle and at exit of a rollout. Reads only.
--
-- Gate: none. SELECT alone, which the executor sends in its own READ ONLY transaction.
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. Returns (scope, metric, value): what is in scope moves with the release;
--   what is out of scope must not; what is organic a live production moves by itself.

SELECT scope, metric, value
FROM (
  SELECT 'in scope' AS scope, 'own' AS metric, count(*) AS value
  FROM public.governance_object_ownership
  UNION ALL
  SELECT 'in scope', 'gap', count(*) FROM public.v_object_owner_gap
  UNION ALL
  SELECT 'in scope', 'axis_tables', count(*)
  FROM pg_catalog.pg_class
  WHERE relnamespace = 'public'::regnamespace
    AND relname IN (
      'axis_registry', 'axis_value', 'axis_assignment', 'coverage_rule',
      'axis_object_ownership', 'axis_candidate_finding'
    )
  UNION ALL
  SELECT 'out of scope', 'ospa', count(*) FROM public.os_proposal_approvals
  UNION ALL
  SELECT 'out of scope', 'conflict', count(*) FROM public.v_object_owner_conflict
  UNION ALL
  SELECT 'out of scope', 'gov_outbox', count(*)
  FROM public.event_outbox
  WHERE event_domain = 'governance'
  UNION ALL
  SELECT 'out of scope', 'gov_active', count(*)
  FROM public.event_type_registry
  WHERE event_domain = 'governance'
    AND active
  UNION ALL
  SELECT 'out of scope', 'approval_requests', count(*) FROM public.approval_requests
  UNION ALL
  SELECT 'out of scope', 'apr_approvals', count(*) FROM public.apr_approvals
  UNION ALL
  SELECT 'out of scope', 'scopes', count(*)
  FROM public.governance_responsibility_scope
  WHERE status = 'active'
  UNION ALL
  SELECT 'organic', 'system_issues', count(*) FROM public.system_issues
  UNION ALL
  SELECT 'organic', 'event_outbox', count(*) FROM public.event_outbox
  UNION ALL
  SELECT 'organic', 'idle_in_transaction', count(*)
  FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database()
    AND state LIKE 'idle in transaction%'
    AND pid <> pg_backend_pid()
    AND now() - state_change > interval '1 second'
) AS probed
ORDER BY
  scope,
  metric;
