"""Thirty days with a champion: when a change is noticed, what a training brings back, and what the calendar alone would do.

A source of State of the Union addresses, and days of 200 sentences that are held out of it, restored by `channel-ngram`. From
day 12 the noise is that of scans instead of the default one. From day 20 the text is docstrings, licences and readmes of the
machine; from day 22 the source has such text too, of other files. Readers judge the changes of half of a day's records: what
brings a text nearer to the true one they accept. Every day is restored, compared, its feedback collected and weighed; where a
training is wanted the chain runs, to a decision in the ledger, before the next day: all by the stages themselves.

    .venv/bin/python bench/month.py

*Closed loop* is that. *Calendar* is trained each Monday, which is day 1, 8 and so on, and hears nothing of production.
*Never* keeps its first model. Prints a table and writes bench/results/month.json with each day.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import common
import numpy as np
import pyarrow.parquet as pq
import yaml
from profiles import named
from rapidfuzz.distance import Levenshtein
from restoration import damaged

from mendel.core import lake, manifest
from mendel.core.stage import Context, execute
from mendel.corpus import foreign
from mendel.corpus.foreign.parts import Part
from mendel.corpus.sources.base import Document
from mendel.corpus.sources.sotu import Sotu
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.inference.planned import in_force
from mendel.noise import pairs
from mendel.pipeline import load_section
from mendel.promotion import champions
from mendel.restorers.restorer import Restorer, Span, applied
from mendel.stages.feedback_collect import CollectFeedback
from mendel.stages.restore_collect import Collect
from mendel.stages.restore_plan import Plan
from mendel.stages.restore_shard import restore_shard

FOLDER = common.FOLDER / "month"
SOURCE = FOLDER / "source"
CONFIG = FOLDER / "pipeline.yaml"
BEFORE = date(2026, 5, 31)
"""Day 0, whose champion the month begins with."""
NOISE_CHANGES, TEXT_CHANGES, SOURCE_GROWS, LAST = 12, 20, 22, 30
MONDAYS = (1, 8, 15, 22, 29)
RECORDS = 200
JUDGED = 100
KINDS = ("docstrings", "licences", "readmes")
PER_KIND = 400
CHAIN = ("ingest", "validate corpus", "corrupt", "validate pairs", "finetune", "evaluate", "promote")
PIPELINE = {
    "name": "month",
    "lake": str(FOLDER / "lake"),
    "ingest": {
        "source": {"kind": "files", "name": "month", "glob": f"{SOURCE}/*.txt"},
        "cleaning": {"ascii_only": True},
    },
    "corrupt": {"noise": named("default").model_dump(mode="json"), "learned_noise": True},
    "finetune": {"recipe": {"kind": "channel-ngram"}},
    "evaluate": {"max_sentences": 500, "clean_sentences": 1000, "foreign_per_kind": 40},
    "retrain": {"cool_down_days": 5, "per_month": 4},
}
COLUMNS = {"policy": "", "days_1_to_11": ".1%", "days_12_to_19": ".1%", "days_20_to_30": ".1%", "trained_on": ""}


def day(number: int) -> str:
    return (BEFORE + timedelta(days=number)).isoformat()


class Day(NamedTuple):
    number: int
    clean: Sequence[str]
    noisy: Sequence[str]


@dataclass
class Policy:
    """One way to decide when to train, with a lake of its own."""

    name: str
    trained_on: list[int] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name.replace(" ", "-")

    @property
    def root(self) -> str:
        return (self.folder / "lake").as_uri()

    @property
    def version(self) -> int:
        """Of the champion."""
        return champions.resolve(self.root, "champion").registered

    def context(self, number: int) -> Context:
        return Context(root=self.root, partition=day(number))

    def restored(self, texts: Sequence[str]) -> list[str]:
        return [answer.text for answer in self.restorer().restore(texts)]

    def restorer(self) -> Restorer:
        return Restorer.load(str(champions.resolve(self.root, "champion").local()))

    def train(self, number: int) -> None:
        """The chain on a day's partition, to a decision. A gate's no is an answer."""
        self.trained_on += [number] if number else []
        for stage in CHAIN:
            self._run(stage, number)
        promotion = manifest.current(self.root, "promotion", day(number))
        assert promotion is not None
        decided = promotion.metrics
        print(
            f"day {number}, {self.name}: version {decided['version']} {decided['action']}: {decided['reasons']}",
            flush=True,
        )

    def _run(self, stage: str, number: int) -> None:
        environment = os.environ | {
            "MENDEL_LAKE": self.root,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        command = [str(common.MENDEL), *stage.split(), "-c", str(CONFIG), "-p", day(number)]
        process = subprocess.run(command, env=environment, cwd=common.REPO, capture_output=True, text=True)
        if process.returncode not in (0, 3):
            sys.exit(f"mendel {stage}: exit code {process.returncode}\n{(process.stdout + process.stderr)[-3000:]}")


def sources() -> None:
    """The addresses, a file each."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for document in Sotu().read():
        assert isinstance(document, Document)
        (SOURCE / f"{document.id.removesuffix('.txt')}.txt").write_text(document.text)
    CONFIG.write_text(yaml.safe_dump(PIPELINE))


def of_kinds(part: Part) -> list[str]:
    return [item.text for item in foreign.texts(part, PER_KIND) if item.kind in KINDS]


def grow() -> None:
    """Text of the new kinds comes into the source, ten to a file."""
    texts = iter(of_kinds("fit"))
    for number, some in enumerate(iter(lambda: list(islice(texts, 10)), [])):
        (SOURCE / f"new-{number:03}.txt").write_text("\n\n".join(some))


def days(train_texts: Sequence[str], held_out: Sequence[str]) -> Iterator[Day]:
    draw = np.random.default_rng(0)
    strange = of_kinds("judge")
    for number in range(1, LAST + 1):
        pool = strange if number >= TEXT_CHANGES else held_out
        clean = [pool[place] for place in draw.permutation(len(pool))[:RECORDS]]
        noise = named("ocr" if number >= NOISE_CHANGES else "default")
        yield Day(number, clean, damaged(f"day {number}", clean, noise, train_texts).sample.noisy)


def errors(one: Day, texts: Sequence[str]) -> int:
    return sum(map(Levenshtein.distance, one.clean, texts))


def batch(loop: Policy, one: Day) -> list[str]:
    """Restore the day by the champion, as the DAG does; the texts in order."""
    context = loop.context(one.number)
    rows = [{"id": f"{number:03}", "text": text} for number, text in enumerate(one.noisy)]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    lake.write(lake.join(loop.root, manifest.partition_path("inbox", context.partition), "day.jsonl"), content)
    execute(Plan.of_day(section("restore"), context), context)
    plan = in_force(context)
    for shard in range(plan.metrics["shards"]):
        restore_shard(context, shard)
    version = execute(Collect(plan=plan.fingerprint), context)
    files = [file.path for file in version.files if PurePosixPath(file.path).match("part-*.parquet")]
    answers = [row for path in files for row in pq.read_table(lake.join(loop.root, path)).to_pylist()]
    texts = {row["id"]: row["text"] for row in answers}
    return [texts[row["id"]] for row in rows]


def readers(loop: Policy, one: Day) -> None:
    """What readers say about the changes of half of the records, and its collection."""
    answers = loop.restorer().restore(one.noisy[:JUDGED])
    judged = [
        JudgedText(text=noisy, changes=changes)
        for clean, noisy, answer in zip(one.clean, one.noisy, answers, strict=False)
        if (changes := tuple(judgements(clean, noisy, answer.edits)))
    ]
    at = datetime.fromisoformat(f"{day(one.number)}T12:00:00").replace(tzinfo=UTC)
    if judged:
        said = Feedback(
            request_id=f"day-{one.number}", at=at, caller="readers", model_version=loop.version, texts=tuple(judged)
        )
        inbox.put(loop.root, said)
    execute(CollectFeedback(), loop.context(one.number))


def judgements(clean: str, noisy: str, edits: Sequence[Span]) -> Iterator[JudgedChange]:
    """A change is accepted that by itself brings the text nearer to the true one."""
    before = Levenshtein.distance(clean, noisy)
    for edit in edits:
        yield JudgedChange(
            **edit.model_dump(),
            original=noisy[edit.start : edit.end],
            accepted=Levenshtein.distance(clean, applied(noisy, [edit])) < before,
        )


def look(loop: Policy, number: int) -> dict[str, Any]:
    """Compare and weigh the day."""
    report = execute(section("drift"), loop.context(number)).metrics
    verdict = execute(section("retrain"), loop.context(number)).metrics
    names = ("changes", "rejected", "wanted", "reasons", "noise")
    return {"over": report["tests_over"], "alarm": report["alarm"], **{name: verdict[name] for name in names}}


def section(name: str) -> Any:
    _, configured = load_section(str(CONFIG), name)
    return configured


def main() -> None:
    described = common.machine()
    os.environ.pop("MENDEL_LAKE", None)
    sources()
    loop, calendar, never = (Policy(name) for name in ("closed loop", "calendar", "never"))
    never.train(0)
    for policy in (loop, calendar):
        shutil.copytree(never.folder, policy.folder)
    told: list[dict[str, Any]] = []
    for one in days(sentences(never, "train"), sentences(never, "test")):
        if one.number == SOURCE_GROWS:
            grow()
        if one.number in MONDAYS:
            calendar.train(one.number)
        texts = {loop.name: batch(loop, one)}
        for policy in (calendar, never):
            texts[policy.name] = policy.restored(one.noisy)
        readers(loop, one)
        entry: dict[str, Any] = {"day": one.number, "version": loop.version, **look(loop, one.number)}
        entry["errors"] = errors(one, one.noisy)
        entry["left"] = {name: errors(one, some) for name, some in texts.items()}
        if entry["wanted"]:
            loop.train(one.number)
        print(entry, flush=True)
        told.append(entry)
    common.report("month", described, [row(policy, told) for policy in (loop, calendar, never)], COLUMNS, unseen=told)


def row(policy: Policy, told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def share(first: int, last: int) -> float:
        some = [entry for entry in told if first <= entry["day"] <= last]
        left: int = sum(entry["left"][policy.name] for entry in some)
        before: int = sum(entry["errors"] for entry in some)
        return 1 - left / before

    return {
        "policy": policy.name,
        "days_1_to_11": share(1, NOISE_CHANGES - 1),
        "days_12_to_19": share(NOISE_CHANGES, TEXT_CHANGES - 1),
        "days_20_to_30": share(TEXT_CHANGES, LAST),
        "trained_on": ", ".join(f"day {number}" for number in policy.trained_on),
    }


def sentences(policy: Policy, split: str) -> list[str]:
    """Clean ones of day 0."""
    context = policy.context(0)
    uris = context.uris(context.require("pairs"), ".parquet")
    texts: list[str] = pairs.read(uris, splits=[split], columns=["clean"])["clean"].to_pylist()
    return texts


if __name__ == "__main__":
    main()
