"""The two policies: what a guarded check, and a read-only one, may send.

Pure: text in, the first refusal out. The rows are in `guarded_rules` and
`read_only_rules`. The policies are one layer of four: what a routine of the database
does by itself, and SQL put together at run time, is covered by the role's rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache

from pytest_oneroof.errors import StatementRefused
from pytest_oneroof.redaction import redact
from pytest_oneroof.statements import guarded_rules, read_only_rules
from pytest_oneroof.statements.read import CACHED_CHARACTERS, UNPARSED, Statement, read
from pytest_oneroof.statements.rules import Policy, Rule, Subject, expand
from pytest_oneroof.statements.tree import bare

__all__ = ["Refusal", "Rule", "guarded_refusal", "read_only_refusal", "rules"]

READABLE_LANGUAGES = frozenset({"sql", "plpgsql"})
READING_KINDS = frozenset({"SelectStmt", "VariableShowStmt", "ExplainStmt"})
SAVEPOINT_VERBS = frozenset({"savepoint", "release", "rollback_to"})
RESERVED_SAVEPOINTS = "oneroof"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text may not be sent, what to do instead, and which statement it is.

    `statement` has passwords masked. `rule` is the row that refused.
    """

    message: str
    remedy: str
    statement: str
    rule: Rule

    def error(self) -> StatementRefused:
        """Return the exception to raise."""
        return StatementRefused(
            self.message, statement=self.statement, remedy=self.remedy
        )


def rules() -> tuple[Rule, ...]:
    """Return every rule of both policies, the guarded one first."""
    return _GUARDED + _READ_ONLY


def guarded_refusal(
    text: str, *, open_savepoints: frozenset[str] = frozenset()
) -> Refusal | None:
    """Return why `text` may not be sent in the guarded transaction, or None.

    :param open_savepoints: names that the check opened by SAVEPOINT and that are
        inside whatever savepoint of the proof is open; see `apply_savepoints`.
    """
    if len(text) > CACHED_CHARACTERS:
        return _guarded(text, open_savepoints)
    return _guarded_cached(text, open_savepoints)


def read_only_refusal(text: str) -> Refusal | None:
    """Return why `text` may not be sent to a production, or None."""
    if len(text) > CACHED_CHARACTERS:
        return _read_only(text)
    return _read_only_cached(text)


def _guarded(text: str, open_savepoints: frozenset[str]) -> Refusal | None:
    known = set(open_savepoints)
    for statement in read(text):
        refusal = _verb_refusal(statement, known) or _guarded_match(statement)
        if refusal:
            return refusal
    return None


def _verb_refusal(statement: Statement, known: set[str]) -> Refusal | None:
    verb, name = statement.verb, statement.savepoint
    if verb is None:
        return None
    if verb not in SAVEPOINT_VERBS:
        return _match("guarded", "verb", [verb], statement)
    if name is None:
        return _refusal(_text_rule("guarded", "unparsed savepoint"), statement)
    if verb == "savepoint":
        if name.lower().startswith(RESERVED_SAVEPOINTS):
            return _refusal(_text_rule("guarded", "own savepoint"), statement)
        known.add(name)
    elif name not in known:
        return _match("guarded", "verb", [verb], statement)
    return None


def _guarded_match(statement: Statement) -> Refusal | None:
    called = statement.functions
    own = {n.removeprefix("pg_catalog.") for n in called}
    return _first(
        "guarded",
        statement,
        ("setting", statement.settings),
        ("written", statement.written),
        ("trait", statement.traits),
        ("statement", statement.kinds),
        ("language", statement.languages - READABLE_LANGUAGES),
        ("extension", statement.extensions),
        ("function", own),
        ("any function", {bare(n) for n in called}),
    )


def _read_only(text: str) -> Refusal | None:
    statements = read(text)
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
        ("statement", {statement.kind} & foreign or foreign),
        ("trait", statement.traits),
        ("any function", {bare(n) for n in statement.functions}),
    )


_guarded_cached = lru_cache(maxsize=4096)(_guarded)
_read_only_cached = lru_cache(maxsize=4096)(_read_only)


def _first(
    policy: Policy, statement: Statement, *found: tuple[Subject, Iterable[str]]
) -> Refusal | None:
    for subject, names in found:
        refusal = _match(policy, subject, names, statement)
        if refusal:
            return refusal
    return None


def _match(
    policy: Policy, subject: Subject, names: Iterable[str], statement: Statement
) -> Refusal | None:
    for name in sorted(names):
        rule = _index(policy, subject).find(name)
        if rule:
            return _refusal(rule, statement, _shown(subject, name, statement))
    return None


def _refusal(rule: Rule, statement: Statement, found: str = "") -> Refusal:
    title = rule.title.format(found)
    where = " (read-only)" if rule.policy == "read-only" else ""
    text = redact(statement.text)
    return Refusal(f"refused {title}{where}: {rule.reason}", rule.remedy, text, rule)


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
