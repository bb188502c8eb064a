"""`mendel lake`: SQL over the datasets, which are Delta tables, and their metrics for Prometheus."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Literal

import typer

from mendel.cli.options import Config, partition_key
from mendel.core.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Ask the lake with SQL.

    Tables with versions: **corpus**, **pairs**, **restored**, **restored_stream**, **evaluation**. They are Delta tables
    over the datasets' own files, so other engines read them too. Besides: **versions** (of all datasets), **decisions**,
    **rejected**, **feedback**. Columns are in docs/reference/lake.md.""",
)
Format = Annotated[
    Literal["table", "csv", "json"], typer.Option("--format", "-f", help="json has an object in each line.")
]


@app.command()
def query(
    config: Config,
    statement: Annotated[str, typer.Argument(help="One SQL statement, of DuckDB.", show_default=False)],
    at: Annotated[
        list[str],
        typer.Option(help="TABLE=VERSION: a table as it was; VERSION is a number, or a manifest's fingerprint."),
    ] = [],  # noqa: B006 (typer copies it)
    as_of: Annotated[
        str | None, typer.Option(help="Day, YYYY-MM-DD: what the tables hold up to it, corpus and pairs as they were.")
    ] = None,
    form: Format = "table",
) -> None:
    """Run one SQL statement over the lake. Its tables follow the manifests first.

    The statement reads the lake's tables, and no other file.

    Example: `mendel lake query -c include/pipelines/demo.yaml "SELECT dt, count(*) FROM restored GROUP BY dt"`
    """
    with _extra():
        from mendel.lakehouse import query
    versions = dict(_assignment(text) for text in at)
    day = date.fromisoformat(partition_key(as_of, "--as-of")) if as_of else None
    with query.answer(_root(config), statement, query.Travel(versions, day)) as answer:
        _show(answer.columns, answer.rows, form)


@app.command()
def tables(config: Config, form: Format = "table") -> None:
    """Show each table: its version, how much it holds, the manifest that it was last made for.

    Example: `mendel lake tables -c include/pipelines/demo.yaml`
    """
    with _extra():
        from mendel.lakehouse import query
    columns = ["table", "version", "rows", "files", "manifest"]
    _show(columns, ([row[name] for name in columns] for row in query.overview(_root(config))), form)


@app.command()
def history(
    config: Config,
    table: Annotated[str, typer.Argument(help="corpus, pairs, restored, restored_stream or evaluation.")],
    form: Format = "table",
) -> None:
    """Show the versions of a table, newest first, each with the manifest that it was made for.

    Example: `mendel lake history -c include/pipelines/demo.yaml restored`
    """
    with _extra():
        from mendel.lakehouse import query
    columns = ["version", "at", "partition", "rows", "manifest"]
    commits = (commit._replace(at=commit.at.replace(microsecond=0)) for commit in query.history(_root(config), table))
    _show(columns, ([getattr(commit, name) for name in columns] for commit in commits), form)


@app.command()
def sync(config: Config) -> None:
    """Let the tables follow the manifests: after stages that ran where delta-rs is not installed, or were killed.

    Queries do it by themselves. Other engines see what was there at the last time.

    Example: `mendel lake sync -c include/pipelines/demo.yaml`
    """
    with _extra():
        from mendel.lakehouse import delta, following, tables
    root = _root(config)
    for table in tables.TABLES.values():
        made = following.sync(root, table)
        if (state := delta.load(root, table)) is not None:
            print(f"{table.name}: version {state.version()}, {made} new")


@app.command()
def metrics(
    config: Config,
    port: Annotated[int | None, typer.Option(help="Serve /metrics here until it is stopped.", min=1, max=65535)] = None,
    host: Annotated[str, typer.Option(help="Address to bind; 0.0.0.0 for other machines.")] = "127.0.0.1",
    every: Annotated[float, typer.Option(help="Seconds from one look at the lake to the next.", min=1)] = 60,
) -> None:
    """Tell Prometheus of the lake: the newest version of each dataset, days that were not restored, the champion's age.

    Without `--port` it looks once and prints, as node_exporter's textfile collector reads it.

    Example: `mendel lake metrics -c include/pipelines/demo.yaml --port 9109`
    """
    from datetime import UTC, datetime

    with _extra("serve"):
        from prometheus_client import generate_latest

        from mendel.lakehouse.metrics import LakeMetrics, serve
    if port is not None:
        serve(_root(config, reach=False), host, port, every)
        return
    lake_metrics = LakeMetrics(_root(config))
    lake_metrics.look(datetime.now(UTC))
    print(generate_latest(lake_metrics.registry).decode(), end="")


@contextmanager
def _extra(name: str = "lakehouse") -> Iterator[None]:
    """Turns a missing package into an InputError that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed: pip install 'mendel[{name}]'") from error


def _assignment(text: str) -> tuple[str, str]:
    table, separator, version = text.partition("=")
    if not (table and separator and version):
        raise InputError(f"--at {text!r}: write TABLE=VERSION, as in restored=3")
    return table, version


def _root(config: str, *, reach: bool = True) -> str:
    from mendel.pipeline import load_section

    root, _ = load_section(config, "promote", reach=reach)
    return root


def _show(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif form == "json":
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=str))
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Column, Table

        table = Table(*(Column(name, overflow="fold") for name in columns))
        for row in rows:
            table.add_row(*(escape("" if value is None else str(value)) for value in row))
        Console().print(table)
