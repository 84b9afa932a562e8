"""`oneroof psql` and `oneroof completion`, in a process of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

NAMES = "SELECT datname FROM pg_database ORDER BY datname"


@pytest.fixture
def oneroof(cache: Path, tmp_path: Path) -> list[str]:
    """The command, on the cache of these tests."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\noneroof_cache_dir = {cache}\n")
    return [sys.executable, "-m", "pytest_oneroof"]


def run(
    command: list[str], folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONEROOF_")}
    return subprocess.run(
        command,
        cwd=folder,
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_psql_works_on_a_copy(
    oneroof: list[str], embedded: EmbeddedServer, tmp_path: Path
) -> None:
    """What is written there is written, and gone afterwards with the copy."""
    write = "CREATE TABLE mine (a int); SELECT current_database(), count(*) FROM mine"
    done = run([*oneroof, "psql", "-X", "-Atqc", write], tmp_path, PGHOST="nowhere")
    assert done.returncode == 0, done.stderr
    name, _, count = done.stdout.strip().partition("|")
    assert (name.startswith("directus_gov_test_"), count) == (True, "0")
    assert name != embedded.state["clone"]
    assert "it is dropped when psql ends" in done.stderr
    with connect(embedded.url("postgres")) as admin:
        # Others' databases come and go beside it.
        assert (name,) not in admin.execute(NAMES).fetchall()
    wrong = run(
        [*oneroof, "psql", "-v", "ON_ERROR_STOP=1", "-c", "SELECT 1/0"], tmp_path
    )
    assert wrong.returncode == 1
    assert "division by zero" in wrong.stderr


def test_psql_reads_the_stand_in(
    oneroof: list[str], embedded: EmbeddedServer, tmp_path: Path
) -> None:
    """With --production nothing can be written."""
    command = [*oneroof, "psql", "--production", "-X", "-At", "-c"]
    done = run([*command, "SELECT current_database()"], tmp_path)
    assert done.stdout.strip() == embedded.state["production"]
    done = run([*command, "DELETE FROM public.governance_object_ownership"], tmp_path)
    assert done.returncode == 1
    assert "permission denied" in done.stderr or "read-only" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_completes(oneroof: list[str], tmp_path: Path, shell: str) -> None:
    """The printed script is the shell's own, and names of commands come back."""
    done = run([*oneroof, "completion", shell], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "_ONEROOF_COMPLETE" in done.stdout
    if shell == "bash" and (program := shutil.which("bash")):
        script = f"{done.stdout}\ncomplete -p oneroof"
        told = run([program, "-c", script], tmp_path)
        assert "_oneroof_completion" in told.stdout
    given = {"COMP_WORDS": "oneroof his", "COMP_CWORD": "1"}
    told = run(oneroof, tmp_path, _ONEROOF_COMPLETE=f"{shell}_complete", **given)
    if shell == "bash":
        assert told.stdout.split() == ["plain,history"]
