-- C4, D3: what runs by itself when a table is written, and the event triggers.
--
-- Needs before: nothing. Leaves: nothing; reads the catalogs only.
-- Returns (relation, kind, name, enabled, definition, routine): triggers, rules,
--   defaults and generated columns, checks, index expressions and predicates, row
--   policies; event triggers with an empty relation. routine is the oid of a
--   trigger's function; what the others call stands in their definition.

SELECT
  namespace.nspname || '.' || class.relname AS relation,
  attached.kind,
  attached.name,
  attached.enabled,
  attached.definition,
  attached.routine
FROM (
  SELECT
    tgrelid AS relid,
    'trigger' AS kind,
    tgname::text AS name,
    tgenabled <> 'D' AS enabled,
    pg_get_triggerdef(oid) AS definition,
    tgfoid::bigint AS routine
  FROM pg_catalog.pg_trigger
  WHERE NOT tgisinternal
  UNION ALL
  SELECT
    ev_class,
    'rule',
    rulename::text,
    ev_enabled <> 'D',
    pg_get_ruledef(oid),
    NULL
  FROM pg_catalog.pg_rewrite
  WHERE rulename <> '_RETURN'
  UNION ALL
  SELECT
    adrelid,
    'default',
    adnum::text,
    true,
    'SELECT ' || pg_get_expr(adbin, adrelid),
    NULL
  FROM pg_catalog.pg_attrdef
  UNION ALL
  SELECT
    conrelid,
    'check',
    conname::text,
    true,
    'SELECT ' || pg_get_expr(conbin, conrelid),
    NULL
  FROM pg_catalog.pg_constraint
  WHERE contype = 'c'
    AND conrelid <> 0
  UNION ALL
  SELECT
    indrelid,
    'index',
    indexrelid::regclass::text,
    true,
    'SELECT ' || COALESCE(pg_get_expr(indexprs, indrelid), 'NULL')
      || ', ' || COALESCE(pg_get_expr(indpred, indrelid), 'NULL'),
    NULL
  FROM pg_catalog.pg_index
  WHERE indexprs IS NOT NULL
    OR indpred IS NOT NULL
  UNION ALL
  SELECT
    polrelid,
    'policy',
    polname::text,
    true,
    'SELECT ' || COALESCE(pg_get_expr(polqual, polrelid), 'NULL')
      || ', ' || COALESCE(pg_get_expr(polwithcheck, polrelid), 'NULL'),
    NULL
  FROM pg_catalog.pg_policy
) AS attached
JOIN pg_catalog.pg_class AS class
  ON class.oid = attached.relid
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = class.relnamespace
WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
UNION ALL
SELECT
  '',
  'event trigger',
  evtname::text,
  evtenabled <> 'D',
  '',
  evtfoid::bigint
FROM pg_catalog.pg_event_trigger
ORDER BY
  relation,
  kind,
  name;
