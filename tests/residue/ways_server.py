"""Ways past the classifier that the server stops, or that the proof finds."""

from __future__ import annotations

from typing import Any

import psycopg
from way import Ways, raw

TRIPWIRE = "tripwire"
READ_ONLY = "read-only by default"
LEDGER = "ledger"
SERVER = "the server's own rule"
INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"
WRITE = "UPDATE law_catalog SET title = 'LEFT-BEHIND'"
OTHER = "ROLLBACK; BEGIN READ WRITE"
ROW = "content table public.law_catalog"
UNTOLD = "ended its own transaction"
ways = Ways()

# ------------------------------------------------------------------- the tripwire
ways.raw("raw-commit", "`COMMIT` by libpq", TRIPWIRE, WRITE, "COMMIT", sqlstate="2D000")
ways.raw(
    "raw-chain",
    "`COMMIT AND CHAIN` by libpq",
    TRIPWIRE,
    "COMMIT AND CHAIN",
    sqlstate="2D000",
)
ways.raw(
    "raw-prepare",
    "`PREPARE TRANSACTION` by libpq",
    TRIPWIRE,
    WRITE,
    "PREPARE TRANSACTION 'left_behind'",
    sqlstate="2D000",
)
ways.raw(
    "raw-immediate",
    "`SET CONSTRAINTS ALL IMMEDIATE` by libpq, to spend the tripwire",
    TRIPWIRE,
    "SET CONSTRAINTS ALL IMMEDIATE",
    sqlstate="2D000",
)


@ways("psycopg's own `commit()`, past our class", TRIPWIRE, sqlstate="2D000")
def commit_of_base_class(db: Any) -> None:
    psycopg.Connection.commit(db)


@ways(
    "COMMIT by libpq, isolation `savepoint`",
    TRIPWIRE,
    sqlstate="2D000",
    isolation="savepoint",
)
def commit_below_savepoint(db: Any) -> None:
    db.execute(WRITE)
    db.commit()
    raw(db, "COMMIT")


@ways(
    "`SET CONSTRAINTS ALL IMMEDIATE`, then COMMIT by libpq", TRIPWIRE, sqlstate="2D000"
)
def immediate_then_commit(db: Any) -> None:
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    raw(db, WRITE, "COMMIT")


@ways("the same inside a savepoint that is undone", TRIPWIRE, sqlstate="2D000")
def immediate_in_savepoint(db: Any) -> None:
    db.execute("SAVEPOINT mine")
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    db.execute("ROLLBACK TO mine")
    raw(db, WRITE, "COMMIT")


@ways("the same in `transaction()` that fails", TRIPWIRE, sqlstate="2D000")
def immediate_in_block(db: Any) -> None:
    try:
        with db.transaction():
            db.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise KeyError
    except KeyError:
        raw(db, WRITE, "COMMIT")


@ways("the same by a DO block", TRIPWIRE, sqlstate="2D000")
def immediate_in_do(db: Any) -> None:
    db.execute("DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; END $$")
    raw(db, WRITE, "COMMIT")


@ways(
    "`SET CONSTRAINTS` in a pipeline",
    "connection",
    refused="SET CONSTRAINTS is refused inside a pipeline",
)
def immediate_in_pipeline(db: Any) -> None:
    with db.pipeline():
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")


# -------------------------------------------------------------- the server's rules
ways.statement(
    "commit-in-do",
    "COMMIT in a DO block",
    SERVER,
    "DO $$ BEGIN COMMIT; END $$",
    sqlstate="2D000",
)


@ways("CALL of a procedure that commits", SERVER, sqlstate="2D000")
def commit_in_procedure(db: Any) -> None:
    db.execute("CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'")
    db.execute("CALL p()")


ways.statement(
    "dblink-not-there",
    "`dblink_exec()` where the extension is not installed",
    SERVER,
    "SELECT dblink_exec('dbname=directus', 'DELETE FROM modules')",
    sqlstate="42883",
)
ways.statement(
    "isolation-level",
    "`SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`",
    SERVER,
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    sqlstate="25001",
)
ways.statement("vacuum", "`VACUUM`", SERVER, "VACUUM law_catalog", sqlstate="25001")
ways.statement(
    "index-concurrently",
    "`CREATE INDEX CONCURRENTLY`",
    SERVER,
    "CREATE INDEX CONCURRENTLY left_behind ON law_catalog (law_code)",
    sqlstate="25001",
)
ways.statement("discard-all", "`DISCARD ALL`", SERVER, "DISCARD ALL", sqlstate="25001")

# ------------------------------------------------------------ read-only by default
ways.raw(
    "stray-insert",
    "a write after a stray ROLLBACK",
    READ_ONLY,
    "ROLLBACK",
    INSERT,
    sqlstate="25006",
)
ways.raw(
    "stray-nextval",
    "`nextval` after a stray ROLLBACK",
    READ_ONLY,
    "ROLLBACK",
    "SELECT nextval('law_catalog_id_seq')",
    sqlstate="25006",
)
ways.raw(
    "stray-ddl",
    "DDL after a stray ROLLBACK",
    READ_ONLY,
    "ROLLBACK",
    "CREATE TABLE left_behind ()",
    sqlstate="25006",
)


@ways(
    "statements after a stray ROLLBACK",
    "connection",
    refused="is gone: nothing more may be sent",
)
def after_stray_rollback(db: Any) -> None:
    raw(db, "ROLLBACK")
    db.execute(INSERT)


# ---------------------------------------------------------------------- the ledger
ways.raw(
    "chained-commit",
    "`ROLLBACK AND CHAIN` by libpq, a row, COMMIT",
    LEDGER,
    "ROLLBACK AND CHAIN",
    INSERT,
    "COMMIT",
    left=(ROW,),
    restored=("sequence public.law_catalog_id_seq",),
)
ways.raw(
    "other-commit",
    "a transaction of its own by libpq: a row",
    LEDGER,
    f"{OTHER}; {INSERT}; COMMIT",
    left=(ROW,),
    restored=("sequence public.law_catalog_id_seq",),
)
ways.raw(
    "other-update",
    "the same: an update, count unchanged",
    LEDGER,
    OTHER,
    "UPDATE law_catalog SET law_code = law_code || '.' WHERE id = 1",
    "COMMIT",
    left=(ROW,),
)
ways.raw(
    "other-ddl",
    "the same: a table and a comment",
    LEDGER,
    OTHER,
    "COMMENT ON TABLE law_catalog IS 'left behind'",
    "COMMIT",
    left=("schema ",),
)
ways.raw(
    "other-truncate",
    "the same: `TRUNCATE … RESTART IDENTITY`",
    LEDGER,
    OTHER,
    "TRUNCATE law_jurisdiction RESTART IDENTITY CASCADE",
    "COMMIT",
    left=("content table public.law_jurisdiction",),
    restored=("sequence public.law_jurisdiction_id_seq",),
)
ways.raw(
    "other-large-object",
    "the same: a large object",
    LEDGER,
    OTHER,
    "SELECT lo_from_bytea(424242, 'left')",
    "COMMIT",
    left=("content ",),
)
ways.raw(
    "other-unlogged",
    "the same: an unlogged table",
    LEDGER,
    OTHER,
    "CREATE UNLOGGED TABLE left_behind AS SELECT 1 AS one",
    "COMMIT",
    left=("content ", "schema "),
)
ways.raw(
    "other-nothing",
    "the same: a row, and its deletion",
    LEDGER,
    OTHER,
    "CREATE TABLE left_behind ()",
    "DROP TABLE left_behind",
    "COMMIT",
    reason=UNTOLD,
)
ways.raw(
    "other-notify",
    "the same: `NOTIFY`, delivered",
    LEDGER,
    OTHER,
    "NOTIFY left_behind",
    "COMMIT",
    reason=UNTOLD,
)
ways.raw(
    "other-role-setting",
    "the same: `ALTER ROLE … SET`",
    LEDGER,
    OTHER,
    "ALTER ROLE CURRENT_USER SET lock_timeout = '61s'",
    "COMMIT",
    reason=UNTOLD,
    stays="the role's setting: a role belongs to the whole server",
)
ways.raw(
    "other-analyze",
    "`VACUUM ANALYZE` by libpq, after a stray ROLLBACK",
    LEDGER,
    "ROLLBACK",
    "VACUUM ANALYZE law_catalog",
    reason=UNTOLD,
)


SPY = """
CREATE TEMPORARY TABLE seen (pass text);
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seen VALUES (current_setting('oneroof.pass'));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON law_catalog
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spy();
UPDATE law_catalog SET law_code = law_code WHERE id = 1;
"""
OPEN = "SELECT set_config('oneroof.' || 'pass', %s, true)"


@ways(
    "COMMIT by libpq with the pass that a trigger has read",
    TRIPWIRE,
    sqlstate="2D000",
    restored=("sequence public.trigger_guard_alerts_id_seq",),
)
def spied_pass(db: Any) -> None:
    db.execute(SPY)
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    (seen,) = db.execute("SELECT pass FROM seen").fetchone()
    assert len(seen) == 32
    db.execute(OPEN, [seen])
    raw(db, WRITE, "COMMIT")


@ways("the same with every text that its connection holds", TRIPWIRE, sqlstate="2D000")
def told_pass(db: Any) -> None:
    query = "SELECT string_agg(query, ',') FROM pg_stat_activity"
    told = [*vars(db).values(), *vars(db.ward).values(), *db.execute(query).fetchone()]
    texts = [text for text in told if isinstance(text, str)]
    db.execute(OPEN, [",".join(texts)])
    raw(db, WRITE, "COMMIT")


@ways(
    "the tripwire's keys, taken out of our own objects",
    LEDGER,
    left=("transaction ", ROW),
    restored=("sequence public.law_catalog_id_seq",),
)
def stolen_keys(db: Any) -> None:
    db.execute(OPEN, [",".join(db.ward.keys._keys)])
    raw(db, INSERT, "COMMIT")


@ways(
    "a commit of its own, and then a transaction that looks like the armed one",
    LEDGER,
    left=(ROW,),
    restored=("sequence public.law_catalog_id_seq",),
)
def forged_transaction(db: Any) -> None:
    armed = "SAVEPOINT oneroof_armed; INSERT INTO oneroof.tripwire VALUES ('x')"
    raw(db, f"{OTHER}; {INSERT}; COMMIT; BEGIN READ WRITE; {armed}")


@ways(
    "`SET CONSTRAINTS ALL IMMEDIATE` by `stream()`, COMMIT by libpq at once",
    TRIPWIRE,
    sqlstate="2D000",
)
def immediate_by_stream(db: Any) -> None:
    try:
        list(db.cursor().stream("SET CONSTRAINTS ALL IMMEDIATE"))
    finally:
        raw(db, "COMMIT")


@ways(
    "a prepared transaction of its own",
    "catalog reads",
    left=("prepared transaction left_behind",),
    restored=("sequence public.law_catalog_id_seq",),
)
def prepared_transaction(db: Any) -> None:
    raw(db, OTHER, INSERT, "PREPARE TRANSACTION 'left_behind'")


ways.raw(
    "raw-message",
    "a logical message that is not transactional, by libpq",
    "not found",
    "SELECT pg_logical_emit_message(false, 'x', 'y')",
    stays="a record in the log that only a logical slot of this clone could read",
)
