-- Baseline probe, at entry, in the middle and at exit of a rollout. Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. Returns (scope, metric, value): what is in scope moves with the release;
--   what is out of scope must not; what is organic a live production moves by itself.

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';

DO $$
DECLARE
  target text := coalesce(
    nullif(current_setting('oneroof.target_database', true), ''),
    'directus'
  );
BEGIN
  IF target = 'directus' AND current_database() <> 'directus' THEN
    RAISE EXCEPTION 'REFUSING: % is not production directus', current_database();
  END IF;
  IF current_database() <> target THEN
    RAISE EXCEPTION 'REFUSING: % is not the target %', current_database(), target;
  END IF;
  IF target <> 'directus' AND (
    target !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
    OR NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_database AS base
      WHERE base.datname = current_database()
        AND starts_with(
          shobj_description(base.oid, 'pg_database'),
          'pytest-oneroof clone '
        )
    )
  ) THEN
    RAISE EXCEPTION 'REFUSING: % is neither production directus nor a marked clone',
      target;
  END IF;
END
$$;

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

COMMIT;
