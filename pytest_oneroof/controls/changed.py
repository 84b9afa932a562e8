"""A file of a pack, or of ours, with another text in one place, while a block runs.

A data file is changed for whoever reads it by its pack or by `resources`. Of a Python
file the functions get other code, so that whoever has imported them calls the changed
ones.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import shutil
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_oneroof import resources
from pytest_oneroof.controls.noted import Path as Figure
from pytest_oneroof.controls.noted import noted
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import Pack

PACKAGE = "pytest_oneroof"


@contextlib.contextmanager
def changed(pack: Pack, name: str, old: str, new: str) -> Iterator[None]:
    """Change a file, wherever it holds `old`, to `new`, for a block.

    `name` is relative to the pack's folder, or begins with our package's name. Raise
    SettingsError where it holds no `old`.
    """
    if name.endswith(".py"):
        with _code(module_of(pack, name), name, old, new):
            yield
    else:
        with _data(pack, name, old, new):
            yield


@contextlib.contextmanager
def figures_noted() -> Iterator[set[tuple[str, Figure]]]:
    """Note which values of JSON files are read, by packs and by `resources`."""
    ours, theirs = resources.read_json, Pack.read_json
    read: dict[str, set[Figure]] = {}

    def read_json(name: str) -> Any:
        return noted(ours(name), (), read.setdefault(name, set()))

    def read_json_of(pack: Pack, name: str) -> Any:
        return noted(theirs(pack, name), (), read.setdefault(name, set()))

    found: set[tuple[str, Figure]] = set()
    with _put(resources, read_json=read_json), _put(Pack, read_json=read_json_of):
        yield found
    found |= {(name, path) for name, paths in read.items() for path in paths}


def replaced(text: str, name: str, old: str, new: str) -> str:
    """Return a text with each `old` replaced; raise SettingsError where is none."""
    if old not in text:
        raise SettingsError(f"{name} does not hold what a fault changes: {old!r}")
    return text.replace(old, new)


@contextlib.contextmanager
def _data(pack: Pack, name: str, old: str, new: str) -> Iterator[None]:
    root, real_path = pack.root, Pack.path
    text = replaced(pack.read_text(name), name, old, new)
    with tempfile.TemporaryDirectory(prefix="oneroof-control-") as folder:

        def path(asked: str) -> Path:
            below = f"{asked.rstrip('/')}/"
            if asked != name and not name.startswith(below):
                return real_path(pack, asked)
            copy = Path(folder) / asked
            if not copy.exists():
                _copy(real_path(pack, asked), copy)
                file = copy if asked == name else copy / name.removeprefix(below)
                file.write_text(text, encoding="utf-8")
            return copy

        def path_of(other: Pack, asked: str) -> Path:
            return path(asked) if other.root == root else real_path(other, asked)

        ours = {"path": path} if root == resources.root() else {}
        with _put(resources, **ours), _put(Pack, path=path_of):
            yield


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


@contextlib.contextmanager
def _put(module: Any, **values: Any) -> Iterator[None]:
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextlib.contextmanager
def _code(dotted: str, name: str, old: str, new: str) -> Iterator[None]:
    module = importlib.import_module(dotted)
    assert module.__file__ is not None
    text = replaced(Path(module.__file__).read_text("utf-8"), name, old, new)
    other = types.ModuleType(module.__name__)
    other.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    exec(compile(text, module.__file__, "exec"), other.__dict__)
    live, made = dict(_functions(module)), dict(_functions(other))
    codes = {live[key]: (live[key].__code__, made[key]) for key in live.keys() & made}
    constants = dict(_constants(module, other, live))
    for function, (_, twin) in codes.items():
        if function.__code__.co_freevars == twin.__code__.co_freevars:
            function.__code__ = twin.__code__
    _forget(module)
    try:
        with _put(module, **constants):
            yield
    finally:
        for function, (code, _) in codes.items():
            function.__code__ = code
        _forget(module)


def module_of(pack: Pack, name: str) -> str:
    """Return the dotted name of the module that a Python file is."""
    dotted = name.removesuffix(".py").replace("/", ".")
    return dotted if dotted.startswith(f"{PACKAGE}.") else f"{pack.package}.{dotted}"


def _functions(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions and methods that a module defines, by qualified name."""
    todo = list(vars(module).values())
    while todo:
        value = todo.pop()
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        if inspect.isclass(value) and value.__module__ == module.__name__:
            todo += vars(value).values()
            continue
        value = inspect.unwrap(value) if callable(value) else value
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            yield value.__qualname__, value


def _constants(
    module: Any, other: Any, live: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the tables and texts that the changed module has otherwise."""
    for name, value in vars(other).items():
        if name.startswith("__") or name not in vars(module):
            continue
        mine = _translated(value, live)
        is_table = isinstance(mine, tuple | list | dict | str | int | frozenset)
        if is_table and mine != vars(module)[name]:
            yield name, mine


def _translated(value: Any, live: dict[str, Any]) -> Any:
    """Return a table with the functions of the changed module as the real ones."""
    if inspect.isfunction(value):
        return live.get(value.__qualname__, value)
    if type(value) is tuple:
        return tuple(_translated(v, live) for v in value)
    if isinstance(value, dict):
        return {key: _translated(v, live) for key, v in value.items()}
    return value


def _forget(module: Any) -> None:
    """Empty the caches of a module's functions."""
    for value in vars(module).values():
        clear = getattr(value, "cache_clear", None)
        if clear is not None:
            clear()
