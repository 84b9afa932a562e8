-- K6: how this clone would be dropped: one statement, and what stands in its way.
--
-- Needs before: nothing. Placeholder, filled by Python: prefix, with which the
--   marker's text begins. Leaves: nothing; the statement is shown and never sent.
-- Undone by: nothing to undo.
--
-- What blocks DROP DATABASE (manual): sessions, prepared transactions, logical
-- slots, subscriptions, and the template flag.

WITH here AS (
  SELECT
    oid,
    datname,
    datistemplate,
    pg_catalog.shobj_description(oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database
  WHERE datname = current_database()
),
blocker AS (
  SELECT 'session ' || activity.pid AS found
  FROM here
  JOIN pg_catalog.pg_stat_get_activity(NULL) AS activity
    ON activity.datid = here.oid
  WHERE activity.pid <> pg_catalog.pg_backend_pid()
    AND activity.usesysid IS NOT NULL
    AND activity.leader_pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  UNION ALL
  SELECT 'prepared transaction ' || prepared.gid
  FROM here
  JOIN pg_catalog.pg_prepared_xacts AS prepared
    ON prepared.database = here.datname
  UNION ALL
  SELECT 'replication slot ' || slot.slot_name
  FROM here
  JOIN pg_catalog.pg_replication_slots AS slot
    ON slot.database = here.datname
  UNION ALL
  SELECT 'subscription ' || subscription.subname
  FROM here
  JOIN pg_catalog.pg_subscription AS subscription
    ON subscription.subdbid = here.oid
  UNION ALL
  SELECT 'it is a template'
  FROM here
  WHERE here.datistemplate
)
SELECT
  'DROP DATABASE IF EXISTS "' || replace(here.datname, '"', '""') || '"' AS statement,
  CASE
    WHEN starts_with(here.comment, %(prefix)s::text)
    THEN substr(here.comment, length(%(prefix)s::text) + 1)::jsonb ->> 'nonce'
  END AS nonce,
  COALESCE(
    (SELECT string_agg(found, ', ' ORDER BY found COLLATE "C") FROM blocker), 'none'
  ) AS blockers
FROM here;
