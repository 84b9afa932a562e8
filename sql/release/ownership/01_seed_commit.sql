-- Ownership packet, step 1, seed: the 30 ratified anchors; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: greenfield, checked here again: own 0, gap 210, conflict 0,
--   inventory 35, scopes 6, no governance event, no axis substrate.
-- Expected delta: own 0 -> 30, gap 210 -> 0, conflict 0, governance events 0; no
--   other table is written.
-- Leaves: five groups x six scopes, accountable, with approval_ref = ratified_apr.
-- Undone by: 03_rollback.sql, by created_by F6_OWNERSHIP_SEED_COMMIT.
-- Stop: any exception before COMMIT: the transaction is aborted, nothing is changed.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL row_security = off;
SET LOCAL oneroof.step_writes = 'public.governance_object_ownership';
SET LOCAL oneroof.request = '{
  "target_collection": "governance_object_ownership",
  "target_entity_code": "F6-anchor-ratified",
  "proposed_action_code": "assign_governance_owner"
}';

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

-- Ratified? The text of sql/gate/ratified.sql.
DO $$
DECLARE
  found record;
BEGIN
  SELECT asked_for.*
  INTO found
  FROM (
WITH asked AS (
  SELECT
    coalesce(current_setting('oneroof.ratified_apr', true), '') AS code,
    coalesce(nullif(current_setting('oneroof.request', true), ''), '{}')::jsonb
      AS wanted
),
signature AS (
  SELECT count(*) AS signed
  FROM public.os_proposal_approvals
  WHERE
status COLLATE "C" = 'published'
AND esignature_agreement
AND regexp_replace(
  signature_text COLLATE "default", '[\u115F\u1160\u17B4\u17B5\u3164\uFFA0]', '', 'g'
) ~ concat(
  '[[:alnum:]\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02AF\u0388-\u03E1\u0400-\u0481',
  '\u048A-\u0556\u0561-\u0587\u05D0-\u05EA\u0621-\u063F\u0641-\u064A\u0904-\u0939',
  '\u0E01-\u0E30\u10D0-\u10FA\u1E00-\u1FBC\u3041-\u3096\u30A1-\u30FA\u3400-\u4DBF',
  '\u4E00-\u9FFF\uAC00-\uD7A3]'
)
AND (greatest(date_created, date_updated) > now() AT TIME ZONE 'UTC') IS NOT TRUE
),
request AS (
  SELECT
    approval.id,
    approval.code,
    approval.status::text COLLATE "C" AS status,
    to_jsonb(approval) AS columns,
    greatest(approval.date_created, approval.date_updated) > now() AT TIME ZONE 'UTC'
      OR approval.reviewed_at > now() AS ahead,
    CASE json_typeof(approval.source_context)
      WHEN 'object' THEN approval.source_context
      ELSE '{}'
    END AS context
  FROM asked
  JOIN public.approval_requests AS approval
    ON approval.code::text COLLATE "C" = asked.code
),
proposer AS (
  SELECT
    CASE
      WHEN name !~ '[0-9A-Za-z\u00C0-\u058F\u05D0-\u05EA\u0621-\u064A\u0904-\u0939]'
        AND name !~ '[\u0E01-\u0E30\u1E00-\u1FBC\u3041-\u30FA\u3400-\uD7A3]'
        THEN NULL
      WHEN name ~ '[A-Za-z]' AND name ~ '[\u0370-\u058F\u13A0-\u13FF\uAB70-\uABBF]'
        THEN NULL
      ELSE regexp_replace(
        btrim(lower(regexp_replace(
          CASE getdatabaseencoding()
            WHEN 'UTF8' THEN normalize(name, NFKD)
            ELSE name
          END COLLATE "C",
          '[^ -~]', '', 'g'
        ))),
        '^[a-z]+: *|-ai-council$', '', 'g'
      )
    END AS person
  FROM request
  CROSS JOIN json_each(request.context) AS entry
  CROSS JOIN LATERAL (
    SELECT CASE json_typeof(entry.value)
      WHEN 'string' THEN regexp_replace(entry.value #>> '{}', '\u00DF', 'ss', 'g')
    END AS text
  ) AS given
  CROSS JOIN LATERAL (
    SELECT CASE getdatabaseencoding()
      WHEN 'UTF8' THEN normalize(given.text, NFKC)
      ELSE given.text
    END COLLATE "C" AS name
  ) AS named
  WHERE btrim(lower(entry.key COLLATE "C")) IN ('proposer', 'created_by')
    AND json_typeof(entry.value) <> 'null'
),
ballot AS (
  SELECT
    vote.approver::text COLLATE "C" AS approver,
    vote.approver_type::text COLLATE "C" AS kind,
    vote.decision::text COLLATE "C" AS decision,
    regexp_replace(
      lower(vote.approver::text COLLATE "C"), '^[a-z]+: *|-ai-council$', '', 'g'
    ) AS person,
    (vote.created_at > now()) IS NOT TRUE
      AND vote.approver::text COLLATE "C" ~ '^[!-~]+( [!-~]+)*$' AS counts
  FROM request
  JOIN public.apr_approvals AS vote
    ON vote.apr_id = request.id
),
voter AS (
  SELECT
    bool_or(approver = 'president') AND bool_and(kind = 'human') AS president,
    bool_and(kind = 'ai_council') AS council
  FROM ballot
  WHERE counts
  GROUP BY
    person
  HAVING bool_and(decision = 'approve')
    AND person ~ '[a-z0-9]'
    AND person NOT IN (SELECT proposer.person FROM proposer WHERE person IS NOT NULL)
),
found AS (
  SELECT
    asked.code,
    asked.wanted,
    (SELECT count(*) FROM public.os_proposal_approvals) AS ospa,
    signature.signed,
    (SELECT count(*) FROM request) AS requests,
    (SELECT min(status) FROM request) AS status,
    (SELECT bool_or(ahead) FROM request) AS ahead,
    (SELECT bool_and(columns @> asked.wanted) FROM request) AS fits,
    (
      SELECT jsonb_object_agg(key, columns -> key)
      FROM request
      CROSS JOIN jsonb_object_keys(asked.wanted) AS key
    ) AS about,
    (SELECT count(*) FROM proposer) AS proposers,
    (SELECT count(*) FROM proposer WHERE person IS NULL) AS strangers,
    (SELECT count(*) FROM voter WHERE president) AS presidents,
    (SELECT count(*) FROM voter WHERE council) AS council,
    (
      SELECT count(*)
      FROM ballot
      WHERE (decision IN ('approve', 'abstain')) IS NOT TRUE
    ) AS rejects
  FROM asked
  CROSS JOIN signature
)
SELECT
  CASE
    WHEN signed < 1
      THEN format(
        'REFUSING: ratification gate not met (os_proposal_approvals=%s)', ospa
      )
    WHEN code COLLATE "C" !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$'
      THEN format(
        'REFUSING: no ratified approval given (oneroof.ratified_apr=%s)',
        quote_literal(code)
      )
    WHEN requests <> 1 OR (status = 'approved') IS NOT TRUE
      THEN format(
        'REFUSING: approval %s is not approved (status=%s)',
        code,
        CASE requests WHEN 0 THEN 'no such request' ELSE coalesce(status, 'none') END
      )
    WHEN ahead
      THEN format('REFUSING: approval %s is dated in the future', code)
    WHEN proposers < 1 OR strangers > 0
      THEN format('REFUSING: approval %s does not tell who proposed it', code)
    WHEN presidents < 1 OR council < 2 OR rejects > 0
      THEN format(
        'REFUSING: approval %s is without its quorum (president=%s council=%s '
        'rejects=%s)',
        code, presidents, council, rejects
      )
    WHEN NOT wanted ?& ARRAY['target_collection', 'proposed_action_code']
      THEN 'REFUSING: the packet does not tell what it asks approval for'
    WHEN fits IS NOT TRUE
      THEN format('REFUSING: approval %s is about something else', code)
    ELSE ''
  END AS refusal,
  format(
    '%s published, agreed and signed; approval about %s, the packet asks for %s',
    signed, coalesce(about::text, 'nothing'), wanted
  ) AS detail
FROM found
  ) AS asked_for;
  IF found.refusal <> '' THEN
    RAISE EXCEPTION '%', found.refusal USING DETAIL = found.detail;
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
    'greenfield: ospa=% gap=% own=% conflict=% emit=% axis=absent prereqs=present',
    ospa, gap, own, conflict, gov_emit;
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
  'F6_OWNERSHIP_SEED_COMMIT',
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
    WHERE created_by = 'F6_OWNERSHIP_SEED_COMMIT'
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
  RAISE NOTICE 'ownership seed: new=% gap=% conflict=% gov_emit=%',
    added, gap, conflict, gov_emit;
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
    RAISE EXCEPTION 'post-state: % owners differ from the ratified map: %',
      differing, wrong || CASE WHEN differing > 8 THEN '; and more' ELSE '' END;
  END IF;
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
