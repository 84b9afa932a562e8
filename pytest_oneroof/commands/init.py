"""`oneroof init`: write a team's first pack, from what stands in its database."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.commands.figures import read_figures
from pytest_oneroof.commands.first_pack.files import FOLDER, texts
from pytest_oneroof.commands.first_pack.source import read_source
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import open_pack
from pytest_oneroof.postgres.connect import reading
from pytest_oneroof.production.recorded import render_recorded
from pytest_oneroof.redaction import Url


@click.command()
@click.option(
    "--from",
    "source_url",
    required=True,
    envvar="ONEROOF_PRODUCTION_URL",
    metavar="URL",
    help="The database that the checks are about; it is only read.",
)
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@JSON
def command(source_url: str, folder: Path, *, as_json: bool) -> None:
    """Write a first pack, and a pytest.ini that names it, into FOLDER.

    Reads the database in one READ ONLY transaction. Nothing that exists is
    overwritten. Afterwards: `oneroof clone create --from DATABASE`, and `pytest`.
    """
    with reading(Url(source_url)) as connection:
        source = read_source(connection)
        written = texts(source)
        require_absent(folder, written)
        for name, text in written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        pack = open_pack(f"./{FOLDER}", folder.resolve())
        figures = read_figures(connection, pack)
    file = pack.path(pack.needed("figures", "expected"))
    file.write_text(render_recorded(figures), encoding="utf-8")
    lines = [
        f"{len(source.tables)} tables of {source.database}, {len(figures)} figures",
        *(f"  {folder / name}" for name in written),
        "next, with ONEROOF_ADMIN_URL naming the administrator of a server for clones:",
        f"  oneroof clone create --from {source.database}",
        "  pytest",
    ]
    value = {"files": sorted(written), "figures": len(figures)}
    emit(value, lines, as_json=as_json)


def require_absent(folder: Path, written: dict[str, str]) -> None:
    """Raise SettingsError where one of the files exists already."""
    if standing := [name for name in written if (folder / name).exists()]:
        raise SettingsError(
            f"{folder} has {', '.join(standing)} already; nothing was overwritten\n"
            "to fix this, name another folder: oneroof init --from URL DIR"
        )
