"""`mendel forget`: texts of records and answers leave the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.cli.options import Config
from mendel.core.errors import InputError


def forget(
    config: Config,
    records: Annotated[list[str], typer.Option("--record", help="Id of a record; may be given several times.")] = [],  # noqa: B006 (typer copies it)
    answers: Annotated[
        list[str], typer.Option("--answer", help="Id of an answer's request (X-Request-ID) that has feedback.")
    ] = [],  # noqa: B006
    delete: Annotated[bool, typer.Option("--delete", help="Remove them. Without this, they are only listed.")] = False,
) -> None:
    """List where the lake keeps the texts of records and answers, or remove them, from former versions too.

    Looked through are the inbox, plans, restored days, the stream's micro-batches, rejections, and feedback. Corpora and
    models come from the source of `ingest`, and are not.

    Example: `mendel forget -c include/pipelines/demo.yaml --record letter-17`, and then the same with `--delete`
    """
    from mendel.forgetting import copies, erasure
    from mendel.forgetting.subject import ReadingRules, Subject
    from mendel.pipeline import load_section

    if not (records or answers):
        raise InputError("name what is to be forgotten: --record ID, or --answer ID")
    root, settings = load_section(config, "restore")
    _, stream = load_section(config, "stream", reach=False)
    subject = Subject(records=frozenset(records), answers=frozenset(answers))
    reading = ReadingRules(settings.rules, stream.rules, settings.txt == "document")
    traces = copies.find(root, subject, reading)
    for copy in traces.copies:
        print(f"{copy.texts:>6} {copy.kind:<10}  {copy.path}")
    if delete:
        erasure.erase(root, traces)
    fate = "removed" if delete else "to be removed by --delete"
    print(f"{len(traces.copies)} files {fate}; looked through {', '.join(copies.DATASETS)} of {root}")
