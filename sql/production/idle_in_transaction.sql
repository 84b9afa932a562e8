-- Sessions of this database, not ours, that are idle in an open transaction for more
-- than a second: they hold back cleaning up, and locks.
-- Needs: membership in pg_read_all_stats, without which the state of others is NULL.
-- Leaves: nothing. Undone by: nothing to undo. Returns (pid, role, seconds).
-- Ours are the sessions of the same role that call themselves so.
SELECT activity.pid,
       activity.usename::text AS role,
       pg_catalog.date_part(
         'epoch', pg_catalog.clock_timestamp() - activity.state_change
       )::integer AS seconds
  FROM pg_catalog.pg_stat_activity AS activity
 WHERE activity.datname = pg_catalog.current_database()
   AND activity.pid <> pg_catalog.pg_backend_pid()
   AND NOT (activity.usename = session_user
            AND activity.application_name = 'pytest-oneroof acceptance')
   AND activity.state IN ('idle in transaction', 'idle in transaction (aborted)')
   AND activity.state_change < pg_catalog.clock_timestamp() - interval '1 second'
 ORDER BY activity.pid
