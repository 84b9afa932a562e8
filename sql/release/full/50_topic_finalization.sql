-- Tier 5, topics: axis, values, crosswalk, and what differs is decided; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names);
--   os_proposal_approvals signed; approval oneroof.ratified_apr approved, with quorum.
-- Needs before: tier 4; no axis topic.
-- Expected delta: +1 axis, +8 values, +7 rows of the crosswalk, +6 assignments, and a
--   decision for each difference found here and now (5 in the rehearsal): decisions are
--   derived anew, never copied. No rule: topics require no owner until one is given.
-- Leaves: divergent 0, projection gap 0; kg-domain-x active. The item in quarantine
--   stays there: a hold is legitimate and is not decided away.
-- Undone by: rollback/20_tier_5.sql, or rollback/99_rollback_full.sql, by created_by
--   PROD_topic_2026-06-03.
-- Stop: divergent <> 0 or projection gap <> 0: aborted, nothing is changed.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL row_security = off;
SET LOCAL oneroof.step_writes =
  'public.axis_registry public.axis_value public.axis_assignment '
  'public.topic_taxonomy_map public.topic_label_reconcile_decision';
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
BEGIN
  IF to_regclass('public.axis_registry') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: tier 4 does not stand, axis_registry is missing';
  END IF;
  IF NOT EXISTS (
    SELECT FROM public.coverage_rule WHERE rule_code = 'CR-CONTAIN-ASSIGNED'
  ) THEN
    RAISE EXCEPTION 'REFUSING: tier 4 does not stand, CR-CONTAIN-ASSIGNED is missing';
  END IF;
  IF EXISTS (SELECT FROM public.axis_registry WHERE axis_code = 'topic') THEN
    RAISE EXCEPTION 'REFUSING: axis topic is there already';
  END IF;
END
$$;

INSERT INTO public.axis_registry (
  axis_code, axis_name, axis_family, axis_kind, value_domain, owner_scope_ref,
  status, lifecycle_status, created_by
)
VALUES (
  'topic', 'Topic', 'label', 'uncertain', 'topic', 'global', 'active', 'active',
  'PROD_topic_2026-06-03'
);

INSERT INTO public.axis_value (
  axis_code, value_code, parent_value_code, status, provenance, created_by
)
SELECT
  'topic',
  topic.value_code,
  topic.parent_value_code,
  'active',
  topic.provenance::jsonb,
  'PROD_topic_2026-06-03'
FROM (
  VALUES
    (
      1, 'data-platform', NULL,
      '{"kind": "human_designated", "designated_by": "human"}'
    ),
    (
      2, 'governance', NULL,
      '{"kind": "human_designated", "designated_by": "human"}'
    ),
    (
      3, 'workflow', NULL,
      '{"kind": "human_designated", "designated_by": "human"}'
    ),
    (
      4, 'ai-ops', 'governance',
      '{"kind": "ai_proposed", "designated_by": "agent", "reviewed_by": "GOV-COUNCIL"}'
    ),
    (
      5, 'observability', 'governance',
      '{"kind": "ai_proposed", "designated_by": "agent", "reviewed_by": "GOV-SIV"}'
    ),
    (
      6, 'registry-kg', 'governance',
      '{"kind": "ai_proposed", "designated_by": "agent", "reviewed_by": "GOV-COUNCIL"}'
    ),
    (
      7, 'workflow-exec', 'workflow',
      '{"kind": "human_designated", "designated_by": "human", "split_from": "workflow"}'
    ),
    (
      8, 'kg-domain-x', 'registry-kg',
      '{"kind": "kg_ratified", "prior_kind": "kg_provisional", '
      '"designated_by": "agent", "ratified_by": "GOV-KG-SYS", "lane": "governance"}'
    )
) AS topic (place, value_code, parent_value_code, provenance)
ORDER BY
  topic.place;

-- governance and workflow-exec stay unmapped on purpose.
INSERT INTO public.topic_taxonomy_map (value_code, label_code, map_kind, created_by)
VALUES
  ('ai-ops', 'LBL-006', 'related', 'PROD_topic_2026-06-03'),
  ('ai-ops', 'LBL-061', 'exact', 'PROD_topic_2026-06-03'),
  ('data-platform', 'LBL-002', 'exact', 'PROD_topic_2026-06-03'),
  ('kg-domain-x', 'LBL-101', 'inferred', 'PROD_topic_2026-06-03'),
  ('observability', 'LBL-014', 'exact', 'PROD_topic_2026-06-03'),
  ('registry-kg', 'LBL-101', 'related', 'PROD_topic_2026-06-03'),
  ('workflow', 'LBL-004', 'exact', 'PROD_topic_2026-06-03');

INSERT INTO public.axis_assignment (
  object_type, object_ref, axis_code, value_code, zone, confidence, match_score,
  assigned_kind, provenance, assigned_at, created_by
)
SELECT
  inventory.object_type,
  inventory.object_ref,
  'topic',
  assigned.value_code,
  assigned.zone,
  assigned.confidence,
  assigned.confidence,
  assigned.assigned_kind,
  CASE
    WHEN assigned.zone <> 'quarantine' THEN jsonb_build_object(
      'assigned_by', assigned.assigned_kind,
      'approval_ref', current_setting('oneroof.ratified_apr')
    )
  END,
  now(),
  'PROD_topic_2026-06-03'
FROM (
  VALUES
    ('agents', 'ai-ops', 'candidate', 0.92, 'human'),
    ('governance_registry', 'registry-kg', 'candidate', 0.85, 'agent'),
    ('iu_staging_record', 'ai-ops', 'quarantine', NULL, 'agent'),
    ('modules', 'workflow', 'candidate', 0.55, 'agent'),
    ('tasks', 'ai-ops', 'candidate', 0.80, 'agent'),
    ('workflows', 'workflow', 'candidate', 0.96, 'human')
) AS assigned (object_ref, value_code, zone, confidence, assigned_kind)
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = 'collection'
  AND inventory.object_ref = assigned.object_ref
ORDER BY
  assigned.object_ref COLLATE "C";

INSERT INTO public.topic_label_reconcile_decision (
  finding_kind, object_type, object_ref, axis_code, value_code, decision, reason,
  decided_by, created_by
)
SELECT
  compared.difference,
  compared.object_type,
  compared.object_ref,
  compared.axis_code,
  compared.value_code,
  'accept_orthogonal_facet',
  'the rule labels another facet than the topic',
  'GOV-COUNCIL',
  'PROD_topic_2026-06-03'
FROM public.v_reconcile_collection_topic_vs_label AS compared
WHERE compared.flag = 'divergent'
UNION ALL
SELECT
  'projection_gap',
  'axis_value',
  gap.value_code,
  gap.axis_code,
  gap.value_code,
  'accept_projection_pending',
  'labels are projected by the external runner',
  'GOV-COUNCIL',
  'PROD_topic_2026-06-03'
FROM public.v_reconcile_topic_projection_gap AS gap
ORDER BY
  1,
  3;

DO $$
DECLARE
  divergent bigint := (
    SELECT sum(findings) FROM public.v_reconcile_summary WHERE difference = 'divergent'
  );
  projection_gap bigint := (
    SELECT sum(findings)
    FROM public.v_reconcile_summary
    WHERE difference = 'projection_gap'
  );
  topics bigint := (
    SELECT count(*)
    FROM public.axis_value
    WHERE axis_code = 'topic'
      AND status = 'active'
  );
  mapped bigint := (SELECT count(*) FROM public.topic_taxonomy_map);
  assigned bigint := (
    SELECT count(*) FROM public.axis_assignment WHERE axis_code = 'topic'
  );
BEGIN
  IF divergent IS DISTINCT FROM 0 OR projection_gap IS DISTINCT FROM 0 THEN
    RAISE EXCEPTION 'post-state divergent=% projection_gap=%, expected 0 and 0',
      divergent, projection_gap;
  END IF;
  IF topics <> 8 OR mapped <> 7 OR assigned <> 6 THEN
    RAISE EXCEPTION 'post-state values=% map=% assignments=%, expected 8, 7 and 6',
      topics, mapped, assigned;
  END IF;
  RAISE NOTICE 'TIER 5: divergent=% projection_gap=% values=% map=% assignments=%',
    divergent, projection_gap, topics, mapped, assigned;
  RAISE NOTICE 'decisions=%',
    (SELECT count(*) FROM public.topic_label_reconcile_decision);
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
