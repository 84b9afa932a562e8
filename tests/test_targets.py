"""Several environments in one ini file, their URLs in environment variables alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.settings import Settings
from pytest_oneroof.targets import Target, read_target

INI = """\
[pytest]
oneroof_productions = shop

[oneroof:staging]
clone_url = STAGING_CLONE
admin_url = STAGING_ADMIN
production_url = STAGING_PRODUCTION

[oneroof:live]
production_url = LIVE
"""
TOML = """\
[tool.pytest.ini_options]
oneroof_productions = ["shop"]

[tool.oneroof.targets.staging]
clone_url = "STAGING_CLONE"
admin_url = "STAGING_ADMIN"
production_url = "STAGING_PRODUCTION"
"""
URL = "postgresql://check:s3cret@db.example.org/shop_test_20260101"


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    """An ini file with two environments."""
    file = tmp_path / "pytest.ini"
    file.write_text(INI)
    return file


@pytest.mark.parametrize(
    ("name", "text"), [("pytest.ini", INI), ("tox.ini", INI), ("pyproject.toml", TOML)]
)
def test_a_target_names_variables(tmp_path: Path, name: str, text: str) -> None:
    """Its section says which variable holds which URL, in whatever ini file."""
    file = tmp_path / name
    file.write_text(text)
    assert read_target(file, "staging").variables == {
        "clone_url": "STAGING_CLONE",
        "admin_url": "STAGING_ADMIN",
        "production_url": "STAGING_PRODUCTION",
    }


def test_urls_come_from_the_environment(ini: Path) -> None:
    """Each URL that a run needs is taken, and where it came from is told."""
    target = read_target(ini, "staging")
    environ = {"STAGING_CLONE": URL, "STAGING_ADMIN": "postgresql://admin@/"}
    settings = target.applied(Settings(), environ, ("clone_url", "admin_url"))
    assert (settings.clone_url, settings.admin_url) == (URL, "postgresql://admin@/")
    assert settings.told("clone_url") == "target staging: STAGING_CLONE"
    assert settings.production_url is None


def test_a_variable_that_is_not_set_is_told(ini: Path) -> None:
    """No other database takes the place of the one that was meant."""
    target = read_target(ini, "staging")
    with pytest.raises(SettingsError, match="clone_url in STAGING_CLONE, which is not"):
        target.applied(Settings(), {"STAGING_CLONE": " "}, ("clone_url",))
    with pytest.raises(SettingsError, match="'live' names no clone_url"):
        read_target(ini, "live").require("clone_url", "admin_url")


@pytest.mark.parametrize("source", ["--oneroof-clone-url", "ONEROOF_CLONE_URL"])
def test_urls_of_two_environments_are_never_mixed(source: str) -> None:
    """A URL given beside a target is a usage error; in the ini file it is a default."""
    target = Target("staging", {"clone_url": "STAGING_CLONE"})
    given = Settings(clone_url=None, sources={"clone_url": source})
    with pytest.raises(SettingsError, match=f"{source}, and the target 'staging'"):
        target.applied(given, {"STAGING_CLONE": URL}, ("clone_url",))
    in_ini = Settings(sources={"clone_url": "oneroof_clone_url in the ini file"})
    settings = target.applied(in_ini, {"STAGING_CLONE": URL}, ("clone_url",))
    assert settings.clone_url == URL


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("STAGING_CLONE", URL, "clone_url takes the name of an environment variable"),
        ("clone_url = S", "cloneurl = S", r"unknown key cloneurl \(known: clone_url,"),
        ("[oneroof:staging]", "[oneroof:stage]", "no target is called 'staging' in"),
    ],
)
def test_what_is_no_target_is_told(ini: Path, old: str, new: str, told: str) -> None:
    """A URL in the file is refused, and not repeated: it may hold a password."""
    ini.write_text(INI.replace(old, new, 1))
    with pytest.raises(SettingsError, match=told) as error:
        read_target(ini, "staging")
    assert "s3cret" not in str(error.value)


def test_without_an_ini_file_there_is_none() -> None:
    """It is told which section would make it."""
    with pytest.raises(SettingsError, match=r"write a section \[oneroof:staging\]"):
        read_target(None, "staging")


RUNS = [
    (("--oneroof-clone",), "the target 'live' names no clone_url"),
    (("-m", "readonly"), "has its production_url in LIVE, which is not set"),
    ((), "--oneroof-target needs a run on it: --oneroof-clone, or -m readonly"),
]


@pytest.mark.parametrize(("arguments", "told"), RUNS, ids=["clone", "readonly", "none"])
def test_a_run_on_a_target_that_cannot_be_is_a_usage_error(
    pytester: pytest.Pytester, arguments: tuple[str, ...], told: str
) -> None:
    """Before anything is started, with what is missing."""
    (pytester.path / "pytest.ini").write_text(INI)
    result = pytester.runpytest_subprocess("--oneroof-target=live", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{told}*"])
