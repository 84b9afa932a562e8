"""Tests of who and what ratifies a packet: votes, people, the request, its dates.

One SELECT decides for the executor and within every gated file, so that it is asked
here, on a clone, in transactions that are rolled back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.plan import open_packet
from pytest_oneroof.release.ratified import read_refusal
from pytest_oneroof.release.steps import Connection, Where
from tests.release.conftest import (
    APPROVAL,
    Ended,
    Production,
    packet_statements,
)

FULL = open_packet("full", bundled())
HUMAN, COUNCIL = "human", "ai_council"
PRESIDENT = ("president", HUMAN)
# As 211 requests of the stand-in are: this one is pending, and nobody has voted.
SIGN = """
ALTER TABLE public.approval_requests DISABLE TRIGGER USER;
ALTER TABLE public.apr_approvals DROP CONSTRAINT chk_apr_approvals_decision;
UPDATE public.approval_requests SET status = 'approved' WHERE id = 211;
INSERT INTO public.os_proposal_approvals
  (id, status, signature_text, esignature_agreement)
VALUES (repeat('a', 36), 'published', 'The President', true);
"""
QUORUM = (PRESIDENT, ("gemini", COUNCIL), ("gpt", COUNCIL))

Ask = Callable[..., str]


@pytest.fixture(scope="module")
def connection(closed_clone: Where) -> Iterator[Connection]:
    """One connection to a clone; each question rolls back what it has made."""
    with contextlib.closing(connect(closed_clone.url)) as opened:
        opened.execute("SET default_transaction_read_only = off")
        yield opened


@pytest.fixture
def ask(connection: Connection) -> Ask:
    """Ask whether the votes and changes given ratify packet full."""

    def answer(
        votes: Sequence[tuple[str, str]] = QUORUM,
        change: str = "",
        code: str = APPROVAL,
        request: Mapping[str, str] | None = None,
    ) -> str:
        with connection.transaction(force_rollback=True):
            connection.execute(SIGN.encode())
            for approver, kind in votes:
                vote(connection, approver, kind)
            connection.execute(change.encode())
            settings = {"search_path": "pg_catalog", "oneroof.ratified_apr": code}
            for name, value in settings.items():
                connection.execute(
                    "SELECT pg_catalog.set_config(%s, %s, true)", [name, value]
                )
            packet = FULL if request is None else replace(FULL, request=request)
            return read_refusal(connection, packet).partition(";")[0]

    return answer


def vote(connection: Connection, approver: str, kind: str) -> None:
    """Vote for the request."""
    connection.execute(
        "INSERT INTO public.apr_approvals"
        " (apr_id, approver, approver_type, decision, rationale)"
        " VALUES (211, %s, %s, 'approve', 'by the test')",
        [approver, kind],
    )


def without_quorum(president: int, council: int, rejects: int = 0) -> str:
    """Return the words of a quorum that is not one."""
    return (
        f"REFUSING: approval {APPROVAL} is without its quorum (president={president} "
        f"council={council} rejects={rejects})"
    )


def council(*names: str) -> tuple[tuple[str, str], ...]:
    """Return the votes of the president and of these members of the council."""
    return (PRESIDENT, *((name, COUNCIL) for name in names))


@pytest.mark.parametrize(
    "votes",
    [QUORUM, council("GPT", "Gemini"), council("council-1 (acting)", "gpt")],
)
def test_people_of_the_council_and_the_president_ratify(votes: Any, ask: Ask) -> None:
    """A president and two of the council, however they are written, are a quorum."""
    assert ask(votes) == ""


ONE_PERSON = {
    "case": "Gemini",
    "blank after": "gemini ",
    "blank before": " gemini",
    "tab": "gemini\t",
    "no-break space": "gemini\u00a0",
    "zero width": "gemi\u200bni",
    "word joiner": "\u2060gemini",
    "width": "ｇｅｍｉｎｉ",
    "look-alike": "gеmini",
    "accent": "gémini",
    "dotless": "gemını",
    "kind": "agent:gemini",
    "ending": "gemini-ai-council",
    "all": "AGENT: Gemini-AI-Council",
}


@pytest.mark.parametrize("spelling", list(ONE_PERSON))
def test_one_person_in_two_spellings_is_one(spelling: str, ask: Ask) -> None:
    """Two votes of one member of the council, or what looks like it, are no two."""
    assert ask(council("gemini", ONE_PERSON[spelling])) == without_quorum(1, 1)


@pytest.mark.parametrize("name", ["--", "…", "\u200b", "\u3164", " ", "()"])
def test_a_name_without_letter_or_digit_is_nobody(name: str, ask: Ask) -> None:
    """Punctuation and what nobody sees do not vote."""
    assert ask(council("gemini", name)) == without_quorum(1, 1)


@pytest.mark.parametrize(
    "name",
    [
        *("vice president", "president of the choir", "ex-president", "presidente"),
        *("President", "PRESIDENT", "president ", " president", "\u200bpresident"),
        *("рresident", "ｐｒｅｓｉｄｅｎｔ", "president (acting)"),
    ],
)
def test_a_role_is_its_exact_id(name: str, ask: Ask) -> None:
    """A title that contains the word, or another spelling of it, is no president."""
    votes = ((name, HUMAN), ("gemini", COUNCIL), ("gpt", COUNCIL))
    assert ask(votes) == without_quorum(0, 2)


def test_one_person_fills_one_seat(ask: Ask) -> None:
    """Who votes as a human and as the council is neither twice."""
    assert ask(((*PRESIDENT,), ("gpt", COUNCIL), ("GPT", HUMAN))) == without_quorum(
        1, 0
    )
    assert ask(council("President", "gpt")) == without_quorum(0, 1)
    assert ask((("president", COUNCIL), *QUORUM[1:])) == without_quorum(0, 3)


PROPOSERS = {
    '{"proposer": "president"}': (0, 2),
    '{"proposer": " President "}': (0, 2),
    '{"proposer": "PRESIDENT\\u200b"}': (0, 2),
    '{"proposer": "president\\u3164"}': (0, 2),
    '{"proposer": "ｐｒｅｓｉｄｅｎｔ"}': (0, 2),
    '{"proposer": "prés\\u0131dent", "created_by": "president"}': (0, 2),
    '{"proposer": "human:president"}': (0, 2),
    '{"created_by": "gemini"}': (1, 1),
    '{"proposer": "agent:gemini"}': (1, 1),
    '{"proposer": "nobody", "created_by": "gemini"}': (1, 1),
    '{"proposer": "gemini", "proposer": "nobody"}': (1, 1),
    '{"Proposer": "gemini-ai-council", "proposer": "nobody"}': (1, 1),
}


@pytest.mark.parametrize("context", list(PROPOSERS))
def test_the_proposer_does_not_vote(context: str, ask: Ask) -> None:
    """Who proposed a request, however it is written, does not count for it."""
    change = (
        f"UPDATE public.approval_requests SET source_context = $${context}$$"
        " WHERE id = 211"
    )
    assert ask(QUORUM, change) == without_quorum(*PROPOSERS[context])


@pytest.mark.parametrize(
    "context",
    [
        *("{}", "[]", '"president"', '{"proposer": null}', '{"proposer": ""}'),
        *('{"proposer": "\\u200b"}', '{"proposer": ["gpt"]}', '{"proposer": 7}'),
        *('{"proposer": "рresident"}', '{"proposer": "x", "created_by": "\\u3164"}'),
    ],
)
def test_a_request_whose_proposer_cannot_be_told_is_held(
    context: str, ask: Ask
) -> None:
    """Without a name that can be compared nobody is known not to be the proposer."""
    change = (
        f"UPDATE public.approval_requests SET source_context = $${context}$$"
        " WHERE id = 211"
    )
    told = f"REFUSING: approval {APPROVAL} does not tell who proposed it"
    assert ask(QUORUM, change) == told
    unknown = "UPDATE public.approval_requests SET source_context = NULL WHERE id = 211"
    assert ask(QUORUM, unknown) == told


@pytest.mark.parametrize("name", ["Nguyễn Thị Huyên", "李明", "Иван", "nobody", "x:y"])
def test_anybody_else_may_propose(name: str, ask: Ask) -> None:
    """A proposer of whatever script, who does not vote, holds nothing up."""
    change = (
        "UPDATE public.approval_requests SET source_context ="
        f""" json_build_object('proposer', '{name}') WHERE id = 211"""
    )
    assert ask(QUORUM, change) == ""


GPT = "UPDATE public.apr_approvals SET {} WHERE apr_id = 211 AND approver = 'gpt'"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ("decision = 'reject'", (1, 1, 1)),
        ("decision = 'Approve'", (1, 1, 1)),
        ("decision = 'approve '", (1, 1, 1)),
        ("decision = 'abstain'", (1, 1, 0)),
        ("created_at = now() + interval '1 hour'", (1, 1, 0)),
    ],
)
def test_only_a_vote_for_it_that_was_cast_counts(
    change: str, counts: tuple[int, int, int], ask: Ask
) -> None:
    """A reject holds, and so does what is no known vote; tomorrow's vote is none."""
    assert ask(QUORUM, GPT.format(change)) == without_quorum(*counts)


def test_who_also_voted_otherwise_does_not_count(ask: Ask) -> None:
    """An abstention or a reject under another spelling is that of the same person."""
    votes = (*QUORUM, ("Agent:GPT", COUNCIL))
    other = GPT.replace("'gpt'", "'Agent:GPT'")
    assert ask(votes, other.format("decision = 'abstain'")) == without_quorum(1, 1)
    assert ask(votes, other.format("decision = 'reject'")) == without_quorum(1, 1, 1)


REQUEST = "UPDATE public.approval_requests SET {} WHERE id = 211"
STATUSES = "pending applied rejected expired Approved approved\u00a0".split(" ")


@pytest.mark.parametrize("status", STATUSES)
def test_only_an_approved_request_ratifies(status: str, ask: Ask) -> None:
    """Withdrawn, expired, applied, or only looking approved: held."""
    change = (
        "ALTER TABLE public.approval_requests"
        " DROP CONSTRAINT chk_approval_requests_status; "
        + REQUEST.format(f"status = '{status}'")
    )
    told = f"REFUSING: approval {APPROVAL} is not approved (status={status})"
    assert ask(QUORUM, change) == told


def test_a_request_without_status_or_of_tomorrow_ratifies_nothing(ask: Ask) -> None:
    """NULL is not approved, and neither is what is dated in the future."""
    assert ask(QUORUM, REQUEST.format("status = NULL")) == (
        f"REFUSING: approval {APPROVAL} is not approved (status=none)"
    )
    ahead = f"REFUSING: approval {APPROVAL} is dated in the future"
    for column in ("reviewed_at", "date_created", "date_updated"):
        assert ask(QUORUM, REQUEST.format(f"{column} = '2999-01-01'")) == ahead


@pytest.mark.parametrize(
    "change",
    [
        "target_collection = 'collection_registry'",
        "target_collection = 'Governance_Object_Ownership'",
        "proposed_action_code = 'delegate_authority'",
        "proposed_action_code = NULL",
        "target_entity_code = 'F7'",
        "target_entity_code = NULL",
    ],
)
def test_an_approval_of_something_else_ratifies_nothing(change: str, ask: Ask) -> None:
    """The approved request has to be about what the packet's plan declares."""
    told = f"REFUSING: approval {APPROVAL} is about something else"
    assert ask(QUORUM, REQUEST.format(change)) == told


@pytest.mark.parametrize("wanted", [{}, {"target_collection": "x"}], ids=str)
def test_a_packet_that_asks_for_nothing_is_not_ratified(
    wanted: dict[str, str], ask: Ask
) -> None:
    """What a packet asks approval for has a target and an action."""
    told = "REFUSING: the packet does not tell what it asks approval for"
    assert ask(QUORUM, "", APPROVAL, wanted) == told


@pytest.mark.parametrize("code", ["", " ", f"{APPROVAL} ", f"{APPROVAL}\n", "' OR 1"])
def test_a_code_is_a_word(code: str, ask: Ask) -> None:
    """What is no code is told as such, quoted."""
    assert ask(QUORUM, "", code).startswith("REFUSING: no ratified approval given (")


def test_codes_differ_in_case(ask: Ask) -> None:
    """Another spelling of a code is another code."""
    told = f"REFUSING: approval {APPROVAL.lower()} is not approved (status=no such"
    assert ask(QUORUM, "", APPROVAL.lower()).startswith(told)


HELD = {
    "two spellings": GPT.format("approver = 'Gemini '"),
    "title": "UPDATE public.apr_approvals SET approver = 'vice president'"
    " WHERE apr_id = 211 AND approver = 'president'",
    "proposer": REQUEST.format("""source_context = '{"proposer": "GPT"}'"""),
    "withdrawn": REQUEST.format("status = 'rejected'"),
}
UNDO = {
    "two spellings": "UPDATE public.apr_approvals SET approver = 'gpt'"
    " WHERE apr_id = 211 AND approver = 'Gemini '",
    "title": "UPDATE public.apr_approvals SET approver = 'president'"
    " WHERE apr_id = 211 AND approver = 'vice president'",
    "proposer": REQUEST.format(
        """source_context = '{"proposer": "agent:council-secretary"}'"""
    ),
    "withdrawn": "ALTER TABLE public.approval_requests DISABLE TRIGGER USER; "
    + REQUEST.format("status = 'approved'")
    + "; ALTER TABLE public.approval_requests ENABLE TRIGGER USER",
}


def test_what_is_not_ratified_is_held(
    production: Production, oneroof: Callable[..., Ended], sent: Callable[[], str]
) -> None:
    """By the command: 10, nothing written, and no statement of the packet was sent."""
    words = production.run("full")
    for kind, change in HELD.items():
        production.write(change)
        try:
            ended = oneroof(*words)
        finally:
            production.write(UNDO[kind])
        assert ended.status == 10, kind
        assert [hold["code"] for hold in ended.data["held"]] == ["ratification"]
        assert ended.data["written"] is False
    assert packet_statements(sent()) == []
    assert not production.log.exists()
