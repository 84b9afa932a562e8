-- K2: sessions on this database that are not this one; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- Workers without a role (autovacuum) are the server's own. A session of another role
-- is listed without further rights: only its query would be hidden.

SELECT
  format(
    'session %s of %s%s',
    activity.pid,
    role.rolname,
    COALESCE(', ' || NULLIF(activity.application_name, ''), '')
  ) AS found
FROM pg_catalog.pg_stat_get_activity(NULL) AS activity
JOIN pg_catalog.pg_roles AS role
  ON role.oid = activity.usesysid
JOIN pg_catalog.pg_database AS database
  ON database.oid = activity.datid
WHERE database.datname = current_database()
  AND activity.pid <> pg_catalog.pg_backend_pid()
  AND activity.leader_pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
ORDER BY activity.pid;
