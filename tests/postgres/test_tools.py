"""Client tools: which ones fit a server, and that no password stands in sight."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres import tools as t


def install(folder: Path, version: str, *names: str) -> Path:
    """Put programs into a folder that say that version; return the folder."""
    folder.mkdir(parents=True)
    for name in names or t.NEEDED:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only client tools are those that a test installs."""
    monkeypatch.setattr(t, "PLACES", (str(tmp_path / "lib/*/bin"),))
    monkeypatch.setattr(t, "wheel_folders", lambda: iter(()))
    monkeypatch.setenv("PATH", f"{tmp_path}/path")
    t.installed_tools.cache_clear()
    yield tmp_path
    t.installed_tools.cache_clear()


def test_takes_the_oldest_tools_that_fit(machine: Path) -> None:
    """For a server it is its own major version, else the next; the newest minor."""
    install(machine / "lib/14/bin", "14.2")
    install(machine / "lib/16/bin", "16.3 (Debian 16.3-1.pgdg12+1)")
    install(machine / "lib/18/bin", "18beta1")
    install(machine / "path", "16.9")
    for server, expected in (
        (14, (14, 2)),
        (15, (16, 9)),
        (16, (16, 9)),
        (17, (18, 0)),
    ):
        found = t.find_tools(server)
        assert (found.major, found.minor) == expected


def test_passes_over_tools_that_lack_a_program(machine: Path) -> None:
    """A folder without pg_restore, or whose pg_dump does not run, is none."""
    install(machine / "lib/16/bin", "16.3", "pg_dump")
    install(machine / "lib/17/bin", "nonsense")
    broken = install(machine / "lib/18/bin", "18.1")
    (broken / "pg_dump").write_text("#!/nowhere/interpreter\n")
    with pytest.raises(ServerError) as refused:
        t.find_tools(16)
    assert str(refused.value).startswith(
        "no client tools of PostgreSQL 16 or newer: older ones cannot read it\n"
        "found:\n  none\n"
    )


def test_tells_where_it_looked_and_what_helps(machine: Path) -> None:
    """Tools that are too old are listed, and three remedies are named."""
    folder = install(machine / "lib/15/bin", "15.18")
    with pytest.raises(ServerError) as refused:
        t.find_tools(18)
    told = str(refused.value)
    assert f"found:\n  15.18 in {folder}\n" in told
    assert "apt install postgresql-client-18" in told
    assert "pip install 'pytest-oneroof[embedded]'" in told


def test_hands_the_password_over_by_the_environment() -> None:
    """The connection string that stands on the command line has no password."""
    url = "postgresql://u:se%40cret@/d?host=/s&sslmode=prefer&application_name=x"
    text, environment = t.login(url, application="pytest-oneroof 1")
    assert text == "user=u dbname=d host=/s sslmode=prefer"
    assert environment["PGPASSWORD"] == "se@cret"
    assert environment["PGAPPNAME"] == "pytest-oneroof 1"
    text, environment = t.login("user=u password='a b'", application="x")
    assert (text, environment["PGPASSWORD"]) == ("user=u", "a b")


def test_leaves_the_users_own_password_file_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a password in the URL, PGPASSFILE and PGPASSWORD stay as they are."""
    monkeypatch.setenv("PGPASSFILE", "/home/me/pass")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    _, environment = t.login("postgresql://u@h/d", application="x")
    assert environment["PGPASSFILE"] == "/home/me/pass"
    assert "PGPASSWORD" not in environment


def test_refuses_a_passphrase_that_would_be_seen() -> None:
    """sslpassword could only stand on the command line: refused, not printed."""
    with pytest.raises(ServerError, match="sslpassword cannot be given") as refused:
        t.login("postgresql://u@h/d?sslpassword=hidden-word", application="x")
    assert "hidden-word" not in str(refused.value)
