"""What an example sets on its connection object, put back for the next one.

Each check has a connection object of its own; the examples of one check share it, as
they share the fixture that hands it out.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Any

from psycopg.adapt import AdaptersMap


@contextlib.contextmanager
def as_before(connection: Any) -> Iterator[None]:
    """Put back, after the block, factories, handlers, adapters and what else was set.

    What is registered with the connection's adapters goes to a copy of them.
    """
    values = dict(vars(connection))
    contents = {k: v.copy() for k, v in values.items() if isinstance(v, list | deque)}
    prepared = connection._prepared
    limits = prepared.prepare_threshold, prepared.prepared_max
    if connection._adapters is not None:
        connection._adapters = AdaptersMap(connection._adapters)
    try:
        yield
    finally:
        vars(connection).clear()
        vars(connection).update(values | contents)
        prepared.prepare_threshold, prepared.prepared_max = limits
