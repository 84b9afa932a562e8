"""`oneroof packet`: verify an evidence packet, sign a release packet's seal."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.answer import BROKEN, DONE, Answer
from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.commands.project import read_project
from pytest_oneroof.packet.write import verify_packet
from pytest_oneroof.release.signed import sign_packet
from pytest_oneroof.sealing.seal import SealBroken


@click.group()
def command() -> None:
    """Verify the evidence packet of a run; sign the seal of a release packet."""


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--pin", help="The packet tree's hash, as its author published it.")
@JSON
def verify(folder: Path, pin: str | None, *, as_json: bool) -> None:
    """Reproduce every hash of FOLDER, and compare its status with its evidence."""
    answer(verify_packet(folder, pin=pin), as_json=as_json)


@command.command()
@click.argument("packet")
@click.option(
    "--key",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The key to sign with, or its public half if an agent holds it.",
)
@JSON
def sign(packet: str, key: Path, *, as_json: bool) -> None:
    """Sign the seal of a release PACKET by ssh-keygen, for oneroof_allowed_signers.

    The signature is written beside the manifest; the seal has to hold and be pinned.
    """
    try:
        signature = sign_packet(packet, read_project().pack, key)
    except SealBroken as broken:
        data = {"seal": "broken", "findings": [str(f) for f in broken.findings]}
        answer(Answer(BROKEN, data, tuple(str(broken).split("\n"))), as_json=as_json)
    data = {"signed": packet, "signature": str(signature)}
    answer(Answer(DONE, data, (f"signed {packet}: {signature}",)), as_json=as_json)
