"""One server, one database: every URL leads where the administrator acts, or nowhere.

A hot standby, a physical copy, poolers, several hosts, services, passwords kept by the
user: each is right or refused, and nothing is altered where it is refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from pytest_oneroof.errors import GuardRefused, ServerError
from pytest_oneroof.pack import open_pack
from pytest_oneroof.postgres.connect import parse
from pytest_oneroof.redaction import Url
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.settings import Settings

from .servers import (
    ADMIN,
    CLONE,
    PASSWORD,
    PATTERN,
    PRODUCTION,
    Run,
    Server,
    free_port,
    marker_of,
    new_home,
    run_pytest,
    url_of,
    write_marker,
)


@contextlib.contextmanager
def backed_up(server: Server, *options: str) -> Iterator[Server]:
    """Make a server of another one's base backup: the same in all that it says."""
    home = new_home(server.programs)
    made = dataclasses.replace(server, home=home, port=free_port())
    try:
        server.programs.run(
            *("pg_basebackup", "-h", str(server.socket), "-p", str(server.port)),
            *("-U", ADMIN, "-D", str(home / "data"), "-X", "stream"),
            *("--checkpoint=fast", "--no-sync", *options),
        )
        made.start("-c hot_standby=on")
        yield made
    finally:
        made.stop()
        shutil.rmtree(home)


@pytest.fixture
def standby(server: Server, clone: str) -> Iterator[Server]:
    """A hot standby of the server, the clone on it too."""
    with backed_up(server, "-R") as made:
        yield made


@pytest.fixture
def copy(server: Server, clone: str) -> Iterator[Server]:
    """A physical copy of the server that goes its own way, the clone on it too."""
    with backed_up(server) as made:
        yield made


@pytest.fixture
def url(clone: str, oneroof: Run) -> str:
    """The URL of a clone's check role."""
    return url_of(oneroof, clone)


def at(url: str, host: str, port: str | int) -> str:
    """Return a URL with another address."""
    parameters = {**parse(url), "host": host, "port": str(port)}
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def start(url: str, admin_url: str | None = None) -> None:
    """Start a run on a clone by its URL, as pytest does, and end it again."""
    settings = Settings(
        clone=True,
        clone_url=Url(url),
        admin_url=Url(admin_url or os.environ["ONEROOF_ADMIN_URL"]),
        cache_dir=Path(os.environ["ONEROOF_CACHE_DIR"]),
        clone_pattern=PATTERN,
        productions=(PRODUCTION,),
    )
    run = CloneRun(settings, open_pack("none", Path.cwd()), lambda line: None)
    try:
        run.start()
    finally:
        run.stop()


def refused(url: str, *told: str, admin_url: str | None = None) -> None:
    """Assert that a run on that URL is refused, and what is told."""
    with pytest.raises(GuardRefused) as raised:
        start(url, admin_url)
    for text in told:
        assert text in str(raised.value)


def run_on(folder: Path, url: str) -> None:
    """Assert that the project's check passes in a run of its own."""
    done = run_pytest(folder, f"--oneroof-clone-url={url}", "test_it.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_hot_standby_is_refused(
    standby: Server, oneroof: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its clone serves checks, nor does anything act there."""
    there = at(url, str(standby.socket), standby.port)
    refused(there, "[standby]")
    refused(there, "[standby]", admin_url=standby.url())
    monkeypatch.setenv("ONEROOF_ADMIN_URL", standby.url())
    for command in (
        ("drop", CLONE),
        ("reset", CLONE),
        ("create", f"{CLONE}_new", "--from", PRODUCTION, "--by", "dump"),
    ):
        oneroof("clone", *command).expect(10, "[standby] the server is a hot standby")
    oneroof("clone", "drop", PRODUCTION).expect(10, "[production]")


def test_a_physical_copy_is_another_server(
    copy: Server, server: Server, url: str
) -> None:
    """Its clone is refused to the other's administrator, before it is altered."""
    before, there = server.databases(), copy.databases()
    told = "a physical copy of the administrator's"
    refused(at(url, str(copy.socket), copy.port), "[server]", told)
    # Of several hosts it is the one that answers first; the run stays with it.
    both = at(url, f"{copy.socket},{server.socket}", f"{copy.port},{server.port}")
    refused(both, "[server]", told)
    assert (server.databases(), copy.databases()) == (before, there)
    start(at(url, f"{server.home},{server.socket}", server.port))


def test_on_a_physical_copy_name_and_declaration_decide(
    copy: Server, server: Server, oneroof: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There all three of a marker are the same, and the production is one."""
    monkeypatch.setenv("ONEROOF_ADMIN_URL", copy.url())
    write_marker(copy, PRODUCTION, **marker_of(server, CLONE))
    for command in (("gc",), ("drop", PRODUCTION), ("reset", PRODUCTION)):
        oneroof("clone", *command).expect(10, "[production]")
    copy.query(f"COMMENT ON DATABASE {PRODUCTION} IS NULL")
    oneroof("clone", "drop", CLONE).expect(0)
    assert CLONE in [row[0] for row in server.databases()]


@pytest.fixture(params=["session", "transaction"])
def pooler(
    request: pytest.FixtureRequest, server: Server
) -> Iterator[Callable[[str], str]]:
    """A pgbouncer that leads every other database to the production."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not Path(program).exists():
        reason = "pgbouncer is not installed: this part did not run"
        if os.environ.get("ONEROOF_TEST_REQUIRE_SERVER"):
            pytest.fail(reason)
        pytest.skip(reason)
    home, port = Path(tempfile.mkdtemp(prefix="oneroof-pool-")), free_port()
    where = f"host={server.socket} port={server.port} user={ADMIN}"
    home.chmod(0o755)
    (home / "users").write_text(f'"{ADMIN}" ""\n')
    (home / "ini").write_text(
        f"[databases]\n"
        f"{CLONE} = {where}\npostgres = {where}\n* = {where} dbname={PRODUCTION}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = any\npool_mode = {request.param}\n"
        f"auth_file = {home / 'users'}\nlogfile = {home / 'log'}\n"
        f"pidfile = {home / 'pid'}\n"
    )
    server.programs.own(home)
    account = {"user": server.programs.account} if server.programs.account else {}
    process = subprocess.Popen(
        [program, "-q", str(home / "ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **account,  # type: ignore[call-overload]
    )
    try:
        wait_for(port)
        yield lambda database: f"postgresql://{ADMIN}@127.0.0.1:{port}/{database}"
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(home)


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port."""

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    wait_until(listens, "pgbouncer")


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Wait until something is so, for 20 seconds at most."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not start")


def test_a_pooler_is_refused(
    pooler: Callable[[str], str],
    server: Server,
    project: Path,
    oneroof: Run,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the server's processes are changed under us, and before anything is."""
    before = server.databases()
    told = "[pooler] a connection pooler answers at 127.0.0.1:"
    refused(pooler(CLONE), told)
    refused(pooler(f"{CLONE}_gone"), "[production]")  # where it has another database
    refused(url, told, admin_url=pooler("postgres"))
    monkeypatch.setenv("ONEROOF_ADMIN_URL", pooler("postgres"))
    for command in (("gc",), ("drop", CLONE)):
        oneroof("clone", *command).expect(10, told)
    assert server.databases() == before


def test_a_production_reached_through_a_pooler_is_known(
    pooler: Callable[[str], str], server: Server, oneroof: Run, clone: str
) -> None:
    """It says itself who it is: another address does not hide it."""
    at_pooler = pooler(CLONE).partition("@")[2]
    before = server.databases()
    told = f"is the declared production '{at_pooler}'"
    oneroof("clone", "drop", CLONE, "--production", at_pooler).expect(10, told)
    assert server.databases() == before


def forms(server: Server) -> dict[str, str]:
    """Return ways to declare the clone a production, all of which name it."""
    identifier = server.query("SELECT system_identifier::text FROM pg_control_system()")
    port, folder = server.port, server.socket
    return {
        "name": CLONE,
        "another case": CLONE.upper(),
        "name alone, as key=value": f"dbname={CLONE}",
        "host": f"localhost:{port}/{CLONE}",
        "upper case and final dot": f"LOCALHOST.:{port}/{CLONE}",
        "IPv4": f"127.0.0.1:{port}/{CLONE}",
        "short IPv4": f"127.1:{port}/{CLONE}",
        "IPv6": f"[::1]:{port}/{CLONE}",
        "IPv6 in full": f"[0:0:0:0:0:0:0:1]:{port}/{CLONE}",
        "IPv4 in IPv6": f"[::ffff:127.0.0.1]:{port}/{CLONE}",
        "socket folder": f"{folder}:{port}/{CLONE}",
        "URL": f"postgresql://u@localhost:{port}/{CLONE}",
        "URL with host": f"postgres://u@/{CLONE}?host={folder}&port={port}",
        "URL with hostaddr": f"postgresql://db.example:{port}/{CLONE}?hostaddr=127.0.0.1",
        "key=value": f"host=localhost port={port} dbname={CLONE} user=u",
        "hostaddr": f"hostaddr=127.0.0.1 port={port} dbname={CLONE}",
        "identifier and name": f"{identifier}/{CLONE}",
        "identifier and oid": f"{identifier}/"
        + str(server.query(f"SELECT oid FROM pg_database WHERE datname = '{CLONE}'")),
    }


@pytest.mark.parametrize("by", ["socket", "TCP", "IPv6"])
def test_a_production_is_known_in_every_form(
    server: Server,
    oneroof: Run,
    clone: str,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    """However it is declared and reached: names and addresses are those of one."""
    urls = {"socket": server.url(), "TCP": server.tcp(), "IPv6": server.tcp("[::1]")}
    monkeypatch.setenv("ONEROOF_ADMIN_URL", urls[by])
    for name, form in forms(server).items():
        done = oneroof("clone", "drop", CLONE, "--production", form)
        assert done.status == 10, name
        assert f"'{CLONE}' is the declared production '{form}'" in done.told, name
    other = f"127.0.0.1:{free_port()}/{CLONE}"
    oneroof("clone", "drop", CLONE, "--production", other).expect(0)


def test_a_form_that_can_never_match_is_a_wrong_use(
    oneroof: Run, untouched: Callable[[], None]
) -> None:
    """Whoever wrote it believes to be protected by it: the forms are told."""
    for form in ("db.example.org:5432", "https://db/shop", "host=db", "::1:5432/shop"):
        oneroof("clone", "gc", "--production", form).expect(
            2, f"declared production '{form}' can never match", "accepted are:"
        )
    untouched()


def test_the_users_service_and_password_files_serve(
    server: Server,
    project: Path,
    oneroof: Run,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service names the server, .pgpass has the passwords: SCRAM by TCP."""
    role = parse(url)
    secrets = project / "pgpass"
    secrets.write_text(
        f"*:*:*:{ADMIN}:{PASSWORD}\n*:*:*:{role['user']}:{role['password']}\n"
    )
    secrets.chmod(0o600)
    services = project / "services"
    where = f"host=127.0.0.1\nport={server.port}\n"
    services.write_text(
        f"[shop-admin]\n{where}user={ADMIN}\ndbname=postgres\n"
        f"[shop-clone]\n{where}user={role['user']}\ndbname={CLONE}\n"
    )
    monkeypatch.setenv("PGPASSFILE", str(secrets))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("ONEROOF_ADMIN_URL", "service=shop-admin")
    oneroof("clone", "list").expect(0, CLONE)
    start("service=shop-clone")
    secrets.write_text("")
    oneroof("clone", "list").expect(1, "no password supplied")


@pytest.fixture
def authority(server: Server) -> Iterator[Path]:
    """The server asks for TLS by TCP; the file of the authority that signed for it.

    Its certificate is for 127.0.0.1 alone.
    """
    signer, data = trustme.CA(), server.home / "data"
    signed = signer.issue_cert("127.0.0.1")
    signer.cert_pem.write_to_path(server.home / "authority.pem")
    signed.private_key_pem.write_to_path(data / "server.key")
    signed.cert_chain_pems[0].write_to_path(data / "server.crt")
    for name in ("server.key", "server.crt"):
        (data / name).chmod(0o600)
        server.programs.own(data / name)
    hosts = data / "pg_hba.conf"
    before = hosts.read_text()
    hosts.write_text("local all all trust\nhostssl all all all scram-sha-256\n")
    server.query("ALTER SYSTEM SET ssl = on")
    try:
        server.query("SELECT pg_reload_conf()")
        wait_until(lambda: server.query("SHOW ssl") == "on", "TLS")
        yield server.home / "authority.pem"
    finally:
        hosts.write_text(before)
        server.query("ALTER SYSTEM RESET ssl")
        server.query("SELECT pg_reload_conf()")


def test_tls_is_asked_for_and_the_certificate_looked_at(
    server: Server,
    project: Path,
    oneroof: Run,
    monkeypatch: pytest.MonkeyPatch,
    authority: Path,
) -> None:
    """What the administrator's URL says of TLS holds for the clone's URL too."""
    verified = f"?sslmode=verify-full&sslrootcert={authority}"
    monkeypatch.setenv("ONEROOF_ADMIN_URL", server.tcp() + verified)
    oneroof("clone", "create", CLONE, "--from", PRODUCTION).expect(0)
    try:
        url = url_of(oneroof, CLONE)
        assert parse(url)["sslmode"] == "verify-full"
        (project / "test_it.py").write_text(
            "def test_it(oneroof_clone):\n"
            "    oneroof_clone.execute('DELETE FROM item')\n\n"
            "def test_own(oneroof_database):\n"
            "    assert 'sslmode=verify-full' in oneroof_database\n"
        )
        run_on(project, url)
        plain = parse(url) | {"sslmode": "disable"}
        with pytest.raises(ServerError, match="no encryption"):
            start(" ".join(f"{key}={value}" for key, value in plain.items()))
        for wrong, told in (
            (server.tcp() + "?sslmode=disable", "no encryption"),
            (server.tcp("localhost") + verified, "does not match host name"),
        ):
            monkeypatch.setenv("ONEROOF_ADMIN_URL", wrong)
            assert PASSWORD not in oneroof("clone", "list").expect(1, told).told
    finally:
        monkeypatch.setenv("ONEROOF_ADMIN_URL", server.url())
        oneroof("clone", "drop", CLONE).expect(0)


def test_a_clone_is_made_and_used_by_ipv6(
    server: Server, project: Path, oneroof: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its URL has the address in brackets."""
    monkeypatch.setenv("ONEROOF_ADMIN_URL", server.tcp("[::1]"))
    oneroof("clone", "create", CLONE, "--from", PRODUCTION).expect(0)
    try:
        url = url_of(oneroof, CLONE)
        assert f"@[::1]:{server.port}/{CLONE}" in url
        start(url)
    finally:
        oneroof("clone", "drop", CLONE).expect(0)


def test_the_administrator_of_another_server_is_refused(
    copy: Server, oneroof: Run
) -> None:
    """A clone that the administrator's server does not have is not run on."""
    other = f"{CLONE}_other"
    oneroof("clone", "create", other, "--from", CLONE).expect(0)
    told = f"another one: there is no database '{other}'"
    refused(url_of(oneroof, other), "[server]", told, admin_url=copy.url())


def test_a_throwaway_database_is_shown_to_be_reached(
    server: Server, project: Path, oneroof: Run, url: str
) -> None:
    """The URL that a test is given leads to the database that was made for it."""
    (project / "test_it.py").write_text(
        "import psycopg\n"
        "def test_it(oneroof_database):\n"
        "    with psycopg.connect(oneroof_database) as connection:\n"
        "        name = connection.info.dbname\n"
        "        assert name.startswith('shop_test_20260101_')\n"
        "        connection.execute('DELETE FROM item')\n"
    )
    begun = len(server.log())
    run_on(project, url)
    assert "pg_advisory_xact_lock_shared" in server.log()[begun:]
