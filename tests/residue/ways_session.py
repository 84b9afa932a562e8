"""Ways by the connection's state, by threads, processes and second connections."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from way import Ways

ANEW = "session made anew"
CONNECTION = "connection"
CLOSED = "clone closed to others"
GONE = "its session was lost and made anew"
INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"
LAW = "sequence public.law_catalog_id_seq"
ways = Ways()
LATE: dict[str, Any] = {}


# ------------------------------------------------------------ the connection's state
@ways("a pipeline left open", ANEW, note=GONE, restored=(LAW,))
def open_pipeline(db: Any) -> None:
    db.pgconn.enter_pipeline_mode()
    db.pgconn.send_query_params(INSERT.encode(), None)


@ways("COPY left open", ANEW, note=GONE)
def open_copy(db: Any) -> None:
    LATE["copy"] = db.cursor().copy("COPY law_catalog (law_code) FROM STDIN")
    LATE["copy"].__enter__()


@ways("a query still running", ANEW, note=GONE)
def running_query(db: Any) -> None:
    db.pgconn.send_query(b"SELECT pg_sleep(30)")


@ways("`stream()` left half read", ANEW, note=GONE)
def open_stream(db: Any) -> None:
    LATE["stream"] = db.cursor().stream("SELECT generate_series(1, 100000)")
    next(LATE["stream"])


@ways("a thread that never gives the connection back", ANEW, note=GONE)
def held_lock(db: Any) -> None:
    LATE["lock"] = db.lock.acquire()


@ways("the server process ended by itself", ANEW, note=GONE, restored=(LAW,))
def killed_backend(db: Any) -> None:
    db.execute(INSERT)
    db.pgconn.exec_(b"SELECT pg_terminate_backend(pg_backend_pid())")


@ways("the socket closed by libpq", ANEW, note=GONE, restored=(LAW,))
def finished(db: Any) -> None:
    db.execute(INSERT)
    db.pgconn.finish()


@ways("psycopg's own `close()`, past our class", ANEW, note=GONE)
def close_of_base_class(db: Any) -> None:
    psycopg.Connection.close(db)


@ways("a server-side cursor left open", "rollback")
def open_cursor(db: Any) -> None:
    LATE["cursor"] = db.cursor("left_behind", withhold=True)
    LATE["cursor"].execute("SELECT generate_series(1, 1000)")
    LATE["cursor"].fetchone()


@ways(
    "that cursor read after its check",
    CONNECTION,
    refused="open-cursor], which has ended",
)
def stale_cursor(db: Any) -> None:
    LATE["cursor"].fetchone()


# --------------------------------------------------------------------------- threads
@ways("a thread that runs a statement as the check ends", ANEW, note=GONE)
def running_thread(db: Any) -> None:
    started = threading.Event()

    def work() -> None:
        started.set()
        with contextlib.suppress(Exception):
            db.execute("SELECT pg_sleep(30)")

    LATE["thread"] = threading.Thread(target=work)
    LATE["thread"].start()
    started.wait()
    while db.info.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
        pass


@ways("a connection kept from an earlier check", "rollback")
def kept(db: Any) -> None:
    LATE["kept"] = db
    LATE["block"] = db.transaction()
    LATE["block"].__enter__()


def late(work: Any) -> None:
    """Run in a thread, and raise here what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


@ways("a thread that writes late by it", CONNECTION, refused="kept], which has ended")
def late_write(db: Any) -> None:
    late(lambda: LATE["kept"].execute(INSERT))


@ways("a thread that commits late by it", CONNECTION, refused="commit() is refused")
def late_commit(db: Any) -> None:
    late(lambda: LATE["kept"].commit())


@ways(
    "a thread that leaves its `transaction()` late",
    CONNECTION,
    refused="kept], which has ended",
)
def late_block(db: Any) -> None:
    late(lambda: LATE["block"].__exit__(None, None, None))


@ways("a thread that cancels late by it: nothing is cancelled", CONNECTION)
def late_cancel(db: Any) -> None:
    late(lambda: LATE["kept"].cancel_safe())
    db.execute("SELECT 1")


@ways(
    "a thread that opens a pipeline late by it",
    CONNECTION,
    refused="kept], which has ended",
)
def late_pipeline(db: Any) -> None:
    def work() -> None:
        with LATE["kept"].pipeline():
            pass

    late(work)


@ways(
    "a thread that reads notifications late by it",
    CONNECTION,
    refused="kept], which has ended",
)
def late_notifies(db: Any) -> None:
    late(lambda: list(LATE["kept"].notifies(timeout=0)))


@ways("a libpq handle, kept with what cancels by it", ANEW)
def kept_handle(db: Any) -> None:
    LATE["handle"], LATE["cancel"] = db.pgconn, db.pgconn.get_cancel()


@ways("a thread that writes late by that handle: it is closed", ANEW)
def late_handle(db: Any) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        late(lambda: LATE["handle"].exec_(INSERT.encode()))
    found = db.execute("SELECT count(*) FROM law_catalog WHERE law_code LIKE 'LEFT%'")
    assert found.fetchone() == (0,)


@ways("a thread that cancels late by that handle: nothing is cancelled", ANEW)
def late_handle_cancel(db: Any) -> None:
    timer = threading.Timer(0.05, LATE["cancel"].cancel)
    timer.start()
    db.execute("SELECT pg_sleep(0.2)")
    timer.join()


# ------------------------------------------------------------------- child processes
def in_child(work: Any) -> str:
    """Fork; return what `work` raised in the child, or ''."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        told = ""
        try:
            work()
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(pid, 0)
    return told


class Told(Exception):
    """What a child process raised."""


@ways("a forked child that uses the connection", CONNECTION, refused="not to its child")
def forked_write(db: Any) -> None:
    raise Told(in_child(lambda: db.execute(INSERT)))


@ways("a forked child that closes the socket", ANEW, note=GONE)
def forked_close(db: Any) -> None:
    in_child(lambda: db.pgconn.exec_(b"SELECT pg_terminate_backend(pg_backend_pid())"))


URL_OF = "import psycopg, sys; psycopg.connect(sys.argv[1]).execute(sys.argv[2])"


@ways(
    "a child process that connects by itself",
    CLOSED,
    refused="not currently accepting connections",
)
def child_process(db: Any) -> None:
    python = [os.environ["ONEROOF_PYTHON"], "-c", URL_OF, url_of(db), INSERT]
    result = subprocess.run(python, capture_output=True, text=True, check=False)
    raise Told(result.stderr)


# ---------------------------------------------------------------- second connections
def url_of(db: Any, **other: str) -> str:
    """Return how the check role logs in, to the clone or elsewhere."""
    info = db.info
    given = {"dbname": info.dbname, "user": info.user, "password": info.password}
    return make_conninfo(host=info.host, port=info.port, **{**given, **other})


@ways("a second connection", CLOSED, refused="not currently accepting connections")
def second_connection(db: Any) -> None:
    psycopg.connect(url_of(db))


@ways(
    "a connection to the production",
    "right of the role",
    refused="permission denied for database",
)
def production_connection(db: Any) -> None:
    psycopg.connect(url_of(db, dbname="directus"))


@ways(
    "a connection to the maintenance database",
    "right of the role",
    refused="permission denied for database",
)
def maintenance_connection(db: Any) -> None:
    psycopg.connect(url_of(db, dbname="postgres"))


# ----------------------------------- sequences that the One Roof schema does not have
@ways(
    "a sequence with `CACHE 20`",
    "put back",
    restored=("sequence public.cached: before 1, not called, after 20",),
    open_clone=True,
)
def cached_sequence(db: Any) -> None:
    assert db.execute("SELECT nextval('cached')").fetchone() == (1,)


@ways(
    "that sequence in the next check: it begins where it was",
    "put back",
    restored=("sequence public.cached: before 1, not called, after 20",),
    open_clone=True,
)
def cached_again(db: Any) -> None:
    assert db.execute("SELECT nextval('cached')").fetchone() == (1,)


@ways(
    "a routine of the database that calls `setval(…, false)`",
    "put back",
    restored=("sequence public.never_called: before 1, not called, after 77, not",),
    open_clone=True,
)
def setval_by_routine(db: Any) -> None:
    db.execute("SELECT rewind_by_another()")


@ways(
    "a sequence with USAGE alone, which cannot be set back",
    "catalog reads",
    left=("sequence public.usable: before never called, after 1",),
    stays="its position, where no administrator is given to renew the clone",
    open_clone=True,
)
def usable_sequence(db: Any) -> None:
    db.execute("SELECT nextval('usable')")


@ways(
    "a sequence without any right",
    "right of the role",
    sqlstate="42501",
    open_clone=True,
)
def hidden_sequence(db: Any) -> None:
    db.execute("SELECT nextval('hidden')")


# ------------------------------------------------------------------ the clone is open
@ways(
    "open clone: a second connection writes",
    "read-only by default",
    sqlstate="25006",
    open_clone=True,
)
def open_write(db: Any) -> None:
    with psycopg.connect(url_of(db), autocommit=True) as other:
        other.execute(INSERT)


@ways(
    "open clone: a second connection left open",
    "catalog reads",
    left=("session pid ",),
    open_clone=True,
)
def open_session(db: Any) -> None:
    LATE["session"] = psycopg.connect(url_of(db))


@ways(
    "open clone: a child process that outlives the check, committing late",
    "catalog reads",
    left=("session pid ",),
    restored=(LAW,),
    open_clone=True,
)
def open_child(db: Any) -> None:
    text = f"{URL_OF}; import time"
    slow = f"BEGIN READ WRITE; {INSERT}; SELECT pg_sleep(30); COMMIT"
    python = [os.environ["ONEROOF_PYTHON"], "-c", text, url_of(db), slow]
    LATE["child"] = subprocess.Popen(python, stderr=subprocess.DEVNULL)
    while not db.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'"
    ).fetchone()[0]:
        db.execute("SELECT pg_stat_clear_snapshot()")


@ways(
    "open clone: a second connection commits a row, READ WRITE",
    "ledger, look",
    left=("foreign content table public.law_catalog",),
    restored=(LAW,),
    stays="the row, where no administrator is given to renew the clone",
    open_clone=True,
)
def open_commit(db: Any) -> None:
    with psycopg.connect(url_of(db), autocommit=True) as other:
        other.execute("BEGIN READ WRITE")
        other.execute(INSERT)
        other.execute("COMMIT")
