-- Tier 6, scanner baseline: one scan of all drift detectors; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: tier 5; no scan.
-- Expected delta: +1 scan, and a state for each finding; nothing is emitted.
-- Leaves: critical 0, emittable 0, outbox 0. Open findings of lesser severity are
--   expected, and as many as this database has.
-- Undone by: rollback/10_tier_6.sql, or rollback/99_rollback_full.sql.
-- Stop: a critical finding, an emittable event or a governance event: aborted.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes =
  'public.governance_scan_run public.governance_drift_state';

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
  scans bigint;
BEGIN
  IF to_regclass('public.governance_scan_run') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: tier 5 does not stand, governance_scan_run is missing';
  END IF;
  IF NOT EXISTS (SELECT FROM public.axis_registry WHERE axis_code = 'topic') THEN
    RAISE EXCEPTION 'REFUSING: tier 5 does not stand, axis topic is missing';
  END IF;
  SELECT count(*) INTO scans FROM public.governance_scan_run;
  IF scans <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state scans=%, expected 0', scans;
  END IF;
END
$$;

-- Begun anew, so that the positions too go back if this transaction does: nextval
-- alone is never undone (manual, ALTER SEQUENCE).
ALTER SEQUENCE public.governance_scan_run_scan_id_seq RESTART WITH 1;

ALTER SEQUENCE public.governance_drift_state_state_id_seq RESTART WITH 1;

SELECT public.fn_governance_scan('PROD_scanner_2026-06-03', 'baseline') AS scan_id;

DO $$
DECLARE
  scan record;
  critical bigint := (
    SELECT count(*)
    FROM public.governance_drift_state
    WHERE status = 'open'
      AND severity = 'critical'
  );
  open_drift bigint := (
    SELECT count(*) FROM public.governance_drift_state WHERE status = 'open'
  );
  findings bigint := (SELECT count(*) FROM public.v_drift_finding);
  emittable bigint := (
    SELECT count(*) FROM public.v_drift_issue_payload WHERE emittable
  );
  outbox bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
BEGIN
  SELECT min(scan_id) AS scan_id, count(*) AS scans
  INTO scan
  FROM public.governance_scan_run;
  IF scan.scans <> 1 OR scan.scan_id <> 1 OR open_drift <> findings THEN
    RAISE EXCEPTION 'post-state scans=% scan_id=% open=% findings=%',
      scan.scans, scan.scan_id, open_drift, findings;
  END IF;
  IF critical <> 0 OR emittable <> 0 OR outbox <> 0 THEN
    RAISE EXCEPTION 'post-state critical=% emittable=% outbox=%, expected 0, 0 and 0',
      critical, emittable, outbox;
  END IF;
  RAISE NOTICE 'TIER 6: scan_id=% critical=% emittable=% outbox=%',
    scan.scan_id, critical, emittable, outbox;
  RAISE NOTICE 'open_drift=%', open_drift;
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
