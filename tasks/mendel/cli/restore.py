"""`mendel restore` and `mendel inbox`: days of an inbox, restored shard by shard."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.cli.options import Config, Force, Partition, Settings, partition_key
from mendel.core import manifest
from mendel.core.stage import Context, execute
from mendel.lakehouse import following

restore = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Restore a **text**, or the files that others left in `inbox/dt=DATE/` of the lake.

    Of a day: **plan** it, restore each **shard** (in any order, side by side), **collect** the day. Files hold records
    (.jsonl, .txt or .parquet, plain or compressed), or are documents, such as .docx and .md (docs/reference/text.md). A
    record's id is its own `id`, else made of its file and line. Every record comes out exactly once: in
    `restored/dt=DATE/`, documents below its `files/`, or in that version's `rejected/` with the reason.""",
)
inbox = typer.Typer(no_args_is_help=True, help="Put text to be restored into the inbox.")


@restore.command()
def plan(
    config: Config,
    partition: Partition,
    model_version: Annotated[
        str | None,
        typer.Option(help="Version or alias of the model. Without it the day's own, on the first run the champion's."),
    ] = None,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    force: Force = False,
) -> None:
    """Read a day's files, cut their good records into shards, and settle which model restores them.

    A day that was planned before keeps its model, whoever is champion now; `--model-version champion` moves it to
    today's. A file that arrives late makes a new version of the day: plan it again. Says so where a day has no files.

    Example: `mendel restore plan -c include/pipelines/demo.yaml -p 2026-11-22`
    """
    from mendel.inference import inbox
    from mendel.pipeline import load_section
    from mendel.stages.restore_plan import Plan

    root, restoring = load_section(config, "restore", settings)
    context = Context(root=root, partition=partition_key(partition), force=force)
    version = execute(Plan.of_day(restoring, context, model_version), context)
    if not version.metrics["files_in"]:
        print(f"nothing to restore: {manifest.partition_path(inbox.DATASET, partition)} of {root} holds no files")
        return
    print(
        f"{version.rows} records in {version.metrics['shards']} shards, model version {version.parameters['model_version']}"
    )


@restore.command()
def text(
    config: Config,
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts; without any, each line of standard input.", show_default=False)
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="champion, previous, a version, candidate (the newest), or a candidate's fingerprint."),
    ] = "champion",
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Leave out changes that are less sure.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Confidence and edits too, one object a line.")] = False,
) -> None:
    """Restore text here and now, by any model of the lake: a candidate that was declined, or not judged yet, too.

    Example: `mendel restore text -c include/pipelines/demo.yaml --model candidate 'hellorld'`
    """
    from mendel.cli.restore_text import restore_texts
    from mendel.pipeline import load_section

    root, _ = load_section(config, "restore")
    restore_texts(root, model, texts, threshold, as_json)


@restore.command()
def files(
    paths: Annotated[list[str], typer.Argument(help="Files, folders with all below them, or - for standard input.")],
    model: Annotated[
        str,
        typer.Option(help="A candidate's folder or URI, by itself; or, with --config, what `restore text` takes."),
    ] = "champion",
    config: Annotated[
        str | None, typer.Option("--config", "-c", envvar="MENDEL_CONFIG", help="Pipeline YAML: path or URI.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="Format of files that are named; without it their suffix tells.")
    ] = None,
    field: Annotated[
        list[str],
        typer.Option(help="Column or key that holds text; may be repeated. Else `text`, else all that hold prose."),
    ] = [],  # noqa: B006 (typer copies it)
    encoding: Annotated[
        str | None, typer.Option(help="Of text; else what a file says of itself, UTF-8 where it says nothing.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Leave out changes that are less sure.")] = None,
    output: Annotated[
        str | None, typer.Option(help="Folder for the results, as the input's are; else beside it: NAME.restored.EXT.")
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Write into the files themselves.")] = False,
    backup: Annotated[str, typer.Option(help="Behind the names of originals, with --in-place.")] = ".orig",
    force: Annotated[bool, typer.Option("--force", help="Overwrite results and backups that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say which files would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show the changes.")] = False,
    report: Annotated[str | None, typer.Option(help="HTML file that shows every change, and how sure it is.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with 1 if a file would change.")] = False,
) -> None:
    """Restore whole documents: their prose, by any model; every other byte stays as it is.

    Text, Markdown, HTML, JSON Lines, CSV, TSV, Parquet, hOCR, ALTO, PAGE and DOCX. Code, addresses, tags and numbers are
    left alone (docs/how-to/restore-documents.md). Exit codes: 0 done, 1 with `--check`: something would change, 2 a file
    cannot be read or written; the others are done.

    Example: `mendel restore files letters --model .mendel/candidate --output restored`
    """
    from pathlib import Path

    from mendel.cli.restore_files import Task, load, restore_files
    from mendel.core.errors import InputError
    from mendel.documents.document import ReadingOptions
    from mendel.documents.files import Destination

    if in_place and output is not None:
        raise InputError("--in-place and --output: choose one")
    if not backup:
        raise InputError("--backup: name a suffix, such as .orig")
    task = Task(
        form=form,
        options=ReadingOptions(fields=tuple(field), encoding=encoding),
        threshold=threshold,
        destination=Destination(Path(output) if output is not None else None, in_place, backup, force),
        dry_run=dry_run or diff or check,
        diff=diff,
        report=Path(report) if report is not None else None,
    )
    tally = restore_files(load(model, config), paths, task)
    if tally.failed:
        raise typer.Exit(2)
    if check and tally.changed:
        raise typer.Exit(1)


@restore.command()
def shard(
    config: Config,
    partition: Partition,
    shard: Annotated[int, typer.Option(help="Number of the shard, from 0.")],
    force: Force = False,
) -> None:
    """Restore one shard of a day's plan with the model of the plan.

    What a killed run left counts for nothing; of two runs at once the first to finish counts.

    Example: `mendel restore shard -c include/pipelines/demo.yaml -p 2026-11-22 --shard 0`
    """
    from mendel.stages.restore_shard import restore_shard

    restore_shard(_context(config, partition, force), shard)


@restore.command()
def collect(config: Config, partition: Partition, force: Force = False) -> None:
    """Check that every record of the day came out exactly once, and commit the day.

    A day without files becomes a version without rows.

    Example: `mendel restore collect -c include/pipelines/demo.yaml -p 2026-11-22`
    """
    from mendel.inference import planned
    from mendel.stages.restore_collect import Collect

    context = _context(config, partition, force)
    version = execute(Collect(plan=planned.in_force(context).fingerprint), context)
    following.follow(context.root, version)
    print("{records_in} records in, {records_out} restored, {records_rejected} rejected".format_map(version.metrics))


@inbox.command()
def fill(
    config: Config,
    partition: Partition,
    day: Annotated[list[str], typer.Option(help="Day to fill, YYYY-MM-DD; may be repeated.")],
    records: Annotated[int, typer.Option(min=1, help="Good records a day; seven bad ones come besides.")] = 300,
) -> None:
    """Fill days of the inbox with noisy held-out text, the test pairs of PARTITION, to try out `mendel restore`.

    Ids are those of the pairs. A few bad records at the end show what becomes of such. A file that is there stays.

    Example: `mendel inbox fill -c include/pipelines/demo.yaml -p 2026-11-23 --day 2026-11-21 --day 2026-11-22`
    """
    from mendel.inference.fill import fill

    fill(_context(config, partition), [partition_key(key, "--day") for key in day], records)


def _context(config: str, partition: str, force: bool = False) -> Context:
    from mendel.pipeline import load_section

    root, _ = load_section(config, "restore")
    return Context(root=root, partition=partition_key(partition), force=force)
