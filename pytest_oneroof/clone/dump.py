"""pg_dump and pg_restore as streams: what flows between them is counted and hashed.

pg_dump reads in one transaction and takes ACCESS SHARE locks alone (manual,
pg_dump, Description); a lock that it cannot have soon ends it, so that nobody
queues behind it for long.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader, BufferedWriter
from typing import IO, Any, cast

from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import CloneError
from pytest_oneroof.fingerprint.schema import OWN_SCHEMA
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.tools import Tools, login
from pytest_oneroof.redaction import redact

Count = Callable[[int], Any]
LOCK_WAIT = "30s"
CHUNK = 1 << 18
_SHOWN = 8
# A newer pg_restore sets what an older server does not know, and goes on.
_HARMLESS = "unrecognized configuration parameter"


@dataclass
class Tool:
    """One running program: its process, and the file that its messages go to."""

    name: str
    process: subprocess.Popen[bytes]
    messages: IO[bytes] = field(repr=False)

    def told(self) -> list[str]:
        """Return what it wrote to stderr, line by line, without secrets."""
        self.messages.seek(0)
        text = self.messages.read().decode(errors="replace")
        return [redact(line) for line in text.splitlines() if line.strip()]

    def failure(self) -> CloneError:
        """Return its failure as an error, in its own words."""
        told = self.told()[-_SHOWN:] or [f"exit status {self.process.returncode}"]
        return CloneError(f"{self.name} failed: " + "\n".join(told))


@contextlib.contextmanager
def dumping(
    tools: Tools, url: str, application: str, *, compress: bool
) -> Iterator[BufferedReader]:
    """Yield the stream of a dump in custom format, without owners and grants.

    Subscriptions and our own schema are left out. Raise CloneError in pg_dump's
    words when it fails; leaving early ends it.
    """
    target, environment = login(url, application=application)
    command = [
        *(tools.path("pg_dump"), "--format=custom", "--no-owner", "--no-acl"),
        *("--no-subscriptions", f"--exclude-schema={OWN_SCHEMA}", "--no-password"),
        *(f"--lock-wait-timeout={LOCK_WAIT}", f"--dbname={target}"),
        *([] if compress else ["--compress=0"]),
    ]
    with _running("pg_dump", command, environment, stdout=subprocess.PIPE) as tool:
        stream = cast(BufferedReader, tool.process.stdout)
        try:
            yield stream
        except BaseException as error:
            stream.close()
            # Its own failure is why whoever read from it failed too.
            if isinstance(error, (CloneError, OSError)) and _failed_itself(tool):
                raise tool.failure() from error
            raise
        if tool.process.wait():
            raise tool.failure()


@contextlib.contextmanager
def restoring(tools: Tools, host: Host, ours: OurDatabase) -> Iterator[BufferedWriter]:
    """Yield the stream into which a dump is written, to be restored as it comes.

    Raise CloneError in pg_restore's words; it stops at the first error.
    """
    with host.entered(ours):
        pass  # pg_restore goes there by the same URL, and asks nobody where it is
    application = application_of(ours.marker.nonce)
    target, environment = login(host.url(ours.name), application=application)
    strict = tools.major <= host.admin.info.server_version // 10000
    command = [
        *(tools.path("pg_restore"), "--no-owner", "--no-acl", "--no-subscriptions"),
        *("--no-password", f"--dbname={target}"),
        *(["--exit-on-error"] if strict else []),
    ]
    with _running("pg_restore", command, environment, stdin=subprocess.PIPE) as tool:
        stream = cast(BufferedWriter, tool.process.stdin)
        try:
            yield stream
            stream.close()
        except BrokenPipeError as error:
            tool.process.wait()
            raise tool.failure() from error
        if tool.process.wait() and (strict or not _is_harmless(tool.told())):
            raise tool.failure()


def pump(source: BufferedReader, write: Callable[[bytes], Any], count: Count) -> int:
    """Hand a stream on to its end, in pieces; return how many bytes flowed."""
    flowed = 0
    while chunk := source.read1(CHUNK):
        write(chunk)
        flowed += len(chunk)
        count(len(chunk))
    return flowed


def read_list(tools: Tools, file: str) -> str:
    """Return the table of contents of a dump; raise CloneError for what is none."""
    done = subprocess.run(
        [tools.path("pg_restore"), "--list", file],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise CloneError(f"{file} is not restored: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def _running(
    name: str, command: list[str], environment: dict[str, str], **streams: Any
) -> Iterator[Tool]:
    """Run a program; whatever happens, it has ended and its streams are closed."""
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, **streams}
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            command, env=environment, stderr=messages, **settings
        )
        try:
            yield Tool(name, process, messages)
        finally:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _failed_itself(tool: Tool) -> bool:
    """Whether a program failed by itself, not because its reader went away."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return tool.process.wait(2) > 0
    return False


def _is_harmless(lines: list[str]) -> bool:
    errors = [line for line in lines if "error:" in line]
    return bool(errors) and all(_HARMLESS in line for line in errors)
