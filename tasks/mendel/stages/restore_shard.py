"""`mendel restore shard`: restores one shard of a day's plan and commits it as one part."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.log import log, track
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, Draft
from mendel.core.usage import Usage
from mendel.inference import parts, planned, restored, whole_files
from mendel.inference.parts import ShardPart, ShardTotals
from mendel.promotion import champions
from mendel.restorers.restorer import Restoration, Restorer
from mendel.stages.restore_plan import Restore


def restore_shard(context: Context, shard: int) -> ShardPart:
    """Restore one shard of the plan in force, or find that it is restored already.

    Raises InputError where there is no plan or no such shard, or where the model or the shard's records have changed.
    """
    plan = planned.in_force(context)
    if not 0 <= shard < planned.shards(plan):
        raise InputError(f"--shard {shard}: {plan.path} has {planned.shards(plan)} shards, counted from 0")
    folder = planned.restored_folder(plan)
    existing = parts.read(context.root, folder, shard)
    if existing is not None and not context.force and parts.is_there(context.root, existing):
        log.info("unchanged", stage="restore shard", part=existing.file.path, rows=existing.totals.records)
        return existing
    began = time.monotonic()
    source = planned.verified(context.root, plan, shard)
    restorer = _restorer(context.root, plan)
    log.info("start", stage="restore shard", partition=context.partition, shard=shard, run_id=context.run_id)
    with Draft(context, folder) as draft:
        totals = _restore(plan, source, shard, restorer, draft)
        files = draft.files()
    documents = tuple(file for file in files if f"/{restored.FILES}/" in file.path)
    (rows,) = set(files).difference(documents)
    shard_part = ShardPart(
        shard=shard,
        run_id=context.run_id,
        file=rows,
        documents=documents,
        totals=totals,
        usage=Usage.of(time.monotonic() - began),
    )
    part = parts.commit(context.root, folder, shard_part, replace=existing is not None)
    if part != shard_part:
        draft.discard()
        log.info("another attempt was first", stage="restore shard", part=part.file.path, run_id=part.run_id)
    log.info("done", stage="restore shard", part=part.file.path, rows=totals.records, seconds=round(totals.seconds, 1))
    return part


def _restorer(root: str, plan: Manifest) -> Restorer:
    model = champions.resolve(root, str(plan.parameters["model_version"]))
    if model.digest != (expected := plan.input("candidate").digest):
        raise InputError(
            f"model {model.version}: expected digest {expected}, found {model.digest}. Plan the day again."
        )
    return Restorer.load(str(model.local()))


def _restore(plan: Manifest, source: str, shard: int, restorer: Restorer, draft: Draft) -> ShardTotals:
    """Write the part into the draft, batch by batch, so that memory does not grow with the shard."""
    import pyarrow.parquet as pq

    settings = Restore.model_validate(plan.parameters["settings"])
    model_version = plan.parameters["model_version"]
    restoring = _Restoring(restorer, settings.threshold, plan, draft)
    totals = ShardTotals()
    with lake.open_uri(source) as file, pq.ParquetFile(file) as records:
        batches = -(-records.metadata.num_rows // settings.batch_records)
        with pq.ParquetWriter(
            draft.folder / f"part-{shard:05d}.parquet", restored.schema(), compression="zstd"
        ) as writer:
            for batch in track(records.iter_batches(settings.batch_records), f"batches of shard {shard}", batches):
                started = time.monotonic()
                texts, restorations = restoring.batch(batch.to_pylist())
                seconds = time.monotonic() - started
                writer.write_batch(restored.rows(batch, texts, restorations, model_version))
                totals += _totals(texts, restorations, seconds)
    return totals


@dataclass(frozen=True)
class _Restoring:
    """What a shard's records and documents go through."""

    restorer: Restorer
    threshold: float | None
    """Changes less sure (0 to 1) are left out."""
    plan: Manifest
    draft: Draft

    def batch(self, records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Restoration]]:
        """The texts of records, and what became of them; documents are written into the draft."""
        texts = [record["text"] for record in records if record["ordinal"] is not None]
        answers = zip(texts, restored.restorations(self.restorer, texts, self.threshold), strict=True)
        pairs = [self._document(each["file"]) if each["ordinal"] is None else next(answers) for each in records]
        return [text for text, _ in pairs], [restoration for _, restoration in pairs]

    def _document(self, name: str) -> tuple[str, Restoration]:
        with planned.original(self.draft.context.root, self.plan, name) as path:
            whole = whole_files.restore(self.restorer, path.read_bytes(), name, self.threshold)
        target = self.draft.folder / restored.file_path(name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(whole.data)
        return whole.original, whole.restoration


def _totals(texts: Sequence[str], restorations: Sequence[Restoration], seconds: float) -> ShardTotals:
    return ShardTotals(
        records=len(texts),
        characters=sum(map(len, texts)),
        non_ascii=sum(not character.isascii() for text in texts for character in text),
        changed=sum(restoration.text != text for restoration, text in zip(restorations, texts, strict=True)),
        fallback=sum(restoration.fallback for restoration in restorations),
        edits=sum(len(restoration.edits) for restoration in restorations),
        confidence=sum(restoration.confidence for restoration in restorations),
        seconds=seconds,
    )
