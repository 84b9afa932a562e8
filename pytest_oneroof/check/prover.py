"""The proof of a check where more than transaction ids and sequences moved.

Nearly every check is proved by its exit row alone (sandbox.py). What comes here
left something, lost its transaction or its session, or was not alone on the clone.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import psycopg

from pytest_oneroof.check import ledger, restore
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.guarded_session import GuardedSession
from pytest_oneroof.check.ledger import Row
from pytest_oneroof.clone import residue
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.residue import Proof, Residue, State
from pytest_oneroof.postgres.results import Failed

ANEW = "its session was lost and made anew"


class Prover:
    """Judges on one session, puts back what can be, and renews a clone that changed."""

    def __init__(self, session: GuardedSession, look: Look, *, strict: bool) -> None:
        self.session = session
        self.lease = session.lease
        self.look = look
        self.strict = strict

    def prove(
        self,
        proof: Proof,
        rows: tuple[Row, Row],
        armed: Armed,
        *,
        intact: bool,
        lost: bool,
    ) -> tuple[Proof, Row]:
        """Return the proof, and the row in which the next check begins.

        `rows` are those at entry and at exit; `intact` tells that the transaction
        rolled back was the check's own, `lost` that its session had to be made anew.
        """
        with contextlib.suppress(Failed, psycopg.Error):
            return self._prove(proof, rows, armed, intact=intact, lost=lost)
        # The check has hindered its proof: by a timeout after its transaction, for one.
        self.session.reconnect()
        after = self.session.read_row(ledger.snapshot(rows[0]), armed.xid)
        proof = replace(proof, notes=(ANEW,))
        return self._prove(proof, (rows[0], after), armed, intact=False, lost=True)

    def _prove(
        self,
        proof: Proof,
        rows: tuple[Row, Row],
        armed: Armed,
        *,
        intact: bool,
        lost: bool,
    ) -> tuple[Proof, Row]:
        session, ward = self.session, armed.connection.ward
        row = self._await_ends(*rows, armed)
        before, after = session.state(rows[0]), session.state(row)
        changes = residue.session_changes(before, after)
        if session.may_set_sequences(ward):
            changes = residue.merged(changes, session.moved_from(session.positions))
        if not intact:
            changes += restore.changed_settings(session)
        shared = residue.shared_changes(before, after)
        how = residue.circumstances(
            before, after, intact=intact, lost=lost, closed=session.closed_to_others
        )
        restore.put_back(session, changes, shared, everything=not intact)
        row = session.read_row(ledger.snapshot(row))
        still = residue.session_changes(before, session.state(row))
        proof = self._ledger(proof, after, armed, how)
        put_back = tuple(change for change in changes if change not in still)
        proof = replace(
            proof,
            restored=residue.merged(proof.restored, put_back),
            dirty=(*proof.dirty, *shared, *still),
        )
        if self.lease.spoiled:
            row = self._renew()
        return residue.verdict_of(proof, strict=self.strict), row

    def _await_ends(self, before: Row, row: Row, armed: Armed) -> Row:
        """Give closed sessions the moment that the server takes to end them."""
        for _ in range(25):
            if row[ledger.SESSIONS] == before[ledger.SESSIONS]:
                break
            time.sleep(0.01)
            row = self.session.read_row(ledger.snapshot(before), armed.xid)
        return row

    def _ledger(
        self, proof: Proof, after: State, armed: Armed, how: residue.Circumstances
    ) -> Proof:
        """Add what the transaction ids tell, and where they leave it open, a look."""
        committed = [i for i, status in after.suspects if status == "committed"]
        own = armed.xid in committed
        dirty: tuple[Residue, ...] = ()
        reason = residue.unknown_ids(after)
        if own:
            dirty = (Residue("transaction", str(armed.xid), "open", "committed"),)
        if own or residue.needs_look(after, how):
            alone = how.closed and not how.crashed
            found = self.look.compare(self.session.connection, alone=alone)
            self.lease.spoiled = self.lease.spoiled or bool(found.changed)
            dirty += residue.attributed(found.changed, after, how)
            if not dirty:
                untold = "" if how.intact else residue.untold(committed, how)
                reason = reason or untold or found.reason
        by_check = any(not left.kind.startswith("foreign ") for left in dirty)
        return replace(
            proof,
            dirty=dirty,
            reason=reason,
            committed=len(committed) if by_check else 0,
            foreign=0 if by_check else len(committed),
        )

    def _renew(self) -> Row:
        """Replace a clone that has changed, so that no later check suffers.

        Where that cannot be, later checks are compared with it as it is now. Return
        the row in which the next check begins.
        """
        session = self.session
        if self.lease.renewable:
            session.close()
            self.lease.renew()
            session.connect()
            self.look.count(session.connection)
        else:
            self.look.adopt(session.connection)
        session.remember_positions()
        return session.read_row(session.snapshot())
