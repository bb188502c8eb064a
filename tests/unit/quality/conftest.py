"""Small sound datasets, committed by real stages, into which each test plants one fault."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import PrivateAttr

from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, Rates, ResolvedProfile

WORDS = re.findall(
    r"\w+",
    "liberty union people nation state labor peace war treaty commerce public credit law army navy harvest river railway "
    "school debt silver gold court senate house vote tariff frontier winter island steel telegraph colony",
)
SPLITS = {"train": 300, "validation": 40, "test": 60}
TYPES = {"position": "Int32", "year": "Int32", "copy": "Int32"}
RATES = Rates(deletion=0.004, substitution=0.004, insertion=0.004, duplication=0.004, reversal=0.006)


class Make(Stage):
    """Commits a frame as `corpus` or `pairs`; its column `folder` says where a row lies, and is not written."""

    name: ClassVar[str] = "make"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "any"

    subject: str
    content: str
    _frame: pd.DataFrame = PrivateAttr()
    _schema: pa.Schema = PrivateAttr()
    _noise: ResolvedProfile | None = PrivateAttr(None)
    _rows: int | None = PrivateAttr(None)

    def target(self) -> str:
        return self.subject

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: object, draft: Draft) -> Outcome:
        for folder, part in self._frame.groupby("folder"):
            path = draft.folder / f"split={folder}" / "part-0.parquet"
            path.parent.mkdir()
            table = pa.Table.from_pandas(part.drop(columns="folder"), schema=self._schema, preserve_index=False)
            pq.write_table(table, path)
        (draft.folder / "dropped.parquet").write_bytes(b"not a part of the dataset's rows")
        metrics = {}
        if self.subject == "corpus":
            train = self._frame[self._frame["split"] == "train"]["text"].dropna()
            metrics["alphabet"] = "".join(sorted(set("".join(train))))
        if self._noise is not None:
            (draft.folder / "noise.json").write_text(self._noise.model_dump_json())
        rows = len(self._frame) if self._rows is None else self._rows
        return Outcome(rows=rows, digest=self.content, metrics=metrics)


def schema_of(subject: str) -> pa.Schema:
    return {
        "corpus": pa.schema(
            [
                ("id", pa.string()),
                ("doc", pa.string()),
                ("position", pa.int32()),
                ("year", pa.int32()),
                ("split", pa.string()),
                ("text", pa.string()),
            ]
        ),
        # Spark leaves the column out that the folders tell.
        "pairs": pa.schema(
            [
                ("id", pa.string()),
                ("record_id", pa.string()),
                ("copy", pa.int32()),
                ("clean", pa.string()),
                ("noisy", pa.string()),
                ("edits", pa.binary()),
            ]
        ),
    }[subject]


def make_corpus_frame() -> pd.DataFrame:
    draw = random.Random(7)
    rows = [
        {
            "id": f"{split}-{place:03}",
            "doc": f"{split}-{place // 20}",
            "position": place % 20,
            "year": None if place % 10 == 0 else {"train": 1900, "validation": 2008, "test": 2012}[split],
            "split": split,
            "folder": split,
            "text": " ".join(draw.choices(WORDS, k=14)).capitalize() + ".",
        }
        for split, count in SPLITS.items()
        for place in range(count)
    ]
    frame = pd.DataFrame(rows)
    return frame.astype({name: kind for name, kind in TYPES.items() if name in frame})


@pytest.fixture(scope="package")
def corpus_frame() -> pd.DataFrame:
    return make_corpus_frame()


@pytest.fixture(scope="package")
def noise_of(corpus_frame: pd.DataFrame) -> Callable[..., ResolvedProfile]:
    """A profile that met the corpus."""

    def resolved(**fields: Any) -> ResolvedProfile:
        profile = NoiseProfile(**{"name": "test", "rates": RATES, **fields})
        return resolve(profile, list(corpus_frame["text"]), seed=0)

    return resolved


@pytest.fixture(scope="package")
def pairs_of(corpus_frame: pd.DataFrame) -> Callable[[ResolvedProfile], pd.DataFrame]:
    """Two noisy copies of each record."""

    def copy_of(noise: ResolvedProfile, copy: int) -> pd.DataFrame:
        copies = pa.array(np.full(len(corpus_frame), copy, dtype=np.int32))
        made = Kernel(noise, seed=1).corrupt(pa.array(corpus_frame["id"]), copies, pa.array(corpus_frame["text"]))
        return pd.DataFrame(
            {
                "id": corpus_frame["id"] + f"#{copy}",
                "record_id": corpus_frame["id"],
                "copy": pd.array(copies, dtype="Int32"),
                "split": corpus_frame["split"],
                "folder": corpus_frame["folder"],
                "clean": corpus_frame["text"],
                "noisy": made.noisy.to_pandas(),
                "edits": made.edits.to_pandas(),
            }
        )

    return lambda noise: pd.concat([copy_of(noise, 0), copy_of(noise, 1)], ignore_index=True)


@pytest.fixture(scope="package")
def noise(noise_of: Callable[..., ResolvedProfile]) -> ResolvedProfile:
    return noise_of()


@pytest.fixture(scope="package")
def pairs_frame(pairs_of: Callable[[ResolvedProfile], pd.DataFrame], noise: ResolvedProfile) -> pd.DataFrame:
    return pairs_of(noise)


@pytest.fixture
def context(tmp_path: Any) -> Context:
    return Context(root=f"file://{tmp_path}/lake", partition="2026-11-23")


@pytest.fixture
def commit(context: Context) -> Callable[..., Manifest]:
    """Commits a frame as the version in force."""

    def run(
        frame: pd.DataFrame,
        subject: str,
        noise: ResolvedProfile | None = None,
        schema: pa.Schema | None = None,
        rows: int | None = None,
        context: Context = context,
    ) -> Manifest:
        content = hashlib.sha256(frame.to_csv().encode()).hexdigest()
        stage = Make(subject=subject, content=content)
        stage._frame, stage._noise, stage._rows = frame, noise, rows
        stage._schema = schema or schema_of(subject)
        return execute(stage, context)

    return run
