"""A copy of the baseline that a test may change, and a headless browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_oneroof.clone import standin
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.embedded import EmbeddedServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CONSOLE = re.compile(r":CONSOLE[:(]\d+\)?\] *(.*)")


@pytest.fixture
def baseline_copy(embedded: EmbeddedServer) -> Iterator[str]:
    """The administrator's URL of a fresh copy of the clone's baseline."""
    host = standin.host_of(embedded, bundled())
    state = embedded.state
    url = embedded.url("postgres", state["role"], state["password"])
    pool = ThrowawayPool(host, state["template"], state["clone"], url)
    found = pool.take()
    try:
        yield host.url(found.name)
    finally:
        pool.drop(found)
        pool.close()


@dataclass(frozen=True)
class Page:
    """A page as a browser has it: its document, and what it said on the console."""

    dom: str
    console: tuple[str, ...]


Browse = Callable[..., Page]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Return a function that opens a file in headless Chromium, without any network.

    Without one the test is skipped, or, with ONEROOF_TEST_REQUIRE_BROWSER (as in
    CI), fails.
    """
    program = next((p for name in BROWSERS if (p := shutil.which(name))), None)
    if program is None:
        reason = "no Chromium here: apt-get install chromium"
        if os.environ.get("ONEROOF_TEST_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)

    def open_page(file: Path, *arguments: str, dark: bool = False) -> Page:
        done = subprocess.run(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--window-size=1280,3000",
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                f"--user-data-dir={tmp_path / 'browser'}",
                "--enable-logging=stderr",
                "--dump-dom",
                *arguments,
                file.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        said = tuple(m.group(1) for m in CONSOLE.finditer(done.stderr))
        return Page(done.stdout, said)

    return open_page
