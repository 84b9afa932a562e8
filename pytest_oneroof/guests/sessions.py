"""Named sessions on one database, whose steps are taken in a given order.

Whether a step waits is read on the server (`pg_blocking_pids`), not guessed from time.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import psycopg

# How long a step may take, in seconds, before the test is told that it hangs.
PATIENCE = 10.0
LOOK = 0.005
BLOCKING = "SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids(%s))"


class Sessions:
    """The sessions by name, each connected when it is first asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._named: dict[str, Session] = {}
        self._observer = psycopg.connect(url, autocommit=True)

    def __getitem__(self, name: str) -> Session:
        """Return the session of that name."""
        if name not in self._named:
            self._named[name] = Session(name, self._url, self)
        return self._named[name]

    def blocking(self, session: Session) -> list[str]:
        """Return for which sessions one waits on the server, by name."""
        rows = self._observer.execute(BLOCKING, [session.pid]).fetchall()
        names = {other.pid: other.name for other in self._named.values()}
        return sorted({names.get(pid, f"the process {pid}") for (pid,) in rows})

    def deadlock_timeout(self) -> float:
        """Return after how long the server looks for a deadlock, in seconds."""
        row = self._observer.execute(
            "SELECT setting::int / 1000.0 FROM pg_catalog.pg_settings"
            " WHERE name = 'deadlock_timeout'"
        ).fetchone()
        return float(row[0]) if row else 1.0

    def close(self) -> None:
        """End all sessions, also those that wait."""
        for session in self._named.values():
            session.close()
        self._observer.close()


class Session:
    """One session: a psycopg connection in a thread of its own.

    A transaction begins with its first step, as in psycopg, and ends with `commit` or
    `rollback`; `connection` is there for settings, between steps.
    """

    def __init__(self, name: str, url: str, among: Sessions) -> None:
        self.name = name
        self.among = among
        self.connection = psycopg.connect(url, application_name=f"session {name}")
        self.pid = self.connection.info.backend_pid
        self._steps: list[Future[Any]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"oneroof-{name}")

    def start(self, query: Any, values: Any = None) -> Step:
        """Begin a step, and return without waiting for its end."""
        return self._step(str(query), lambda: self._execute(query, values))

    def run(self, query: Any, values: Any = None) -> list[tuple[Any, ...]]:
        """Take a step to its end; return its rows, none for what returns none.

        Raise what the server raises, and AssertionError for a step that waits for
        another session.
        """
        return self.start(query, values).result()

    def commit(self) -> None:
        """Commit the session's transaction."""
        self._step("COMMIT", self.connection.commit).result()

    def rollback(self) -> None:
        """Roll the session's transaction back."""
        self._step("ROLLBACK", self.connection.rollback).result()

    def close(self) -> None:
        """End the session; a step that waits is cancelled, what it did is undone."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        while wait(self._steps, timeout=0.1).not_done:
            self.connection.cancel_safe(timeout=1)
        self.connection.close()

    def _step(self, told: str, work: Any) -> Step:
        self._steps.append(self._thread.submit(work))
        return Step(self, told, self._steps[-1])

    def _execute(self, query: Any, values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


class Step:
    """A step of a session that has begun."""

    def __init__(self, session: Session, told: str, future: Future[Any]) -> None:
        self.session = session
        self.told = told
        self._future = future

    def waits_for(self, *sessions: Session) -> None:
        """See that the step waits for these sessions, and for no other.

        Raise AssertionError for a step that ends instead, or waits for others.
        """
        expected = sorted(session.name for session in sessions)
        found = self._waiting()
        if found != expected:
            raise AssertionError(
                f"{self}: expected to wait for {', '.join(expected)}, found: "
                + (f"it waits for {', '.join(found)}" if found else self._ended())
            )

    def result(self) -> list[tuple[Any, ...]]:
        """Return the step's rows at its end, or raise what the server raised.

        Raise AssertionError for a step that waits for another session.
        """
        if waiting := self._waiting(settled=True):
            raise AssertionError(
                f"{self} waits for {', '.join(waiting)}, and the test for its end\n"
                "instead: start() it, see waits_for(), let the other session end its "
                "transaction, then ask for the result()"
            )
        rows: list[tuple[Any, ...]] = self._future.result()
        return rows

    def __str__(self) -> str:
        return f"session {self.session.name}: {self.told}"

    def _waiting(self, *, settled: bool = False) -> list[str]:
        """Return for whom the step waits, as soon as it waits or has ended.

        With `settled` a wait counts once it has outlasted the server's search for
        deadlocks, which ends one of those who wait for each other.
        """
        began, since = time.monotonic(), None
        limit = self._deadlock_timeout() if settled else 0.0
        while not self._future.done():
            now = time.monotonic()
            if found := self.session.among.blocking(self.session):
                since = now if since is None else since
                if now - since >= limit:
                    return [] if self._future.done() else found
            elif now - began > PATIENCE:
                raise AssertionError(f"{self} has not ended after {PATIENCE:g} s")
            else:
                since = None
            time.sleep(LOOK)
        return []

    def _deadlock_timeout(self) -> float:
        """Return how long a wait between sessions may last, in seconds."""
        return self.session.among.deadlock_timeout() + 0.5

    def _ended(self) -> str:
        error = self._future.exception()
        return f"it failed: {error}" if error is not None else "it ended"
