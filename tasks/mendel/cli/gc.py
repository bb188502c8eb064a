"""`mendel gc`: what nobody needs any more, shown or removed."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.cli.options import Config
from mendel.garbage.policy import DEFAULT, LEAST_DAYS, Policy


def collect(
    config: Config,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it. Without this, it is only listed.")] = False,
    days: Annotated[
        float, typer.Option("--older-than", min=LEAST_DAYS, help="Days for which nothing is garbage.")
    ] = DEFAULT.days,
    newest: Annotated[
        int, typer.Option("--keep", min=0, help="Versions of each dataset that stay though nothing refers to them.")
    ] = DEFAULT.newest,
) -> None:
    """List what nobody needs any more, largest first, or remove it: killed attempts, and versions nothing refers to.

    Kept is each version in force, each model and evaluation of the ledger, the newest of each dataset, and whatever one
    of those was made from.

    Example: `mendel gc -c include/pipelines/demo.yaml`, and then the same with `--delete`
    """
    from mendel.forgetting import retention
    from mendel.garbage import collection
    from mendel.lakehouse import following
    from mendel.pipeline import load_section

    root, kept_for = load_section(config, "retention")
    expired = retention.find(root, kept_for)
    items = [*expired, *collection.find(root, Policy(days=days, newest=newest))]
    for item in sorted(items, key=lambda item: -item.bytes):
        print(f"{item.bytes / 1e6:>10,.1f} MB  {item.path}: {item.because}")
    if delete:
        retention.withdraw(root, expired)
        following.follow_all(root)  # else a table that is behind would list files that go
        collection.remove(root, items)
    fate = "removed" if delete else "to be removed by --delete"
    print(f"{len(items)} items, {sum(item.bytes for item in items) / 1e6:,.1f} MB {fate}")
