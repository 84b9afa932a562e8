"""`oneroof history`: show, compare and verify what runs have recorded."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_oneroof.answer import BROKEN, DONE, FAILED, Answer
from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.commands.project import CONFIG, read_project
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.history.chain import HASH, SHORT, against_pins
from pytest_oneroof.history.compare import changes, last_accepted
from pytest_oneroof.history.entry import ACCEPTED, RUN
from pytest_oneroof.history.series import flaky, recent_runs, series_of, sparkline
from pytest_oneroof.history.store import History, histories

Entry = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])
_PIN = re.compile(rf"(\d+):([0-9a-f]{{{SHORT},64}})")


@click.group()
def command() -> None:
    """Show, compare and verify what runs with --oneroof-history have recorded."""


def _placed(function: Command) -> Command:
    """Give a command DIR and --target."""
    folder = click.argument(
        "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path)
    )
    target = click.option(
        "--target", metavar="NAME", help="Of the histories in DIR this one."
    )
    return folder(target(CONFIG(JSON(function))))


@command.command()
@_placed
def show(folder: Path | None, target: str | None, *, as_json: bool) -> None:
    """Show each history in DIR: its runs, figures over time, flaky checks.

    DIR is by default the --oneroof-history of the project (ONEROOF_HISTORY).
    """
    shown = [_shown(history) for history in _chosen(folder, target)]
    lines = [line for one in shown for line in _show_lines(one)]
    answer(Answer(DONE, {"histories": shown}, tuple(lines)), as_json=as_json)


@command.command()
@_placed
@click.option("--from", "first", type=int, metavar="RUN", help="Default: that before.")
@click.option("--to", "second", type=int, metavar="RUN", help="Default: the last one.")
def diff(
    folder: Path | None,
    target: str | None,
    first: int | None,
    second: int | None,
    *,
    as_json: bool,
) -> None:
    """Tell what changed between two runs. Exit status 1 where anything did."""
    history = _one(folder, target)
    before, now = _two(history, first, second)
    found = changes(before, now)
    head = f"{history.target}: run {before['number']} → run {now['number']}"
    told = [str(change) for change in found] or ["nothing changed"]
    lines = [head, *(f"  {line}" for line in told)]
    data = {
        "target": history.target,
        "before": before["number"],
        "now": now["number"],
        "changes": [vars(change) for change in found],
    }
    answer(Answer(FAILED if found else DONE, data, tuple(lines)), as_json=as_json)


@command.command()
@_placed
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="RUN:SHA256",
    help="A run's hash as its own log has it (may be repeated).",
)
def verify(
    folder: Path | None, target: str | None, pins: tuple[str, ...], *, as_json: bool
) -> None:
    """Find edited, replaced, missing and added lines. Exit status 3 where there are.

    Who can write DIR can also make all of a history anew: that is found by --pin, with
    what the log of an earlier run says ("recorded as run 12, sha256 …").
    """
    wanted = _read_pins(pins)
    chosen = [_one(folder, target)] if pins else _chosen(folder, target)
    told = [_verified(history, wanted) for history in chosen]
    broken = any(one["findings"] for one in told)
    lines = [line for one in told for line in _verify_lines(one)]
    status = BROKEN if broken else DONE
    answer(Answer(status, {"histories": told}, tuple(lines)), as_json=as_json)


@command.command()
@_placed
@click.option("--run", "number", type=int, required=True, help="The run's number.")
@click.option("--reason", required=True, help="Why it is as it should be.")
def accept(
    folder: Path | None, target: str | None, number: int, reason: str, *, as_json: bool
) -> None:
    """Accept what a run found of its target: later runs are compared with it.

    Adds a line to the history, with who did so and why.
    """
    history = _one(folder, target)
    _run(history.entries(), number)
    if not reason.strip():
        raise SettingsError("--reason is empty: say why the run is as it should be")
    entry = {
        "kind": ACCEPTED,
        "run": number,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": getpass.getuser(),
        "reason": reason,
    }
    head = history.append(entry)
    data = {"target": history.target, "accepted": number, **vars(head)}
    line = f"{history.target}: run {number} is accepted (line {head.number})"
    answer(Answer(DONE, data, (line,)), as_json=as_json)


def _chosen(folder: Path | None, target: str | None) -> list[History]:
    """Return the histories that a command is about; raise SettingsError for none."""
    place = folder or read_project().settings.history
    if place is None:
        raise SettingsError(
            "no history is named\nto fix this, give its folder, or set "
            "oneroof_history in the ini file"
        )
    found = histories(place)
    named = [history for history in found if target in (None, history.target)]
    if not named:
        names = ", ".join(history.target for history in found)
        raise SettingsError(f"{place} has no history {target!r}; it has {names}")
    return named


def _one(folder: Path | None, target: str | None) -> History:
    found = _chosen(folder, target)
    if len(found) > 1:
        names = ", ".join(history.target for history in found)
        raise SettingsError(
            f"{found[0].folder} has {len(found)} histories: {names}\n"
            "to fix this, name one by --target"
        )
    return found[0]


def _run(entries: Sequence[Entry], number: int) -> Entry:
    for entry in entries:
        if entry["number"] == number and entry["kind"] == RUN:
            return entry
    known = [entry["number"] for entry in entries if entry["kind"] == RUN]
    span = f"{known[0]} to {known[-1]}" if known else "none"
    raise SettingsError(f"there is no run {number}: the runs are {span}")


def _two(
    history: History, first: int | None, second: int | None
) -> tuple[Entry, Entry]:
    """Return two runs of a history: those named, else the last one and its earlier."""
    entries = history.entries()
    numbers = [entry["number"] for entry in entries if entry["kind"] == RUN]
    last = second if second is not None else max(numbers, default=0)
    earlier = [number for number in numbers if number < last]
    before = first if first is not None else max(earlier, default=0)
    if not before:
        raise SettingsError(
            f"{history.target} has no two runs to compare: {len(numbers)} in all"
        )
    return _run(entries, before), _run(entries, last)


def _shown(history: History) -> dict[str, Any]:
    entries = history.entries()
    runs = recent_runs(entries)
    accepted = last_accepted(entries)
    return {
        "target": history.target,
        "lines": len(entries),
        "runs": [dict(run) for run in runs],
        "accepted": accepted["number"] if accepted else None,
        "flaky": flaky(runs),
        "series": series_of(runs),
    }


def _show_lines(shown: Mapping[str, Any]) -> Iterator[str]:
    yield f"{shown['target']}: {shown['lines']} lines"
    for run in shown["runs"]:
        passed = len(run["checks"].get("passed", ()))
        total = sum(map(len, run["checks"].values()))
        mark = ", accepted" if run["number"] == shown["accepted"] else ""
        commit = run["origin"]["commit"][:9]
        yield (
            f"{run['number']:>5}  {run['at'][:16].replace('T', ' ')}  "
            f"{run['verdict']:<5}  {passed}/{total}  {commit}{mark}".rstrip()
        )
    for one in shown["series"]:
        known = [value for value in one["values"] if value is not None]
        yield (
            f"  {one['name']}: {sparkline(one['values'])} {known[0]} → {known[-1]}"
            f"{'' if one['organic'] else ' (moved)'}"
        )
    for one in shown["flaky"]:
        yield f"  flaky: {one['check']}: failed {one['failed']} of {one['runs']} runs"


def _verified(history: History, pins: Mapping[int, str]) -> dict[str, Any]:
    chain = history.checked()
    findings = [*chain.findings]
    if not findings:
        findings += against_pins(chain.entries, pins)
    return {
        "target": history.target,
        "lines": len(chain.entries),
        HASH: chain.head.sha256,
        "cut": chain.cut,
        "findings": findings,
    }


def _verify_lines(told: Mapping[str, Any]) -> Iterator[str]:
    if told["findings"]:
        yield f"{told['target']}: does not hold"
        yield from (f"  {finding}" for finding in told["findings"])
        return
    yield f"{told['target']}: holds, {told['lines']} lines, sha256 {told[HASH]}"
    if told["cut"]:
        yield "  an incomplete line follows, of a run that was ended while it wrote"


def _read_pins(pins: Sequence[str]) -> dict[int, str]:
    found = {}
    for pin in pins:
        match = _PIN.fullmatch(pin.strip().lower())
        if match is None:
            raise SettingsError(
                f"--pin {pin!r} is not of the form RUN:SHA256, with at least {SHORT} "
                "digits of the hash"
            )
        found[int(match[1])] = match[2]
    return found
