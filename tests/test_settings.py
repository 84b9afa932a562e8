"""Settings: which source wins, what is told of it, and wrong values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof import settings as s
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.run import options

SPELLED = [option.name for option in s.OPTIONS if not option.ini_only]
INI_ONLY = [option.name for option in s.OPTIONS if option.ini_only]
# Three values that each kind admits, one for each source.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "flag": (True, "no", "yes"),
    "text": ("c", "e", "i"),
    "url": ("postgresql://c/", "postgresql://e/", "postgresql://i/"),
    "choice": ("full", "default", "full"),
    "list": ("c,d", "e", ["i", "j"]),
    "pairs": (["k=c", "l=d,e"], "k=e,l=f", ["k=i"]),
    "number": ("15", "17", "18"),
    "path": ("/c", "/e", "/i"),
    "pattern": ("c+", "e+", "i+"),
}
READ: dict[str, tuple[Any, Any, Any]] = {
    "flag": (True, False, True),
    "text": ("c", "e", "i"),
    "url": ("postgresql://c/", "postgresql://e/", "postgresql://i/"),
    "choice": ("full", "default", "full"),
    "list": (("c", "d"), ("e",), ("i", "j")),
    "pairs": (("k=c", "l=d,e"), ("k=e", "l=f"), ("k=i",)),
    "number": (15, 17, 18),
    "path": (Path("/c"), Path("/e"), Path("/i")),
    "pattern": ("c+", "e+", "i+"),
}


def resolve(
    given: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    ini: Mapping[str, Any] | None = None,
) -> s.Settings:
    """Return the settings of these three sources."""
    return s.resolve(given or {}, environ or {}, (ini or {}).get)


def test_defaults_are_those_of_the_table() -> None:
    """With no source every value is its option's default, and so it is told."""
    settings = resolve()
    for option in s.OPTIONS:
        assert getattr(settings, option.name) == option.default
        assert settings.told(option.name) == "default"


@pytest.mark.parametrize("name", SPELLED)
def test_command_line_wins_over_environment_over_ini(name: str) -> None:
    """Each option is read by three spellings, in this order, and its source told."""
    kind = s.BY_NAME[name].kind
    given, variable, written = VALUES[kind]
    from_line, from_environ, from_ini = READ[kind]
    dashed, upper = name.replace("_", "-"), name.upper()
    line, environ, ini = {name: given}, {f"ONEROOF_{upper}": variable}, {name: written}
    for settings, value, source in (
        (resolve(line, environ, ini), from_line, f"--oneroof-{dashed}"),
        (resolve({}, environ, ini), from_environ, f"ONEROOF_{upper}"),
        (resolve({}, {}, ini), from_ini, f"oneroof_{name} in the ini file"),
    ):
        assert getattr(settings, name) == value
        assert settings.told(name) == source


@pytest.mark.parametrize("name", INI_ONLY)
def test_what_widens_admission_is_read_from_the_ini_file_alone(name: str) -> None:
    """Neither command line nor environment can set it."""
    kind = s.BY_NAME[name].kind
    given, variable, written = VALUES[kind]
    settings = resolve({name: given}, {f"ONEROOF_{name.upper()}": str(variable)})
    assert getattr(settings, name) == s.BY_NAME[name].default
    settings = resolve({}, {}, {name: written})
    assert getattr(settings, name) == READ[kind][2]


def test_false_is_a_value() -> None:
    """A flag that a nearer source sets to false is not overruled by a farther one."""
    settings = resolve({}, {"ONEROOF_STRICT": "0"}, {"strict": True})
    assert settings.strict is False
    assert settings.told("strict") == "ONEROOF_STRICT"


@pytest.mark.parametrize(
    ("source", "given", "environ", "message"),
    [
        (
            "environment",
            {},
            {"ONEROOF_STRICT": "maybe"},
            "ONEROOF_STRICT must be true or false, given: 'maybe' (neither true nor "
            "false)",
        ),
        (
            "command line",
            {"pg_version": "16.4"},
            {},
            "--oneroof-pg-version must be a whole number, given: '16.4' (invalid "
            "literal for int() with base 10: '16.4')",
        ),
    ],
)
def test_wrong_value_names_its_source(
    source: str, given: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    """A wrong value is told with the spelling that it came by, what is wanted, why."""
    with pytest.raises(SettingsError) as raised:
        resolve(given, environ)
    assert str(raised.value) == message


@pytest.mark.parametrize("name", [n for n in SPELLED if s.BY_NAME[n].kind != "flag"])
@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_option_given_empty_is_told(name: str, empty: str) -> None:
    """An empty value, as an unset secret gives it, is nobody's wish for the default."""
    dashed, upper = name.replace("_", "-"), f"ONEROOF_{name.upper()}"
    for line, environ, told in (
        ({name: empty}, {}, f"--oneroof-{dashed}"),
        ({}, {upper: empty}, upper),
    ):
        with pytest.raises(SettingsError) as raised:
            resolve(line, environ)
        assert str(raised.value).startswith(
            f"{told} is given, and is empty: it must be"
        )


def test_a_repeated_option_given_empty_is_told() -> None:
    """Also beside others that are not."""
    for values in ([""], ["team=shop", " "]):
        with pytest.raises(SettingsError, match="--oneroof-meta is given, and is empt"):
            resolve({"meta": values}, {}, {})
    assert resolve({"meta": ["a=b"]}, {}, {}).meta == ("a=b",)


def test_a_list_in_the_ini_file_may_be_empty() -> None:
    """There an empty list is written on purpose: no production is declared."""
    for empty in ("", "\n", []):
        assert resolve({}, {}, {"productions": empty}).productions == ()


def test_broken_pattern_is_told() -> None:
    """A clone pattern that is no regular expression is refused with the reason."""
    with pytest.raises(SettingsError) as raised:
        resolve({}, {}, {"clone_pattern": "clone_["})
    assert str(raised.value) == (
        "oneroof_clone_pattern in the ini file must be a regular expression, given: "
        "'clone_[' (unterminated character set at position 6)"
    )


@given(st.lists(st.from_regex(r"[a-z:/0-9.]{1,9}", fullmatch=True), min_size=1))
def test_lists_are_read_by_commas_and_lines(words: list[str]) -> None:
    """Commas, lines and spaces around words make no difference; each word once."""
    expected = tuple(dict.fromkeys(words))
    for written in (",".join(words), ", \n".join(words), words, [", ".join(words)]):
        assert resolve({"suite": written}).suite == expected


def test_options_of_pytest_are_those_of_the_table(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest knows every option by its three spellings, and reads them so."""
    for name in [name for name in os.environ if name.startswith("ONEROOF_")]:
        monkeypatch.delenv(name)
    pytester.makeini("[pytest]\noneroof_strict = true\noneroof_productions = a\n  b\n")
    monkeypatch.setenv("ONEROOF_PG_VERSION", "17")
    config = pytester.parseconfig("--oneroof-keep-failed", "--oneroof-cache-dir=/c")
    settings = options.read_settings(config)
    assert (settings.strict, settings.keep_failed) == (True, True)
    assert settings.productions == ("a", "b")
    assert (settings.pg_version, settings.cache_dir) == (17, Path("/c"))
    assert dict(settings.sources) == {
        "strict": "oneroof_strict in the ini file",
        "keep_failed": "--oneroof-keep-failed",
        "productions": "oneroof_productions in the ini file",
        "pg_version": "ONEROOF_PG_VERSION",
        "cache_dir": "--oneroof-cache-dir",
    }


@pytest.mark.parametrize("name", INI_ONLY)
def test_ini_only_has_no_option(pytester: pytest.Pytester, name: str) -> None:
    """pytest refuses an option for what only the ini file may set."""
    flag = f"--oneroof-{name.replace('_', '-')}"
    result = pytester.runpytest_subprocess(f"{flag}=x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*unrecognized arguments: {flag}=x"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--oneroof-pg-version=12"],
            "*--oneroof-pg-version: PostgreSQL 15 to 18 is supported, given: 12",
        ),
        (
            ["--oneroof-pg-version=new"],
            "*--oneroof-pg-version must be a whole number, given: 'new' *",
        ),
        (
            ["--oneroof-clone-url=postgresql://h/d"],
            "*--oneroof-clone-url needs --oneroof-clone",
        ),
        (
            ["--oneroof-suite=coverage"],
            "*--oneroof-suite needs a target: --oneroof-clone, or -m readonly with "
            "--oneroof-production-url URL",
        ),
        (
            ["--oneroof-clone", "--oneroof-clone-url=postgresql://h/d", "-n2"],
            "*-n needs a clone for each worker, copied by the server's administrator: "
            "--oneroof-admin-url URL",
        ),
    ],
)
def test_wrong_combination_is_a_usage_error(
    pytester: pytest.Pytester, arguments: list[str], message: str
) -> None:
    """What contradicts itself ends pytest at once, and says what is missing."""
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_wrong_ini_value_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """A wrong value in the ini file is told by its name, without a traceback."""
    pytester.makeini("[pytest]\noneroof_clone_pattern = [\n")
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*oneroof_clone_pattern in the ini file must be a *"])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pg_version", "a whole number (invalid literal for int() with base 10: "),
        ("strict", "true or false (invalid truth value 'perhaps')"),
        ("profile", "default or full, given: 'perhaps' (there is no such one)"),
    ],
)
def test_wrong_typed_ini_value_is_a_usage_error(
    pytester: pytest.Pytester, name: str, told: str
) -> None:
    """So is one that pytest itself converts."""
    pytester.makeini(f"[pytest]\noneroof_{name} = perhaps\n")
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = f"oneroof_{name} in the ini file must be {told}"
    assert expected in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
