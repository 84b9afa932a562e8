"""The two policies: what a guarded check, and a read-only one, may send.

Pure: a text in, the first refusal out. The rows are in `guarded_rules` and
`read_only_rules`. The policies are one layer of four: what a routine of the database
does by itself, and SQL put together at run time, is covered by the role's rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

from pytest_oneroof.errors import StatementRefused
from pytest_oneroof.redaction import redact
from pytest_oneroof.statements import guarded_rules, read_only_rules
from pytest_oneroof.statements.lexical import DEFAULT, own
from pytest_oneroof.statements.read import (
    CACHED_CHARACTERS,
    UNPARSED,
    Statement,
    Text,
    read_text,
    read_whole,
)
from pytest_oneroof.statements.rules import Policy, Rule, Subject, expand
from pytest_oneroof.statements.tree import bare

__all__ = [
    "Catalog",
    "Circumstances",
    "Judged",
    "Refusal",
    "Rule",
    "Where",
    "judge_guarded",
    "read_only_refusal",
    "rules",
]

READABLE_LANGUAGES = frozenset({"sql", "plpgsql"})
READING_KINDS = frozenset({"SelectStmt", "VariableShowStmt", "ExplainStmt"})
SAVEPOINT_VERBS = frozenset({"savepoint", "release", "rollback_to"})
RESERVED_SAVEPOINTS = "oneroof"
# In what mode a check's transaction runs, and each that is played after a commit.
MODE = frozenset({DEFAULT.lower(), "off", "false", "no", "0", "read committed"})


class Catalog(Protocol):
    """What the database knows of names: by these a refusal may be unfounded."""

    def has_function(self, name: str, *, anywhere: bool) -> bool:
        """Tell whether a routine of that name is not in SQL or PL/pgSQL.

        `anywhere`: also one that a call without a schema does not find now.
        """

    def has_untrusted_language(self, name: str) -> bool:
        """Tell whether routines in that language can act outside of the database."""


class UnknownCatalog:
    """No database to ask: every name is taken for what it says."""

    def has_function(self, name: str, *, anywhere: bool) -> bool:
        """Take it for what it says."""
        return bool(name) or anywhere

    def has_untrusted_language(self, name: str) -> bool:
        """Take it for what it says."""
        return bool(name)


class Where(Protocol):
    """Where a text is judged for a guarded check."""

    @property
    def open_savepoints(self) -> Set[str]:
        """The names that the check opened by SAVEPOINT, or that `transaction()` did.

        They are inside whatever savepoint of the proof is open (`apply_savepoints`).
        """

    @property
    def plays_commits(self) -> bool:
        """Whether commits are played, in isolation 'savepoint'."""

    @property
    def catalog(self) -> Catalog:
        """What the clone's catalog knows."""


@dataclass(frozen=True)
class Circumstances:
    """Where a text is judged, each part given."""

    open_savepoints: Set[str] = frozenset()
    plays_commits: bool = False
    catalog: Catalog = field(default_factory=UnknownCatalog)


NOWHERE = Circumstances()


class Judged(NamedTuple):
    """What a text says, and why it may not be sent, or None."""

    text: Text
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text may not be sent, what to do instead, and which statement it is.

    `statement` has passwords masked. `rule` is the row that refused, `name` the name
    that it is about.
    """

    message: str
    remedy: str
    statement: str
    rule: Rule
    name: str = ""

    def error(self) -> StatementRefused:
        """Return the exception to raise."""
        return StatementRefused(
            self.message, statement=self.statement, remedy=self.remedy
        )


def rules() -> tuple[Rule, ...]:
    """Return every rule of both policies, the guarded one first."""
    return _GUARDED + _READ_ONLY


def judge_guarded(
    text: str, where: Where = NOWHERE, *, conforming: bool = True
) -> Judged:
    """Read `text` and judge whether it may be sent in the guarded transaction.

    `conforming` is the session's standard_conforming_strings.
    """
    found = read_text(text, conforming=conforming)
    refusal = _guarded(found, where)
    if refusal and found.by_shape:
        # Shown as it was written.
        found = read_whole(text, conforming=conforming)
        refusal = _guarded(found, where)
    return Judged(found, refusal)


def read_only_refusal(text: str) -> Refusal | None:
    """Return why `text` may not be sent to a production, or None."""
    if len(text) > CACHED_CHARACTERS:
        return _read_only(text)
    return _read_only_cached(text)


def _guarded(text: Text, where: Where) -> Refusal | None:
    if not text.controls and not _plain_refusal(text, where.plays_commits):
        return None
    known = set(where.open_savepoints)
    for statement in text.statements:
        refusal = _verb_refusal(statement, known) or _founded(text, statement, where)
        if refusal:
            return refusal
    return None


def _plain(text: Text, plays_commits: bool) -> Refusal | None:  # noqa: FBT001 - a key
    where = Circumstances(plays_commits=plays_commits)
    found = (_founded(text, statement, where) for statement in text.statements)
    return next(filter(None, found), None)


def _founded(text: Text, statement: Statement, where: Where) -> Refusal | None:
    """Return the first refusal of a statement that the catalog does not contradict."""
    passed: set[str] = set()
    while refusal := _guarded_match(statement, where, passed):
        if not _contradicted(refusal, text, statement, where.catalog):
            return refusal
        passed.add(refusal.name)
    return None


def _contradicted(
    refusal: Refusal, text: Text, statement: Statement, catalog: Catalog
) -> bool:
    """Tell whether the catalog knows nothing of that name that could act outside."""
    subject = refusal.rule.subject
    if subject == "language":
        return not catalog.has_untrusted_language(refusal.name)
    if subject not in ("function", "any function", "call beside"):
        return False
    # When a body runs, or after a change of the path, other schemas may be searched.
    anywhere = bool(statement.language) or any(
        setting.name == "search_path" for setting in text.settings
    )
    return not catalog.has_function(refusal.name, anywhere=anywhere)


def _verb_refusal(statement: Statement, known: set[str]) -> Refusal | None:
    verb, name = statement.verb, statement.savepoint
    if verb is None:
        return None
    if verb not in SAVEPOINT_VERBS:
        return _match("guarded", "verb", {verb: verb}, statement)
    if name is None:
        return _refusal(_text_rule("guarded", "unparsed savepoint"), statement)
    if verb == "savepoint":
        if name.lower().startswith(RESERVED_SAVEPOINTS):
            return _refusal(_text_rule("guarded", "own savepoint"), statement)
        known.add(name)
    elif name not in known:
        return _match("guarded", "verb", {verb: verb}, statement)
    return None


def _guarded_match(
    statement: Statement, where: Where, passed: Set[str]
) -> Refusal | None:
    called = statement.functions - passed
    next_mode = (
        setting.name
        for setting in statement.settings
        if where.plays_commits and (setting.value or "").lower() not in MODE
    )
    return _first(
        "guarded",
        statement,
        ("setting", _same(setting.name for setting in statement.settings)),
        ("next mode", _same(next_mode)),
        ("written", _same(statement.written)),
        ("trait", _same(statement.traits)),
        ("statement", _same(statement.kinds)),
        ("language", _same(statement.languages - READABLE_LANGUAGES - passed)),
        ("extension", _same(statement.extensions)),
        ("call beside", {own(n): n for n in statement.beside - passed}),
        ("function", {own(n): n for n in called}),
        ("any function", {bare(n): n for n in called}),
    )


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _read_only(text: str) -> Refusal | None:
    statements = read_whole(text).statements
    if not statements:
        return _refusal(_text_rule("read-only", "empty"), Statement(text, UNPARSED))
    for statement in statements:
        if statement.kind == UNPARSED:
            return _refusal(_text_rule("read-only", "unparsed"), statement)
    if len(statements) > 1:
        several = _text_rule("read-only", "several")
        return _refusal(several, Statement(text, UNPARSED), str(len(statements)))
    (statement,) = statements
    foreign = statement.kinds - READING_KINDS
    return _first(
        "read-only",
        statement,
        ("statement", _same({statement.kind} & foreign or foreign)),
        ("trait", _same(statement.traits)),
        ("any function", {bare(n): n for n in statement.functions}),
    )


_plain_refusal = lru_cache(maxsize=4096)(_plain)
_read_only_cached = lru_cache(maxsize=4096)(_read_only)


def _first(
    policy: Policy, statement: Statement, *found: tuple[Subject, dict[str, str]]
) -> Refusal | None:
    for subject, names in found:
        refusal = _match(policy, subject, names, statement) if names else None
        if refusal:
            return refusal
    return None


def _match(
    policy: Policy, subject: Subject, names: dict[str, str], statement: Statement
) -> Refusal | None:
    """Return the refusal of the first name, in order, that a rule has.

    `names` are those that rules are compared with, each with the name as written.
    """
    for name in sorted(names):
        rule = _index(policy, subject).find(name)
        if rule:
            shown = _shown(subject, name, statement)
            return _refusal(rule, statement, shown, names[name])
    return None


def _refusal(
    rule: Rule, statement: Statement, found: str = "", name: str = ""
) -> Refusal:
    where = " (read-only)" if rule.policy == "read-only" else ""
    message = f"refused {rule.title.format(found)}{where}: {rule.reason}"
    return Refusal(message, rule.remedy, redact(statement.text), rule, name)


def _shown(subject: Subject, name: str, statement: Statement) -> str:
    if statement.verb:
        return statement.verb.replace("_", " ").upper()
    return _command(name) if subject == "statement" else name


def _command(kind: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Stmt")).upper()
    return _COMMANDS.get(kind, words)


# Where the grammar's name is not the command's.
_COMMANDS = {
    "AlterFdwStmt": "ALTER FOREIGN DATA WRAPPER",
    "AlterForeignServerStmt": "ALTER SERVER",
    "CheckPointStmt": "CHECKPOINT",
    "ClosePortalStmt": "CLOSE",
    "ConstraintsSetStmt": "SET CONSTRAINTS",
    "CreateFdwStmt": "CREATE FOREIGN DATA WRAPPER",
    "CreateForeignServerStmt": "CREATE SERVER",
    "CreatePLangStmt": "CREATE LANGUAGE",
    "CreateSeqStmt": "CREATE SEQUENCE",
    "CreateStmt": "CREATE TABLE",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "CreateTrigStmt": "CREATE TRIGGER",
    "CreatedbStmt": "CREATE DATABASE",
    "DeclareCursorStmt": "DECLARE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
    "DropdbStmt": "DROP DATABASE",
    "IndexStmt": "CREATE INDEX",
    "RuleStmt": "CREATE RULE",
    "VariableSetStmt": "SET",
    "ViewStmt": "CREATE VIEW",
}


class _Index:
    # The rules of one policy and subject: exact patterns first, then globs.

    def __init__(self, rows: Iterable[Rule]) -> None:
        self.exact: dict[str, Rule] = {}
        self.globs: list[Rule] = []
        for row in rows:
            if "*" in row.pattern:
                self.globs.append(row)
            else:
                self.exact[row.pattern] = row

    def find(self, name: str) -> Rule | None:
        globs = (r for r in self.globs if fnmatchcase(name, r.pattern))
        return self.exact.get(name) or next(globs, None)


_GUARDED = tuple(expand("guarded", guarded_rules.ROWS))
_READ_ONLY = tuple(expand("read-only", read_only_rules.ROWS))


@cache
def _index(policy: Policy, subject: Subject) -> _Index:
    return _Index(r for r in rules() if (r.policy, r.subject) == (policy, subject))


def _text_rule(policy: Policy, pattern: str) -> Rule:
    return _index(policy, "text").exact[pattern]
