"""`oneroof seal`: write or check a manifest of sealed files."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.sealing import seal_command

ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the sealed files (default: the manifest's).",
)


@click.group()
def command() -> None:
    """Write or check a manifest: raw bytes, sha256 and length of each file."""


@command.command()
@click.argument("manifest", type=click.Path(path_type=Path), required=False)
@ROOT
@click.option("--selftest", is_flag=True, help="Prove that the gate fails closed.")
@JSON
def check(
    manifest: Path | None, root: Path | None, *, selftest: bool, as_json: bool
) -> None:
    """Compare the files with MANIFEST; exit status 3 where they differ."""
    if selftest:
        answer(seal_command.selftest(), as_json=as_json)
    elif manifest is None:
        raise click.UsageError("MANIFEST or --selftest")
    else:
        answer(seal_command.check_seal(manifest, root), as_json=as_json)


@command.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1)
@ROOT
@JSON
def write(
    manifest: Path, paths: tuple[str, ...], root: Path | None, *, as_json: bool
) -> None:
    """Write MANIFEST over PATHS (default: every file below its folder)."""
    answer(
        seal_command.write_seal(manifest, root, list(paths) or None), as_json=as_json
    )
