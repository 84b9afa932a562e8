"""The decision that is asked for: its ladder, its template, and what refuses one.

The tool shows the ladder and checks what an owner wrote; it never selects, never
signs, and takes no answer for "hold" (domain: evidence, 6.3 and 6.8). What a
refused document says is not repeated: whoever looks for a word of approval in
the output of a refusal must find none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from pytest_oneroof import resources
from pytest_oneroof.answer import DONE, FAILED, WRONG_USE, Answer
from pytest_oneroof.packet.tokens import forbidden_in_value
from pytest_oneroof.sealing.strict_json import MalformedJson, read_json

LADDER = "fixtures/decision/ladder.json"
SCHEMA = "fixtures/decision/decision.schema.json"
UNSIGNED = "UNSIGNED"
NOT_AUTHORIZED = "NOT_AUTHORIZED"


@dataclass(frozen=True)
class Refusal:
    """One reason why a document is refused: its code, and what was found."""

    code: str
    found: str

    def __str__(self) -> str:
        return f"{self.code}: {self.found}"


def template(
    *,
    rehearsed: bool,
    open_blockers: Iterable[str],
    packet_tree: str | None = None,
    review_verdict: str = "ENGINEERING_REMAINS",
) -> dict[str, Any]:
    """Return a decision to be asked for: default HOLD_PRODUCTION, nothing selected.

    `packet_tree` is the tree hash of the evidence packet that it is about.
    """
    return {
        "decision": ladder()["format"],
        "default": ladder()["default"],
        "options": [step["option"] for step in ladder()["options"]],
        "selected_option": None,
        "owner_signature": UNSIGNED,
        "execution_authorization_status": NOT_AUTHORIZED,
        "production_mutation_allowed_now": False,
        "review_verdict": review_verdict,
        "rehearsed": rehearsed,
        "open_blockers": sorted(open_blockers),
        "packet_tree": packet_tree,
    }


def show(document: Mapping[str, Any]) -> Answer:
    """Return the ladder and the template, for reading and for `--json`."""
    lines = ["Decision asked for; nothing is selected, and no tool selects it.", ""]
    for step in ladder()["options"]:
        default = " (default)" if step["option"] == ladder()["default"] else ""
        offered = "" if step["selectable"] else "; not selectable here"
        gone = step["offered"] == "before the rehearsal" and document["rehearsed"]
        offered += "; no longer offered: it was rehearsed" if gone else ""
        lines.append(f"  {step['option']}{default}{offered}")
        lines.append(f"      {step['means']}")
        if step["needs"]:
            lines.append(f"      needs: {'; '.join(step['needs'])}")
    lines += ["", f"selected: none · signature: {UNSIGNED} · {NOT_AUTHORIZED}"]
    blockers = document["open_blockers"]
    lines.append(f"open blockers ({len(blockers)}): {', '.join(blockers) or 'none'}")
    return Answer(DONE, dict(document), tuple(lines))


def validate_file(file: Path) -> Answer:
    """Check a decision file; status 0, 1 when it is refused, 2 when unreadable.

    A refusal holds no word of approval; and what passes authorizes nothing by
    itself, as whether its signature is genuine is for people to know.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        told = f"cannot read {file}: {error.strerror}"
        return Answer(WRONG_USE, {"decision": "unreadable", "findings": []}, (told,))
    try:
        document = read_json(data)
    except MalformedJson as error:
        return _refused([Refusal("MALFORMED_JSON", str(error))])
    refusals = check_decision(document)
    if refusals:
        return _refused(refusals)
    selected = document["selected_option"]
    told = f"selected: {selected or 'nothing'}; in force: {selected or _default()}"
    lines = ("the decision is well formed; it authorizes nothing by itself", told)
    data_out = {"decision": "well formed", "selected": selected, "findings": []}
    return Answer(DONE, data_out, lines)


def check_decision(document: Any) -> tuple[Refusal, ...]:
    """Return every reason why a decision document is refused; none if it is fine."""
    found = list(_shape(document))
    if isinstance(document, Mapping):
        for test in _TESTS:
            found += test(document)
    return tuple(dict.fromkeys(found))


@functools.cache
def ladder() -> Mapping[str, Any]:
    """Return the ladder's data: options in order, default, allowed words."""
    read: Mapping[str, Any] = resources.read_json(LADDER)
    return read


def _default() -> str:
    return str(ladder()["default"])


def _shape(document: Any) -> Iterator[Refusal]:
    validator = jsonschema.Draft202012Validator(resources.read_json(SCHEMA))
    for error in sorted(validator.iter_errors(document), key=lambda e: e.json_path):
        yield Refusal("MALFORMED_DECISION", f"{error.json_path}: {error.validator}")


def _hold(document: Mapping[str, Any]) -> Iterator[Refusal]:
    if document.get("default") != _default():
        yield Refusal("DEFAULT_NOT_HOLD", f"the default is not {_default()}")
    if document.get("options") != [step["option"] for step in ladder()["options"]]:
        yield Refusal("LADDER_ALTERED", "the options are not the ladder's, in order")


def _selection(document: Mapping[str, Any]) -> Iterator[Refusal]:
    selected = document.get("selected_option")
    if selected is None:
        return
    steps = {step["option"]: step for step in ladder()["options"]}
    step = steps.get(selected) if isinstance(selected, str) else None
    if step is None:
        yield Refusal("UNKNOWN_OPTION", "what is selected is not on the ladder")
    elif not step["selectable"]:
        told = f"{selected} is never selected here: {step['offered']}"
        yield Refusal("OPTION_NOT_SELECTABLE", told)
    elif step["offered"] == "before the rehearsal" and document.get("rehearsed"):
        told = f"{selected} is offered only before the rehearsal"
        yield Refusal("OPTION_NOT_OFFERED", told)


def _signature(document: Mapping[str, Any]) -> Iterator[Refusal]:
    selected, signature = (
        document.get("selected_option"),
        document.get("owner_signature"),
    )
    if selected is None:
        if signature != UNSIGNED:
            told = "nothing is selected, and a signature is given"
            yield Refusal("SIGNATURE_WITHOUT_SELECTION", told)
        return
    if told := _fabricated(selected, signature, document.get("packet_tree")):
        yield Refusal("OWNER_APPROVAL_FABRICATED", told)


def _fabricated(selected: Any, signature: Any, packet_tree: Any) -> str:
    """Return why a signature under a selection cannot be the owner's, or ''."""
    if not isinstance(signature, Mapping):
        return "an option is selected without the owner's signature"
    name = str(signature.get("name", "")).strip()
    if name.casefold() in ladder()["no_signature"]:
        return "the signature names nobody"
    words = set(re.findall(r"[a-z-]+", name.casefold()))
    if words & set(ladder()["no_signer"]) or "oneroof" in words:
        return "a tool signed, not an owner"
    if signature.get("selected_option") != selected:
        return "the signature is under another option"
    tree = signature.get("packet_tree")
    if not re.fullmatch(r"[0-9a-f]{64}", str(tree)) or tree != packet_tree:
        return "the signature is not under this packet's tree hash"
    if not _is_time(signature.get("signed_at")):
        return "the signature has no date (ISO 8601 with zone)"
    return ""


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


def _overclaims(document: Mapping[str, Any]) -> Iterator[Refusal]:
    status = document.get("execution_authorization_status")
    if status != NOT_AUTHORIZED:
        template_ = document.get("selected_option") is None
        code = (
            "EXECUTION_AUTHORIZED_IN_TEMPLATE"
            if template_
            else "EXECUTION_READY_OVERCLAIM"
        )
        yield Refusal(code, f"execution_authorization_status is not {NOT_AUTHORIZED}")
    if document.get("production_mutation_allowed_now") is not False:
        told = "production_mutation_allowed_now is not false"
        yield Refusal("PRODUCTION_MUTATION_ALLOWED_NOW", told)
    if document.get("review_verdict") not in ladder()["review_verdicts"]:
        told = "review_verdict is none of " + ", ".join(ladder()["review_verdicts"])
        yield Refusal("EXECUTION_READY_OVERCLAIM", told)


def _tokens(document: Mapping[str, Any]) -> Iterator[Refusal]:
    count = len(forbidden_in_value(document))
    if count:
        yield Refusal("FORBIDDEN_TOKEN", f"{count} claim{'s'[: count != 1]} of success")


def _refused(refusals: Sequence[Refusal]) -> Answer:
    data = {
        "decision": "refused",
        "findings": [asdict(refusal) for refusal in refusals],
    }
    count = len(refusals)
    head = f"the decision is refused: {count} reason{'s'[: count != 1]}"
    head = f"{head}; in force: {_default()}"
    return Answer(FAILED, data, (head, *(f"  {refusal}" for refusal in refusals)))


_TESTS = (_hold, _selection, _signature, _overclaims, _tokens)
