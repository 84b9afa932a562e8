-- Tier 3, ownership seed, the sovereign one: the 30 ratified anchors; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: tier 2; own 0, gap 210, conflict 0.
-- Expected delta: own 0 -> 30, gap 210 -> 0, conflict 0, governance events 0.
-- Leaves: five groups x six scopes, accountable, with approval_ref = ratified_apr.
-- Undone by: rollback/40_tier_3.sql, or rollback/99_rollback_full.sql, by created_by
--   PROD_OWNERSHIP_SEED_2026-06-03.
-- Stop: any exception before COMMIT: the transaction is aborted, nothing is changed.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes = 'public.governance_object_ownership';

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

-- Two seeds at once would both read own 0; readers are not held up.
LOCK TABLE public.governance_object_ownership IN SHARE ROW EXCLUSIVE MODE;

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
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  conflict bigint := (SELECT count(*) FROM public.v_object_owner_conflict);
BEGIN
  IF to_regclass('public.axis_registry') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: tier 2 does not stand, axis_registry is missing';
  END IF;
  IF NOT EXISTS (
    SELECT FROM public.coverage_rule WHERE rule_code = 'CR-RESP-ALL'
  ) THEN
    RAISE EXCEPTION 'REFUSING: tier 2 does not stand, CR-RESP-ALL is missing';
  END IF;
  IF own <> 0 OR gap <> 210 OR conflict <> 0 THEN
    RAISE EXCEPTION
      'REFUSING: pre-state own=% gap=% conflict=%, expected 0, 210 and 0',
      own, gap, conflict;
  END IF;
END
$$;

-- The sequence is begun anew where it stands, so that its positions too go back if
-- this transaction does: nextval alone is never undone (manual, ALTER SEQUENCE).
DO $$
BEGIN
  EXECUTE format(
    'ALTER SEQUENCE public.governance_object_ownership_id_seq RESTART WITH %s',
    (
      SELECT last_value + is_called::integer
      FROM public.governance_object_ownership_id_seq
    )
  );
END
$$;

INSERT INTO public.governance_object_ownership (
  object_type, object_ref, scope, owner_kind, owner_gov_code, is_inherited_anchor,
  lifecycle_status, created_by, source_design_ref, approval_ref
)
SELECT
  'group',
  seed.group_code,
  scope.scope_code,
  'accountable',
  seed.owner_gov_code,
  true,
  'active',
  'PROD_OWNERSHIP_SEED_2026-06-03',
  'F6-anchor-ratified',
  current_setting('oneroof.ratified_apr')
FROM (
  VALUES
    ('GRP-GOVERNANCE', 'GOV-COUNCIL'),
    ('GRP-REGISTRY', 'GOV-KG-SYS'),
    ('GRP-AI', 'GOV-DOT'),
    ('GRP-BUSINESS', 'GOV-MOIT'),
    ('GRP-WORKFLOW', 'GOV-DOT')
) AS seed (group_code, owner_gov_code)
CROSS JOIN public.governance_responsibility_scope AS scope
WHERE scope.status = 'active'
ORDER BY
  seed.group_code COLLATE "C",
  scope.scope_code COLLATE "C";

DO $$
DECLARE
  added bigint := (
    SELECT count(*)
    FROM public.governance_object_ownership
    WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03'
      AND object_type = 'group'
      AND owner_kind = 'accountable'
      AND is_inherited_anchor
      AND lifecycle_status = 'active'
      AND approval_ref = current_setting('oneroof.ratified_apr')
  );
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  conflict bigint := (SELECT count(*) FROM public.v_object_owner_conflict);
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
BEGIN
  IF added <> 30 THEN
    RAISE EXCEPTION 'post-state new=%, expected 30', added;
  END IF;
  IF gap <> 0 OR conflict <> 0 THEN
    RAISE EXCEPTION 'post-state gap=% conflict=%, expected 0 and 0', gap, conflict;
  END IF;
  IF gov_emit <> 0 THEN
    RAISE EXCEPTION 'post-state gov_emit=%, expected 0', gov_emit;
  END IF;
  RAISE NOTICE 'TIER 3: new=% gap=% conflict=% gov_emit=%',
    added, gap, conflict, gov_emit;
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
