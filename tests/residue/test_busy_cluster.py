"""Other databases' commits on the same server blur no verdict."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
RATE = 1000
CHECKS = 60
CHECK = f"""
import pytest

@pytest.mark.parametrize("number", range({CHECKS}))
def test_writes(oneroof_clone, number):
    oneroof_clone.execute("INSERT INTO law_catalog (law_code) VALUES ('X')")
    oneroof_clone.execute("SELECT pg_sleep(0.05)")
"""
LOST = """
import contextlib, psycopg, pytest

@pytest.mark.parametrize("number", range(6))
def test_loses(oneroof_clone, number):
    oneroof_clone.execute("INSERT INTO law_catalog (law_code) VALUES ('X')")
    oneroof_clone.execute("SELECT pg_sleep(0.05)")
    if number % 2:
        oneroof_clone.pgconn.exec_(b"COPY law_catalog FROM STDIN")
    else:
        with contextlib.suppress(psycopg.OperationalError):
            oneroof_clone.pgconn.exec_(b"SELECT pg_terminate_backend(pg_backend_pid())")
"""
# Paced by the clock, as no client could pace a thousand commits per second here.
CHURN = f"""
CREATE TABLE churned (id bigserial PRIMARY KEY);
CREATE PROCEDURE churn() LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz := clock_timestamp();
BEGIN
  FOR n IN 1 .. 100000000 LOOP
    INSERT INTO churned DEFAULT VALUES;
    COMMIT;
    PERFORM pg_sleep(n / {RATE}.0 - extract(epoch FROM clock_timestamp() - began));
  END LOOP;
END $$;
"""


@dataclass
class Churn:
    """What the other database committed while the block ran."""

    committed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Commits per second."""
        return self.committed / self.seconds


@contextlib.contextmanager
def churning(url: str) -> Iterator[Churn]:
    """Commit about a thousand times a second on the database at `url`."""
    churn = Churn()
    with connect(url) as worker, connect(url) as reader:
        worker.execute(CHURN)
        thread = threading.Thread(target=_call, args=(worker,))
        began = time.monotonic()
        thread.start()
        try:
            yield churn
        finally:
            row = reader.execute("SELECT count(*) FROM churned").fetchone()
            churn.seconds = time.monotonic() - began
            assert row is not None
            churn.committed = row[0]
            worker.cancel()
            thread.join()


def _call(worker: Any) -> None:
    with contextlib.suppress(Exception):
        worker.execute("CALL churn()")


def assert_proved(result: pytest.RunResult, churn: Churn, *, checks: int) -> None:
    """All checks are clean, although hundreds of ids of others were among theirs."""
    assert result.ret == 0, result.stdout.str()
    (proof,) = [line for line in result.outlines if line.startswith("proof ")]
    told = re.match(r"proof +(\d+) clean of (\d+) checks; (\d+) transaction ids", proof)
    assert told, proof
    clean, all_checks, ids = (int(number) for number in told.groups())
    assert clean == all_checks == checks
    assert ids > checks * 5
    assert "unprovable" not in proof
    # A loaded machine gives less than the thousand that are asked for.
    assert churn.rate > RATE / 4, churn


def test_closed_clone_is_proved_beside_busy_database(
    pytester: pytest.Pytester, run_oneroof: Run, fresh_database: str
) -> None:
    """A thousand commits a second elsewhere: every check clean, none unprovable."""
    pytester.makepyfile(test_busy=CHECK)
    with churning(fresh_database) as churn:
        result = run_oneroof("--oneroof-clone", "test_busy.py")
    assert_proved(result, churn, checks=CHECKS)
    result.stdout.fnmatch_lines(["oneroof: clone *, closed to others *"])


def test_open_clone_is_proved_beside_busy_database(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    fresh_database: str,
    open_clone_url: str,
) -> None:
    """The same on a clone that stays open, as no administrator is given."""
    pytester.makepyfile(test_busy=CHECK)
    with churning(fresh_database) as churn:
        result = run_oneroof(
            "--oneroof-clone", f"--oneroof-clone-url={open_clone_url}", "test_busy.py"
        )
    assert_proved(result, churn, checks=CHECKS)
    result.stdout.fnmatch_lines(["oneroof: clone *, open (*"])


def test_lost_sessions_are_proved_beside_busy_database(
    pytester: pytest.Pytester, run_oneroof: Run, fresh_database: str
) -> None:
    """What others commit elsewhere is not held against a check whose session ended."""
    pytester.makepyfile(test_busy=LOST)
    with churning(fresh_database) as churn:
        result = run_oneroof("--oneroof-clone", "test_busy.py")
    assert_proved(result, churn, checks=6)


def test_churn_does_commit(fresh_database: str, embedded: EmbeddedServer) -> None:
    """The other database assigns transaction ids that a check's window contains."""
    name = parse(fresh_database)["dbname"]
    snapshot = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    with connect(embedded.url("postgres")) as admin:
        before = admin.execute(snapshot).fetchone()
        with churning(embedded.url(name)) as churn:
            time.sleep(1)
        after = admin.execute(snapshot).fetchone()
    assert before is not None
    assert after is not None
    assert after[0] - before[0] >= churn.committed > 0
