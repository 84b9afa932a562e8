"""Ways that are refused before anything is sent, and ways that no right allows."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from way import Way, Ways, raw

CLASSIFIER = "classifier"
CONNECTION = "connection"
RIGHT = "right of the role"
GONE = "its session was lost and made anew"
ways = Ways()

# ------------------------------------------------------------ transaction control
for name, text, words in (
    ("commit", "COMMIT", "refused COMMIT"),
    ("commit-in-the-middle", "SELECT 1; COMMIT; SELECT 2", "refused COMMIT"),
    ("commit-in-disguise", "/* ; */ eNd\n-- x\nWORK", "refused COMMIT"),
    ("commit-and-chain", "COMMIT AND CHAIN", "refused COMMIT"),
    ("rollback", "ABORT", "refused ROLLBACK"),
    ("rollback-and-chain", "ROLLBACK AND CHAIN", "refused ROLLBACK"),
    ("begin", "START TRANSACTION READ WRITE", "refused BEGIN"),
    ("prepare-transaction", "PREPARE TRANSACTION 'x'", "refused PREPARE TRANSACTION"),
    ("commit-prepared", "COMMIT PREPARED 'x'", "refused COMMIT or ROLLBACK PREPARED"),
    (
        "own-savepoint",
        "RELEASE SAVEPOINT oneroof_check",
        "refused RELEASE of a savepoint the check did not open",
    ),
    (
        "disarm-by-setting",
        "SET LOCAL oneroof.pass = 'x'",
        "refused SET oneroof.pass",
    ),
    (
        "disarm-by-constraint",
        "SET CONSTRAINTS oneroof.tripwire IMMEDIATE",
        "refused a change of oneroof.tripwire",
    ),
    (
        "disarm-by-delete",
        "DELETE FROM oneroof.tripwire",
        "refused a change of oneroof.tripwire",
    ),
):
    ways.statement(name, f"`{text.splitlines()[0]}`", CLASSIFIER, text, refused=words)

# ------------------------------------------------- what no rollback would undo
for name, text, words in (
    ("alter-system", "ALTER SYSTEM SET work_mem = '1GB'", "refused ALTER SYSTEM"),
    (
        "copy-to-program",
        "COPY modules TO PROGRAM 'cat > /tmp/x'",
        "refused COPY to or from a program on the server",
    ),
    (
        "copy-to-file",
        "COPY modules TO '/tmp/x'",
        "refused COPY to or from a file on the server",
    ),
    ("lo-export", "SELECT lo_export(1, '/tmp/x')", "refused lo_export()"),
    (
        "logical-message",
        "SELECT pg_logical_emit_message(false, 'x', 'y')",
        "refused pg_logical_emit_message",
    ),
    (
        "replication-slot",
        "SELECT pg_create_physical_replication_slot('x')",
        "refused pg_create_physical_replication_slot()",
    ),
    (
        "subscription",
        "CREATE SUBSCRIPTION x CONNECTION 'dbname=directus' PUBLICATION y",
        "refused CREATE SUBSCRIPTION",
    ),
    (
        "foreign-server",
        "CREATE SERVER x FOREIGN DATA WRAPPER y",
        "refused CREATE SERVER",
    ),
    ("extension", "CREATE EXTENSION dblink", "refused CREATE EXTENSION dblink"),
    (
        "untrusted-language",
        "DO LANGUAGE plpython3u 'import os'",
        "refused code in language plpython3u",
    ),
    ("load", "LOAD 'auto_explain'", "refused LOAD"),
    ("create-database", "CREATE DATABASE x", "refused CREATE DATABASE"),
    (
        "terminate-backend",
        "SELECT pg_terminate_backend(1)",
        "refused pg_terminate_backend()",
    ),
    ("reload-configuration", "SELECT pg_reload_conf()", "refused pg_reload_conf()"),
    ("switch-wal", "SELECT pg_switch_wal()", "refused pg_switch_wal()"),
    ("reset-statistics", "SELECT pg_stat_reset()", "refused pg_stat_reset()"),
):
    ways.statement(name, f"`{text}`", CLASSIFIER, text, refused=words)


# ------------------------------------------------- the same text by other doors
@ways("COMMIT by `executemany()`", CLASSIFIER, refused="refused COMMIT")
def executemany(db: Any) -> None:
    db.cursor().executemany("COMMIT", [(), ()])


@ways("COMMIT by `stream()`", CLASSIFIER, refused="refused COMMIT")
def stream(db: Any) -> None:
    list(db.cursor().stream("COMMIT"))


@ways(
    "a file by `copy()`",
    CLASSIFIER,
    refused="refused COPY to or from a file on the server",
)
def copy_method(db: Any) -> None:
    with db.cursor().copy("COPY modules TO '/tmp/x'"):
        pass


@ways("COMMIT in a pipeline", CLASSIFIER, refused="refused COMMIT")
def pipeline(db: Any) -> None:
    with db.pipeline():
        db.execute("COMMIT")


@ways("COMMIT put together by `psycopg.sql`", CLASSIFIER, refused="refused COMMIT")
def composed(db: Any) -> None:
    db.execute(sql.SQL("{}{}").format(sql.SQL("COM"), sql.SQL("MIT")))


@ways("`cursor_factory` replaced", CLASSIFIER, refused="refused COMMIT")
def cursor_factory(db: Any) -> None:
    db.cursor_factory = psycopg.RawCursor
    db.execute("COMMIT")


@ways("`server_cursor_factory` replaced", CLASSIFIER, refused="refused lo_export()")
def server_cursor_factory(db: Any) -> None:
    db.server_cursor_factory = psycopg.RawServerCursor
    db.cursor("held").execute("SELECT lo_export(1, '/tmp/x')")


@ways("`psycopg.ClientCursor(connection)`", CLASSIFIER, refused="refused COMMIT")
def client_cursor(db: Any) -> None:
    psycopg.ClientCursor(db).execute("COMMIT")


# ------------------------------------------------------- the connection's own doors
@ways("`commit()`", CONNECTION, refused="commit() is refused inside a guarded check")
def commit_method(db: Any) -> None:
    db.commit()


@ways(
    "`rollback()`", CONNECTION, refused="rollback() is refused inside a guarded check"
)
def rollback_method(db: Any) -> None:
    db.rollback()


@ways("`close()`", CONNECTION, refused="close() is refused inside a guarded check")
def close_method(db: Any) -> None:
    db.close()


@ways(
    "`with connection:`",
    CONNECTION,
    refused="leaving `with connection` commits and closes",
)
def with_connection(db: Any) -> None:
    with db:
        db.execute("DELETE FROM modules")


@ways("`autocommit = True`", CONNECTION, refused="autocommit is refused")
def autocommit(db: Any) -> None:
    db.autocommit = True


@ways(
    "`transaction()` with a savepoint name of the proof's",
    CONNECTION,
    refused="refused SAVEPOINT oneroof…",
)
def savepoint_name(db: Any) -> None:
    with db.transaction("oneroof_check"):
        pass


@ways("`tpc_begin()`", CONNECTION, refused="can't start two-phase transaction")
def two_phase(db: Any) -> None:
    db.tpc_begin(db.xid(1, "left", "behind"))


# ------------------------------------------ past the classifier: rights are missing
PUT_TOGETHER = (
    "DO $$ BEGIN EXECUTE 'COPY modules TO PROG' || 'RAM ''cat > /tmp/x'''; END $$"
)
ways.statement(
    "put-together-copy",
    "COPY to a program, put together of literals inside a DO block",
    CLASSIFIER,
    PUT_TOGETHER,
    refused="refused COPY to or from a program on the server",
)
UNSEEN = (
    "DO $$ DECLARE x text := 'COPY modules'; BEGIN"
    " EXECUTE x || ' TO PROGRAM ''cat > /tmp/x'''; END $$"
)
ways.statement(
    "unseen-copy",
    "COPY to a program, put together of a variable inside a DO block",
    RIGHT,
    UNSEEN,
    sqlstate="42501",
)
ways.raw(
    "raw-alter-system",
    "`ALTER SYSTEM` by libpq, after a stray ROLLBACK",
    RIGHT,
    "ROLLBACK",
    "ALTER SYSTEM SET work_mem = '1GB'",
    sqlstate="42501",
)
for name, text in (
    ("raw-copy-to-file", "COPY modules TO '/tmp/x'"),
    ("raw-lo-import", "SELECT lo_import('/etc/passwd')"),
    ("raw-slot", "SELECT pg_create_physical_replication_slot('x')"),
    ("raw-reload", "SELECT pg_reload_conf()"),
    ("raw-backup", "SELECT pg_backup_start('x')"),
    ("raw-statistics", "SELECT pg_stat_reset()"),
    ("raw-create-role", "CREATE ROLE x"),
    ("raw-alter-database", "ALTER DATABASE {database} SET work_mem = '1GB'"),
    ("raw-comment", "COMMENT ON DATABASE {database} IS 'x'"),
    (
        "raw-event-trigger",
        "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION f()",
    ),
    ("raw-replica-role", "SET session_replication_role = replica"),
    ("raw-drop-tripwire", "DROP TABLE oneroof.tripwire"),
    ("raw-disable-tripwire", "ALTER TABLE oneroof.tripwire DISABLE TRIGGER ALL"),
    ("raw-truncate-tripwire", "TRUNCATE oneroof.tripwire"),
    ("raw-delete-tripwire", "DELETE FROM oneroof.tripwire"),
    (
        "raw-replace-tripwire",
        "CREATE OR REPLACE FUNCTION oneroof.refuse_commit() RETURNS trigger"
        " LANGUAGE sql AS ''",
    ),
):
    shown = text.replace("{database}", "the clone")

    def run(db: Any, text: str = text) -> None:
        raw(db, text.replace("{database}", db.info.dbname))

    ways.rows[name] = Way(name, f"`{shown}` by libpq", RIGHT, run, sqlstate="42501")
