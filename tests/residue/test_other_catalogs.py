"""Changes of other databases' catalogs do not blur a check's proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_oneroof.postgres.embedded import EmbeddedServer

TABLES = 1500


def test_catalog_changes_elsewhere_do_not_blur_a_proof(
    run_oneroof: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
    embedded: EmbeddedServer,
) -> None:
    """An idle session catches up with them in transactions of its own: still clean.

    Both for a check that ends well and for one that ends in a failed transaction.
    """
    pytester.makepyfile(
        f"""
        import psycopg
        import pytest

        def change_catalogs():
            with psycopg.connect('{embedded.url("postgres")}', autocommit=True) as peer:
                for number in range({TABLES}):
                    peer.execute(f"CREATE TEMPORARY TABLE t{{number}} (a int UNIQUE)")

        def test_before(oneroof_clone):
            pass

        def test_changes_catalogs():
            change_catalogs()

        def test_is_clean(oneroof_clone):
            change_catalogs()

        def test_changes_them_again():
            change_catalogs()

        def test_is_clean_after_an_error(oneroof_clone):
            change_catalogs()
            with pytest.raises(psycopg.Error):
                oneroof_clone.execute("SELECT 1 / 0")
        """
    )
    name = "test_catalog_changes_elsewhere_do_not_blur_a_proof.py"
    result = run_oneroof("--oneroof-clone", name)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["proof      3 clean of 3 checks*"])
