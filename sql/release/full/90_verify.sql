-- Tier 8, verify: the invariants of a finalized release. Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
-- Needs before: tiers 1 to 6.
-- Expected delta: none. Leaves: nothing. Undone by: nothing to undo.
-- Stop: any invariant, or an owner that is not the ratified one, approved, in force
--   and in office: roll back with rollback/99_rollback_full.sql. The topic gap is
--   none of them: holds in quarantine are legitimate.
-- Returns (figure, value), the table of the runbook.

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
BEGIN
  IF to_regclass('public.governance_scan_run') IS NULL THEN
    RAISE EXCEPTION 'TIER 8 VERIFY FAIL: the release does not stand';
  END IF;
END
$$;

DO $$
DECLARE
  found jsonb := jsonb_build_object(
    'resp_ownership_gap',
    (
      SELECT count(*)
      FROM public.v_axis_coverage_gap
      WHERE axis_code = 'responsibility'
    ),
    'canonical_gap', (SELECT count(*) FROM public.v_object_owner_gap),
    'resp_conflict', (SELECT count(*) FROM public.v_object_owner_conflict),
    'containment_gap',
    (SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'containment'),
    'divergent',
    (
      SELECT sum(findings)
      FROM public.v_reconcile_summary
      WHERE difference = 'divergent'
    ),
    'projection_gap',
    (
      SELECT sum(findings)
      FROM public.v_reconcile_summary
      WHERE difference = 'projection_gap'
    ),
    'label_orphans', (SELECT count(*) FROM public.v_reconcile_label_orphan),
    'critical_drift',
    (
      SELECT count(*)
      FROM public.governance_drift_state
      WHERE status = 'open'
        AND severity = 'critical'
    ),
    'emittable_events',
    (SELECT count(*) FROM public.v_drift_issue_payload WHERE emittable),
    'gov_outbox',
    (SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance')
  );
  wrong text;
  own bigint := (
    SELECT count(*)
    FROM public.governance_object_ownership
    WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03'
  );
  responsibility bigint := (
    SELECT count(*)
    FROM public.v_axis_required_cell
    WHERE axis_code = 'responsibility'
  );
  containment bigint := (
    SELECT count(*) FROM public.v_axis_required_cell WHERE axis_code = 'containment'
  );
  axes bigint := (SELECT count(*) FROM public.axis_registry WHERE status = 'active');
  scans bigint := (SELECT count(*) FROM public.governance_scan_run);
  kg_domain text := (
    SELECT status
    FROM public.axis_value
    WHERE axis_code = 'topic'
      AND value_code = 'kg-domain-x'
  );
BEGIN
  SELECT string_agg(format('%s=%s', key, value), ' ' ORDER BY key)
  INTO wrong
  FROM jsonb_each_text(found)
  WHERE value IS DISTINCT FROM '0';
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'TIER 8 VERIFY FAIL: %, expected 0', wrong;
  END IF;
  -- A gap of 0 over no cell would prove nothing.
  IF own <> 30 OR responsibility <> 210 OR containment <> 35 OR axes <> 3
    OR scans < 1
  THEN
    RAISE EXCEPTION
      'TIER 8 VERIFY FAIL: own=% responsibility=% containment=% active_axes=% scans=%',
      own, responsibility, containment, axes, scans;
  END IF;
  IF kg_domain IS DISTINCT FROM 'active' THEN
    RAISE EXCEPTION 'TIER 8 VERIFY FAIL: kg_domain_x=%, expected active', kg_domain;
  END IF;
  PERFORM set_config('oneroof.verified', 'TIER 8 VERIFY PASS', true);
END
$$;

-- Who owns, against the ratified map: counts would let any other body pass.
DO $$
DECLARE
  wrong text;
  differing bigint;
BEGIN
  WITH ratified (group_code, owner, standing) AS (
    VALUES
      ('GRP-AI', 'GOV-DOT', 'active'),
      ('GRP-BUSINESS', 'GOV-MOIT', 'draft'),
      ('GRP-GOVERNANCE', 'GOV-COUNCIL', 'active'),
      ('GRP-REGISTRY', 'GOV-KG-SYS', 'active'),
      ('GRP-WORKFLOW', 'GOV-DOT', 'active')
  ),
  scope (code) AS (
    VALUES
      ('approval'), ('audit'), ('execution'), ('health'), ('policy'), ('render')
  ),
  expected AS (
    SELECT
      format('%s/%s', ratified.group_code, scope.code) AS cell,
      format(
        '%s (%s), in force, approved', ratified.owner, ratified.standing
      ) AS owner
    FROM ratified
    CROSS JOIN scope
    UNION ALL
    SELECT
      format('%s in %s/%s', edge.object_ref, edge.parent_ref, scope.code),
      coalesce(ratified.owner, 'no ratified owner')
    FROM public.v_governance_object_containment AS edge
    CROSS JOIN scope
    LEFT JOIN ratified
      ON ratified.group_code = edge.parent_ref
  ),
  found AS (
    SELECT
      format('%s/%s', anchor.object_ref, anchor.scope) AS cell,
      string_agg(
        format(
          '%s (%s), %s, %s',
          anchor.owner_gov_code,
          coalesce(body.status, 'without status'),
          CASE
            WHEN anchor.effective_to <= now() THEN
              'ended ' || to_char(anchor.effective_to, 'YYYY-MM-DD')
            WHEN anchor.effective_from > now() THEN
              'not before ' || to_char(anchor.effective_from, 'YYYY-MM-DD')
            WHEN NOT anchor.is_inherited_anchor THEN 'no anchor'
            ELSE 'in force'
          END,
          CASE
            WHEN request.status IN ('approved', 'applied') THEN 'approved'
            ELSE 'its approval '
              || coalesce(nullif(btrim(anchor.approval_ref), ''), 'missing')
              || ' is ' || coalesce(request.status, 'no request')
          END
        ),
        ' and ' ORDER BY anchor.id
      ) AS owner
    FROM public.governance_object_ownership AS anchor
    LEFT JOIN public.governance_registry AS body
      ON body.code = anchor.owner_gov_code
    LEFT JOIN public.approval_requests AS request
      ON request.code = anchor.approval_ref
    WHERE anchor.object_type = 'group'
      AND anchor.owner_kind = 'accountable'
      AND anchor.lifecycle_status = 'active'
    GROUP BY
      anchor.object_ref,
      anchor.scope
    UNION ALL
    SELECT
      format('%s in %s/%s', edge.object_ref, edge.parent_ref, effective.scope),
      effective.owner_gov_code
    FROM public.v_object_effective_owner AS effective
    JOIN public.v_governance_object_containment AS edge
      ON edge.object_type = effective.object_type
      AND edge.object_ref = effective.object_ref
  ),
  differs AS (
    SELECT
      row_number() OVER (
        ORDER BY cell LIKE '% in %', cell COLLATE "C"
      ) AS place,
      format(
        '%s: expected %s, found %s',
        cell, coalesce(expected.owner, 'nobody'), coalesce(found.owner, 'nobody')
      ) AS line
    FROM expected
    FULL JOIN found
      USING (cell)
    WHERE expected.owner IS DISTINCT FROM found.owner
  )
  SELECT
    count(*),
    string_agg(line, '; ' ORDER BY place) FILTER (WHERE place <= 8)
  INTO differing, wrong
  FROM differs;
  IF differing > 0 THEN
    RAISE EXCEPTION 'TIER 8 VERIFY FAIL: % owners differ from the ratified map: %',
      differing, wrong || CASE WHEN differing > 8 THEN '; and more' ELSE '' END;
  END IF;
  RAISE NOTICE '%', current_setting('oneroof.verified');
END
$$;

SELECT figure, value
FROM (
  SELECT 1, 'resp_ownership_gap', count(*)::text
  FROM public.v_axis_coverage_gap
  WHERE axis_code = 'responsibility'
  UNION ALL
  SELECT 2, 'resp_conflict', count(*)::text FROM public.v_object_owner_conflict
  UNION ALL
  SELECT 3, 'containment_gap', count(*)::text
  FROM public.v_axis_coverage_gap
  WHERE axis_code = 'containment'
  UNION ALL
  SELECT 4, 'active_axes', count(*)::text
  FROM public.axis_registry
  WHERE status = 'active'
  UNION ALL
  SELECT 5, 'divergent', sum(findings)::text
  FROM public.v_reconcile_summary
  WHERE difference = 'divergent'
  UNION ALL
  SELECT 6, 'projection_gap', sum(findings)::text
  FROM public.v_reconcile_summary
  WHERE difference = 'projection_gap'
  UNION ALL
  SELECT 7, 'label_orphans', count(*)::text FROM public.v_reconcile_label_orphan
  UNION ALL
  SELECT 8, 'critical_drift', count(*)::text
  FROM public.governance_drift_state
  WHERE status = 'open'
    AND severity = 'critical'
  UNION ALL
  SELECT 9, 'emittable_events', count(*)::text
  FROM public.v_drift_issue_payload
  WHERE emittable
  UNION ALL
  SELECT 10, 'gov_outbox', count(*)::text
  FROM public.event_outbox
  WHERE event_domain = 'governance'
  UNION ALL
  SELECT 11, 'kg_domain_x', coalesce(max(status), 'absent')
  FROM public.axis_value
  WHERE axis_code = 'topic'
    AND value_code = 'kg-domain-x'
  UNION ALL
  SELECT 12, 'required_cells', count(*)::text FROM public.v_axis_required_cell
  UNION ALL
  SELECT 13, 'decisions', count(*)::text
  FROM public.topic_label_reconcile_decision
  UNION ALL
  SELECT 14, 'open_drift', count(*)::text
  FROM public.governance_drift_state
  WHERE status = 'open'
) AS told (place, figure, value)
ORDER BY
  place;

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
