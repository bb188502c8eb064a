"""`mendel restore collect`: checks that every record of the day came out once, and commits the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mendel.core import digest, lake
from mendel.core.errors import GateError, InputError
from mendel.core.log import log, track
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.core.usage import Usage
from mendel.inference import parts, planned, restored
from mendel.inference.inbox import is_readable
from mendel.inference.parts import ShardPart, ShardTotals
from mendel.inference.rewriting import rewrite
from mendel.stages.restore_plan import Restore

if TYPE_CHECKING:
    import pyarrow as pa


class Collect(Stage):
    """Makes `restored` of one plan's parts. The plan's fingerprint stands for day, model and settings."""

    name: ClassVar = planned.COLLECT
    stage_version: ClassVar = planned.COLLECT_VERSION
    dataset: ClassVar = restored.DATASET
    plan: str

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        plan = planned.in_force(context)
        context.as_input(plan)
        return planned.lineage(plan)

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        root = draft.context.root
        plan = draft.context.manifest_of(inputs[planned.DATASET])
        shards = _parts(root, plan)
        table = _rows(root, plan, shards)
        rejected = draft.folder / planned.REJECTED
        lake.download(planned.uri(root, plan, planned.REJECTED), rejected)
        with rejected.open() as lines:
            _check_balance(plan, table, sum(1 for _ in lines))
        settings = Restore.model_validate(plan.parameters["settings"])
        if settings.files:
            _write_files(root, plan, settings, table, draft.folder)
        if not table.num_rows:
            log.info("nothing to restore", partition=plan.partition, **_counts(plan, table))
        return Outcome(
            rows=table.num_rows,
            digest=digest.of_table(table),
            files=[file for part in shards for file in part.files],
            parameters=plan.parameters,
            usage=sum((part.usage for part in shards), Usage()),
            metrics={
                "model_version": plan.parameters["model_version"],
                **_counts(plan, table),
                **signals(sum((part.totals for part in shards), ShardTotals())),
                "shards": len(shards),
                "reasons": plan.metrics["reasons"],
                "files": plan.metrics["files"],
            },
        )


def signals(totals: ShardTotals) -> dict[str, float | None]:
    """What to watch from day to day for drift, None on a day without records; and the speed of one worker."""

    def per(value: float, count: float) -> float | None:
        return round(value / count, 6) if count else None

    return {
        "share_changed": per(totals.changed, totals.records),
        "share_fallback": per(totals.fallback, totals.records),
        "mean_confidence": per(totals.confidence, totals.records),
        "mean_edits": per(totals.edits, totals.records),
        "mean_characters": per(totals.characters, totals.records),
        "share_non_ascii": per(totals.non_ascii, totals.characters),
        "records_per_second": per(totals.records, totals.seconds),
        "chars_per_second": per(totals.characters, totals.seconds),
    }


def _parts(root: str, plan: Manifest) -> list[ShardPart]:
    """The parts of all shards, in order, their files checked. Raises InputError naming the shards that are missing."""
    folder = planned.restored_folder(plan)
    by_shard = {shard: parts.read(root, folder, shard) for shard in range(planned.shards(plan))}
    missing = [shard for shard, part in by_shard.items() if part is None]
    if missing:
        raise InputError(
            f"{plan.partition}: {len(missing)} of {len(by_shard)} shards are not restored: {_excerpt(missing)}. "
            f"Run, for each: mendel restore shard --partition {plan.partition} --shard {missing[0]}"
        )
    return [_verified(root, plan, part) for part in by_shard.values() if part is not None]


def _verified(root: str, plan: Manifest, part: ShardPart) -> ShardPart:
    for file in part.files:
        uri = lake.join(root, file.path)
        state = f"sha256 {lake.sha256(uri)}" if lake.exists(uri) else "no file"
        if state != (expected := f"sha256 {file.sha256}"):
            raise InputError(
                f"{uri}: expected {expected}, found {state}. "
                f"Run: mendel restore shard --partition {plan.partition} --shard {part.shard} --force"
            )
    return part


def _write_files(root: str, plan: Manifest, settings: Restore, table: pa.Table, folder: Path) -> None:
    """Each file of the day again, its restored texts in their places. Documents are written, by their shards."""
    import pyarrow.compute as pc

    texts: dict[str, dict[int, str]] = {}
    for row in table.filter(pc.field("changed")).select(["file", "ordinal", "text"]).to_pylist():
        texts.setdefault(row["file"], {})[row["ordinal"]] = row["text"]
    documents = {row["file"] for row in table.filter(pc.field("ordinal").is_null()).select(["file"]).to_pylist()}
    for name, tally in track(sorted(plan.metrics["files"].items()), "files written again"):
        if name not in documents and is_readable(tally["sha256"]):
            with planned.original(root, plan, name) as source:
                rewrite(source, folder / restored.file_path(name), texts.get(name, {}), settings.text_key)


def _rows(root: str, plan: Manifest, shards: Sequence[ShardPart]) -> pa.Table:
    """All rows of the day. Raises GateError unless each shard's ids are those that the plan gave it, each once."""
    import pyarrow as pa

    tables = []
    for part in shards:
        table = _read(lake.join(root, part.file.path))
        plan_rows = _read(planned.uri(root, plan, planned.shard_name(part.shard)), ["id"])
        _check_ids(part.shard, plan_rows["id"].to_pylist(), table["id"].to_pylist())
        tables.append(table)
    return pa.concat_tables([restored.schema().empty_table(), *tables])


def _read(uri: str, columns: Sequence[str] | None = None) -> pa.Table:
    import pyarrow.parquet as pq

    with lake.open_uri(uri) as file:
        return pq.read_table(file, columns=columns)


def _check_ids(shard: int, planned_ids: Sequence[str], restored_ids: Sequence[str]) -> None:
    lost, extra = Counter(planned_ids) - Counter(restored_ids), Counter(restored_ids) - Counter(planned_ids)
    if lost or extra:
        raise GateError(f"shard {shard}: lost records {_excerpt([*lost])}; records too many {_excerpt([*extra])}")


def _check_balance(plan: Manifest, table: pa.Table, rejected: int) -> None:
    import pyarrow.compute as pc

    distinct = pc.count_distinct(table["id"]).as_py()
    if distinct != table.num_rows:
        raise GateError(f"{plan.path}: {table.num_rows - distinct} records came out under an id that another one has")
    counts = _counts(plan, table)
    records, files = counts["records_in"], counts["files_rejected"]
    if table.num_rows + rejected != records + files:
        raise GateError(
            f"{plan.path}: {table.num_rows} restored and {rejected} rejected do not add up to "
            f"{records} records and {files} unreadable files"
        )


def _counts(plan: Manifest, table: pa.Table) -> dict[str, Any]:
    return {
        "records_in": plan.metrics["records_in"],
        "records_out": table.num_rows,
        "records_rejected": plan.metrics["records_rejected"],
        "files_in": plan.metrics["files_in"],
        "files_rejected": plan.metrics["files_rejected"],
    }


def _excerpt(items: Sequence[Any], most: int = 5) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return f"{', '.join(map(str, items[:most])) or 'none'}{more}"
