"""The proof of a check where more than transaction ids and sequences moved.

Nearly every check is proved by its exit row alone (sandbox.py). What comes here
left something, lost its transaction or its session, or was not alone on the clone.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import psycopg

from pytest_oneroof.check import ledger, restore, sequences
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.guarded_session import GuardedSession
from pytest_oneroof.check.ledger import Locks, Row
from pytest_oneroof.check.sequences import Moved
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
        before: Row,
        armed: Armed,
        locks: Locks | None,
        *,
        lost: bool,
    ) -> tuple[Proof, Row]:
        """Return the proof, and the row in which the next check begins.

        `before` is the row at entry; `locks` are those of the transaction, None where
        the one rolled back was not proved to be the check's own; `lost` tells that its
        session has to be made anew.
        """
        if not lost:
            with contextlib.suppress(Failed, psycopg.Error):
                return self._prove(proof, before, armed, locks, lost=False)
        # Or the check has hindered its proof: by a timeout after its transaction.
        proof = replace(proof, notes=(ANEW,))

        def prove() -> tuple[Proof, Row]:
            return self._prove(proof, before, armed, None, lost=True)

        self.session.reconnect()
        return self.session.despite_crashes(prove)

    def _prove(
        self, proof: Proof, entry: Row, armed: Armed, locks: Locks | None, *, lost: bool
    ) -> tuple[Proof, Row]:
        session, intact = self.session, locks is not None
        row = self._read_row(entry, armed)
        before, after = session.state(entry), session.state(row)
        changes = residue.session_changes(before, after)
        if not intact:
            changes += restore.changed_settings(session)
        shared = residue.shared_changes(before, after)
        how = residue.circumstances(
            before, after, intact=intact, lost=lost, closed=session.closed_to_others
        )
        restore.put_back(session, changes, everything=not intact)
        restore.remove(session, shared)
        # Its own locks do not tell what others have moved.
        moved = self.put_sequences_back(None if how.strangers else locks)
        row = session.read_row(row)
        still = residue.session_changes(before, session.state(row))
        proof = self._ledger(proof, after, armed, how)
        put_back = tuple(change for change in changes if change not in still)
        proof = replace(
            with_sequences(proof, moved),
            ids=ledger.count_ids(before.snapshot, after.snapshot),
        )
        proof = replace(
            proof,
            restored=residue.merged(proof.restored, put_back),
            dirty=(*proof.dirty, *shared, *still),
        )
        if self.lease.spoiled or moved.still:
            row = self.renew()
        return residue.verdict_of(proof, strict=self.strict), row

    def _read_row(self, before: Row, armed: Armed) -> Row:
        """Read the whole row; closed sessions have a moment, which the server takes."""
        for _ in range(25):
            row = self.session.read_row(before, armed.xid)
            if row[ledger.SESSIONS] == before[ledger.SESSIONS]:
                break
            time.sleep(0.01)
        return row

    def put_sequences_back(self, locks: Locks | None) -> Moved:
        """Put back the sequences of these locks, or else all that moved."""
        session, known = self.session, self.session.positions
        if locks is not None:
            own = {oid: known[oid] for oid in locks.relations if oid in known}
            return sequences.put_back(session, own)
        now = sequences.read_positions(session.connection)
        moved, _ = sequences.moved_since(known, now)
        return sequences.put_back(session, moved)

    def _ledger(
        self, proof: Proof, after: State, armed: Armed, how: residue.Circumstances
    ) -> Proof:
        """Add what the transaction ids tell, and where they leave it open, a look."""
        committed = [i for i, status in after.suspects if status == "committed"]
        # After a crash ids are given again that were not written down before it.
        own = armed.xid in committed and not how.crashed
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

    def renew(self) -> Row:
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
        return session.first_row()


def with_sequences(proof: Proof, moved: Moved) -> Proof:
    """Return a proof with the sequences that had moved, and those that still have."""
    restored = tuple(change for change in moved.changes if change not in moved.still)
    hidden = ", ".join(sorted(moved.hidden)[:3])
    reason = f"a sequence that it may not read can have moved: {hidden}"
    return replace(
        proof,
        restored=residue.merged(proof.restored, restored),
        dirty=(*proof.dirty, *moved.still),
        reason=proof.reason or (reason if hidden else ""),
    )
