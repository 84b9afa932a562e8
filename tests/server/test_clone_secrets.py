"""A clone with secrets: the run says so, provenance refuses it, nobody repeats them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.packet.write import verify_packet
from pytest_oneroof.postgres.connect import with_database

CLONE = "directus_gov_test_20260614"
# Put together here, so that no scanner of this repository finds them.
TOKEN = "ghp_" + "aB3dE5fG7h" * 3 + "iJ9kL1"
HASH = "$2b$12$" + "abcdefghijk" * 4 + "ABCDEFGHI"
HOST = "db7.directus-live.net"
PLANTED = (TOKEN, HASH, HOST)


@dataclass(frozen=True)
class Planted:
    """The clone with secrets: its check role's URL, and the commands' cache."""

    url: str
    cache: Path

    def oneroof(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command oneroof."""
        return oneroof(self.cache, *arguments)


def oneroof(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command oneroof with a cache of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment(cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environment(cache: Path) -> dict[str, str]:
    """Return what the command needs to be told."""
    path = ":".join(p for p in sys.path if p)
    return {"ONEROOF_CACHE_DIR": str(cache), "PYTHONPATH": path}


@pytest.fixture(scope="module")
def planted(
    users_server: str, production: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    """A clone that holds a token, a password hash and a live host's name."""
    cache = tmp_path_factory.mktemp("cache")
    admin = ("--admin-url", users_server)
    made = oneroof(
        cache, "clone", "create", CLONE, "--from", production, *admin, "--json"
    )
    assert made.returncode == 0, made.stderr
    with psycopg.connect(with_database(users_server, CLONE), autocommit=True) as own:
        own.execute("CREATE TABLE public.integration (name text, note text)")
        own.cursor().executemany(
            "INSERT INTO public.integration VALUES (%s, %s)",
            [
                ("api", f"uses {TOKEN}"),
                ("user", HASH),
                ("host", f"see https://{HOST}/x"),
            ],
        )
        own.execute("GRANT SELECT ON public.integration TO PUBLIC")
    done = oneroof(cache, "clone", "baseline", CLONE, *admin)
    assert done.returncode == 0, done.stderr
    yield Planted(Path(json.loads(made.stdout)["url_file"]).read_text(), cache)
    dropped = oneroof(cache, "clone", "drop", CLONE, *admin)
    assert dropped.returncode == 0, dropped.stderr


def test_run_tells_the_secrets_of_its_clone(
    pytester: pytest.Pytester, planted: Planted, users_server: str
) -> None:
    """Classes and counts are told, the checks run, the verdict names what it is not."""
    result = pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
        *("--oneroof-clone", f"--oneroof-clone-url={planted.url}", "-v"),
        *(f"--oneroof-admin-url={users_server}", "--oneroof-suite=isolation,dot"),
        *(f"--oneroof-cache-dir={planted.cache}", "--oneroof-report", "out"),
    )
    result.assert_outcomes(passed=11)
    result.stdout.fnmatch_lines(
        [
            "secrets    contains_secrets: YES (live host 1, password hash 1, *",
            "provenance provenance: NO_SAFE_PRODUCTION_SHAPED_CLONE_AVAILABLE",
            f"provenance   {CLONE} (present): NOT_ALLOWED, CLONE_CONTAINS_SECRETS;*",
            "provenance   the operator's dump (absent): WOULD_BE_ALLOWED, *",
            "provenance   live production (present): FORBIDDEN, *",
            "provenance status: READY_NOT_APPLIED; the operator must deliver:",
            "provenance   - one production-shaped, secret-free, isolated dump *",
            "verdict: GO (clone)",
        ]
    )
    assert verify_packet(pytester.path / "out").status == 0
    told = json.loads((pytester.path / "out" / "verdict.json").read_text())
    rows = {row["code"]: row for m in told["matrices"] for row in m["rows"]}
    assert rows["production-shaped clone"]["status"] == "NO-GO"
    assert "CLONE_CONTAINS_SECRETS" in rows["production-shaped clone"]["reason"]
    written = [path.read_bytes() for path in (pytester.path / "out").iterdir()]
    written += [result.stdout.str().encode(), result.stderr.str().encode()]
    for text in PLANTED:
        assert all(text.encode() not in data for data in written)


def test_provenance_refuses_it(planted: Planted) -> None:
    """Status 10, by rule, column and count; the planted values are in no output."""
    for more in ((), ("--json",)):
        done = planted.oneroof("provenance", planted.url, *more)
        assert done.returncode == 10
        said = done.stdout + done.stderr
        assert "CLONE_CONTAINS_SECRETS" in said
        assert "public.integration.note" in said
        for text in PLANTED:
            assert text not in said


def test_a_refusal_is_about_the_guard(
    pytester: pytest.Pytester, users_server: str, production: str, tmp_path: Path
) -> None:
    """Every reason and its remedy, and no paperwork of a release below."""
    result = pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--oneroof-clone"),
        f"--oneroof-clone-url={with_database(users_server, production)}",
        f"--oneroof-cache-dir={tmp_path}",
    )
    assert result.ret == 10
    result.stdout.fnmatch_lines(["guard refused *", "nothing was written to it"])
    result.stdout.no_fnmatch_line("*READY_NOT_APPLIED*")
    result.stdout.no_fnmatch_line("*must deliver*")
