-- Tier 2, responsibility: the axis that there is already, as rows; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: tier 1, no row in axis_registry.
-- Expected delta: +1 axis, +6 values, +1 rule (CR-RESP-ALL); the gap stays 210.
-- Leaves: required 210, and the generalized gap equal to the canonical, row by row.
-- Undone by: rollback/50_tier_2.sql, or rollback/99_rollback_full.sql.
-- Stop: required <> 210, or any cell in which the two gaps differ: aborted.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes =
  'public.axis_registry public.axis_value public.coverage_rule';

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
  axes bigint;
BEGIN
  IF to_regclass('public.axis_registry') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: tier 1 does not stand, axis_registry is missing';
  END IF;
  SELECT count(*) INTO axes FROM public.axis_registry;
  IF axes <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state axes=%, expected 0', axes;
  END IF;
END
$$;

INSERT INTO public.axis_registry (
  axis_code, axis_name, axis_family, axis_kind, value_domain, owner_scope_ref,
  status, lifecycle_status, created_by
)
VALUES (
  'responsibility', 'Responsibility', 'system', 'system',
  'governance_responsibility_scope', 'global', 'active', 'active',
  'PROD_responsibility_2026-06-03'
);

INSERT INTO public.axis_value (
  axis_code, value_code, status, provenance, created_by
)
SELECT
  'responsibility',
  scope_code,
  'active',
  jsonb_build_object('kind', 'system', 'source', 'governance_responsibility_scope'),
  'PROD_responsibility_2026-06-03'
FROM public.governance_responsibility_scope
WHERE status = 'active'
ORDER BY
  scope_code COLLATE "C";

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, required_owner_kind, status,
  created_by
)
VALUES (
  'CR-RESP-ALL', 'responsibility', 'collection', 'cross_product', 'accountable',
  'active', 'PROD_responsibility_2026-06-03'
);

-- Zero drift, row by row: both ways, and a cell told twice differs from one told once.
DO $$
DECLARE
  required bigint := (SELECT count(*) FROM public.v_axis_required_cell);
  generalized bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'responsibility'
  );
  canonical bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  differing bigint := (
    SELECT count(*)
    FROM (
      (
        SELECT object_type, object_ref, value_code
        FROM public.v_axis_coverage_gap
        EXCEPT ALL
        SELECT object_type, object_ref, scope
        FROM public.v_object_owner_gap
      )
      UNION ALL
      (
        SELECT object_type, object_ref, scope
        FROM public.v_object_owner_gap
        EXCEPT ALL
        SELECT object_type, object_ref, value_code
        FROM public.v_axis_coverage_gap
      )
    ) AS differing_cell
  );
BEGIN
  IF required <> 210 THEN
    RAISE EXCEPTION 'post-state required=%, expected 210', required;
  END IF;
  IF generalized <> canonical OR differing <> 0 THEN
    RAISE EXCEPTION 'post-state generalized=% canonical=% differing=%',
      generalized, canonical, differing;
  END IF;
  IF canonical <> 210 THEN
    RAISE EXCEPTION 'post-state gap=%, expected 210', canonical;
  END IF;
  RAISE NOTICE 'TIER 2: required=% generalized=% canonical=%',
    required, generalized, canonical;
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
