"""JSON values that note which of their leaves were read. Pure.

A fixture holds more than one run compares: figures of other phases, rules of other
tables. Only what a check has read can be missed by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[Any, ...]


class NotedDict(dict[str, Any]):
    """An object that notes the leaves that are read from it."""

    def __init__(self, values: dict[str, Any], path: Path, read: set[Path]) -> None:
        super().__init__(
            {key: noted(value, (*path, key), read) for key, value in values.items()}
        )
        self._path, self._read = path, read

    def _note(self, key: str) -> None:
        if key in self.keys() and not isinstance(
            super().__getitem__(key), NotedDict | NotedList
        ):
            self._read.add((*self._path, key))

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    # Whoever takes all, takes each: also dict(), | and ** go by these.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def items(self) -> Any:
        for key in self:
            self._note(key)
        return super().items()

    def values(self) -> Any:
        for key in self:
            self._note(key)
        return super().values()

    def __or__(self, other: Any) -> Any:
        return dict(self.items()) | dict(other)

    def __ror__(self, other: Any) -> Any:
        return dict(other) | dict(self.items())

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == other

    __hash__ = None


class NotedList(list[Any]):
    """A list that notes the leaves that are read from it."""

    def __init__(self, values: list[Any], path: Path, read: set[Path]) -> None:
        super().__init__(
            noted(value, (*path, number), read) for number, value in enumerate(values)
        )
        self._path, self._read = path, read

    def _note_all(self) -> None:
        for number, value in enumerate(super().__iter__()):
            if not isinstance(value, NotedDict | NotedList):
                self._read.add((*self._path, number))

    def __iter__(self) -> Iterator[Any]:
        self._note_all()
        return super().__iter__()

    def __getitem__(self, place: Any) -> Any:
        self._note_all()
        return super().__getitem__(place)

    def __contains__(self, value: object) -> bool:
        self._note_all()
        return super().__contains__(value)

    def __eq__(self, other: object) -> bool:
        self._note_all()
        return list(super().__iter__()) == other

    __hash__ = None


def noted(value: Any, path: Path, read: set[Path]) -> Any:
    """Return a JSON value that notes in `read` the paths of leaves that are read."""
    if isinstance(value, dict):
        return NotedDict(value, path, read)
    if isinstance(value, list):
        return NotedList(value, path, read)
    return value
