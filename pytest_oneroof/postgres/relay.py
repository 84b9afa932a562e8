"""A loopback TCP address for a server that listens on a Unix socket alone.

For code that takes host and port apart, and knows no socket folder. Bytes are passed
on as they are, so that the server asks for the same password (SCRAM) as ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

LOOPBACK = "127.0.0.1"


class Relay:
    """A free port of 127.0.0.1 that leads to one Unix socket; `close` it at the end."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those that are open end with their clients."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._relay, args=(client,), daemon=True
                ).start()

    def _relay(self, client: socket.socket) -> None:
        """Pass on what a client and the server say, until both have ended."""
        with client, socket.socket(socket.AF_UNIX) as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                server.connect(self._path)
                back = threading.Thread(
                    target=_pass_on, args=(server, client), daemon=True
                )
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
