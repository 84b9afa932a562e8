"""`oneroof clone`: a table of contents; each subject has its module."""

from __future__ import annotations

import click

from pytest_oneroof.commands import (
    clone_create,
    clone_drop,
    clone_keep,
    clone_list,
    clone_snapshot,
)


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
