"""Comparing fingerprints, and telling the result as text and as plain data."""

from __future__ import annotations

import json

import pytest

from pytest_oneroof import errors as e
from pytest_oneroof.fingerprint.compare import (
    Content,
    ContentFingerprint,
    Difference,
    Fingerprint,
    SchemaFingerprint,
    compare,
    compare_content,
    comparison_to_data,
    from_data,
    render,
    summarise,
    to_data,
)

BEFORE = SchemaFingerprint(
    {
        "table gov.t": "TABLE\n  a integer\n  b text\n  c text\n  d text",
        "event_trigger told": "ON sql_drop",
        "view gov.v": "VIEW\nSELECT 1",
    },
    database="directus",
    server_version=160014,
    left_out=("schema oneroof",),
)
AFTER = SchemaFingerprint(
    {
        "table gov.t": "TABLE\n  a integer\n  b text\n  c text\n  d text NOT NULL ",
        "event_trigger told": "ON sql_drop",
        "function gov.f()": "FUNCTION()\r\nAS x",
    },
    database="directus_gov_test_20260602",
)
CONTENT = ContentFingerprint(
    {
        "table gov.t": Content(3, "123"),
        "sequence gov.s": Content(None, "at 5"),
        "table gov.hidden": Content(None, "", "no SELECT right"),
    },
    database="directus",
)


def test_compares_by_kind_and_identity() -> None:
    """Differences come sorted, each with both sides."""
    assert [(d.kind, d.identity, d.change) for d in compare(BEFORE, AFTER)] == [
        ("function", "gov.f()", "added"),
        ("table", "gov.t", "changed"),
        ("view", "gov.v", "removed"),
    ]
    removed = compare(BEFORE, AFTER)[2]
    assert (removed.before, removed.after) == ("VIEW\nSELECT 1", None)


def test_renders_small_diffs() -> None:
    """The text shows the changed lines with little around, blanks at ends marked."""
    assert render(compare(BEFORE, AFTER)) == (
        "3 differences\n"
        "+ function gov.f() added\n"
        "    +FUNCTION()␍\n"
        "    +AS x\n"
        "~ table gov.t changed\n"
        "       b text\n"
        "       c text\n"
        "    -  d text\n"
        "    +  d text NOT NULL·\n"
        "- view gov.v removed\n"
        "    -VIEW\n"
        "    -SELECT 1"
    )
    assert render(()) == "no difference"


def test_renders_kinds_as_words() -> None:
    """A kind of two words is written as two words."""
    added = Difference("event_trigger", "told", "added", None, "ON sql_drop")
    assert str(added) == "+ event trigger told added\n    +ON sql_drop"
    assert render([added]).startswith("1 difference\n")


def test_refuses_to_compare_two_formulas() -> None:
    """A stored fingerprint of an older formula is not compared with a new one."""
    old = SchemaFingerprint({}, formula="oneroof-schema/0")
    with pytest.raises(e.OneroofError) as raised:
        compare(old, BEFORE)
    assert str(raised.value) == (
        "fingerprints of two formulas cannot be compared: "
        "oneroof-schema/0 and oneroof-schema/1"
    )


@pytest.mark.parametrize("fingerprint", [BEFORE, CONTENT], ids=["schema", "content"])
def test_comes_back_from_plain_data(fingerprint: Fingerprint) -> None:
    """What was stored as JSON is the same fingerprint, down to the digest."""
    back = from_data(json.loads(json.dumps(to_data(fingerprint))))
    assert back == fingerprint
    assert back.digest == fingerprint.digest


@pytest.mark.parametrize("fingerprint", [BEFORE, CONTENT], ids=["schema", "content"])
def test_refuses_damaged_data(fingerprint: Fingerprint) -> None:
    """Stored data whose objects do not give its digest is refused, with both."""
    data = to_data(fingerprint)
    digest = data["digest"]
    part = data.get("objects") or data["items"]
    del part["table gov.t"]
    with pytest.raises(e.OneroofError) as raised:
        from_data(data)
    assert str(raised.value).startswith(
        f"stored fingerprint of directus is damaged: digest {digest}, its objects give "
    )


def test_tells_a_comparison_as_plain_data() -> None:
    """The data names both sides, the verdict and each difference with its text."""
    differences = compare(BEFORE, AFTER)
    data = json.loads(json.dumps(comparison_to_data(BEFORE, AFTER, differences)))
    assert data["equal"] is False
    assert data["before"] == {"database": "directus", "digest": BEFORE.digest}
    assert data["left_out"] == ["schema oneroof"]
    assert [d["text"] for d in data["differences"]] == [str(d) for d in differences]
    same = comparison_to_data(CONTENT, CONTENT, compare_content(CONTENT, CONTENT))
    assert (same["equal"], same["unreadable"]) == (True, ["table gov.hidden"])


def test_summarises_a_fingerprint() -> None:
    """The summary has the digest, numbers by kind, and what is not covered."""
    assert summarise(BEFORE) == (
        f"directus: oneroof-schema/1 {BEFORE.digest}\n"
        "  event_trigger 1, table 1, view 1\n"
        "  left out: schema oneroof"
    )
    assert summarise(CONTENT) == (
        f"directus: oneroof-content/1 {CONTENT.digest}\n"
        "  sequence 1, table 2\n"
        "  table gov.hidden: unreadable: no SELECT right"
    )
