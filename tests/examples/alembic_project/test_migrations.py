"""What the project's migrations do to rows, on a copy of the clone."""

GONE = {"0006": "the old spellings are gone"}


def test_migrations(oneroof_alembic):
    """Fails: revision 0003 loses rows, revision 0004 does not revert."""
    oneroof_alembic.check("alembic.ini", empty=True, irreversible=GONE)


def test_revisions_that_hold(oneroof_alembic):
    """Each of the others goes up, down and up; no table stays without a row."""
    found = oneroof_alembic.rehearse("alembic.ini", empty=True, irreversible=GONE)
    assert [step.revision for step in found if not step.faults] == [
        *("0001", "0002", "0005", "0006"),
    ]
    assert [step.revision for step in found if not step.reverts] == ["0006"]
    assert not any(step.empty for step in found)
