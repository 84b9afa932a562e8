-- Tier 0, preflight: may the release run? Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: greenfield: the five prerequisite views, no axis table, gap 210, own 0,
--   conflict 0, inventory 35, scopes 6, no governance event.
-- Expected delta: none. Leaves: nothing. Undone by: nothing to undo.
-- Stop: any exception: the gate is closed or the database has drifted; run no tier.

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes = '';

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

DO $$
BEGIN
  IF NOT current_setting('track_counts')::boolean THEN
    RAISE EXCEPTION 'REFUSING: track_counts is off, what a step writes is not counted';
  END IF;
  PERFORM set_config(
    'oneroof.rows_before',
    (
      SELECT coalesce(
        jsonb_object_agg(
          relid,
          jsonb_build_array(n_tup_ins, n_tup_upd, n_tup_del)
        ),
        '{}'
      )::text
      FROM pg_catalog.pg_stat_xact_user_tables
    ),
    true
  );
END
$$;

DO $$
DECLARE
  ratified text := coalesce(current_setting('oneroof.ratified_apr', true), '');
  ospa bigint := (SELECT count(*) FROM public.os_proposal_approvals);
  signed bigint := (
    SELECT count(*)
    FROM public.os_proposal_approvals
    WHERE
    status = 'published' AND esignature_agreement AND signature_text ~ '[^[:space:]]'
  );
  request record;
BEGIN
  IF signed < 1 THEN
    RAISE EXCEPTION 'REFUSING: ratification gate not met (os_proposal_approvals=%)',
      ospa
      USING DETAIL = format('%s published, agreed and signed', signed);
  END IF;
  IF ratified !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$' THEN
    RAISE EXCEPTION 'REFUSING: no ratified approval given (oneroof.ratified_apr=%)',
      quote_literal(ratified);
  END IF;
  SELECT
    approval.status,
    count(*) FILTER (WHERE vote.decision = 'reject') AS rejects,
    count(*) FILTER (
      WHERE vote.decision = 'approve'
        AND vote.approver_type = 'human'
        AND vote.approver ILIKE '%president%'
        AND vote.approver IS DISTINCT FROM proposer.name
    ) AS presidents,
    count(*) FILTER (
      WHERE vote.decision = 'approve'
        AND vote.approver_type = 'ai_council'
        AND vote.approver IS DISTINCT FROM proposer.name
    ) AS council
  INTO request
  FROM public.approval_requests AS approval
  CROSS JOIN LATERAL (
    SELECT coalesce(
      approval.source_context ->> 'proposer',
      approval.source_context ->> 'created_by'
    ) AS name
  ) AS proposer
  LEFT JOIN public.apr_approvals AS vote
    ON vote.apr_id = approval.id
  WHERE approval.code = ratified
  GROUP BY
    approval.status;
  IF request.status IS DISTINCT FROM 'approved' THEN
    RAISE EXCEPTION 'REFUSING: approval % is not approved (status=%)',
      ratified, coalesce(request.status, 'no such request');
  END IF;
  IF request.presidents < 1 OR request.council < 2 OR request.rejects > 0 THEN
    RAISE EXCEPTION
      'REFUSING: approval % is without its quorum (president=% council=% rejects=%)',
      ratified, request.presidents, request.council, request.rejects;
  END IF;
END
$$;

DO $$
DECLARE
  missing text;
BEGIN
  SELECT string_agg(name, ', ' ORDER BY name)
  INTO missing
  FROM unnest(ARRAY[
    'v_governance_object_containment', 'v_governance_object_inventory',
    'v_object_effective_owner', 'v_object_owner_conflict', 'v_object_owner_gap'
  ]) AS name
  WHERE to_regclass('public.' || name) IS NULL;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: prerequisite view missing: %', missing;
  END IF;
END
$$;

DO $$
DECLARE
  ospa bigint := (SELECT count(*) FROM public.os_proposal_approvals);
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  conflict bigint := (SELECT count(*) FROM public.v_object_owner_conflict);
  inventory bigint := (SELECT count(*) FROM public.v_governance_object_inventory);
  containment bigint := (SELECT count(*) FROM public.v_governance_object_containment);
  scopes bigint := (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  );
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  axis bigint := (
    SELECT count(*)
    FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace
      AND relname IN (
        'axis_registry', 'axis_value', 'axis_assignment', 'coverage_rule',
        'axis_object_ownership', 'axis_candidate_finding'
      )
  );
BEGIN
  IF axis <> 0 THEN
    RAISE EXCEPTION 'REFUSING: axis substrate already present (% tables)', axis
      USING HINT = 'greenfield only; the way back: oneroof rollout rollback full';
  END IF;
  IF own <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state own=%, expected 0', own
      USING HINT = (
        SELECT format(
          'seeded by %s; the way back: oneroof rollout rollback %s',
          string_agg(DISTINCT created_by, ', ' ORDER BY created_by),
          CASE min(created_by)
            WHEN 'F6_OWNERSHIP_SEED_COMMIT' THEN 'ownership'
            WHEN 'PROD_OWNERSHIP_SEED_2026-06-03' THEN 'full'
            ELSE 'is not known'
          END
        )
        FROM public.governance_object_ownership
      );
  END IF;
  IF gap <> 210 OR conflict <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state gap=% conflict=%, expected 210 and 0',
      gap, conflict;
  END IF;
  IF inventory <> 35 OR containment <> 35 OR scopes <> 6 THEN
    RAISE EXCEPTION
      'REFUSING: pre-state inventory=% containment=% scopes=%, expected 35, 35 and 6',
      inventory, containment, scopes;
  END IF;
  IF gov_emit <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state emit=%, expected 0', gov_emit;
  END IF;
  RAISE NOTICE
    'TIER 0: ospa=% gap=% own=% conflict=% emit=% axis=absent prereqs=present',
    ospa, gap, own, conflict, gov_emit;
END
$$;

DO $$
DECLARE
  before jsonb := current_setting('oneroof.rows_before');
  planned text[] := string_to_array(current_setting('oneroof.step_writes'), ' ');
  written jsonb;
  locked jsonb;
  beside text;
BEGIN
  SELECT
    coalesce(jsonb_object_agg(name, jsonb_build_array(added, changed, removed)), '{}'),
    string_agg(name, ', ' ORDER BY name) FILTER (WHERE name <> ALL (planned))
  INTO written, beside
  FROM (
    SELECT
      schemaname || '.' || relname AS name,
      n_tup_ins - coalesce((before -> relid::text ->> 0)::bigint, 0) AS added,
      n_tup_upd - coalesce((before -> relid::text ->> 1)::bigint, 0) AS changed,
      n_tup_del - coalesce((before -> relid::text ->> 2)::bigint, 0) AS removed
    FROM pg_catalog.pg_stat_xact_user_tables
  ) AS counted
  WHERE added + changed + removed <> 0;
  IF beside IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: side effect on %, planned were %', beside, planned;
  END IF;
  SELECT coalesce(jsonb_object_agg(name, modes), '{}')
  INTO locked
  FROM (
    SELECT
      namespace.nspname || '.' || class.relname AS name,
      jsonb_agg(held.mode ORDER BY held.mode) AS modes
    FROM pg_catalog.pg_locks AS held
    JOIN pg_catalog.pg_class AS class
      ON class.oid = held.relation
    JOIN pg_catalog.pg_namespace AS namespace
      ON namespace.oid = class.relnamespace
    WHERE held.locktype = 'relation'
      AND held.pid = pg_backend_pid()
      AND held.database = (
        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()
      )
      AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND namespace.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
    GROUP BY
      namespace.nspname,
      class.relname
  ) AS relation;
  RAISE NOTICE 'oneroof.step %', jsonb_build_object('rows', written, 'locks', locked);
END
$$;

COMMIT;
