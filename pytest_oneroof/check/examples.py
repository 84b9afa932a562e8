"""Hypothesis: each example in a savepoint and a proof of its own.

Works by itself for @given (functions, methods, parametrised, async) and for
state machines, without a health check that the user has to suppress.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

Example = Callable[[], AbstractContextManager[Any]]


@contextlib.contextmanager
def each_example(function: Any, example: Example) -> Iterator[None]:
    """Isolate, while the block runs, every example that `function` runs.

    `function` is a pytest item's `obj`; `example` returns a context manager
    that opens and proves one savepoint.
    """
    handle = getattr(function, "hypothesis", None)
    stateful: Any = sys.modules.get("hypothesis.stateful")
    with contextlib.ExitStack() as undo:
        if handle is not None:
            undo.callback(setattr, handle, "inner_test", handle.inner_test)
            handle.inner_test = wrapped(handle.inner_test, example)
        if stateful is not None:
            make = stateful.get_state_machine_test
            undo.callback(setattr, stateful, "get_state_machine_test", make)
            stateful.get_state_machine_test = _machine_maker(make, example)
        yield


def wrapped(inner_test: Any, example: Example) -> Any:
    """Return `inner_test` run inside `example()`, as a coroutine if it is one."""
    if inspect.iscoroutinefunction(inner_test):

        @functools.wraps(inner_test)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with example():
                return await inner_test(*args, **kwargs)

        return run_async

    @functools.wraps(inner_test)
    def run(*args: Any, **kwargs: Any) -> Any:
        with example():
            return inner_test(*args, **kwargs)

    return run


def lift_health_check(function: Any) -> None:
    """Lift Hypothesis' check on function-scoped fixtures for one test.

    It warns that such a fixture is set up once for all examples; ours resets
    itself for each. Hypothesis' own pytest plugin reads this attribute.
    """
    from hypothesis import HealthCheck, settings

    name = "_hypothesis_internal_use_settings"
    old = getattr(function, name, None) or settings.default
    assert old is not None
    lifted = {*old.suppress_health_check, HealthCheck.function_scoped_fixture}
    new = settings(old, suppress_health_check=list(lifted))
    target = getattr(function, "__func__", function)
    setattr(target, name, new)


def _machine_maker(make: Any, example: Example) -> Any:
    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        test = make(*args, **kwargs)
        test.hypothesis.inner_test = wrapped(test.hypothesis.inner_test, example)
        return test

    return made
