"""A release packet of another team's pack, with its own gate: forth, held, and back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.pack import open_pack
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.release.plan import open_packet

from .shop import EXAMPLE, Shop, made_shop, speaks_of_others

PACK = EXAMPLE / "shop_checks"
APPROVE = "INSERT INTO sales.audit (what) VALUES ('approved channels as SHOP-1')"
THERE = "SELECT to_regclass('sales.channel') IS NOT NULL"
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def shop(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop's database, and a clone of it."""
    yield from made_shop(users_server, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def rollout(shop: Shop, tmp_path: Path) -> Callable[..., Ended]:
    """Run `oneroof rollout`, in a folder whose ini file names the shop's pack."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\noneroof_pack = {PACK}\n")

    def run(*arguments: str) -> Ended:
        return subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", "rollout", *arguments],
            env={**os.environ, "ONEROOF_CACHE_DIR": str(shop.cache)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def target(shop: Shop) -> Iterator[tuple[str, ...]]:
    """The options that name the shop's production; its approvals go at the end."""
    yield ("--target-url", with_database(shop.admin, "shop"), "--database", "shop")
    ask(shop, "DELETE FROM sales.audit WHERE what LIKE 'approved %'")


def ask(shop: Shop, statement: str) -> Any:
    """Send a statement to the production; return the one value that it gives."""
    with connect(with_database(shop.admin, "shop")) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def seal() -> str:
    """Return the seal that the shop has pinned."""
    return open_packet("channels", open_pack(str(PACK), Path.cwd())).sha256


def test_a_packet_goes_forth_and_back(
    shop: Shop, rollout: Callable[..., Ended], target: tuple[str, ...]
) -> None:
    """Held without rehearsal and approval; then run, verified, and taken back."""
    run = ("run", "channels", *target, "--ratified-apr", "SHOP-1", "--seal", seal())
    held = rollout(*run)
    assert (held.returncode, ask(shop, THERE)) == (10, False), held.stderr
    assert "[rehearsal] no rehearsal of manifest" in held.stdout
    assert "GATE: BLOCKED|not_approved;" in held.stdout
    again = ("--admin-url", shop.admin, "--from", "shop", "--json")
    rehearsed = rollout("rehearse", "channels", *again)
    assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
    told = json.loads(rehearsed.stdout)
    assert [line.partition(":")[0] for line in told["shown"]] == [
        "phase without channels",
        "refused at a closed gate",
        "gate READY on the clone only",
        "phase with channels",
        "refused a second time",
        "phase without channels",
        "second rollback",
    ]
    held = rollout(*run)
    assert (held.returncode, ask(shop, THERE)) == (10, False), held.stdout
    assert "[rehearsal]" not in held.stdout
    ask(shop, APPROVE)
    other = rollout(*run[:-4], "--ratified-apr", "SHOP-2", "--seal", seal())
    assert (other.returncode, ask(shop, THERE)) == (10, False), other.stdout
    assert "[ratification] REFUSING: nobody has approved 'SHOP-2'" in other.stdout
    done = rollout(*run)
    assert (done.returncode, ask(shop, THERE)) == (0, True), done.stdout + done.stderr
    verified = rollout("verify", "channels", *target[:2])
    assert verified.returncode == 0, verified.stdout
    back = rollout("rollback", "channels", *target)
    assert (back.returncode, ask(shop, THERE)) == (0, False), back.stdout
    for ended in (held, other, done, verified, back):
        assert speaks_of_others(ended.stdout + ended.stderr) == []


def test_what_the_pack_has_not_pinned_is_never_sent(
    shop: Shop, rollout: Callable[..., Ended], target: tuple[str, ...], tmp_path: Path
) -> None:
    """Another team's packets, and an edited copy of its own, are none of the shop's."""
    folder = tmp_path / "channels"
    shutil.copytree(PACK / "sql/release/channels", folder)
    assert rollout("plan", str(folder)).returncode == 0
    text = (folder / "01_channels.sql").read_text()
    (folder / "01_channels.sql").write_text(text.replace("('web')", "('fax')"))
    assert rollout("plan", str(folder), *target[:2]).returncode == 3
    unknown = rollout("plan", "ownership")
    assert unknown.returncode == 2, unknown.stdout
    assert "no packet of the pack 'shop' is called 'ownership'" in unknown.stderr


def test_the_stand_in_is_not_taken_for_another_packs(
    rollout: Callable[..., Ended],
) -> None:
    """A pack without a stand-in says what to give instead of the embedded default."""
    for command in ("rehearse", "verify"):
        ended = rollout(command, "channels")
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        assert "the pack 'shop' has no stand-in production" in ended.stderr
        assert "this is the embedded stand-in" not in ended.stderr
