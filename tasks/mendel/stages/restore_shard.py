"""`mendel restore shard`: restores one shard of a day's plan and commits it as one part."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.log import log, track
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, Draft
from mendel.inference import parts, planned, restored
from mendel.inference.parts import ShardPart, ShardTotals
from mendel.promotion import champions
from mendel.restorers.restorer import Restoration, Restorer
from mendel.stages.restore_plan import Restore

if TYPE_CHECKING:
    pass


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
    source = planned.verified(context.root, plan, shard)
    restorer = _restorer(context.root, plan)
    log.info("start", stage="restore shard", partition=context.partition, shard=shard, run_id=context.run_id)
    with Draft(context, folder) as draft:
        totals = _restore(plan, source, shard, restorer, draft)
        (file,) = draft.files()
    shard_part = ShardPart(shard=shard, run_id=context.run_id, file=file, totals=totals)
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
    totals = ShardTotals()
    with lake.open_uri(source) as file, pq.ParquetFile(file) as records:
        batches = -(-records.metadata.num_rows // settings.batch_records)
        with pq.ParquetWriter(
            draft.folder / f"part-{shard:05d}.parquet", restored.schema(), compression="zstd"
        ) as writer:
            for batch in track(records.iter_batches(settings.batch_records), f"batches of shard {shard}", batches):
                texts = batch.column("text").to_pylist()
                started = time.monotonic()
                restorations = restored.restorations(restorer, texts, settings.threshold)
                seconds = time.monotonic() - started
                writer.write_batch(restored.rows(batch, restorations, model_version))
                totals += _totals(texts, restorations, seconds)
    return totals


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
