"""The `mendel` command and its exit codes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from mendel.cli import (
    client,
    data,
    feedback,
    forget,
    gc,
    lake,
    marts,
    merge,
    noise,
    registry,
    restore,
    serve,
    stages,
    stream,
    testset,
)
from mendel.core import log
from mendel.core.code_version import code_version
from mendel.core.errors import MendelError

app = typer.Typer(
    name="mendel",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Corrupt text the way DNA mutates, train a model to restore it, ship that model.

    Each stage makes one version of a dataset in the lake, from the versions before it. In order:
    **ingest** → **validate corpus** → **register corpus** → **corrupt** → **validate pairs** → **register pairs** →
    **finetune** → **evaluate** → **promote**, then **restore** day by day.

    A stage that finds its version made already does nothing; `--force` makes it again. Exit codes: 0 done,
    1 unexpected (worth a retry), 2 configuration or input to change, 3 a quality gate said no.""",
)


def _show_version(value: bool) -> None:
    if value:
        print(code_version())
        raise typer.Exit


@app.callback()
def mendel(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show release and commit, and stop."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: runs the command and turns foreseen failures into their exit codes, with one plain message."""
    log.configure()
    try:
        app()
    except MendelError as error:
        print(f"mendel: {error}", file=sys.stderr)
        sys.stderr.flush()
        _leave(str(error))
        raise SystemExit(error.exit_code) from error
    except BrokenPipeError:
        os._exit(1)


def _leave(message: str) -> None:
    """Write why the command failed into the file that MENDEL_FAILURE_FILE names, for a platform that shows it."""
    if path := os.environ.get("MENDEL_FAILURE_FILE"):
        with suppress(OSError):  # the message is in the log besides
            Path(path).write_text(message)


for stage in (
    stages.ingest,
    stages.corrupt,
    stages.validate,
    stages.register,
    stages.finetune,
    stages.evaluate,
    stages.promote,
    stages.drift,
    stages.retrain,
):
    app.command()(stage)
app.command(hidden=True)(stages.version)
app.command()(stream.stream)
app.add_typer(testset.app, name="testset")
app.add_typer(noise.app, name="noise")
app.add_typer(data.app, name="data")
app.add_typer(registry.app, name="registry")
app.add_typer(restore.restore, name="restore")
app.add_typer(restore.inbox, name="inbox")
app.add_typer(client.app, name="client")
app.add_typer(feedback.app, name="feedback")
app.add_typer(lake.app, name="lake")
app.add_typer(marts.app, name="marts")
app.command()(merge.merge)
app.command("gc")(gc.collect)
app.command()(forget.forget)
app.command("serve")(serve.serve)
app.command("api-key")(serve.api_key)
