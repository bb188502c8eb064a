"""`mendel testset`: the pinned test set, made anew when a person asks for it."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Annotated, cast

import typer

from mendel.cli.options import Config, Force, Settings
from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute

app = typer.Typer(no_args_is_help=True, help="The pinned test set, on which all restorers of a source are scored.")


@app.command()
def renew(
    config: Config,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    force: Force = False,
) -> None:
    """Make the test set anew from what the source holds out now, and pin that one instead.

    `mendel ingest` pins the test set once and keeps it though the source changes, so that scores stay comparable.
    After a renewal they are not: ingest again, and let every restorer that is still in use be scored again.
    `--force` also replaces a test set whose files are damaged.

    Example: `mendel testset renew -c include/pipelines/demo.yaml --dry-run`
    """
    from mendel.pipeline import load_stage
    from mendel.stages.ingest import Ingest
    from mendel.stages.testset import at_source

    root, stage = load_stage(config, "ingest", settings)
    testset = cast(Ingest, stage).testset
    name = f"{testset.dataset}/{testset.source.name}"
    context = at_source(testset, Context(root=root, partition="", force=force))
    old = manifest.current(root, testset.dataset, context.partition)
    before = None if old is None or force else _ids(context, old)
    with TemporaryDirectory() as elsewhere:
        context = replace(context, root=lake.normalise(elsewhere)) if dry_run else context
        new = execute(testset, context)
        after = _ids(context, new)
    print(f"{name}: pinned so far {_summary(old)}, {'would be' if dry_run else 'now'} {_summary(new)}")
    if before is not None:
        print(f"{len(after - before)} sentences come, {len(before - after)} go, {len(after & before)} stay")
    if dry_run:
        print("nothing was written (--dry-run)")
    elif old is None or old.digest != new.digest:
        print("Next: mendel ingest, for every partition in use. Scores on the old test set compare with no new ones,")
        print("and restorers trained before this may have seen the new sentences: train them again.")


def _summary(version: Manifest | None) -> str:
    return "nothing" if version is None else f"{version.rows} sentences (digest {version.digest[:12]})"


def _ids(context: Context, version: Manifest) -> set[str]:
    """Ids of a test set's sentences, its files checked first."""
    from mendel.corpus import tables

    [uri] = context.uris(context.as_input(version), "/test.parquet")
    return {sentence.id for sentence in tables.read_sentences(uri)}
