"""The live read API: one GET, plain path or PostgREST, and what it answered."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.redaction import redact

TIMEOUT = 15
LIMIT = 10_000_000


class ApiError(AssertionError):
    """Raised when the API does not answer as the contract has it."""


@dataclass(frozen=True)
class Answer:
    """What the API said: the URL without its password, and the JSON."""

    url: str
    value: Any


def ask(base: str, endpoint: dict[str, Any], argument: str = "") -> Answer:
    """Return the API's answer, by the plain path, else as PostgREST names it.

    PostgREST serves a view as rows, one row for a single object, and a function
    below ``/rpc/`` (docs.postgrest.org, Tables and Views, Functions). Raise
    ApiError where neither is there, or the answer is no JSON.
    """
    tried = []
    for path in paths(endpoint):
        url = address(base, path, endpoint, argument)
        text = get(url)
        shown = redact(url)
        if text is None:
            tried.append(shown)
            continue
        value = parsed(text, shown)
        if path != endpoint["path"] and endpoint["kind"] == "object":
            value = only(value, shown)
        return Answer(shown, value)
    raise ApiError(f"the API has no {endpoint['id']}: 404 for {' and '.join(tried)}")


def paths(endpoint: dict[str, Any]) -> tuple[str, str]:
    """Return the endpoint's paths: the plain one, and PostgREST's."""
    folder = "/rpc/" if "parameter" in endpoint else "/"
    return endpoint["path"], f"{folder}{endpoint['relation']}"


def address(base: str, path: str, endpoint: dict[str, Any], argument: str) -> str:
    """Return the URL below the API's own, with the argument where there is one.

    Raise ApiError for an address that is not HTTP, as urllib would read files.
    """
    parts = urllib.parse.urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(f"oneroof_api_url is not http:// or https://: {redact(base)}")
    query = (
        urllib.parse.urlencode({endpoint["parameter"]: argument})
        if "parameter" in endpoint
        else ""
    )
    whole = parts._replace(path=parts.path.rstrip("/") + path, query=query, fragment="")
    return urllib.parse.urlunsplit(whole)


def get(url: str) -> str | None:
    """Return the text that a GET answers, None for 404; user and password go along.

    Raise ApiError for any other status, no answer, or one beyond 10 MB.
    """
    parts = urllib.parse.urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(
        urllib.parse.urlunsplit(bare), headers={"Accept": "application/json"}
    )
    if parts.username is not None:
        pair = f"{unquoted(parts.username)}:{unquoted(parts.password)}"
        token = base64.b64encode(pair.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            data = response.read(LIMIT + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        raise ApiError(f"GET {redact(url)} answered {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        told = str(error) or type(error).__name__
        raise ApiError(f"GET {redact(url)} failed: {told}") from error
    if len(data) > LIMIT:
        raise ApiError(f"GET {redact(url)} answered more than {LIMIT} bytes")
    return str(data.decode("utf-8", "replace"))


def unquoted(part: str | None) -> str:
    """Return a part of the URL's user information as it was before quoting."""
    return urllib.parse.unquote(part or "")


def parsed(text: str, url: str) -> Any:
    """Return the JSON value of a text; raise ApiError with its beginning."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ApiError(f"GET {url} answered no JSON: {text[:80]!r}") from error


def only(value: Any, url: str) -> Any:
    """Return the one row of a view that is an endpoint's single object."""
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise ApiError(f"GET {url} answered {len(value)} rows, expected 1")
    return value[0]
