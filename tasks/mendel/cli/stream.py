"""`mendel stream`: records restored as they come."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.cli.options import Config, Settings, partition_key
from mendel.core.stage import Context


def stream(
    config: Config,
    partition: Annotated[
        str | None,
        typer.Option("--partition", "-p", help="Restore what is there now, record the run under this day, and end."),
    ] = None,
    settings: Settings = [],  # noqa: B006 (typer copies it)
) -> None:
    """Restore records as they arrive, in a folder or a Kafka topic, with the champion, into the lake or Kafka.

    Without `--partition` it goes on until it is stopped. Stopped or killed at any point, the next run goes on from there:
    in the lake (`restored_stream`) every record is exactly once, in Kafka at least once. A new champion takes over with
    the next micro-batch. What cannot be restored goes to `rejected/`, or its topic, with the reason.

    Example: `mendel stream -c include/pipelines/demo.yaml -p 2026-11-23 --set source.files_per_batch=10`
    """
    from datetime import UTC, datetime

    from mendel.pipeline import load_section
    from mendel.streaming import query, runs

    root, streaming = load_section(config, "stream", settings)
    day = partition_key(partition) if partition else ""
    context, started = Context(root=root, partition=day), datetime.now(UTC)
    run = query.run(root, streaming, context, once=bool(day))
    if day:
        record = runs.record(context, run, started)
        print(
            "{records} records in {batches} micro-batches: {restored} restored, {rejected} rejected, "
            "{duplicates} duplicates dropped".format_map(record.metrics)
        )
