"""A small real read API for the tests: HTTP on loopback over the contract's relations.

Serves one database, by plain paths or as PostgREST does; `spoil` changes an answer.
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg

from pytest_oneroof import resources

Spoil = Callable[[str, Any], Any]
AUTHORIZATION = "Basic cmVhZGVyOnMzY3JldEA="  # reader, s3cret@


class ReadApi(ThreadingHTTPServer):
    """The API's settings, for its handler."""

    def __init__(self, database: str, *, postgrest: bool, private: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.database = database
        self.private = private
        self.spoil: Spoil = lambda _, value: value
        self.asked: list[str] = []
        self.endpoints: dict[str, dict[str, Any]] = {}
        for endpoint in resources.read_json("fixtures/contract/endpoints.json"):
            folder = "/rpc/" if "parameter" in endpoint else "/"
            path = f"{folder}{endpoint['relation']}" if postgrest else endpoint["path"]
            self.endpoints[f"/api{path}"] = endpoint
        self.postgrest = postgrest

    @property
    def url(self) -> str:
        """Where it serves, without a trailing slash."""
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class Handler(BaseHTTPRequestHandler):
    """Answers a GET with the rows of the endpoint's view or function."""

    server: ReadApi

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urllib.parse.urlsplit(self.path)
        self.server.asked.append(parts.path)
        endpoint = self.server.endpoints.get(parts.path)
        if self.server.private and self.headers["Authorization"] != AUTHORIZATION:
            self.answer(401, {"message": "who are you"})
        elif endpoint is None:
            self.answer(404, {"message": "no such relation"})
        else:
            rows = self.read(endpoint, dict(urllib.parse.parse_qsl(parts.query)))
            bare = endpoint["kind"] == "object" and not self.server.postgrest
            value = self.server.spoil(endpoint["id"], rows[0] if bare else rows)
            self.answer(value if isinstance(value, int) else 200, value)

    def read(self, endpoint: dict[str, Any], query: dict[str, str]) -> list[Any]:
        """Return the rows of an endpoint."""
        argument = [query[endpoint["parameter"]]] if "parameter" in endpoint else None
        call = "(%s)" if argument else ""
        text = f"SELECT to_jsonb(e) FROM public.{endpoint['relation']}{call} AS e"
        with contextlib.closing(psycopg.connect(self.server.database)) as connection:
            return [row for (row,) in connection.execute(text.encode(), argument)]

    def answer(self, status: int, value: Any) -> None:
        """Send a status and a value, as JSON unless it is text already."""
        text = value if isinstance(value, str) else json.dumps(value)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(
    database: str, *, postgrest: bool = False, private: bool = False
) -> Iterator[ReadApi]:
    """Serve a database's contract in a thread for the length of the block."""
    server = ReadApi(database, postgrest=postgrest, private=private)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
