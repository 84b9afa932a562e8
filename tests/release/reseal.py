"""Quote the gate's texts anew where they stand, seal the packets, pin the seals.

`python -m tests.release.reseal`, after any edit below `sql/release` or `sql/gate`.
What it quotes is compared in `tests/production/test_gate.py` and here.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_oneroof import resources
from pytest_oneroof.pack import bundled
from pytest_oneroof.pack.model import FACTS
from pytest_oneroof.production.gate import Gate
from pytest_oneroof.release.plan import MANIFEST
from pytest_oneroof.sealing.seal import write

GATE = Gate(bundled())
# The folder of the packets.
SHIPPED = bundled().path(bundled().needed("release", "packets"))

BLOCK = re.compile(r"-- Ratified\? .*?\n\$\$;\n", re.DOTALL)
SEALS = re.compile(r"(?<=\[release\.seals\]\n)(?:\w+ = .*\n)*")
PREDICATE = re.compile(r"status COLLATE .*?IS NOT TRUE(?=\n)", re.DOTALL)


def block() -> str:
    """Return the part of a gated file that asks for ratification."""
    return (
        "-- Ratified? The text of sql/gate/ratified.sql.\n"
        "DO $$\n"
        "DECLARE\n"
        "  found record;\n"
        "BEGIN\n"
        "  SELECT asked_for.*\n"
        "  INTO found\n"
        "  FROM (\n"
        f"{GATE.ratified()}\n"
        "  ) AS asked_for;\n"
        "  IF found.refusal <> '' THEN\n"
        "    RAISE EXCEPTION '%', found.refusal USING DETAIL = found.detail;\n"
        "  END IF;\n"
        "END\n"
        "$$;\n"
    )


def requote(file: Path, pattern: re.Pattern[str], text: str) -> None:
    """Replace what a file quotes."""
    found = file.read_text(encoding="utf-8")
    file.write_text(pattern.sub(lambda _: text, found), encoding="utf-8")


def main() -> None:
    """Quote, seal and pin; print each seal."""
    for name in (GATE.plan["check"], GATE.plan["ratified"]):
        requote(resources.path(name), PREDICATE, GATE.predicate())
    seals = {}
    for manifest in sorted(SHIPPED.glob(f"*/{MANIFEST}")):
        for file in manifest.parent.rglob("*.sql"):
            requote(file, BLOCK, block())
        manifest.unlink()
        checked, _ = write(manifest, manifest.parent)
        seals[manifest.parent.name] = checked.sha256
        print(checked.sha256, manifest.parent.name)
    pins = "".join(f'{name} = "{sha256}"\n' for name, sha256 in seals.items())
    requote(resources.path(FACTS), SEALS, pins)


if __name__ == "__main__":
    main()
