"""`mendel restore plan`: one day of the inbox, read once, as shards of records to restore with one model version."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mendel.core import digest, manifest
from mendel.core.errors import InputError, MendelError
from mendel.core.frozen import Frozen
from mendel.core.log import log, track
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.inference import inbox, planned
from mendel.inference.inbox import InboxFile
from mendel.inference.records import InboxRecord, RecordRules, Rejection
from mendel.promotion import champions, ledger
from mendel.records.reader import EXCERPT_CHARACTERS

if TYPE_CHECKING:
    import pyarrow as pa


class Restore(Frozen):
    """How days of the inbox are restored: section `restore` of a pipeline."""

    alias: str = Field("champion", description="whose model restores a day that has not been planned yet")
    text_key: str = Field("text", description="key (JSON Lines) or column (Parquet) that holds the text")
    max_characters: int = Field(10_000, ge=1, description="a longer text is rejected")
    threshold: float | None = Field(None, ge=0, le=1, description="changes of less confidence than this are left out")
    records_per_shard: int = Field(5_000, ge=1)
    batch_records: int = Field(256, ge=1, description="texts that the restorer is given at once: bounds the memory")

    @property
    def rules(self) -> RecordRules:
        return RecordRules(text_key=self.text_key, max_characters=self.max_characters)


class Plan(Stage):
    """Makes `restore_plan`: the day's good records cut into shards, the bad ones with reasons, and the model."""

    name: ClassVar = "restore plan"
    stage_version: ClassVar = 1
    dataset: ClassVar = planned.DATASET
    settings: Restore
    model_version: int

    @classmethod
    def of_day(cls, settings: Restore, context: Context, model: str | None = None) -> Plan:
        """The plan of the context's day, the model resolved once and for all.

        `model` is a version or an alias. Without it a day that was planned before keeps its version, whichever is champion
        now, unless the settings name another alias than they did then.
        """
        before = manifest.current(context.root, planned.DATASET, context.partition)
        if model:
            version, because = champions.resolve(context.root, model).registered, f"{model} was asked for"
        elif before is not None and before.parameters["settings"]["alias"] == settings.alias:
            version, because = before.parameters["model_version"], "the day was planned with it before"
        else:
            version, because = (
                champions.resolve(context.root, settings.alias).registered,
                f"it is the {settings.alias} now",
            )
        log.info("model", version=version, because=because)
        return cls(settings=settings, model_version=version)

    def identity(self) -> Any:
        """All but the alias: what counts is the version that it meant. Without a threshold, as before there was one."""
        absent = {"threshold"} if self.settings.threshold is None else set()
        return self.model_dump(mode="json", exclude={"settings": {"alias", *absent}})

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        files = inbox.files(context.root, context.partition)
        decision = ledger.about(ledger.read(context.root), self.model_version)
        if decision is None:  # the day was planned with it, under a ledger that is gone
            raise InputError(
                f"model version {self.model_version}, with which {context.partition} was planned, is not in the ledger of "
                f"{context.root}. Bring the ledger back, or name another model: --model-version champion"
            )
        day = InputEntry(
            name=inbox.DATASET,
            uri=manifest.partition_path(inbox.DATASET, context.partition),
            digest=inbox.digest(context.partition, [(file.name, file.sha256()) for file in files]),
            rows=len(files),  # files, not records: those are known when the plan is made
        )
        return [day, context.as_input(decision.candidate)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        files = inbox.files(draft.context.root, draft.context.partition)
        tallies: dict[str, _Tally] = {}
        shards = _Shards(draft.folder, self.settings.records_per_shard)
        reasons: Counter[str] = Counter()
        seen: set[bytes] = set()
        path = draft.folder / planned.REJECTED
        path.parent.mkdir(parents=True)
        with path.open("w") as rejected:
            for file in track(files, "inbox files"):
                tally = tallies[file.name] = _Tally(bytes=file.bytes)
                for item in _distinct(inbox.records(file, self.settings.rules), seen):
                    tally.add(item)
                    if isinstance(item, InboxRecord):
                        shards.add(item)
                    else:
                        rejected.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
                        reasons[item.reason] += 1
                tally.sha256 = file.sha256()
        shards.close()
        _check_unchanged(tallies, files, inputs[inbox.DATASET], draft.context)
        metrics = {
            "shards": len(shards.digests),
            "files_in": len(files),
            "files_rejected": sum(tally.problem is not None for tally in tallies.values()),
            "records_in": sum(tally.records for tally in tallies.values()),
            "records_rejected": sum(tally.rejected for tally in tallies.values()),
            "reasons": dict(sorted(reasons.items())),
            "files": {name: asdict(tally) for name, tally in tallies.items()},
        }
        _tell(tallies, metrics, draft.context.partition)
        return Outcome(rows=shards.rows, digest=shards.digest(), metrics=metrics)


@dataclass
class _Tally:
    """What came of one inbox file."""

    bytes: int
    sha256: str = ""
    records: int = 0
    rejected: int = 0
    problem: str | None = None

    def add(self, item: InboxRecord | Rejection) -> None:
        if isinstance(item, Rejection) and item.ordinal is None:
            self.problem = f"{item.reason}: {item.detail}"
        else:
            self.records += 1
            self.rejected += isinstance(item, Rejection)


@dataclass
class _Shards:
    """Writes records in order, a full shard at a time, which is all that is held in memory."""

    folder: Path
    records_per_shard: int
    rows: int = 0
    digests: list[str] = field(default_factory=list)
    waiting: list[InboxRecord] = field(default_factory=list)

    def add(self, record: InboxRecord) -> None:
        self.waiting.append(record)
        if len(self.waiting) == self.records_per_shard:
            self._write()

    def close(self) -> None:
        if self.waiting:
            self._write()

    def digest(self) -> str:
        """Over the shards in order: the cut is part of what a plan says."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()

    def _write(self) -> None:
        import pyarrow.parquet as pq

        table = _table(self.waiting)
        path = self.folder / planned.shard_name(len(self.digests))
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path, compression="zstd")
        self.digests.append(digest.of_table(table))
        self.rows += len(self.waiting)
        self.waiting = []


def _table(records: Sequence[InboxRecord]) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema({"id": pa.string(), "text": pa.string(), "file": pa.string(), "ordinal": pa.int64()})
    return pa.Table.from_pylist([asdict(record) for record in records], schema)


def _distinct(items: Iterator[InboxRecord | Rejection], seen: set[bytes]) -> Iterator[InboxRecord | Rejection]:
    """Of records with one id, the first in order of file name and place; the others are rejected.

    `seen` holds a hash of each id of the day, about 100 bytes a record.
    """
    for item in items:
        if isinstance(item, InboxRecord):
            key = hashlib.sha256(item.id.encode()).digest()[:16]
            if key in seen:
                detail = f"id {item.id!r} is in this day already, in an earlier file or line"
                yield Rejection(item.file, item.ordinal, "duplicate_id", detail, item.text[:EXCERPT_CHARACTERS])
                continue
            seen.add(key)
        yield item


def _check_unchanged(
    tallies: Mapping[str, _Tally], files: Sequence[InboxFile], before: InputEntry, context: Context
) -> None:
    """A file that grew while it was read would be restored by half under the name of the whole."""
    listed = [(file.name, tallies[file.name].sha256) for file in files]
    if inbox.digest(context.partition, listed) != before.digest:
        raise MendelError(f"{before.uri} changed while it was read: run the plan again when its files are complete")


def _tell(tallies: Mapping[str, _Tally], metrics: Mapping[str, Any], day: str) -> None:
    for name, tally in tallies.items():
        if tally.problem is not None:
            log.warning("file rejected", file=name, problem=tally.problem)
    if metrics["reasons"]:
        log.warning(
            "rejected", records=metrics["records_rejected"], files=metrics["files_rejected"], **metrics["reasons"]
        )
    if not metrics["files_in"]:
        log.info("the inbox of this day is empty: its version will hold no rows", partition=day)
