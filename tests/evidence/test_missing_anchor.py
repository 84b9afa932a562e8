"""One anchor is missing on a rehearsal clone: report, verdict, endpoints say where."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.packet.write import verify_packet
from pytest_oneroof.postgres.connect import with_database

from .conftest import Browse

Run = Callable[..., pytest.RunResult]

CLONE = "directus_gov_test_20260616_rehearsal_anchor"
ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-GOVERNANCE' AND scope = 'audit'"
)


@pytest.fixture
def lacking(
    server_admin_url: str, cache: Path, tmp_path: Path
) -> Iterator[tuple[str, str]]:
    """A clone of production at its baseline, less one anchor: both its URLs."""

    def oneroof(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", "clone", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    admin = ("--admin-url", server_admin_url)
    made = oneroof("create", CLONE, "--from", "directus", *admin, "--json")
    oneroof("baseline", CLONE, *admin)
    own = with_database(server_admin_url, CLONE)
    with psycopg.connect(own) as connection:
        assert connection.execute(ANCHOR.encode()).rowcount == 1
    yield Path(json.loads(made)["url_file"]).read_text(), own
    oneroof("drop", CLONE, *admin)


def test_exactly_the_right_cells_glare(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    server_admin_url: str,
    lacking: tuple[str, str],
    browse: Browse,
) -> None:
    """The 16 cells of its group and scope are open, and no other; all tell the same."""
    url, own = lacking
    result = run_oneroof(
        *("--oneroof-clone", f"--oneroof-clone-url={url}"),
        *(f"--oneroof-admin-url={server_admin_url}", "--oneroof-suite=coverage"),
        *("--oneroof-report", "out"),
    )
    assert result.ret == 1
    with psycopg.connect(own, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT object_ref || '/' || scope FROM public.v_object_owner_gap"
            ' ORDER BY object_ref COLLATE "C"'
        ).fetchall()
        connection.execute(resources.read_text("sql/contract/E5_gaps.sql").encode())
        told = connection.execute("SELECT * FROM public.v_api_coverage_gaps").fetchall()
    gaps = [cell for (cell,) in rows]
    assert len(gaps) == 16
    assert {cell.partition("/")[2] for cell in gaps} == {"audit"}
    assert sorted(f"{ref}/{scope}" for _, ref, scope in told) == gaps

    out = pytester.path / "out"
    assert verify_packet(out).status == 0
    verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["ownership"]["open"] == gaps
    assert (verdict["ownership"]["open_count"], verdict["ownership"]["owned"]) == (
        16,
        194,
    )
    assert (
        f"16 open cells: {', '.join(gaps[:6])} and 10 more"
        in (verdict["verdict"]["reasons"])
    )
    result.stdout.fnmatch_lines([f"open       16 cells: {', '.join(gaps[:5])}*"])
    # A copy of a stand-in is one, by whatever way it was made.
    result.stdout.fnmatch_lines(["provenance *SURROGATE*"])

    page = browse(out / "report.html")
    assert page.console == ()
    heat = page.dom[page.dom.index('class="card heat"') :]
    heat = heat[: heat.index("</table>")]
    glaring = re.findall(r'<td class="open"[^>]*>.*?<b>(.*?)</b>', heat)
    assert sorted(glaring) == gaps
    assert len(re.findall(r'<td class="own ', heat)) == 194
