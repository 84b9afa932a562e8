"""`oneroof clone`: a table of contents; each subject has its module."""

from __future__ import annotations

import click

from pytest_oneroof.commands.clone import create as clone_create
from pytest_oneroof.commands.clone import drop as clone_drop
from pytest_oneroof.commands.clone import keep as clone_keep
from pytest_oneroof.commands.clone import list as clone_list
from pytest_oneroof.commands.clone import snapshot as clone_snapshot


@click.group()
def command() -> None:
    """Make, look at, keep, reset and drop clones."""


for part in (
    clone_create.create,
    clone_create.adopt,
    clone_create.baseline,
    clone_list.status,
    clone_list.list_all,
    clone_snapshot.snapshot,
    clone_snapshot.restore,
    clone_drop.reset,
    clone_drop.drop,
    clone_drop.gc,
    clone_keep.protect,
    clone_keep.unprotect,
    clone_keep.expire,
):
    command.add_command(part)
