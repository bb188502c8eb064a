"""`mendel feedback`: changes that readers accepted and rejected, collected by the day and ready to be learned from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from mendel.cli.options import Config, Force, Partition, partition_key
from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.stage import Context, execute

app = typer.Typer(no_args_is_help=True, help="Changes that readers of the service accepted and rejected.")


@app.command()
def collect(config: Config, partition: Partition, force: Force = False) -> None:
    """Commit what was said on a day, by UTC, as that day's version of the dataset feedback.

    The service keeps feedback where `serve.feedback` is true. Of what a caller said several times about one answer the
    last counts. Collect a day again when more has come.

    Example: `mendel feedback collect -c include/pipelines/demo.yaml -p 2026-11-29`
    """
    from mendel.stages.feedback_collect import CollectFeedback

    version = execute(CollectFeedback(), Context(root=_root(config), partition=partition_key(partition), force=force))
    print("{answers} answers: {changes} changes, {accepted} accepted".format_map(version.metrics))


@app.command()
def pairs(
    config: Config,
    out: Annotated[str, typer.Option(help="JSON Lines file to write the pairs to: path or URI.", show_default=False)],
    partition: Annotated[
        str | None, typer.Option("--partition", "-p", help="Day, YYYY-MM-DD; without it all that were collected.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write collected feedback as pairs for `mendel noise learn`: each text as it was, and with its accepted changes.

    Example: `mendel feedback pairs -c include/pipelines/demo.yaml --out pairs.jsonl`
    """
    from mendel.feedback import collected, judged

    root, target = _root(config), lake.normalise(out)
    if lake.exists(target) and not force:
        raise InputError(f"--out {out} exists; choose another, or write over it with --force")
    days = [partition_key(partition)] if partition else manifest.partitions(root, collected.DATASET)
    records = [record for day in days for record in collected.read(root, day)]
    lines = [json.dumps(pair._asdict(), ensure_ascii=False) for pair in judged.pairs(records)]
    if not lines:
        raise InputError(f"{root} has no feedback; collect a day first: mendel feedback collect --partition DATE")
    lake.write(target, "".join(f"{line}\n" for line in lines).encode())
    print(f"{len(lines)} pairs written to {out}")


def _root(config: str) -> str:
    from mendel.pipeline import load_section

    root, _ = load_section(config, "serve")
    return root
