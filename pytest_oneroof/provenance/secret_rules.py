"""What a secret looks like: password hashes, keys, live hosts, personal data. Pure.

Tokens of services come from the maintained rules of detect-secrets (Yelp,
Apache-2.0; extra `[provenance]`), which look at texts and ask no network. What it
has no rule for, hashes and personal data above all, is here.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MASKED = re.compile(
    r"\s*|[*xX•#-]+|(?i:masked|redacted|removed|none|null|example|test)"
)
SECRET_NAME = re.compile(
    r"(?:^|_)(?:passwords?|passwd|pwd|secrets?|tokens?|api_?keys?|private_?keys?|"
    r"access_?keys?|credentials?)$",
    re.IGNORECASE,
)
# Names that are reserved and so lead to nobody (RFC 2606, 6761, 6762).
_RESERVED = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|internal)$"
    r"|(?:^|\.)example\.(?:com|net|org)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SecretRule:
    """One rule: its name, what kind of secret it finds, and whether a text has it."""

    name: str
    kind: str
    finds: Callable[[str], bool]


def builtin_rules(live_hosts: tuple[str, ...] = ()) -> tuple[SecretRule, ...]:
    """Return the rules of our own; `live_hosts` are names found wherever they stand."""
    rules = [
        SecretRule(name, kind, _searching(pattern)) for name, kind, pattern in _PATTERNS
    ]
    rules += [
        SecretRule("url-host", "live host", _has_live_url),
        SecretRule("public-address", "live host", _has_public_address),
        SecretRule("e-mail", "personal data", _has_mail),
        SecretRule("payment-card", "personal data", _has_card),
    ]
    if live_hosts:
        names = "|".join(re.escape(host) for host in live_hosts)
        pattern = re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])", re.IGNORECASE)
        rules.append(
            SecretRule("declared-host", "live host", lambda t: bool(pattern.search(t)))
        )
    return tuple(rules)


def detector_rules() -> tuple[SecretRule, ...]:
    """Return detect-secrets' own rules, or none where it is not installed.

    Its guesses by entropy and by keyword are left out: both take every hash of
    a registry for a secret.
    """
    try:
        base = importlib.import_module("detect_secrets.plugins.base")
        util = importlib.import_module("detect_secrets.core.plugins.util")
    except ImportError:
        return ()
    found = []
    mapping: dict[str, Any] = util.get_mapping_from_secret_type_to_class()
    for secret_type, plugin in sorted(mapping.items()):
        # Public addresses: ours knows version 6 and the reserved ranges too.
        if issubclass(plugin, base.RegexBasedDetector) and "IP" not in secret_type:
            found.append(SecretRule(secret_type, "token", _asking(plugin())))
    return tuple(found)


def detector_version() -> str:
    """Return the detector's name and version, or '' where it is not installed."""
    try:
        return f"detect-secrets {importlib.metadata.version('detect-secrets')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_live_host(host: str) -> bool:
    """Tell whether a host name or address leads out of this machine and network."""
    name = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(name).is_global
    except ValueError:
        return "." in name and not _RESERVED.search(name)


def _asking(plugin: Any) -> Callable[[str], bool]:
    def finds(text: str) -> bool:
        return any(True for _ in plugin.analyze_string(text))

    return finds


def _searching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.search(text) is not None


_BASE64 = r"[A-Za-z0-9./+]"
_PATTERNS = (
    ("bcrypt", "password hash", r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"),
    (
        "argon2",
        "password hash",
        rf"\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\${_BASE64}{{8,}}\${_BASE64}{{16,}}",
    ),
    (
        "crypt",
        "password hash",
        r"\$(?:1|5|6|apr1|y|7)\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,24}\$[./A-Za-z0-9]{22,}",
    ),
    ("pbkdf2", "password hash", r"pbkdf2[_-]\w+[:$]\d+[:$][^\s$:]{4,}[:$][^\s$:]{20,}"),
    (
        "scrypt",
        "password hash",
        rf"\$scrypt\$ln=\d+,r=\d+,p=\d+\${_BASE64}+\${_BASE64}+",
    ),
    ("phpass", "password hash", r"\$[PH]\$[./0-9A-Za-z]{31}"),
    (
        "scram",
        "password hash",
        r"SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]{8,}\$[A-Za-z0-9+/=]{40,}:[A-Za-z0-9+/=]{40,}",
    ),
    (
        "postgres-md5",
        "password hash",
        r"(?<![A-Za-z0-9])md5[0-9a-f]{32}(?![A-Za-z0-9])",
    ),
    ("ldap-sha", "password hash", r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{27,}"),
    ("private-key", "key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    (
        "url-password",
        "credential",
        r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,80}:[^\s/@*]{1,80}@",
    ),
    ("phone", "personal data", r"(?<![\w+])\+(?:[\s().-]?\d){9,14}(?!\d)"),
)
_URL = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://(?:[^\s/@]*@)?(\[[0-9a-f:]+\]|[\w.-]+)", re.I
)
_CONNINFO = re.compile(r"(?:^|[\s;])host(?:addr)?\s*=\s*'?([\w.:-]+)", re.I)
_ADDRESS4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_ADDRESS6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:.])", re.I
)
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_CARD = re.compile(r"(?<![\w.-])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{3,4}(?![\w.-])")


def _has_live_url(text: str) -> bool:
    return any(is_live_host(host) for host in _hosts(text))


def _hosts(text: str) -> Iterator[str]:
    for pattern in (_URL, _CONNINFO):
        for match in pattern.finditer(text):
            yield match[1]


def _has_public_address(text: str) -> bool:
    return any(
        _is_global(match[0])
        for pattern in (_ADDRESS4, _ADDRESS6)
        for match in pattern.finditer(text)
    )


@functools.lru_cache(maxsize=4096)
def _is_global(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _has_mail(text: str) -> bool:
    # A URL's user@host is a host, not a person.
    return any(
        not _RESERVED.search(match[1])
        for match in _MAIL.finditer(text)
        if "://" not in text[: match.start()][-40:]
    )


def _has_card(text: str) -> bool:
    return any(_is_card(re.sub(r"\D", "", m[0])) for m in _CARD.finditer(text))


def _is_card(digits: str) -> bool:
    """Tell whether the check digit of ISO/IEC 7812 is right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0
