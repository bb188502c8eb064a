"""The `mendel` command: one subcommand per stage, the same in a terminal, a local process, a container and a pod."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mendel import log
from mendel.errors import MendelError
from mendel.manifest import Manifest

app = typer.Typer(
    name="mendel",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Corrupt text the way DNA mutates, train a model to restore it, ship that model.

    Each stage makes one version of a dataset in the lake, from the versions before it. In order:
    **ingest** → **validate corpus** → **version corpus** → **corrupt** → **validate pairs** → **version pairs** →
    **finetune** → **evaluate** → **promote**, then **restore** day by day.

    A stage that finds its version made already does nothing; `--force` makes it again. Exit codes: 0 done,
    1 unexpected (worth a retry), 2 configuration or input to change, 3 a quality gate said no.""",
)

Config = Annotated[str, typer.Option("--config", "-c", envvar="MENDEL_CONFIG", help="Pipeline YAML: path or URI.")]
Partition = Annotated[str, typer.Option("--partition", "-p", help="Partition key, YYYY-MM-DD.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", "-s", help="key=value over this stage's section, e.g. noise.target_cer=0.08 or noise=@FILE."),
]
Force = Annotated[bool, typer.Option("--force", help="Make the version again though it exists.")]


def run(section: str, config: str, partition: str, settings: list[str], force: bool = False) -> Manifest:
    """Load one section of the pipeline (dots reach inside), with `settings` over it, and execute its stage."""
    from mendel.pipeline import load_stage
    from mendel.stage import Context, execute

    root, stage = load_stage(config, section, settings)
    return execute(stage, Context(root=root, partition=_checked(partition), force=force))


def _checked(partition: str) -> str:
    from mendel.errors import InputError
    from mendel.manifest import PARTITION_KEY

    if not PARTITION_KEY.fullmatch(partition):
        raise InputError(f"--partition {partition!r}: write a date as YYYY-MM-DD")
    return partition


def main() -> None:
    """Entry point: runs the command and turns foreseen failures into their exit codes, with one plain message."""
    log.configure()
    try:
        app()
    except MendelError as error:
        print(f"mendel: {error}", file=sys.stderr)
        sys.stderr.flush()
        raise SystemExit(error.exit_code) from error
    except BrokenPipeError:
        os._exit(1)


if __name__ == "__main__":
    main()
