"""Properties of both policies over generated texts."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_oneroof.statements import grammar
from pytest_oneroof.statements.policy import (
    Circumstances,
    Refusal,
    judge_guarded,
    read_only_refusal,
    rules,
)
from pytest_oneroof.statements.read import (
    UNPARSED,
    Text,
    apply_savepoints,
    read,
    read_text,
    read_whole,
)

FORBIDDEN = sorted(
    {rule.pattern.replace("*", "x") for rule in rules()}
    | {"COMMIT", "; ROLLBACK;", "END", "ALTER SYSTEM", "lo_export(1, '/x')"}
    | {"DELETE FROM t", "COPY t TO PROGRAM 'x'", "--", "/*", "*/", "$$", "'", '"', "\\"}
)
COMMENTS = ["", " ", "\n", "-- ; COMMIT\n", "/* ' ; /* $$ */ END; */"]
HARMLESS = [
    "SELECT 1",
    "SELECT 'COMMIT; '",
    'SELECT $q$ ; ROLLBACK $q$ AS "; END"',
    r"SELECT E'\'; ABORT; --'",
    r"SELECT 'a\'",
    "INSERT INTO t (a) VALUES (1, 'x;') ON CONFLICT DO NOTHING",
    "CREATE TABLE t (a int DEFAULT 7 CHECK (a > 0))",
    "DO $b$ BEGIN PERFORM 1; END; $b$",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; DELETE FROM u)",
    "SAVEPOINT mine",
    "SET LOCAL search_path = a",
    "SELECT " + "||".join(["'x'"] * 47),
    "",
]
CONTROL = [
    "BEGIN",
    "START TRANSACTION READ WRITE",
    "COMMIT",
    "COMMIT AND CHAIN",
    "END",
    "ROLLBACK",
    "ROLLBACK AND NO CHAIN",
    "ABORT WORK",
    "PREPARE TRANSACTION 'x'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    "RELEASE theirs",
    "ROLLBACK TO theirs",
]


def guarded_refusal(text: str, **where: Any) -> Refusal | None:
    return judge_guarded(text, Circumstances(**where)).refusal


# Time is no property of these: a busy machine must not fail them.
unhurried = settings(deadline=None)


@st.composite
def any_case(draw: st.DrawFn, words: list[str]) -> str:
    text = draw(st.sampled_from(words))
    change = draw(st.sampled_from([str.lower, str.upper, str.title, str.swapcase]))
    return change(text)


def quoted(text: str) -> st.SearchStrategy[str]:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    plain = text.replace("'", "''")
    forms = [f"'{plain}'", f"E'{escaped}'", f"U&'{plain}' UESCAPE '!'"]
    forms = [f for f in forms if "!" not in text or not f.startswith("U&")]
    if "$tag" not in text and not text.endswith("$"):
        forms.append(f"$tag${text}$tag$")
    return st.sampled_from(forms)


LITERALS = (
    st.lists(
        st.one_of(
            st.sampled_from(FORBIDDEN),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        ),
        max_size=4,
    )
    .map(" ".join)
    .flatmap(quoted)
)


@unhurried
@given(
    before=st.lists(st.sampled_from(HARMLESS), max_size=4),
    control=any_case(CONTROL),
    after=st.lists(st.sampled_from(HARMLESS), max_size=4),
    gap=st.sampled_from(COMMENTS),
)
def test_finds_transaction_control_at_any_position(
    before: list[str], control: str, after: list[str], gap: str
) -> None:
    """Among harmless statements, control is refused and nothing else is."""
    harmless = f"{gap};{gap}".join([*before, *after])
    assert guarded_refusal(harmless) is None
    text = f"{gap};{gap}".join([*before, gap + control + gap, *after])
    refusal = guarded_refusal(text)
    assert refusal is not None
    assert refusal.rule.subject == "verb"
    assert refusal.statement.startswith(control)


@unhurried
@given(
    before=st.lists(st.sampled_from(HARMLESS), max_size=3),
    control=any_case(CONTROL[:11]),
    after=st.lists(st.sampled_from([*HARMLESS, "frobnicate 'x'"]), max_size=3),
)
def test_finds_transaction_control_beside_unknown_syntax(
    before: list[str], control: str, after: list[str]
) -> None:
    """Text that no grammar here can read hides no transaction control."""
    text = ";".join([*before, "FROBNICATE TABLE t", control, *after])
    assert guarded_refusal(text) is not None


@unhurried
@given(
    st.text()
    | st.lists(st.sampled_from([*FORBIDDEN, *CONTROL, *HARMLESS, ";"])).map(" ".join)
)
@example("\0")
@example("'\ud800")
@example("select $1a; commit")
@example("$$")
@example('U&"\\d800"')
@example("(" * 20_000)
def test_never_raises(text: str) -> None:
    """Any text at all gets an answer from both policies."""
    guarded = guarded_refusal(text)
    reading = read_only_refusal(text)
    for refusal in (guarded, reading):
        assert refusal is None or refusal.message.startswith("refused ")


@unhurried
@given(LITERALS, LITERALS)
def test_literals_are_never_refused(first: str, second: str) -> None:
    """Forbidden words inside string literals, however quoted, are only words."""
    query = f"SELECT {first} AS a, x || {second} FROM t WHERE b = {first}"
    assert grammar.parse(query) is not None
    assert guarded_refusal(query) is None
    assert read_only_refusal(query) is None
    assert guarded_refusal(f"INSERT INTO t VALUES ({first}); {query}") is None


@unhurried
@given(st.lists(st.sampled_from(FORBIDDEN), min_size=1, max_size=3))
def test_quoted_identifiers_are_never_refused(parts: list[str]) -> None:
    """Forbidden words as quoted names of columns and tables are only names."""
    name = " ".join(parts).replace('"', '""')
    query = f'SELECT "{name}" FROM "x {name}" AS "{name}"'
    assert guarded_refusal(query) is None
    assert read_only_refusal(query) is None


@unhurried
@given(st.lists(st.sampled_from(["pg_catalog.", "", '"pg_catalog".'])), st.data())
def test_builtin_functions_are_refused_however_spelled(
    schemas: list[str], data: st.DataObject
) -> None:
    """Schema, quotes, case and escapes of a call make no difference."""
    exact = [r for r in rules() if r.subject == "function" and "*" not in r.pattern]
    name = data.draw(st.sampled_from(exact)).pattern
    escapes = "".join(f"\\{ord(c):04x}" for c in name)
    spelled = data.draw(st.sampled_from([name.upper(), f'"{name}"', f'U&"{escapes}"']))
    schema = schemas[0] if schemas else ""
    text = f"SELECT coalesce({schema} {spelled} (1), 2)"
    refusal = guarded_refusal(text)
    assert refusal is not None
    assert refusal.rule.pattern == name


@unhurried
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["SAVEPOINT", "RELEASE", "ROLLBACK TO"]),
            st.sampled_from("abc"),
        ),
        max_size=12,
    )
)
def test_savepoints_of_the_check_are_never_refused(
    commands: list[tuple[str, str]],
) -> None:
    """Whatever the check opened it may use, in one text or one by one."""
    stack: tuple[str, ...] = ()
    valid = []
    for verb, name in commands:
        if verb == "SAVEPOINT" or name in stack:
            text = f"{verb} {name}"
            assert guarded_refusal(text, open_savepoints=frozenset(stack)) is None
            stack = apply_savepoints(stack, read(text))
            valid.append(text)
        else:
            refusal = guarded_refusal(
                f"{verb} {name}", open_savepoints=frozenset(stack)
            )
            assert refusal is not None
    whole = "; ".join(valid)
    assert guarded_refusal(whole) is None
    assert apply_savepoints((), read(whole)) == stack


PIECES = [
    *("SELECT ", "lo_export(", "f(", ")", ", ", " FROM t", "; ", "COMMIT", "||", "+"),
    *(
        "'",
        "''",
        "'x'",
        "E'",
        "U&'",
        "$1",
        "$$",
        "1",
        "17",
        "2.5",
        "a",
        "t17",
        "-",
        "(",
    ),
    *(
        '"',
        '"t"',
        "--",
        "/*",
        "*/",
        "\\",
        "\n",
        " ",
        "é",
        " WHERE a IN (1, 2)",
        "VALUES ",
    ),
    *("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "UPDATE t SET a = 'b' WHERE c = 3"),
    *("set_config('a', 'b', true)", "pg_logical_emit_message(false, 'a', 'b')"),
]


@settings(deadline=None, max_examples=2_000)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join))
@example("SELECT '; COMMIT")
@example("SELECT ', lo_export(1, '/x'), '")
@example("INSERT INTO t VALUES (1, ')'), (2, '), (3, lo_export(1, '')')")
def test_what_is_read_by_shape_is_what_is_read_whole(text: str) -> None:
    """No two texts are taken for alike that differ in more than their constants."""
    by_shape, whole = read_text(text), read_whole(text)

    def told(found: Text) -> list[object]:
        return [
            (s.kind, s.verb, s.functions, s.written, s.relations, s.traits, s.settings)
            for s in found.statements
        ]

    if whole.statements and whole.statements[0].kind != UNPARSED:
        assert told(by_shape) == told(whole)
    else:
        # What the server cannot read it does not run.
        assert not any(s.verb for s in by_shape.statements) or by_shape is whole


def test_every_rule_is_listed_once() -> None:
    """No pattern stands twice under one policy and subject."""
    keys = [(r.policy, r.subject, r.pattern) for r in rules()]
    assert len(keys) == len(set(keys))
    assert {r.policy for r in rules()} == {"guarded", "read-only"}
