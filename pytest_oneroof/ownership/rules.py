"""What databases are measured against, and what is said of those that fall short."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ownership.productions import (
    Production,
    parse_production,
    parse_productions,
)
from pytest_oneroof.postgres.identity import Identity
from pytest_oneroof.settings import Settings


@dataclass(frozen=True)
class Reason:
    """One broken condition: a word for it, what was found, why, and the remedy."""

    code: str
    found: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Rules:
    """The names that clones have, and the databases that are productions.

    `own_server` is false on the embedded server, where no production lives but the
    stand-in.
    """

    clone_pattern: str
    productions: tuple[Production, ...]
    allow_superuser: bool = False
    own_server: bool = True
    allowed_extensions: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, settings: Settings, *, own_server: bool, also: Sequence[str] = ()
    ) -> Rules:
        """Return the rules that the settings give, and further productions.

        The production that a run reads is one, too. Raise SettingsError for a
        declared production that can never match.
        """
        return cls(
            settings.clone_pattern,
            (
                *parse_productions((*settings.productions, *also)),
                *_read_production(settings),
            ),
            settings.allow_superuser,
            own_server,
            settings.allowed_extensions,
        )

    def is_clone_name(self, name: str) -> bool:
        """Whether a clone may have that name: the whole of it matches the pattern."""
        return re.fullmatch(self.clone_pattern, name) is not None

    def production_of(self, identity: Identity) -> Production | None:
        """Return the declaration by which that database is a production, or None."""
        return next((p for p in self.productions if p.is_named(identity)), None)


def _read_production(settings: Settings) -> tuple[Production, ...]:
    """Return the production that a run reads, if its URL says which one that is."""
    if settings.production_url is None:
        return ()
    try:
        return (parse_production(settings.production_url),)
    except SettingsError:
        return ()  # by a service, say: it is told where it is read
