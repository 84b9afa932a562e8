"""What a page shows as text, for the tests that compare it with its document."""

from __future__ import annotations

import html as htmllib
import re

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def text_of(page: str) -> str:
    """Return what a page shows as text; tags, style and script left out."""
    bare = re.sub(r"<(style|script)>.*?</\1>", " ", page, flags=re.DOTALL)
    return htmllib.unescape(re.sub(r"<[^>]*>", " ", bare))


def numbers_in(text: str) -> set[str]:
    """Return every number that stands in a text."""
    return set(NUMBER.findall(text))
