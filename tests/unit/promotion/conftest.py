"""A lake with pairs and two candidates, one better than the other, made by real stages; MLflow on SQLite."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import digest, manifest
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.evaluation.gate import Rules
from mendel.models.ngram import CharNgram
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, Rates
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision, History
from mendel.retraining import request
from mendel.stages.evaluate import Evaluate
from mendel.stages.promote import Promote

MODEL = "mendel-test"
"""Of the pipeline `test`, which the commands run."""
WEEK_1, WEEK_2 = "2026-11-16", "2026-11-23"
"""The partitions of the weaker and of the better candidate."""

NOISE = NoiseProfile(
    name="test",
    rates=Rates(deletion=0.004, substitution=0.004, insertion=0.004, duplication=0.004, reversal=0.004),
)
VOCABULARY = """the of and to in we our that people must nation government congress security freedom american energy children
workers together tonight economy health education union strong future years every world country budget"""
LENIENT = Rules(max_worse=0.5, max_clean_altered=0.5, max_foreign_altered=1, min_reduction=0.05, max_latency_seconds=60)
"""Rules for candidates that learned from a few hundred sentences of some thirty words."""


def sentences(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [
        " ".join(generator.choices(VOCABULARY.split(), k=generator.randint(6, 25))).capitalize() + "."
        for _ in range(count)
    ]


class MakePairs(Stage):
    """Corrupts the sentences with the real kernel, without Spark; made from what asked for them, as by `corrupt`."""

    name: ClassVar[str] = "corrupt"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "pairs"

    train: int = 400
    test: int = 120
    copies: int = 1

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        why = request.asking(context.root, context.partition)
        return [context.as_input(why)] if why else []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        splits = {"train": sentences(self.train, seed=1), "test": sentences(self.test, seed=2)}
        resolved = resolve(NOISE, splits["train"], seed=0)
        (draft.folder / "noise.json").write_text(resolved.model_dump_json())
        tables = []
        for split, clean in splits.items():
            for copy in range(self.copies):
                records = pa.array([f"{split}-{number:04}" for number in range(len(clean))], pa.string())
                copies = pa.array([copy] * len(clean), pa.int32())
                made = Kernel(resolved, seed=0).corrupt(records, copies, pa.array(clean, pa.string()))
                table = pa.table(
                    {
                        "id": pa.array([f"{record}#{copy}" for record in records.to_pylist()], pa.string()),
                        "record_id": records,
                        "copy": copies,
                        "clean": pa.array(clean, pa.string()),
                        "noisy": made.noisy,
                        "edits": made.edits,
                    }
                )
                folder = draft.folder / f"split={split}"
                folder.mkdir(exist_ok=True)
                pq.write_table(table, folder / f"part-{copy}.parquet")
                tables.append(table)
        table = pa.concat_tables(tables)
        return Outcome(rows=len(table), digest=digest.of_table(table))


class PassValidation(Stage):
    """The validation that `evaluate` asks for."""

    name: ClassVar[str] = "validate pairs"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "pairs_validation"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("pairs")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        return Outcome(rows=1, digest=inputs["pairs"].digest)


class MakeCandidate(Stage):
    """A real restorer; the longer the n-grams, the better."""

    name: ClassVar[str] = "finetune"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "candidate"

    order: int

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("pairs")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (noise,) = draft.context.uris(inputs["pairs"], "noise.json")
        shutil.copy(noise.removeprefix("file://"), draft.folder / "noise.json")
        CharNgram.fit(sentences(400, seed=1), order=self.order).save(draft.folder / "ngram.safetensors")
        told = {
            "kind": "channel-ngram",
            "decoder": {"beam": 20},
            "weights": {"first_pass": {"ngram": 0.95, "threshold": 1.0}},
        }
        (draft.folder / "restorer.json").write_text(json.dumps(told))
        return Outcome(rows=400, digest=digest.of_files(draft.folder))


def make_candidate(context: Context, order: int) -> Manifest:
    """Validated pairs and a candidate in the context's partition."""
    execute(MakePairs(), context)
    execute(PassValidation(), context)
    return execute(MakeCandidate(order=order), context)


def evaluate(context: Context, rules: Rules = LENIENT) -> Manifest:
    return execute(Evaluate(max_sentences=100, foreign_per_kind=5, resamples=200, rules=rules), context)


def promote(context: Context, rejected_by: str | None = None) -> Decision:
    """Run the stage; the decision that it made, or had made."""
    made = execute(Promote(rejected_by=rejected_by, registered_model=MODEL), context)
    number: int = made.metrics["number"]
    return ledger.read(context.root)[number - 1]


def decide_on(context: Context, action: str, evaluation: Manifest | None = None) -> Decision:
    """Write a decision about the context's candidate, without the gate, and without an evaluation but where one is given."""
    candidate = manifest.current(context.root, "candidate", context.partition)
    assert candidate is not None, f"no candidate in {context.partition}"

    def judge(history: History) -> Decision:
        known = [past.version for past in history if past.candidate.digest == candidate.digest]
        champion = ledger.state(history).champion
        return Decision.model_validate(
            {
                "number": len(history) + 1,
                "action": action,
                "version": known[0] if known else len({past.version for past in history}) + 1,
                "candidate": candidate,
                "reigning": champion.version if champion else None,
                "evaluation": evaluation and evaluation.as_input(),
                "reasons": ("because",),
                "run_id": "test",
                "decided": datetime.now(UTC),
            }
        )

    return ledger.append(context.root, judge)


def aliases() -> dict[str, int]:
    """What MLflow shows."""
    import mlflow

    found = mlflow.MlflowClient().get_registered_model(MODEL).aliases
    return {alias: int(version) for alias, version in found.items()}


@dataclass(frozen=True)
class Store:
    """A lake, and the database that MLflow uses with it."""

    lake: Path
    database: Path

    @property
    def root(self) -> str:
        return f"file://{self.lake}"

    def context(self, partition: str, force: bool = False) -> Context:
        return Context(root=self.root, partition=partition, force=force)

    def copied(self, folder: Path) -> Store:
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(folder / "lake", folder / "mlflow.db")
        shutil.copytree(self.lake, store.lake)
        shutil.copy(self.database, store.database)
        return store

    @contextmanager
    def in_use(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{self.database}")
            yield


# Templates take seconds. A fixture that several folders import is one in each of them; what it gives is made once.


@cache
def _candidates(base: Path) -> Store:
    import mlflow

    folder = base / "candidates"
    store = Store(folder / "lake", folder / "mlflow.db")
    make_candidate(store.context(WEEK_1), order=3)
    make_candidate(store.context(WEEK_2), order=6)
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{store.database}").search_experiments()
    return store


@cache
def _evaluated(base: Path) -> Store:
    store = _candidates(base).copied(base / "evaluated")
    with store.in_use():
        for week in (WEEK_1, WEEK_2):
            evaluate(store.context(week))
    return store


@cache
def _with_champion(base: Path) -> Store:
    from mendel.promotion import model_registry

    store = _evaluated(base).copied(base / "with_champion")
    with store.in_use():
        promote(store.context(WEEK_1))
        model_registry.follow(store.root, MODEL)
        evaluate(store.context(WEEK_2))
    return store


@pytest.fixture(scope="session")
def candidates_template(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two candidates, not evaluated; a database without content, whose tables take seconds to make."""
    return _candidates(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def evaluated_template(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Both candidates are evaluated, each when there was no champion."""
    return _evaluated(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def with_champion_template(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The weaker candidate is champion, and the better one has been evaluated against it."""
    return _with_champion(tmp_path_factory.getbasetemp())


def _own(store: Store, folder: Path) -> Iterator[Store]:
    own = store.copied(folder)
    with own.in_use():
        yield own


@pytest.fixture
def candidates(candidates_template: Store, tmp_path: Path) -> Iterator[Store]:
    """Two candidates, not evaluated; the ledger is empty."""
    yield from _own(candidates_template, tmp_path)


@pytest.fixture
def evaluated(evaluated_template: Store, tmp_path: Path) -> Iterator[Store]:
    """Both candidates are evaluated, each when there was no champion."""
    yield from _own(evaluated_template, tmp_path)


@pytest.fixture
def with_champion(with_champion_template: Store, tmp_path: Path) -> Iterator[Store]:
    """The weaker candidate, version 1, is champion; the better one has been evaluated against it."""
    yield from _own(with_champion_template, tmp_path)


class Commands:
    """Runs `mendel` commands on a store in processes of their own."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, store: Store, arguments: Sequence[str], die_before_write: int | None = None) -> int:
        """The exit code; -9 when the process was killed, as asked for, before its n-th write."""
        (code,) = self._run([self._job(store, arguments, die_before_write)])
        return code

    def run_together(self, store: Store, commands: Sequence[Sequence[str]]) -> list[int]:
        return self._run([self._job(store, arguments, None) for arguments in commands])

    def _job(self, store: Store, arguments: Sequence[str], die_before_write: int | None) -> dict[str, object]:
        config = store.lake.parent / "pipeline.yaml"
        config.write_text(f"name: test\nlake: {store.lake}\n")
        return {
            "arguments": [*arguments, "-c", str(config)],
            "environment": {"MLFLOW_TRACKING_URI": f"sqlite:///{store.database}"},
            "die_before_write": die_before_write,
        }

    def _run(self, jobs: Sequence[dict[str, object]]) -> list[int]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(jobs) + "\n")
        self._server.stdin.flush()
        codes: list[int] = json.loads(self._server.stdout.readline())
        return codes


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    server = Path(__file__).with_name("commands_server.py")
    with subprocess.Popen(
        [sys.executable, str(server)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    ) as process:
        yield Commands(process)
        assert process.stdin is not None
        process.stdin.close()
