"""When a clone may go: reading, judging and telling its expiry. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ownership.marker import Marker

NEVER = "never"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def parse_expiry(text: str, at: datetime) -> str:
    """Return a moment as the marker holds it: UTC, ISO 8601; '' for never.

    `text` is a span from `at` on (30m, 12h, 7d, 2w), a date (which begins in UTC)
    or time in ISO 8601, or 'never'. Raise SettingsError for anything else, and
    for what is past.
    """
    if text == NEVER:
        return ""
    if match := _SPAN.fullmatch(text):
        return (at + timedelta(**{_UNITS[match[2]]: int(match[1])})).strftime(_FORM)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"an expiry is 30m, 12h, 7d, 2w, a date, a time or 'never', given: {text!r}"
        ) from None
    if moment <= at:
        raise SettingsError(f"the expiry {text!r} is past already")
    return moment.strftime(_FORM)


def is_expired(marker: Marker, at: datetime) -> bool:
    """Whether a clone's time is over; one without expiry has no end."""
    return bool(marker.expires) and _moment(marker.expires) <= at


def told_expiry(marker: Marker, at: datetime) -> str:
    """Return the expiry in words: 'never', 'in 6 days', 'expired'."""
    if not marker.expires:
        return NEVER
    rest = _moment(marker.expires) - at
    if rest <= timedelta(0):
        return "expired"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = round(rest.total_seconds() / length)
        if count:
            return f"in {count} {unit}{'s'[: count != 1]}"
    return "in less than a minute"


def _moment(text: str) -> datetime:
    """Read a marker's moment; one that nobody can read never comes."""
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
