"""A pack's facts: what its form admits, and how what it does not admit is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import bundled, open_pack
from pytest_oneroof.pack.model import ANY_CLONE, INTEGRITY

SHOP = """\
name = "shop"
clone_pattern = "shop_test_[0-9]{8}(_[a-z0-9_]+)?"
productions = ["db.example.org:5432/shop"]

[fits]
tables = ["sales.orders"]

[suites]
checkout = { default = false, ordered = true }
orders = {}

[figures]
metrics = "sql/metrics.sql"

[release]
packets = "sql/release"
seals = { full = "%s" }
""" % ("a" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack's folder with every file that its facts name."""
    for name in ("fixtures", "sql/release", "suites"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("suites/test_orders.py", "suites/test_checkout.py", "sql/metrics.sql"):
        (tmp_path / name).touch()
    write(tmp_path, SHOP)
    return tmp_path


def write(folder: Path, text: str) -> None:
    """Write the facts of a pack."""
    (folder / "fixtures/pack.toml").write_text(text)


def test_facts_are_read_as_written(folder: Path) -> None:
    """Suites in their order, files by name, seals by packet; the rest is not done."""
    pack = open_pack(str(folder), Path())
    assert (pack.name, pack.root) == ("shop", folder)
    assert pack.clone_pattern == "shop_test_[0-9]{8}(_[a-z0-9_]+)?"
    assert pack.productions == ("db.example.org:5432/shop",)
    assert pack.fits.tables == ("sales.orders",)
    assert [(s.name, s.default, s.ordered) for s in pack.suites] == [
        ("checkout", False, True),
        ("orders", True, False),
        ("integrity", True, False),
    ]
    assert pack.figures.metrics == "sql/metrics.sql"
    assert pack.figures.phases is None
    assert pack.release.seals == {"full": "a" * 64}


def test_every_key_may_be_missing(folder: Path) -> None:
    """A pack is named after its folder, and then does nothing by itself."""
    write(folder, "")
    pack = open_pack(f"./{folder.name}", folder.parent)
    assert (pack.name, pack.clone_pattern) == (folder.name, ANY_CLONE)
    assert pack.suites == (INTEGRITY,)


def test_none_has_the_engines_suite_and_no_files() -> None:
    """What needs a file of a pack says which, and where to name it."""
    pack = open_pack("none", Path())
    assert (pack.name, pack.root, pack.suites) == ("none", None, (INTEGRITY,))
    with pytest.raises(SettingsError, match=r"names no \[gate\] plan: this needs it"):
        pack.needed("gate", "plan")


def test_the_bundled_pack_is_as_its_form_says() -> None:
    """One Roof's own facts hold, and its suites are the shipped ones."""
    assert open_pack("oneroof", Path()) is bundled()
    assert bundled().suite("production").moments == ("entry", "exit")
    assert [s.name for s in bundled().suites if s.ordered] == [
        "axis_substrate",
        "release",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("name =", "nmae =", 1, "unknown key nmae (known: name, clone_pattern"),
        ("metrics =", "metric =", 13, "unknown key figures.metric (known: metrics"),
        ("ordered =", "order =", 9, "unknown key suites.checkout.order (known: "),
        ("[fits]", "[fit]", 5, "unknown key fit (known: "),
        ("orders = {}", "ordres = {}", 10, "no such file: suites/test_ordres.py"),
        ("sql/metrics", "sql/metric", 13, "no such file: sql/metric.sql"),
        ("sql/metrics.sql", "sql", 13, "no such file: sql"),
        ("sql/metrics.sql", "../a.sql", 13, "../a.sql leaves the pack's folder"),
        ("sql/metrics.sql", "/etc/passwd", 13, "/etc/passwd leaves the pack's folder"),
        ('"sql/release"', '"sql/relaese"', 16, "no such folder: sql/relaese"),
        ("aaaa", "AAAA", 17, "release.seals.full: "),
        ("sales.orders", "orders", 6, "fits.tables.0: "),
        ('"sql/metrics.sql"', "7", 13, "figures.metrics: 7 is not of type 'string'"),
        ("{8}(", "{8}((", 2, "clone_pattern: no regular expression: missing )"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(
    folder: Path, old: str, new: str, line: int, told: str
) -> None:
    """Unknown keys, wrong values, missing files, and paths that leave the folder."""
    assert old in SHOP
    write(folder, SHOP.replace(old, new, 1))
    with pytest.raises(SettingsError) as error:
        open_pack(str(folder), Path())
    head, first, *_ = str(error.value).splitlines()
    assert head == f"{folder}/fixtures/pack.toml is no pack's:"
    assert first.startswith(f"  line {line}: ")
    assert told in first


def test_a_link_does_not_lead_out_of_the_folder(folder: Path) -> None:
    """A file is looked at where it really lies."""
    (folder / "sql/metrics.sql").unlink()
    (folder / "sql/metrics.sql").symlink_to("/etc/passwd")
    with pytest.raises(SettingsError, match="leaves the pack's folder"):
        open_pack(str(folder), Path())


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    """Whoever writes a pack sees every finding of a kind in one go."""
    write(folder, SHOP.replace("name =", "nmae =").replace("metrics =", "metric ="))
    with pytest.raises(SettingsError, match=r"line 1: .*\n.*line 13: "):
        open_pack(str(folder), Path())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("shop", r"no pack is called 'shop' \(installed: oneroof, none"),
        ("./nowhere", "there is no folder "),
    ],
)
def test_what_is_no_pack_is_a_usage_error(
    tmp_path: Path, given: str, told: str
) -> None:
    """Neither a name that none has installed, nor a folder that is not there."""
    with pytest.raises(SettingsError, match=told):
        open_pack(given, tmp_path)


def test_a_folder_without_facts_is_no_pack(tmp_path: Path) -> None:
    """It is told which file is missing; a file that is no TOML, with its line."""
    with pytest.raises(SettingsError, match=r"cannot read fixtures/pack\.toml"):
        open_pack(str(tmp_path), Path())
    (tmp_path / "fixtures").mkdir()
    write(tmp_path, 'name = "shop\n')
    with pytest.raises(SettingsError, match=r"pack\.toml: .*at line 1"):
        open_pack(str(tmp_path), Path())
