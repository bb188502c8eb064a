"""The `mendel` command: one subcommand per stage, the same in a terminal, a local process, a container and a pod."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mendel import log
from mendel.corpus import commands as testset
from mendel.errors import MendelError
from mendel.inference import commands as inference
from mendel.manifest import Manifest
from mendel.options import Config, Force, Partition, Settings, partition_key
from mendel.versioning import commands as data
from mendel.versioning.settings import Subject

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


def run(section: str, config: str, partition: str, settings: list[str], force: bool = False) -> Manifest:
    """Load one section of the pipeline (dots reach inside), with `settings` over it, and execute its stage."""
    from mendel.pipeline import load_stage
    from mendel.stage import Context, execute

    root, stage = load_stage(config, section, settings)
    return execute(stage, Context(root=root, partition=partition_key(partition), force=force))


@app.command()
def ingest(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Read the source's text into a corpus: clean sentences without duplicates, in splits that share no text.

    The test split is the source's pinned test set, which the first ingest makes (`mendel testset`). What cannot be read
    is quarantined and what is not kept is listed, each with its reason, beside the corpus.

    Example: `mendel ingest -c include/pipelines/demo.yaml -p 2026-11-23 --set source.held_out_from=2015`
    """
    run("ingest", config, partition, settings, force)


@app.command()
def version(
    subject: Annotated[Subject, typer.Argument(help="corpus, pairs or candidate.", show_default=False)],
    config: Config,
    partition: Partition,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    force: Force = False,
) -> None:
    """Put a dataset version into the data registry: files to the DVC remote, then a Git commit and a tag.

    Corpus and pairs must have passed validation. `mendel data checkout` brings any version back.

    Example: `mendel version corpus -c include/pipelines/demo.yaml -p 2026-11-23`
    """
    run("version", config, partition, [*settings, f"subject={subject}"], force)


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


app.add_typer(testset.app, name="testset")
app.add_typer(data.app, name="data")
app.add_typer(inference.restore, name="restore")
app.add_typer(inference.inbox, name="inbox")

if __name__ == "__main__":
    main()
