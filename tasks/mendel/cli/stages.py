"""The stages as commands: the same in a terminal, a local process, a container and a pod."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from mendel.cli.options import Config, Force, Partition, Settings, partition_key
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.lakehouse import following
from mendel.versioning.settings import Subject


def ingest(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Read the source's text into a corpus: clean sentences without duplicates, in splits that share no text.

    The test split is the source's pinned test set, which the first ingest makes (`mendel testset`). What cannot be read
    is quarantined and what is not kept is listed, each with its reason, beside the corpus. It ends with a summary: what
    was kept, what was lost and which setting decides that.

    Example: `mendel ingest -c include/pipelines/demo.yaml -p 2026-11-23 --set source.held_out_from=2015`
    """
    from mendel.corpus import summary

    for line in summary.lines(_run("ingest", config, partition, settings, force)):
        print(line)


def corrupt(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Damage the validated corpus by its noise profile: pairs of clean and noisy text, with the edits between them.

    The profile is fitted to the train split (alphabet, and rates where it has a target_cer) and kept as noise.json.
    Equal corpus, noise and seed give equal pairs, however Spark divides the work.

    Example: `mendel corrupt -c include/pipelines/demo.yaml -p 2026-11-23 --set noise=@include/noise/heavy.yaml`
    """
    _run("corrupt", config, partition, settings, force)


def validate(
    subject: Annotated[Literal["corpus", "pairs"], typer.Argument(help="corpus or pairs.", show_default=False)],
    config: Config,
    partition: Partition,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    force: Force = False,
) -> None:
    """Check a dataset against its suite of expectations. Exit code 3 says that it failed, and which expectations.

    Passed or failed, every expectation with what was observed is published in Data Docs, `<lake>/data_docs/index.html`.

    Example: `mendel validate corpus -c include/pipelines/demo.yaml -p 2026-11-23 --set length=[20,300]`
    """
    _run(f"quality.{subject}", config, partition, settings, force)


def register(
    subject: Annotated[Subject, typer.Argument(help="corpus, pairs or candidate.", show_default=False)],
    config: Config,
    partition: Partition,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    force: Force = False,
) -> None:
    """Register a dataset version in the data registry: files to the DVC remote, then a Git commit and a tag.

    Corpus and pairs must have passed validation. `mendel data checkout` brings any version back.

    Example: `mendel register corpus -c include/pipelines/demo.yaml -p 2026-11-23`
    """
    _run("version", config, partition, [*settings, f"subject={subject}"], force)


def version(
    subject: Annotated[Subject, typer.Argument(help="corpus, pairs or candidate.", show_default=False)],
    config: Config,
    partition: Partition,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    force: Force = False,
) -> None:
    """The name of `mendel register` until 0.2.0."""
    print(f"mendel version is now mendel register {subject}; the former name goes in 0.3.0", file=sys.stderr)
    register(subject, config, partition, settings, force)


def finetune(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Make a restorer from the validated pairs, by its recipe: a candidate for promotion.

    The first pass is fitted, the language model fine-tuned within its budget, weights and threshold fitted on the
    validation split. Killed while fine-tuning, the next run goes on from the last checkpoint.

    Example: `mendel finetune -c include/pipelines/demo.yaml -p 2026-11-23 --set recipe=@include/recipes/channel-ngram.yaml`
    """
    _run("finetune", config, partition, settings, force)


def evaluate(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Score the partition's candidate on the held-out text, beside doing nothing, SymSpell and the champion.

    The gate then says whether to promote it, and why; both answers are a good run. report.md, the plots and the scores
    of every sentence lie in the evaluation, and in the MLflow run.

    Example: `mendel evaluate -c include/pipelines/demo.yaml -p 2026-11-23 --set rules.max_worse=0.02`
    """
    _run("evaluate", config, partition, settings, force)


def promote(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Write the decision on the partition's candidate into the ledger, then let MLflow's aliases follow.

    A candidate that passed the gate against the present champion is promoted. `--set rejected_by=NAME` records that a
    person said no. Stopped at any point, the next run puts right what is missing.

    Example: `mendel promote -c include/pipelines/demo.yaml -p 2026-11-23`
    """
    _run("promote", config, partition, settings, force)


def drift(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Compare a restored day with what its model was calibrated on: characters, lengths, noise, confidence.

    Thresholds are simulated for the day's size. Several days over a threshold are an alarm; it is a good run all the same.
    report.md and report.json lie in the day's version of the dataset drift.

    Example: `mendel drift -c include/pipelines/demo.yaml -p 2026-11-22`
    """
    metrics = _run("drift", config, partition, settings, force).metrics
    over = f" in {metrics['tests_over']}" if metrics["tests_over"] else ""
    print(f"{metrics['verdict']}{over}; alarm: {'yes' if metrics['alarm'] else 'no'}")


def retrain(config: Config, partition: Partition, settings: Settings = [], force: Force = False) -> None:  # noqa: B006
    """Say whether what was seen of the champion, up to a day, asks for a new training, and why.

    Drift is the day's report; feedback is what was collected since the champion's partition. A cool-down and a budget
    hold back. Where a training is wanted and feedback is enough, the version holds noise that was learned from it, which
    `corrupt` takes where `corrupt.learned_noise` is on. Nothing is trained by this command.

    Example: `mendel retrain -c include/pipelines/demo.yaml -p 2026-11-29`
    """
    metrics = _run("retrain", config, partition, settings, force).metrics
    print(f"training wanted: {'yes' if metrics['wanted'] else 'no'}")
    for reason in metrics["reasons"]:
        print(f"- {reason}")
    print(f"noise: {metrics['noise']}")


def _run(section: str, config: str, partition: str, settings: list[str], force: bool = False) -> Manifest:
    """Load one section of the pipeline (dots reach inside), with `settings` over it, and execute its stage."""
    from mendel.pipeline import load_stage

    root, stage = load_stage(config, section, settings)
    version = execute(stage, Context(root=root, partition=partition_key(partition), force=force))
    following.follow(root, version)
    return version
