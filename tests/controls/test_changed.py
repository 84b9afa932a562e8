"""A file with another text: whoever reads or has imported it gets the other one."""

from __future__ import annotations

import contextlib

import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import guard
from pytest_oneroof.controls.changed import changed
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import bundled
from pytest_oneroof.packet import tokens
from pytest_oneroof.packet.tokens import forbidden_in_value
from pytest_oneroof.sealing import seal

GATE = "sql/gate/gate_check.sql"


def test_a_data_file_is_changed_for_its_readers() -> None:
    """Text and path of a changed file, and of its folder, hold the other text."""
    pack, before = bundled(), resources.read_text(GATE)
    with changed(bundled(), GATE, "coalesce(ospa, 0) < 1", "false"):
        texts = (
            resources.read_text(GATE),
            resources.path(GATE).read_text(),
            (resources.path("sql/gate") / "gate_check.sql").read_text(),
            pack.read_text(GATE),
            (pack.path("sql/gate") / "gate_check.sql").read_text(),
        )
        assert len(set(texts)) == 1
        assert texts[0] == before.replace("coalesce(ospa, 0) < 1", "false") != before
    assert resources.read_text(GATE) == before
    assert resources.path(GATE).read_text() == before


def test_a_function_is_changed_for_who_has_imported_it() -> None:
    """A function imported by name before the change runs the changed code."""
    disguised = {"note": "REAL\u00adRUN_DONE"}
    whole = 'plain = unicodedata.normalize("NFKC", text)'
    assert forbidden_in_value("ＱＴ００１_READY")
    with changed(bundled(), "pytest_oneroof/packet/tokens.py", whole, 'plain = ""'):
        assert tokens._folded("abc") == ""
    assert tokens._folded("abc") == "abc"
    assert forbidden_in_value(disguised) == forbidden_in_value(disguised)


def test_a_table_of_functions_keeps_the_real_ones() -> None:
    """A changed table holds the module's own functions, less the one taken out."""
    before = guard._TESTS
    with changed(bundled(), "pytest_oneroof/clone/guard.py", "    _sessions,\n", ""):
        assert set(before) - set(guard._TESTS) == {guard._sessions}
    assert guard._TESTS is before


def test_what_is_not_there_cannot_be_changed() -> None:
    """A text that the file does not hold is an error, and nothing is changed."""
    code = seal.differences.__code__
    for file in ("pytest_oneroof/sealing/seal.py", GATE):
        with (
            pytest.raises(SettingsError, match=f"{file} does not hold what a fault"),
            changed(bundled(), file, "no such text", ""),
        ):
            pytest.fail("changed")
    assert seal.differences.__code__ is code


def test_an_error_in_the_block_changes_back() -> None:
    """The change ends with its block, however that ends."""
    code = seal.differences.__code__
    change = changed(
        bundled(), "pytest_oneroof/sealing/seal.py", "found.sha256 !=", "None is"
    )
    inside = None
    with contextlib.suppress(KeyError), change:
        inside = seal.differences.__code__
        raise KeyError
    assert inside is not code
    assert seal.differences.__code__ is code
