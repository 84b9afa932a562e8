"""Cursors that were made by hand: they get the class that their connection gives.

Every psycopg cursor, of whatever class and however made, asks its connection to start
a query before it converts and sends a text. There the connection takes it over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def take_over_caller(wrap: Callable[[type], type]) -> None:
    """Give the cursor that calls the caller of this function the class `wrap` makes.

    For `_start_query` of a connection, which psycopg gives no cursor: it is looked up
    in the frame that asks. `wrap` keeps the layout of the class it is given.
    """
    cursor: Any = sys._getframe(2).f_locals.get("self")
    if hasattr(cursor, "_maybe_prepare_gen"):
        cursor.__class__ = wrap(type(cursor))
