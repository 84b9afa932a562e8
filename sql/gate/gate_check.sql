-- The gate monitor: may the release run? Reads only, writes nothing, no daemon.
--
-- Needs: SELECT on os_proposal_approvals, governance_object_ownership, event_outbox
--   and the governance views; what is missing is told, it is no error. READY is said
--   of database directus; of another only when the setting oneroof.target_database
--   names it and it carries the marker of a clone.
-- Leaves: nothing. Undone by: nothing to undo. Works on a hot standby.
-- Returns: a row of details, then one verdict row. gate_status is READY or BLOCKED;
--   blockers are tokens, each ended by a semicolon, in a fixed order.
--
-- psql -q -d directus -f gate_check.sql
--
-- Names and operators are PostgreSQL's own, whatever search_path the role brings. Two
-- statements over the same facts. ts_stat (manual, 9.13) runs a query that is
-- given as text, here one that counts, and so only where its table is there: a
-- missing one blocks instead of failing. (query_to_xml would need a server with XML.)

SET search_path = pg_catalog, pg_temp;
SET row_security = off;

WITH wanted (name, relation, query) AS (
  VALUES
    (
      'ospa',
      'public.os_proposal_approvals',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.os_proposal_approvals$q$
    ),
    (
      'signed',
      'public.os_proposal_approvals',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
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
      $q$
    ),
    (
      'own',
      'public.governance_object_ownership',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.governance_object_ownership$q$
    ),
    (
      'gap',
      'public.v_object_owner_gap',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.v_object_owner_gap$q$
    ),
    (
      'conflict',
      'public.v_object_owner_conflict',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.v_object_owner_conflict$q$
    ),
    (
      'gov_emit',
      'public.event_outbox',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.event_outbox
      WHERE event_domain = 'governance'$q$
    )
),
counted AS (
  SELECT
    name,
    CASE WHEN pg_catalog.to_regclass(relation) IS NOT NULL THEN
      (SELECT found.word::bigint FROM pg_catalog.ts_stat(query) AS found)
    END AS value
  FROM wanted
),
substrate (relation) AS (
  VALUES
    ('public.axis_registry'), ('public.axis_value'), ('public.axis_assignment'),
    ('public.coverage_rule'), ('public.axis_object_ownership'),
    ('public.axis_candidate_finding')
),
prerequisite (relation) AS (
  VALUES
    ('public.v_governance_object_inventory'),
    ('public.v_governance_object_containment'),
    ('public.v_object_effective_owner'),
    ('public.v_object_owner_gap'),
    ('public.v_object_owner_conflict')
),
facts AS (
  SELECT
    pg_catalog.current_database()::text AS database,
    pg_catalog.current_database() = 'directus' OR (
      pg_catalog.current_database()
        = pg_catalog.current_setting('oneroof.target_database', true)
      AND EXISTS (
        SELECT
        FROM pg_catalog.pg_database AS base
        WHERE base.datname = pg_catalog.current_database()
          AND pg_catalog.starts_with(
            pg_catalog.shobj_description(base.oid, 'pg_database'),
            'pytest-oneroof clone '
          )
      )
    ) AS is_target,
    max(value) FILTER (WHERE name = 'ospa') AS ospa,
    max(value) FILTER (WHERE name = 'signed') AS signed,
    max(value) FILTER (WHERE name = 'own') AS own,
    max(value) FILTER (WHERE name = 'gap') AS gap,
    max(value) FILTER (WHERE name = 'conflict') AS conflict,
    max(value) FILTER (WHERE name = 'gov_emit') AS gov_emit,
    (
      SELECT count(*)
      FROM substrate
      WHERE pg_catalog.to_regclass(relation) IS NOT NULL
    ) AS axis_tables,
    (
      SELECT count(*)
      FROM prerequisite
      WHERE pg_catalog.to_regclass(relation) IS NOT NULL
    ) AS prerequisites
  FROM counted
)
SELECT
  database, is_target, ospa, signed, own, gap, conflict, gov_emit, axis_tables,
  prerequisites
FROM facts;

WITH wanted (name, relation, query) AS (
  VALUES
    (
      'ospa',
      'public.os_proposal_approvals',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.os_proposal_approvals$q$
    ),
    (
      'signed',
      'public.os_proposal_approvals',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
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
      $q$
    ),
    (
      'own',
      'public.governance_object_ownership',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.governance_object_ownership$q$
    ),
    (
      'gap',
      'public.v_object_owner_gap',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.v_object_owner_gap$q$
    ),
    (
      'conflict',
      'public.v_object_owner_conflict',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.v_object_owner_conflict$q$
    ),
    (
      'gov_emit',
      'public.event_outbox',
      $q$SELECT array_to_tsvector(ARRAY[count(*)::text])
      FROM public.event_outbox
      WHERE event_domain = 'governance'$q$
    )
),
counted AS (
  SELECT
    name,
    CASE WHEN pg_catalog.to_regclass(relation) IS NOT NULL THEN
      (SELECT found.word::bigint FROM pg_catalog.ts_stat(query) AS found)
    END AS value
  FROM wanted
),
substrate (relation) AS (
  VALUES
    ('public.axis_registry'), ('public.axis_value'), ('public.axis_assignment'),
    ('public.coverage_rule'), ('public.axis_object_ownership'),
    ('public.axis_candidate_finding')
),
prerequisite (relation) AS (
  VALUES
    ('public.v_governance_object_inventory'),
    ('public.v_governance_object_containment'),
    ('public.v_object_effective_owner'),
    ('public.v_object_owner_gap'),
    ('public.v_object_owner_conflict')
),
facts AS (
  SELECT
    pg_catalog.current_database()::text AS database,
    pg_catalog.current_database() = 'directus' OR (
      pg_catalog.current_database()
        = pg_catalog.current_setting('oneroof.target_database', true)
      AND EXISTS (
        SELECT
        FROM pg_catalog.pg_database AS base
        WHERE base.datname = pg_catalog.current_database()
          AND pg_catalog.starts_with(
            pg_catalog.shobj_description(base.oid, 'pg_database'),
            'pytest-oneroof clone '
          )
      )
    ) AS is_target,
    max(value) FILTER (WHERE name = 'ospa') AS ospa,
    max(value) FILTER (WHERE name = 'signed') AS signed,
    max(value) FILTER (WHERE name = 'own') AS own,
    max(value) FILTER (WHERE name = 'gap') AS gap,
    max(value) FILTER (WHERE name = 'conflict') AS conflict,
    max(value) FILTER (WHERE name = 'gov_emit') AS gov_emit,
    (
      SELECT count(*)
      FROM substrate
      WHERE pg_catalog.to_regclass(relation) IS NOT NULL
    ) AS axis_tables,
    (
      SELECT count(*)
      FROM prerequisite
      WHERE pg_catalog.to_regclass(relation) IS NOT NULL
    ) AS prerequisites
  FROM counted
),
blocker (position, token) AS (
  SELECT 1, 'db<>directus;' FROM facts WHERE is_target IS NOT TRUE
  UNION ALL
  SELECT 2, 'ospa<1;' FROM facts WHERE coalesce(ospa, 0) < 1
  UNION ALL
  SELECT 3, 'esign_missing;' FROM facts WHERE ospa >= 1 AND coalesce(signed, 0) < 1
  UNION ALL
  SELECT 4, 'own<>0;' FROM facts WHERE own IS DISTINCT FROM 0
  UNION ALL
  -- A figure whose view is missing is told by prereq_missing alone.
  SELECT 5, 'gap<>210;' FROM facts
  WHERE gap <> 210 OR gap IS NULL AND prerequisites = 5
  UNION ALL
  SELECT 6, 'conflict<>0;' FROM facts
  WHERE conflict <> 0 OR conflict IS NULL AND prerequisites = 5
  UNION ALL
  SELECT 7, 'gov_emit<>0;' FROM facts WHERE gov_emit IS DISTINCT FROM 0
  UNION ALL
  SELECT 8, 'axis_present;' FROM facts WHERE axis_tables <> 0
  UNION ALL
  SELECT 9, 'prereq_missing;' FROM facts WHERE prerequisites <> 5
)
SELECT
  CASE WHEN count(blocker.token) = 0 THEN 'READY' ELSE 'BLOCKED' END AS gate_status,
  coalesce(pg_catalog.string_agg(blocker.token, '' ORDER BY blocker.position), '')
    AS blockers,
  facts.ospa,
  facts.gap AS resp_gap,
  facts.own AS resp_ownership
FROM facts
LEFT JOIN blocker ON true
GROUP BY facts.ospa, facts.gap, facts.own;
