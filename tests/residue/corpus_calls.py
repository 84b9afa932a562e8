"""Ordinary calls of psycopg, as tests make them; the other half of the corpus."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, namedtuple_row, scalar_row
from psycopg.types.json import Jsonb

CALLS: dict[str, Callable[[Any], Any]] = {}


def call(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add a function to the corpus, under its name."""
    CALLS[function.__name__.replace("_", "-")] = function
    return function


@call
def parameters(db: Any) -> None:
    db.execute("INSERT INTO t (a, b) VALUES (%s, %s)", [1, "'; COMMIT; --"])
    db.execute("UPDATE t SET b = %(b)s WHERE a = %(a)s", {"a": 1, "b": "ALTER SYSTEM"})
    db.execute("SELECT %s::text || '%%'", ["COPY t TO PROGRAM 'x'"])


@call
def types(db: Any) -> None:
    values = [Jsonb({"a": 1}), [1, 2], datetime.now(UTC), b"\x00\xff", None, 1.5, True]
    row = db.execute("SELECT %s, %s, %s, %s, %s::int, %s, %s", values).fetchone()
    assert row[1] == [1, 2]


@call
def executemany(db: Any) -> None:
    cursor = db.cursor()
    cursor.executemany("INSERT INTO t (a) VALUES (%s)", [(n,) for n in range(9)])
    cursor.executemany(
        "INSERT INTO t (a) VALUES (%s) RETURNING id", [(1,), (2,)], returning=True
    )
    assert cursor.fetchone()


@call
def copy_in(db: Any) -> None:
    with db.cursor().copy("COPY t (a, b) FROM STDIN") as copy:
        for number in range(9):
            copy.write_row((number, "COMMIT;"))
    with db.cursor().copy("COPY t (a) FROM STDIN (FORMAT csv)") as copy:
        copy.write("1\n2\n")


@call
def copy_out(db: Any) -> None:
    with db.cursor().copy("COPY (SELECT '/tmp/x', a FROM t) TO STDOUT") as copy:
        assert list(copy.rows())
    with db.cursor().copy("COPY t TO STDOUT WITH BINARY") as copy:
        assert b"".join(copy)


@call
def copy_undone(db: Any) -> None:
    with (
        contextlib.suppress(KeyError),
        db.transaction(),
        db.cursor().copy("COPY t (a) FROM STDIN") as copy,
    ):
        copy.write_row([1])
        raise KeyError


@call
def pipeline(db: Any) -> None:
    with db.pipeline() as pipe:
        db.execute("INSERT INTO t (a) VALUES (1)")
        pipe.sync()
        cursor = db.execute("SELECT count(*) FROM t")
    assert cursor.fetchone() == (6,)


@call
def server_side_cursors(db: Any) -> None:
    with db.cursor("commit") as cursor:
        cursor.execute("SELECT * FROM t")
        assert cursor.fetchmany(2)
        assert list(cursor)
    with db.cursor("back", scrollable=True, withhold=True) as cursor:
        cursor.execute("SELECT * FROM t")
        cursor.scroll(2)
        assert cursor.fetchone()


@call
def stream(db: Any) -> None:
    assert len(list(db.cursor().stream("SELECT * FROM t WHERE a > %s", [0]))) == 5


@call
def other_cursors(db: Any) -> None:
    psycopg.ClientCursor(db).execute("SELECT %s, 'COMMIT'", ["it's; ROLLBACK"])
    psycopg.RawCursor(db).execute("SELECT $1::text || '%s'", ["x"])
    db.cursor(binary=True).execute("SELECT 1::int8, 'x'::bytea")


@call
def row_factories(db: Any) -> None:
    assert db.cursor(row_factory=dict_row).execute("SELECT 1 AS load").fetchone()
    assert db.cursor(row_factory=namedtuple_row).execute("TABLE t").fetchall()
    assert db.cursor(row_factory=scalar_row).execute("SELECT 1").fetchone() == 1


@call
def composed(db: Any) -> None:
    query = sql.SQL("SELECT {} AS {} FROM {}").format(
        sql.Literal("; COMMIT"), sql.Identifier("ALTER SYSTEM"), sql.Identifier("t")
    )
    assert db.execute(query).fetchall()
    db.execute(sql.SQL("; ").join([sql.SQL("SELECT 1"), sql.SQL("SELECT 2")]))


@call
def prepared(db: Any) -> None:
    for number in range(8):
        db.execute("SELECT a FROM t WHERE id = %s", [number], prepare=True)


@call
def repeated(db: Any) -> None:
    for number in range(12):
        db.execute("UPDATE t SET a = %s WHERE id = 1", [number])
        db.execute(f"UPDATE t SET a = {number}, b = 'it''s {number}' WHERE id = 2")


@call
def blocks(db: Any) -> None:
    with db.transaction():
        db.execute("INSERT INTO t (a) VALUES (1)")
        with contextlib.suppress(psycopg.errors.UniqueViolation), db.transaction():
            db.execute("INSERT INTO t (id) VALUES (1)")
        with db.transaction(force_rollback=True):
            db.execute("DELETE FROM t")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (6,)


@call
def named_blocks(db: Any) -> None:
    with db.transaction("named") as block:
        db.execute("DELETE FROM t")
        db.execute('ROLLBACK TO SAVEPOINT "named"')
        with db.transaction("COMMIT"):
            db.execute('ROLLBACK TO "COMMIT"')
        db.execute(f"ROLLBACK TO {block.savepoint_name}")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (5,)


@call
def rollback_raised(db: Any) -> None:
    with db.transaction() as block:
        db.execute("DELETE FROM t")
        raise psycopg.Rollback(block)


@call
def results(db: Any) -> None:
    cursor = db.execute("SELECT 1; SELECT 2; SELECT 3")
    while cursor.nextset():
        assert cursor.fetchone()
    assert cursor.rowcount == 1
    assert db.execute("TABLE t").description[0].name == "id"


@call
def notices(db: Any) -> None:
    heard: list[Any] = []
    db.add_notice_handler(heard.append)
    db.execute("DO $$ BEGIN RAISE NOTICE 'COMMIT'; END $$")
    db.remove_notice_handler(heard.append)
    assert heard


@call
def bytes_as_text(db: Any) -> None:
    db.execute(b"SELECT 'COMMIT'")
    db.execute("SELECT 'é'".encode())


@call
def undecodable(db: Any) -> None:
    with contextlib.suppress(psycopg.DataError), db.transaction():
        db.execute(b"SELECT '\xff\xfe'")


@call
def long_texts(db: Any) -> None:
    rows = ", ".join(f"({n}, 'row {n}; COMMIT')" for n in range(500))
    db.execute(f"INSERT INTO t (a, b) VALUES {rows}")
    db.execute("SELECT " + " || ".join(["'x'"] * 2000))
    db.execute(
        f"SELECT count(*) FROM t WHERE a IN ({', '.join(map(str, range(3000)))})"
    )


@call
def large_objects(db: Any) -> None:
    (oid,) = db.execute("SELECT lo_create(0)").fetchone()
    (handle,) = db.execute("SELECT lo_open(%s, 131072)", [oid]).fetchone()
    db.execute("SELECT lowrite(%s, %s)", [handle, b"COMMIT"])
    db.execute("SELECT lo_close(%s)", [handle])
    db.execute("SELECT lo_put(%s, 0, 'x'), lo_get(%s)", [oid, oid])


@call
def information(db: Any) -> None:
    info = db.info
    assert info.dbname
    assert info.server_version
    assert info.encoding == "utf-8"
    assert info.parameter_status("server_version")
    assert not db.closed
    assert not db.broken


@call
def cancelled(db: Any) -> None:
    with contextlib.suppress(psycopg.errors.QueryCanceled), db.transaction():
        db.execute("SET LOCAL statement_timeout = 1")
        db.execute("SELECT pg_sleep(1)")


@call
def adapted(db: Any) -> None:
    cursor = db.cursor()
    cursor.adapters.register_loader("int4", psycopg.types.string.TextLoader)
    assert cursor.execute("SELECT 1::int4").fetchone() == ("1",)
