"""The embedded PostgreSQL server: built once per key, shared by all runs beside.

A home folder holds one server, and `homes.py` its locks; the last run to leave
stops the server.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs

from pytest_oneroof.errors import OneroofError, ServerError
from pytest_oneroof.postgres import homes, processes
from pytest_oneroof.postgres.binaries import Programs, find_programs
from pytest_oneroof.postgres.connect import build_url, connect
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.redaction import Url

ADMIN = "postgres"
# Seconds in which a server that lives must let somebody in: a recovery takes some.
ANSWER = 20

_CONFIGURATION = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "max_prepared_transactions": "8",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_recycle": "off",
    "wal_init_zero": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "30min",
    "shared_buffers": "128MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "password_encryption": "'scram-sha-256'",
    # The passwords are random and never leave the machine, so that many
    # rounds of hashing would only slow down every connection.
    "scram_iterations": "1",
}


def default_cache() -> Path:
    """Return the cache folder: the user's, or for root the machine's.

    The account that runs root's server may not enter root's home. XDG_CACHE_HOME,
    where it is set, says the folder for both.
    """
    said = os.environ.get("XDG_CACHE_HOME", "").startswith("/")
    if os.geteuid() == 0 and not said:
        return Path(platformdirs.site_cache_dir("pytest-oneroof"))
    return Path(platformdirs.user_cache_dir("pytest-oneroof"))


class EmbeddedServer:
    """One server in `cache`/pg<major>-<key>, used through `acquire`/`release`."""

    def __init__(self, cache: Path | None, major: int, key: str) -> None:
        self.cache = (cache or default_cache()).absolute()
        self.major = major
        self.home = self.cache / f"pg{major}-{key}"
        self.data = self.home / "data"
        self.state: dict[str, Any] = {}
        self.recovered: list[str] = []
        self._users: int | None = None
        self._socket: Path | None = None
        self._programs: Programs | None = None

    @property
    def programs(self) -> Programs:
        """The server's own programs, among them its client tools."""
        if self._programs is None:
            self._programs = find_programs(self.major, self.cache)
        return self._programs

    @property
    def socket_folder(self) -> Path:
        """The folder of the Unix socket: the running server's, or else our own."""
        return self._socket or homes.socket_folder(self.home)

    def url(self, database: str, user: str = ADMIN, password: str = "") -> Url:
        """Return a URL of this server; without a user, its administrator's."""
        if user == ADMIN:
            password = self.state["admin_password"]
        return build_url(
            user=user,
            password=password,
            host=str(self.socket_folder),
            port=homes.PORT,
            database=database,
        )

    def acquire(
        self,
        build: Callable[[EmbeddedServer], dict[str, Any]],
        say: Callable[[str], Any],
    ) -> None:
        """Start the server, or join the runs that use it; build it if needed.

        `build` fills a fresh server and returns what to remember in `state`.
        Raise ServerError when the cache cannot be written or the server does
        not start; a build that fails leaves no half-made server behind.
        """
        with contextlib.ExitStack() as held:
            with _told(self.cache):
                self._make_open(self.cache)
                held.enter_context(homes.control(self.home, say=say))
                self._users = homes.open_lock(homes.lock_path(self.home, "users"))
            try:
                self._start_or_build(build, say)
                fcntl.flock(self._users, fcntl.LOCK_SH)
            except BaseException:
                # A start that was interrupted leaves no server that nobody uses.
                if self.data.exists() and homes.locked_alone(self._users):
                    self._stop("immediate")
                os.close(self._users)
                self._users = None
                raise
        homes.clear_away(self.home)

    def release(self) -> None:
        """Leave the server; the last one to leave stops it. Idempotent."""
        if self._users is None:
            return
        with homes.control(self.home):
            fcntl.flock(self._users, fcntl.LOCK_UN)
            if homes.locked_alone(self._users):
                # A fast stop in the midst of a crash recovery may never end.
                self._wait_for_answer()
                self._stop("fast")
            os.close(self._users)
            self._users = None

    def save(self) -> None:
        """Write `state` to the disk, whole or not at all, before returning."""
        write_whole(self.home / "state.json", json.dumps(self.state, indent=1))

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of the server's log."""
        with contextlib.suppress(OSError):
            text = (self.home / "log").read_text(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    def is_running(self) -> bool:
        """Tell whether a process of the server lives."""
        return processes.is_alive(self.programs, self.data)

    def _start_or_build(
        self,
        build: Callable[[EmbeddedServer], dict[str, Any]],
        say: Callable[[str], Any],
    ) -> None:
        if self.home.exists() and not self._is_whole():
            say("the cached server is half-built: building it anew")
            self.recovered.append("a half-built cache was rebuilt")
            self._remove()
        if self.home.exists():
            self.state = json.loads((self.home / "state.json").read_text())
            if not self._wait_for_answer():
                self._clear_away()
                self._start()
                self.save()
            os.utime(self.home)
            return
        try:
            with _told(self.cache):
                self._initialise()
                self._start()
                self.state.update(build(self))
                self.state["boot"] = _boot()
                self.save()
                (self.home / "complete").touch()
        except BaseException:
            self._remove()
            raise

    def _is_whole(self) -> bool:
        """A home is whole when built to its end and not older than a power cut.

        The server runs without fsync, so that what a crash of the machine (not
        of the server) interrupted cannot be trusted.
        """
        try:
            state = json.loads((self.home / "state.json").read_text())
        except (OSError, ValueError):
            return False
        if not (self.home / "complete").exists():
            return False
        return bool(
            state.get("boot") == _boot() or not (self.data / "postmaster.pid").exists()
        )

    def _initialise(self) -> None:
        self._make_open(self.home)
        self.data.mkdir(mode=0o700)
        self._make_socket_folder()
        self.programs.own(self.data)
        self._check_reach()
        self.state = {"admin_password": new_password()}
        password_file = self.data.with_name("password")
        password_file.write_text(self.state["admin_password"])
        self.programs.own(password_file)
        password_file.chmod(0o600)
        self.programs.run(
            "initdb",
            *("--pgdata", str(self.data), "--username", ADMIN, "--no-sync"),
            *("--encoding", "UTF8", "--locale", "C", "--auth", "scram-sha-256"),
            *("--pwfile", str(password_file)),
        )
        password_file.unlink()
        self._configure()

    def _make_open(self, folder: Path) -> None:
        """Make a folder, and its parents where they lack.

        Where another account runs the server it may enter them, whatever the umask.
        """
        lacking = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(lacking):
            path.mkdir(exist_ok=True)
            if self.programs.account is not None:
                path.chmod(0o755)

    def _check_reach(self) -> None:
        account = self.programs.account
        if account is None:
            return
        closed = [p for p in self.data.parents if not p.stat().st_mode & 0o001]
        if closed:
            raise ServerError(
                f"the account {account!r}, which runs the server for root, cannot "
                f"enter {closed[-1]}\nto fix this, choose another folder: "
                "--oneroof-cache-dir DIR, or run as an ordinary user"
            )

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.stat().st_uid
        self.programs.own(folder)
        if self.programs.account is None and owner != os.geteuid():
            raise ServerError(f"the socket folder {folder} belongs to somebody else")

    def _configure(self) -> None:
        lines = dict(_CONFIGURATION)
        if self.major < 16:
            del lines["scram_iterations"]
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(text)

    def _start(self) -> None:
        self._make_socket_folder()
        log = self.home / "log"
        log.touch()
        self.programs.own(log)
        # Given at each start: the cache may have been moved, TMPDIR be another.
        socket = "-k " + shlex.quote(f'"{self.socket_folder}"')
        place = ("-D", str(self.data), "-l", str(log), "-o", socket)
        arguments = (*place, "-w", "-t", "60", "start")
        for attempt in range(40):
            try:
                self.programs.run("pg_ctl", *arguments, timeout=90)
            except ServerError as error:
                # Backends of a killed postmaster need a moment to notice it.
                tail = self.log_tail()
                if "still in use" in tail.rpartition("starting")[2] and attempt < 39:
                    time.sleep(0.25)
                    continue
                raise ServerError(f"{error}\nlast lines of {log}:\n{tail}") from None
            self.state["boot"] = _boot()
            return

    def _stop(self, mode: str) -> None:
        processes.end(self.programs, self.data, mode)

    def _wait_for_answer(self) -> bool:
        """Wait while the server lives until it lets us in; tell whether it did."""
        end = time.monotonic() + ANSWER
        while self.is_running() and time.monotonic() < end:
            own = homes.socket_folder(self.home)
            for folder in dict.fromkeys((self._folder_in_use(), own)):
                self._socket = folder
                with contextlib.suppress(ServerError):
                    connect(self.url("postgres"), connect_timeout=5).close()
                    return True
            time.sleep(0.1)
        self._socket = None
        return False

    def _folder_in_use(self) -> Path:
        """Return the socket folder that the running server wrote down."""
        with contextlib.suppress(OSError, IndexError):
            return Path((self.data / "postmaster.pid").read_text().splitlines()[4])
        return homes.socket_folder(self.home)

    def _clear_away(self) -> None:
        """Make room for a start: end a server that lets nobody in, drop a stale pid.

        A server that other runs use is theirs: it is not ended.
        """
        if self.is_running():
            if self._users is not None and not homes.locked_alone(self._users):
                raise ServerError(
                    f"the embedded server in {self.home} lets nobody in, and another "
                    f"run uses it\nlast lines of its log:\n{self.log_tail()}\n"
                    "to fix this, end the other run, and run again"
                )
            self._stop("fast")
            self.recovered.append("a server that let nobody in was ended and started")
        if processes.can_be_seen() and not self.is_running():
            self._remove_lock_files()

    def _remove_lock_files(self) -> None:
        """Remove what a dead server left; others may have its process id by now."""
        for file in self.socket_folder.glob(f".s.PGSQL.{homes.PORT}*"):
            file.unlink(missing_ok=True)
        pid = self.data / "postmaster.pid"
        if pid.exists():
            pid.unlink()
            self.recovered.append("a server that had crashed was started again")

    def _remove(self) -> None:
        if self.data.exists():
            self._stop("immediate")
        for folder in (self.home, self.socket_folder):
            shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a private file (mode 0600) so that a crash leaves old or new, whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


@contextlib.contextmanager
def _told(cache: Path) -> Iterator[None]:
    try:
        yield
    except OneroofError as error:
        if "No space left on device" in str(error):
            raise ServerError(_full(cache)) from error
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ServerError(_full(cache)) from error
        raise ServerError(
            f"cannot write the cache folder {cache}: {error.strerror}\n"
            "to fix this, choose another: --oneroof-cache-dir DIR, "
            "ONEROOF_CACHE_DIR or oneroof_cache_dir"
        ) from error


def _full(cache: Path) -> str:
    free = shutil.disk_usage(cache).free // 2**20
    return (
        f"the disk of the cache folder {cache} is full ({free} MB free); the "
        "embedded server needs about 700 MB\nnothing was left there\nto fix this, "
        "make room or choose another folder: --oneroof-cache-dir DIR"
    )
