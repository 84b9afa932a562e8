"""JSON read strictly: one meaning per document, or a refusal with its code. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


class MalformedJson(ValueError):
    """Raised for bytes that are not exactly one JSON document in plain UTF-8."""


def read_json(data: bytes) -> Any:
    """Return the value of a JSON document (RFC 8259), read strictly.

    Raise MalformedJson for a byte order mark, other encodings, a key given
    twice, NaN and infinities, and anything after the value: readers differ in
    what they make of these, so that two could see two documents.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("it begins with a byte order mark")
    try:
        text = data.decode()
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is no UTF-8") from None
    except json.JSONDecodeError as error:
        told = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise MalformedJson(told) from None
    except RecursionError:
        raise MalformedJson("it is nested too deeply") from None


def write_json(value: Any) -> bytes:
    """Return a value as readable JSON, keys in the order given, one LF at its end."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("a key is given twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson(f"{text} is too large for a number")
    return number
