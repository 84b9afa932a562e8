"""A loopback TCP address for a server that listens on a Unix socket alone.

For code that takes host and port apart, and knows no socket folder. Bytes are passed
on as they are, so that the server asks for the same password (SCRAM) as ever. A
process of its own does it, this file run as a script: some calls of drivers (libpq's
PQcancel) hold Python's lock while they wait for an answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

LOOPBACK = "127.0.0.1"


class Relay:
    """A free port of 127.0.0.1 that leads to one Unix socket; `close` it at the end.

    It ends with the process that made it, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # An interrupt at the terminal is for the run, which still needs it.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and the connections that go through it."""
        self._process.communicate()


def serve(listener: socket.socket, path: str) -> None:
    """Pass on what is said on each connection, for as long as the process lives."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_relay, args=(client, path), daemon=True).start()


def _relay(client: socket.socket, path: str) -> None:
    """Pass on what a client and the server say, until both have ended."""
    with client, socket.socket(socket.AF_UNIX) as server:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            server.connect(path)
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass on bytes until the source ends, and tell the target that it has."""
    with contextlib.suppress(OSError):
        while received := source.recv(1 << 16):
            target.sendall(received)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    # A target that is gone takes nothing more: let the source know.
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RD)


if __name__ == "__main__":
    listening = socket.create_server((LOOPBACK, 0))
    threading.Thread(target=serve, args=(listening, sys.argv[1]), daemon=True).start()
    print(listening.getsockname()[1], flush=True)
    sys.stdin.buffer.read()
    os._exit(0)
