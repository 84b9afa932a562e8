"""Ways that outlive a rollback and are put back, and ways that it undoes."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any

import psycopg
from way import Way, Ways

RESTORED = "put back"
CATALOG = "catalog reads, put back"
ANEW = "session made anew"
ROLLBACK = "rollback"
CONSTRAINTS = "constraints checked before the rollback"
OTHER = "ROLLBACK; BEGIN READ WRITE"
LAW = "sequence public.law_catalog_id_seq"
NEVER = "sequence public.event_pending_id_seq"
ALERTS = "sequence public.trigger_guard_alerts_id_seq"
INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"
ways = Ways()

# ---------------------------------------------------------------------- sequences
ways.statement("nextval", "a row with a serial", RESTORED, INSERT, restored=(LAW,))
ways.statement(
    "nextval-for-nothing",
    "`INSERT … SELECT … WHERE false` after `nextval`",
    RESTORED,
    "SELECT nextval('law_catalog_id_seq'); "
    + INSERT.replace("VALUES ('LEFT-BEHIND')", "SELECT 'x' WHERE false"),
    restored=(LAW,),
)


@ways("`nextval` in a savepoint that is undone", RESTORED, restored=(LAW,))
def nextval_in_savepoint(db: Any) -> None:
    with contextlib.suppress(psycopg.errors.UndefinedTable), db.transaction():
        db.execute(INSERT)
        db.execute("SELECT * FROM absent")


@ways(
    "`nextval` in a statement that fails", RESTORED, restored=(LAW,), sqlstate="22012"
)
def nextval_in_failure(db: Any) -> None:
    db.execute("SELECT nextval('law_catalog_id_seq'), 1 / (SELECT 0)")


ways.statement(
    "setval",
    "`setval`",
    RESTORED,
    "SELECT setval('law_catalog_id_seq', 1)",
    restored=(LAW,),
)
ways.statement(
    "setval-never-called",
    "`setval(…, false)` on a sequence that was never called",
    RESTORED,
    "SELECT setval('event_pending_id_seq', 77, false)",
    restored=(f"{NEVER}: before 1, not called, after 77, not called",),
)
ways.statement(
    "setval-in-do",
    "the same in a DO block",
    RESTORED,
    "DO $$ BEGIN PERFORM setval('event_pending_id_seq', 77, false); END $$",
    restored=(NEVER,),
)


@ways(
    "the same in a function, under another `search_path`", RESTORED, restored=(NEVER,)
)
def setval_in_function(db: Any) -> None:
    db.execute(
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS"
        " $$ SELECT setval('public.event_pending_id_seq', 77, false) $$"
    )
    db.execute("SET search_path = pg_catalog")
    db.execute("SELECT public.f()")


ways.statement(
    "setval-computed",
    "the same by a text that is put together at run time",
    RESTORED,
    "DO $$ BEGIN EXECUTE 'SELECT set' || 'val(''event_pending_id_seq'', 77, false)';"
    " END $$",
    restored=(NEVER,),
)
ways.raw(
    "raw-setval",
    "the same by libpq",
    RESTORED,
    "SELECT setval('event_pending_id_seq', 77, false)",
    restored=(f"{NEVER}: before 1, not called, after 77, not called",),
)
for name, what, texts in (
    (
        "sequence-dropped",
        "a sequence, drawn from and dropped",
        ("DROP SEQUENCE law_catalog_id_seq CASCADE",),
    ),
    (
        "sequence-of-dropped-table",
        "the same, dropped with its table",
        ("DROP TABLE law_catalog CASCADE",),
    ),
    (
        "sequence-made-again",
        "the same, made again under its name",
        (
            "DROP SEQUENCE law_catalog_id_seq CASCADE",
            "CREATE SEQUENCE law_catalog_id_seq START 700",
            "SELECT nextval('law_catalog_id_seq')",
        ),
    ),
    (
        "sequence-renamed",
        "the same, renamed, its name given to another",
        (
            "ALTER SEQUENCE law_catalog_id_seq RENAME TO other",
            "CREATE SEQUENCE law_catalog_id_seq",
            "SELECT nextval('other'), nextval('law_catalog_id_seq')",
        ),
    ),
    (
        "sequence-restarted",
        "the same, restarted and drawn from again",
        (
            "ALTER SEQUENCE law_catalog_id_seq RESTART 900 INCREMENT 5 CACHE 10",
            INSERT.replace("LEFT-BEHIND", "again"),
        ),
    ),
    (
        "sequence-as-another-role",
        "the same, as the owner's role and without a search path",
        (
            "SET LOCAL search_path = ''",
            "DO $$ BEGIN EXECUTE 'SET LOCAL ROLE ' || (SELECT quote_ident(r.rolname)"
            " FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.roleid"
            " WHERE m.member = session_user::regrole"
            " AND starts_with(r.rolname, 'oneroof_owner_')); END $$",
            "SELECT nextval('public.law_catalog_id_seq')",
        ),
    ),
    (
        "sequence-by-deferred-trigger",
        "drawn from by a deferred trigger, at the check's end",
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM nextval('event_pending_id_seq'); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON law_catalog"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()",
            "UPDATE law_catalog SET law_code = law_code WHERE id = 1",
        ),
    ),
):

    def draw(db: Any, texts: tuple[str, ...] = texts) -> None:
        db.execute(INSERT)
        for text in texts:
            db.execute(text)

    # CREATE TRIGGER is logged, in the One Roof schema, by an event trigger.
    more = (NEVER, ALERTS) if name == "sequence-by-deferred-trigger" else ()
    ways.rows[name] = Way(name, what, RESTORED, draw, restored=(LAW, *more))


@ways(
    "drawn from by a deferred trigger that fails then",
    RESTORED,
    constraints="not at the end",
    restored=(LAW, ALERTS),
)
def sequence_by_failing_trigger(db: Any) -> None:
    db.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM nextval('law_catalog_id_seq'); RAISE 'not at the end'; END $$;"
        " CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON law_catalog"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"
        " UPDATE law_catalog SET law_code = law_code WHERE id = 1"
    )


@ways("`nextval`, and what `lastval()` then tells", RESTORED, restored=(LAW,))
def lastval_left(db: Any) -> None:
    db.execute(INSERT)
    assert db.execute("SELECT lastval()").fetchone() == (6,)


ways.statement(
    "lastval-again",
    "`lastval()` in the next check: not yet defined",
    RESTORED,
    "SELECT lastval()",
    sqlstate="55000",
)
ways.statement(
    "currval-again",
    "`currval` there",
    RESTORED,
    "SELECT currval('law_catalog_id_seq')",
    sqlstate="55000",
)


@ways("an identity column by `COPY`", RESTORED, restored=(LAW,))
def copy_rows(db: Any) -> None:
    with db.cursor().copy("COPY law_catalog (law_code) FROM STDIN") as copy:
        copy.write_row(["LEFT-BEHIND"])


# -------------------------------------------------------- what lives in the session
ways.statement(
    "advisory-lock",
    "a session advisory lock",
    CATALOG,
    "SELECT pg_advisory_lock(42)",
    restored=("advisory lock 0/42/1 ExclusiveLock",),
)
ways.statement(
    "prepare",
    "`PREPARE`",
    CATALOG,
    "PREPARE left_behind AS SELECT 1",
    restored=("prepared statement left_behind",),
)


@ways("what psycopg prepares, at its fifth execution or when asked", RESTORED)
def prepare_by_psycopg(db: Any) -> None:
    for _ in range(8):
        db.execute("SELECT count(*) FROM law_catalog")
    db.execute("SELECT 1", prepare=True)
    found = db.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert found == (2,)


@ways("`pgconn.prepare()`", CATALOG, restored=("prepared statement left",))
def prepare_by_libpq(db: Any) -> None:
    db.pgconn.prepare(b"left", b"SELECT 1")


ways.statement(
    "deallocate-all",
    "`DEALLOCATE ALL`",
    CATALOG,
    "DEALLOCATE ALL",
)
ways.raw(
    "stray-discard-all",
    "`DISCARD ALL` by libpq, after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "DISCARD ALL",
)
ways.raw(
    "stray-listen",
    "`LISTEN` after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "LISTEN left_behind",
    restored=("listener left_behind",),
)
ways.raw(
    "stray-cursor",
    "a cursor `WITH HOLD` after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1",
    restored=("held cursor left_behind",),
)
ways.raw(
    "stray-setting",
    "`SET` after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "SET work_mem = '77MB'",
    "SET standard_conforming_strings = off",
    restored=(
        "session setting work_mem",
        "session setting standard_conforming_strings",
    ),
)
ways.raw(
    "stray-role",
    "`SET ROLE` after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "DO $$ BEGIN EXECUTE 'SET ROLE ' || (SELECT quote_ident(r.rolname)"
    " FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.roleid"
    " WHERE m.member = session_user::regrole"
    " AND starts_with(r.rolname, 'oneroof_owner_')); END $$",
    restored=("session setting role",),
)
ways.raw(
    "stray-search-path",
    "`SET search_path` after a stray ROLLBACK, a sequence moved before",
    CATALOG,
    INSERT,
    "ROLLBACK",
    "SET search_path = ''",
    restored=(LAW, "session setting search_path"),
)
ways.raw(
    "stray-timeout",
    "`SET statement_timeout` after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "SET statement_timeout = 2000",
    restored=("session setting statement_timeout",),
)
ways.raw(
    "stray-lock",
    "a session advisory lock, taken after a stray ROLLBACK",
    CATALOG,
    "ROLLBACK",
    "SELECT pg_advisory_lock_shared(4, 2)",
    restored=("advisory lock 4/2/2 ShareLock",),
)
ways.raw(
    "other-temporary",
    "a temporary table, committed by libpq",
    "ledger",
    OTHER,
    "CREATE TEMPORARY TABLE left_behind (id int)",
    "COMMIT",
    restored=("temporary object r left_behind",),
    reason="ended its own transaction",
)
for name, what, texts in (
    (
        "custom-setting",
        "`SET LOCAL` of a custom setting (`a.b`), which the server keeps as `''`",
        ("SET LOCAL app.left_behind = '42'",),
    ),
    (
        "custom-setting-by-function",
        "the same by `set_config`",
        ("SELECT set_config('app.left_behind', '42', true)",),
    ),
    (
        "custom-setting-computed",
        "the same, its name computed",
        (
            "SELECT set_config('app.' || n, '42', true)"
            " FROM (VALUES ('left_behind')) AS v (n)",
        ),
    ),
    (
        "custom-setting-in-do",
        "the same in a DO block that puts the statement together",
        (
            "DO $$ DECLARE n text := 'left_behind'; BEGIN"
            " EXECUTE format('SET LOCAL app.%I = 42', n); END $$",
        ),
    ),
    (
        "custom-setting-in-savepoint",
        "the same in a savepoint that is undone",
        ("SAVEPOINT a", "SET app.left_behind = '42'", "ROLLBACK TO a"),
    ),
    (
        "custom-setting-by-routine",
        "the same by a routine",
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql"
            " AS $$ SELECT set_config('app.left_behind', '42', true) $$",
            "SELECT f()",
        ),
    ),
):

    def run(db: Any, texts: tuple[str, ...] = texts) -> None:
        for text in texts:
            db.execute(text)

    ways.rows[name] = Way(name, what, ANEW, run)


@ways("a libpq trace, into a file that is closed", CATALOG)
def open_trace(db: Any) -> None:
    with tempfile.TemporaryFile() as file:
        db.pgconn.trace(file.fileno())


# ----------------------------------------------------------- what the rollback undoes
for name, what, texts in (
    (
        "rows",
        "rows changed, deleted, truncated",
        (
            "DELETE FROM modules",
            "UPDATE law_catalog SET law_code = id::text",
            "TRUNCATE job_queue",
        ),
    ),
    (
        "truncate-restart",
        "`TRUNCATE … RESTART IDENTITY`",
        ("TRUNCATE law_jurisdiction RESTART IDENTITY CASCADE",),
    ),
    (
        "alter-sequence",
        "`ALTER SEQUENCE … RESTART`",
        ("ALTER SEQUENCE law_catalog_id_seq RESTART WITH 900",),
    ),
    (
        "new-sequence",
        "sequences of its own, a temporary one among them",
        (
            "CREATE SEQUENCE left_behind CACHE 20",
            "CREATE TEMPORARY TABLE left_too (id serial)",
            "INSERT INTO left_too DEFAULT VALUES",
            "SELECT nextval('left_behind')",
        ),
    ),
    (
        "ddl",
        "tables, triggers, functions, grants, comments",
        (
            "CREATE TABLE left_behind (id int)",
            "DROP TABLE job_queue CASCADE",
            "GRANT SELECT ON modules TO PUBLIC",
            "COMMENT ON TABLE modules IS 'x'",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE modules DISABLE TRIGGER USER",
        ),
    ),
    (
        "temporary-table",
        "a temporary table",
        ("CREATE TEMPORARY TABLE left_behind (id int)",),
    ),
    (
        "refresh",
        "`REFRESH MATERIALIZED VIEW`",
        ("CREATE MATERIALIZED VIEW m AS SELECT 1", "REFRESH MATERIALIZED VIEW m"),
    ),
    (
        "publication",
        "a publication",
        ("CREATE PUBLICATION left_behind FOR TABLE modules",),
    ),
    ("large-object", "a large object", ("SELECT lo_from_bytea(424243, 'left')",)),
    (
        "notify",
        "`NOTIFY`: never delivered",
        ("NOTIFY left_behind, 'x'", "SELECT pg_notify('left', 'x')"),
    ),
    ("listen", "`LISTEN`", ("LISTEN left_behind",)),
    (
        "held-cursor",
        "a cursor `WITH HOLD`",
        ("DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1",),
    ),
    (
        "settings",
        "`SET`, `SET ROLE`, `set_config`",
        (
            "SET work_mem = '77MB'",
            "SELECT set_config('lock_timeout', '9s', false)",
            "SET ROLE NONE",
            "RESET SESSION AUTHORIZATION",
        ),
    ),
    (
        "transaction-mode",
        "`SET TRANSACTION READ ONLY`, and defaults of later transactions",
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, NOT DEFERRABLE",
            "SET default_transaction_isolation = 'serializable'",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
        ),
    ),
    (
        "other-strings",
        "`SET standard_conforming_strings = off`",
        (
            "SET standard_conforming_strings = off",
            r"SELECT 'it\'s; COMMIT; --'",
            "UPDATE pg_settings SET setting = 'off' WHERE name = 'jit'",
        ),
    ),
    (
        "role-setting",
        "`ALTER ROLE … SET` of its own role",
        ("ALTER ROLE CURRENT_USER SET lock_timeout = '61s'",),
    ),
    (
        "role-password",
        "`ALTER ROLE … PASSWORD` of its own role",
        ("ALTER ROLE CURRENT_USER PASSWORD 'left'",),
    ),
    (
        "message",
        "a transactional logical message",
        ("SELECT pg_logical_emit_message(true, 'x', 'y')",),
    ),
    (
        "constraints",
        "`SET CONSTRAINTS`",
        ("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"),
    ),
    (
        "statistics",
        "`ANALYZE`, `CREATE INDEX`: statistics stay, no fingerprint has them",
        ("ANALYZE law_catalog", "CREATE INDEX left_behind ON job_queue ((1))"),
    ),
    ("timeout", "`SET statement_timeout = 1`", ("SET statement_timeout = 1",)),
    (
        "lock",
        "`LOCK TABLE … ACCESS EXCLUSIVE`",
        ("LOCK TABLE modules IN ACCESS EXCLUSIVE MODE",),
    ),
    (
        "transaction-lock",
        "a transaction's advisory lock",
        ("SELECT pg_advisory_xact_lock(42)",),
    ),
    (
        "savepoints",
        "savepoints left open",
        ("SAVEPOINT a", "SAVEPOINT b", "ROLLBACK TO a"),
    ),
):

    def run(db: Any, texts: tuple[str, ...] = texts) -> None:
        for text in texts:
            db.execute(text)

    ways.rows[name] = Way(name, what, ROLLBACK, run)


@ways("`ROLLBACK TO` the name of a `transaction()`", ROLLBACK)
def named_transaction(db: Any) -> None:
    with db.transaction("named") as outer:
        db.execute("DELETE FROM modules")
        db.execute('ROLLBACK TO "named"')
        with db.transaction() as inner:
            db.execute(f'ROLLBACK TO "{inner.savepoint_name}"')
        db.execute(f"ROLLBACK TO SAVEPOINT {outer.savepoint_name}")


@ways("stubs of the test's own, named like functions that act outside", ROLLBACK)
def stubs(db: Any) -> None:
    db.execute(
        "CREATE SCHEMA mine;"
        " CREATE FUNCTION http_get(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"
        " CREATE FUNCTION mine.dblink_connect(text) RETURNS text LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN $1; END $$;"
        " CREATE FUNCTION mine.pg_reload_conf() RETURNS bool RETURN true;"
        " SELECT http_get('x')"
    )
    db.execute("SELECT http_get('x'), mine.dblink_connect('y'), mine.pg_reload_conf()")
    db.execute("DO $$ BEGIN PERFORM http_get('x'); END $$")
    db.execute("SET search_path = mine, pg_catalog")
    assert db.execute("SELECT pg_reload_conf()").fetchone() == (True,)


@ways("a transaction that failed, its error swallowed", ROLLBACK)
def swallowed_error(db: Any) -> None:
    with contextlib.suppress(psycopg.errors.UndefinedTable):
        db.execute("SELECT * FROM absent")


@ways(
    "commit(), more work, close(): isolation `savepoint`",
    ROLLBACK,
    isolation="savepoint",
    restored=(LAW,),
)
def committing_code(db: Any) -> None:
    db.execute(INSERT)
    db.commit()
    db.execute("DELETE FROM modules")
    db.rollback()
    with db:
        db.execute("DELETE FROM law_catalog WHERE law_code = 'LEFT-BEHIND'")


# ------------------------------------------------------------- deferred constraints
PARENT = "CREATE TABLE parent (id int PRIMARY KEY)"
CHILD = (
    "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"
    " INSERT INTO child VALUES (1)"
)


@ways(
    "a deferred foreign key, violated to the end",
    CONSTRAINTS,
    constraints="violates foreign key constraint",
)
def deferred_key(db: Any) -> None:
    db.execute(PARENT)
    db.execute(CHILD)


@ways("the same, not committed: isolation `savepoint`", ROLLBACK, isolation="savepoint")
def deferred_key_uncommitted(db: Any) -> None:
    db.execute(PARENT)
    db.commit()
    db.execute(CHILD)


@ways(
    "the same, committed: isolation `savepoint`",
    "connection",
    isolation="savepoint",
    sqlstate="23503",
)
def deferred_key_committed(db: Any) -> None:
    db.execute(PARENT)
    db.execute(CHILD)
    db.commit()


@ways(
    "a deferred constraint trigger that raises",
    CONSTRAINTS,
    constraints="not at the end",
    restored=(ALERTS,),
)
def deferred_trigger(db: Any) -> None:
    db.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'not at the end'; END $$;"
        " CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON modules"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"
        " UPDATE modules SET code = code WHERE id = 1"
    )


@ways(
    "the same, found by the check's own `SET CONSTRAINTS`",
    CONSTRAINTS,
    sqlstate="23503",
)
def deferred_key_asked(db: Any) -> None:
    db.execute(PARENT)
    db.execute(CHILD)
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
