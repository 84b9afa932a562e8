-- What the end of a check asks. Functions, not prepared statements: those a check
-- could drop, or replace by others under the same name.

-- Read before the rollback, which gives the locks back: nextval and setval leave a
-- RowExclusiveLock until the end of the transaction, also where a savepoint was
-- undone, and so do writes to tables. It cannot be told here which are sequences:
-- one that the check has dropped has no row in the catalogs any more.
CREATE FUNCTION oneroof.touched(
  OUT xid text, OUT relations oid[], OUT advisory boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $touched$
BEGIN
  SELECT pg_current_xact_id_if_assigned()::text,
         array_agg(l.relation) FILTER (
           WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock'),
         bool_or(l.locktype = 'advisory')
    INTO xid, relations, advisory
    FROM pg_lock_status() AS l
   WHERE l.pid = pg_backend_pid();
END
$touched$;
COMMENT ON FUNCTION oneroof.touched() IS
  'pytest-oneroof: what the locks of the open transaction tell of it.';

-- Read after the rollback: the ids of the window that did not abort, which of the
-- named settings are known now, and the statements that are prepared still. The
-- series ends in a sub-select, so that its estimate is the same with and without the
-- parameter's value: otherwise the server plans the whole query at every call. After
-- a crash the server may not have got as far as an id of the window's begin.
-- No check may go on with the random numbers of the one before: the seed is set to
-- what nobody can foretell.
CREATE FUNCTION oneroof.exit(
  open_ids bigint[], first_id bigint, names text[],
  OUT snapshot text, OUT ids text[], OUT settings text[], OUT statements text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $exit$
BEGIN
  PERFORM setseed(hashtext(gen_random_uuid()::text) / 2147483648.0);
  SELECT pg_current_snapshot()::text,
         ARRAY(
           SELECT x || ':' || coalesce(pg_xact_status(x::text::xid8), '?')
             FROM (SELECT unnest(open_ids)
                   UNION ALL
                   SELECT generate_series(first_id,
                            (SELECT pg_snapshot_xmax(
                               pg_current_snapshot())::text::bigint) - 1)) AS w (x)
            WHERE x < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
              AND pg_xact_status(x::text::xid8) IS DISTINCT FROM 'aborted'
            LIMIT 200),
         ARRAY(SELECT n FROM unnest(names) AS n
                WHERE pg_settings_get_flags(n) IS NOT NULL),
         ARRAY(SELECT p.name FROM pg_prepared_statement() AS p)
    INTO snapshot, ids, settings, statements;
END
$exit$;
COMMENT ON FUNCTION oneroof.exit(bigint[], bigint, text[]) IS
  'pytest-oneroof: what a rollback leaves in its own session, and ids that did not abort.';

-- The rest of what a rollback does not undo: in the session that has lost its
-- transaction, and on a clone that others can enter. The functions below pg_cursors
-- and the like save their views' joins. Physical slots belong to the whole server.
CREATE FUNCTION oneroof.state(
  physical boolean,
  OUT prepared_transactions text[], OUT slots text[], OUT sessions text[],
  OUT sessions_ever bigint, OUT advisory_locks text[], OUT listeners text[],
  OUT cursors text[], OUT temporary text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $state$
DECLARE
  here oid := (SELECT d.oid FROM pg_database AS d
                WHERE d.datname = current_database());
BEGIN
  prepared_transactions := ARRAY(
    SELECT gid FROM pg_prepared_xact() WHERE dbid = here);
  slots := ARRAY(
    SELECT slot_name FROM pg_get_replication_slots()
     WHERE datoid = here OR (physical AND slot_type = 'physical'));
  sessions := ARRAY(
    SELECT a.pid || ':' || pg_get_userbyid(a.usesysid)
      FROM pg_stat_get_activity(NULL) AS a
     WHERE a.datid = here AND a.usesysid IS NOT NULL
       AND a.pid <> pg_backend_pid()
       AND a.leader_pid IS DISTINCT FROM pg_backend_pid());
  sessions_ever := pg_stat_get_db_sessions(here);
  advisory_locks := ARRAY(
    SELECT l.classid || '/' || l.objid || '/' || l.objsubid || ' ' || l.mode
      FROM pg_lock_status() AS l
     WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid());
  listeners := ARRAY(SELECT pg_listening_channels());
  cursors := ARRAY(SELECT c.name FROM pg_cursor() AS c);
  temporary := ARRAY(
    SELECT c.relkind::text || ' ' || c.relname
      FROM pg_class AS c
     WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind <> 'i');
END
$state$;
COMMENT ON FUNCTION oneroof.state(boolean) IS
  'pytest-oneroof: what can outlive a transaction, besides rows and objects.';

-- Read before an example, within its check: the sequences that the check has locked
-- so far, by whatever it did with them, and that are still there.
CREATE FUNCTION oneroof.locked_sequences()
RETURNS TABLE (id bigint, name text, readable boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $locked$
BEGIN
  RETURN QUERY
  SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname),
         has_sequence_privilege(session_user, c.oid, 'SELECT')
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind = 'S'
     AND c.oid IN (SELECT l.relation FROM pg_lock_status() AS l
                    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation');
END
$locked$;
COMMENT ON FUNCTION oneroof.locked_sequences() IS
  'pytest-oneroof: sequences on which the open transaction holds a lock.';
