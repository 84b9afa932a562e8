-- Ownership packet, step 2, verify: what the seed has to have left. Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
-- Needs before: 01_seed_commit.sql.
-- Expected delta: none. Leaves: nothing. Undone by: nothing to undo.
-- Stop: own <> 30, gap <> 0, effective <> 240, a governance event, or an owner that is
--   not the ratified one, approved, in force and in office: roll back with
--   03_rollback.sql.

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
  found record;
BEGIN
  SELECT
    (SELECT count(*) FROM public.governance_object_ownership) AS own,
    (
      SELECT count(*)
      FROM public.governance_object_ownership
      WHERE created_by = 'F6_OWNERSHIP_SEED_COMMIT'
        AND object_type = 'group'
        AND owner_kind = 'accountable'
        AND is_inherited_anchor
        AND lifecycle_status = 'active'
        AND source_design_ref = 'F6-anchor-ratified'
        AND approval_ref ~ '[^[:space:]]'
    ) AS anchors,
    (
      SELECT count(DISTINCT object_ref) FROM public.governance_object_ownership
    ) AS groups,
    (SELECT count(DISTINCT scope) FROM public.governance_object_ownership) AS scopes,
    (
      SELECT count(DISTINCT approval_ref) FROM public.governance_object_ownership
    ) AS approvals,
    (SELECT count(*) FROM public.v_object_owner_gap) AS gap,
    (SELECT count(*) FROM public.v_object_owner_conflict) AS conflict,
    (SELECT count(*) FROM public.v_governance_object_inventory) AS inventory,
    (SELECT count(*) FROM public.v_object_effective_owner) AS effective,
    (
      SELECT count(*) FROM public.v_object_effective_owner WHERE resolution = 'direct'
    ) AS direct,
    (
      SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
    ) AS gov_emit
  INTO found;
  IF found.own <> 30 OR found.anchors <> 30 THEN
    RAISE EXCEPTION 'VERIFY FAIL: own=% anchors=%, expected 30 and 30',
      found.own, found.anchors;
  END IF;
  IF found.groups <> 5 OR found.scopes <> 6 OR found.approvals <> 1 THEN
    RAISE EXCEPTION 'VERIFY FAIL: groups=% scopes=% approvals=%, expected 5, 6 and 1',
      found.groups, found.scopes, found.approvals;
  END IF;
  IF found.inventory <> 35 OR found.gap <> 0 OR found.conflict <> 0 THEN
    RAISE EXCEPTION 'VERIFY FAIL: inventory=% gap=% conflict=%, expected 35, 0 and 0',
      found.inventory, found.gap, found.conflict;
  END IF;
  IF found.effective <> 240 OR found.direct <> 30 THEN
    RAISE EXCEPTION 'VERIFY FAIL: effective=% direct=%, expected 240 and 30',
      found.effective, found.direct;
  END IF;
  IF found.gov_emit <> 0 THEN
    RAISE EXCEPTION 'VERIFY FAIL: gov_emit=%, expected 0', found.gov_emit;
  END IF;
  PERFORM set_config(
    'oneroof.verified',
    format(
      'OWNERSHIP VERIFY PASS own=%s gap=%s conflict=%s effective=%s gov_emit=%s',
      found.own, found.gap, found.conflict, found.effective, found.gov_emit
    ),
    true
  );
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
    RAISE EXCEPTION 'VERIFY FAIL: % owners differ from the ratified map: %',
      differing, wrong || CASE WHEN differing > 8 THEN '; and more' ELSE '' END;
  END IF;
  RAISE NOTICE '%', current_setting('oneroof.verified');
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
