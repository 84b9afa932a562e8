"""Tests of the decision packet: nothing is selected, and no approval is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.packet.decision import (
    check_decision,
    ladder,
    show,
    template,
    validate_file,
)

TREE = "0123456789abcdef" * 4
DRYRUN = "AUTHORIZE_PRODUCTION_DRYRUN_ONLY"
SIGNED = {
    "name": "Nguyen Thi Owner",
    "signed_at": "2026-06-12T09:00:00+07:00",
    "selected_option": DRYRUN,
    "packet_tree": TREE,
}


def asked(**changes: Any) -> dict[str, Any]:
    """Return a template with changes."""
    document = template(rehearsed=True, open_blockers=["B-1"], packet_tree=TREE)
    return {**document, **changes}


def selected(option: str = DRYRUN, **signature: Any) -> dict[str, Any]:
    """Return a decision in which an option is selected and signed."""
    signed = {**SIGNED, "selected_option": option, **signature}
    return asked(selected_option=option, owner_signature=signed)


def codes(document: Any) -> list[str]:
    """Return the codes of the refusals."""
    return [refusal.code for refusal in check_decision(document)]


def test_template_holds_production_and_selects_nothing() -> None:
    """What the tool writes defaults to hold, with nothing selected or signed."""
    document = template(rehearsed=False, open_blockers=["B-2", "B-1"])
    assert document["default"] == "HOLD_PRODUCTION"
    assert document["selected_option"] is None
    assert document["owner_signature"] == "UNSIGNED"
    assert document["execution_authorization_status"] == "NOT_AUTHORIZED"
    assert document["open_blockers"] == ["B-1", "B-2"]
    assert codes(document) == []


def test_ladder_is_shown_with_what_cannot_be_selected() -> None:
    """Showing tells each step, the default, and what is not selectable any more."""
    answer = show(asked())
    text = "\n".join(answer.lines)
    assert answer.status == 0
    assert "  HOLD_PRODUCTION (default)" in answer.lines
    assert (
        "  AUTHORIZE_PRODUCTION_REHEARSAL_ONLY; no longer offered: it was rehearsed"
        in answer.lines
    )
    assert "  AUTHORIZE_PRODUCTION_EXECUTION; not selectable here" in answer.lines
    assert "selected: none · signature: UNSIGNED · NOT_AUTHORIZED" in text
    assert "open blockers (1): B-1" in text
    assert answer.data["selected_option"] is None


def test_signed_selection_is_well_formed_and_authorizes_nothing(tmp_path: Path) -> None:
    """A signed selection passes, and the answer says that it authorizes nothing."""
    file = tmp_path / "decision.json"
    file.write_text(json.dumps(selected()))
    answer = validate_file(file)
    assert answer.status == 0
    assert answer.lines == (
        "the decision is well formed; it authorizes nothing by itself",
        f"selected: {DRYRUN}; in force: {DRYRUN}",
    )


def test_unanswered_decision_means_hold(tmp_path: Path) -> None:
    """A decision that nobody answered is in order, and hold is in force."""
    file = tmp_path / "decision.json"
    file.write_text(json.dumps(asked()))
    assert validate_file(file).lines[-1] == (
        "selected: nothing; in force: HOLD_PRODUCTION"
    )


REFUSED: dict[str, tuple[Any, list[str]]] = {
    "other default": (asked(default=DRYRUN), ["DEFAULT_NOT_HOLD"]),
    "other ladder": (asked(options=["HOLD_PRODUCTION"]), ["LADDER_ALTERED"]),
    "unknown option": (selected("GO_AHEAD"), ["UNKNOWN_OPTION"]),
    "execution": (
        selected("AUTHORIZE_PRODUCTION_EXECUTION"),
        ["OPTION_NOT_SELECTABLE"],
    ),
    "rehearsal after it": (
        selected("AUTHORIZE_PRODUCTION_REHEARSAL_ONLY"),
        ["OPTION_NOT_OFFERED"],
    ),
    "unsigned": (asked(selected_option=DRYRUN), ["OWNER_APPROVAL_FABRICATED"]),
    "empty signature": (
        asked(selected_option=DRYRUN, owner_signature=""),
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "signed as text": (
        asked(selected_option=DRYRUN, owner_signature="Nguyen Thi Owner"),
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "nobody": (selected(name=" TBD "), ["OWNER_APPROVAL_FABRICATED"]),
    "a tool": (selected(name="pytest-oneroof bot"), ["OWNER_APPROVAL_FABRICATED"]),
    "other option signed": (
        {**selected(), "selected_option": "HOLD_PRODUCTION"},
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "other packet signed": (
        selected(packet_tree="f" * 64),
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "no packet": (
        {**selected(packet_tree=""), "packet_tree": ""},
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "no date": (selected(signed_at="yesterday"), ["OWNER_APPROVAL_FABRICATED"]),
    "no zone": (
        selected(signed_at="2026-06-12T09:00:00"),
        ["OWNER_APPROVAL_FABRICATED"],
    ),
    "signed without selection": (
        asked(owner_signature=SIGNED),
        ["SIGNATURE_WITHOUT_SELECTION"],
    ),
    "authorized in template": (
        asked(execution_authorization_status="READY"),
        ["EXECUTION_AUTHORIZED_IN_TEMPLATE"],
    ),
    "authorized by selection": (
        {**selected(), "execution_authorization_status": "READY"},
        ["EXECUTION_READY_OVERCLAIM"],
    ),
    "mutation": (
        asked(production_mutation_allowed_now=True),
        ["PRODUCTION_MUTATION_ALLOWED_NOW"],
    ),
    "overclaim": (
        asked(review_verdict="READY_FOR_EXECUTION"),
        ["EXECUTION_READY_OVERCLAIM"],
    ),
    "token": (asked(notes=["REAL_RUN_PASS"]), ["FORBIDDEN_TOKEN"]),
    "token in a look-alike": (asked(notes=["ＣＵＴＯＶＥＲ"]), ["FORBIDDEN_TOKEN"]),
    "token with an invisible letter": (
        asked(notes=["QT\u200b001"]),
        ["FORBIDDEN_TOKEN"],
    ),
    "unknown key": (asked(authorized=True), ["MALFORMED_DECISION"]),
    "a list": ([], ["MALFORMED_DECISION"]),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_each_overclaim_is_refused_by_its_code(case: str, tmp_path: Path) -> None:
    """Each is refused by its code, status 1, without repeating what it claims."""
    document, expected = REFUSED[case]
    file = tmp_path / "decision.json"
    file.write_text(json.dumps(document))
    answer = validate_file(file)
    assert [f["code"] for f in answer.data["findings"]] == expected
    assert answer.status == 1
    assert answer.lines[0].endswith("in force: HOLD_PRODUCTION")
    said = "\n".join(answer.lines) + json.dumps(answer.data, ensure_ascii=False)
    for claim in ("_PASS", "READY_FOR_EXECUTION", "GO_AHEAD", "ＣＵＴＯＶＥＲ", "well"):
        assert claim not in said


@given(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=12),
            "signed_at": st.text(max_size=12),
            "selected_option": st.sampled_from([DRYRUN, "HOLD_PRODUCTION"]),
            "packet_tree": st.sampled_from([TREE, "", "f" * 64]),
        }
    )
    | st.text(max_size=8)
    | st.none()
)
def test_made_up_signatures_never_pass(signature: Any) -> None:
    """No signature without a date is taken for the owner's."""
    found = codes(asked(selected_option=DRYRUN, owner_signature=signature))
    assert "OWNER_APPROVAL_FABRICATED" in found


def test_every_option_of_the_ladder_says_what_it_means() -> None:
    """The ladder's data are whole: one default, execution not selectable."""
    steps = ladder()["options"]
    assert all(step["means"] for step in steps)
    assert [s["option"] for s in steps if not s["selectable"]] == [
        "AUTHORIZE_PRODUCTION_EXECUTION"
    ]
    assert ladder()["default"] == steps[0]["option"] == "HOLD_PRODUCTION"


def test_unreadable_files_are_told_apart(tmp_path: Path) -> None:
    """An absent file is wrong use (2); a malformed one is refused (1)."""
    assert validate_file(tmp_path / "none.json").status == 2
    bad = tmp_path / "bad.json"
    bad.write_text('{"default": "HOLD_PRODUCTION", "default": "X"}')
    answer = validate_file(bad)
    assert answer.status == 1
    assert answer.lines[1] == "  MALFORMED_JSON: a key is given twice in one object"
