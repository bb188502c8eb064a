"""Texts of a subject leave the lake, and all else of their files stays: versions keep their names and get other files.

First new files are written, then manifests name them, then tables follow, and only then the old files go. Killed in
between, nothing is lost, and the same command finds what is left to do.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mendel.core import digest, lake, manifest
from mendel.core.log import log
from mendel.core.manifest import FileEntry, Manifest
from mendel.feedback import collected
from mendel.feedback.judged import Feedback
from mendel.forgetting.copies import Copy, Traces
from mendel.garbage.survey import LakeSurvey, survey
from mendel.inference import planned, restored
from mendel.inference.rewriting import blank
from mendel.lakehouse import following
from mendel.lakehouse.tables import TABLES
from mendel.streaming import batches

if TYPE_CHECKING:
    import pyarrow as pa


def erase(root: str, traces: Traces) -> None:
    """Remove what was found. No stage may be at work on its days: it would fail, and have to be started again."""
    root = lake.normalise(root)
    lake_survey = survey(root, datetime.now(UTC))
    of_plans = [copy for copy in traces.copies if copy.path.startswith(f"{planned.DATASET}/")]
    came_in = [copy for copy in traces.copies if copy.kind in ("inbox", "request")]
    of_versions = [copy for copy in traces.copies if copy not in of_plans and copy not in came_in]
    _rewrite(root, traces, of_versions, lake_survey)
    for name in dict.fromkeys(copy.path.split("/")[0] for copy in of_versions):
        if name in TABLES:
            following.attempt(root, TABLES[name])
    for copy in of_versions:
        lake.remove(lake.join(root, copy.path))
    for path in dict.fromkeys(copy.version for copy in of_plans):
        _remove_plan(root, path, lake_survey)
    for copy in came_in:
        _blank(root, copy, traces.ordinals(copy))
    for copy in traces.copies:
        log.info("forgotten", path=copy.path, texts=copy.texts)


def _rewrite(root: str, traces: Traces, copies: Sequence[Copy], lake_survey: LakeSurvey) -> None:
    """Give every version that lists one of the files others in their place."""
    versions = [version.manifest for version in lake_survey.versions.values() if version.manifest]
    paths = {copy.path for copy in copies}
    listing = [version for version in versions if any(file.path in paths for file in version.files)]
    listed = {file.path for version in listing for file in version.files}
    attempt = f"attempt={uuid.uuid4().hex[:12]}"
    instead: dict[str, FileEntry | None] = {}
    for copy in copies:
        if copy.path in listed:
            rest = traces.rest(copy, lake.read_bytes(lake.join(root, copy.path)))
            instead[copy.path] = _written(root, copy, attempt, rest) if rest is not None else None
    for path in dict.fromkeys(copy.version for copy in copies):
        for part in lake_survey.versions[path].parts:  # a part that lists the old file would be collected again
            lake.remove(lake.join(root, path, part))
    texts = {copy.path: copy.texts for copy in copies if copy.kind in ("rows", "feedback")}
    for version in listing:
        files = [entry for file in version.files if (entry := instead.get(file.path, file)) is not None]
        forgotten = sum(texts.get(file.path, 0) for file in version.files)
        manifest.rewrite(root, _told_anew(root, version, files, forgotten))


def _written(root: str, copy: Copy, attempt: str, data: bytes) -> FileEntry:
    path = "/".join([copy.version, attempt, *copy.path.split("/")[4:]])
    lake.write(lake.join(root, path), data)
    return FileEntry(path=path, bytes=len(data), sha256=sha256(data).hexdigest())


def _told_anew(root: str, version: Manifest, files: Sequence[FileEntry], forgotten: int) -> Manifest:
    """A version's manifest with other files: what it says of them is read from them."""
    contents = _Contents(root, files)
    if version.dataset == collected.DATASET:
        records = contents.feedback()
        rows, key, figures = len(records), collected.digest(records), collected.figures(records)
    else:
        table, rejected = contents.rows(), contents.rejections()
        rows, key = table.num_rows, digest.of_table(table)
        figures = _day(table, rejected) if version.dataset == restored.DATASET else _batch(table, rejected)
    gone = version.metrics.get(restored.FORGOTTEN, 0) + forgotten
    metrics = {**version.metrics, **figures, restored.FORGOTTEN: gone}
    return version.model_copy(update={"files": tuple(files), "rows": rows, "digest": key, "metrics": metrics})


class _Contents:
    """What files of a version hold."""

    def __init__(self, root: str, files: Sequence[FileEntry]) -> None:
        self.root = root
        self.files = files

    def _data(self, suffixes: tuple[str, ...], folder: str = "") -> list[bytes]:
        return [
            lake.read_bytes(lake.join(self.root, file.path))
            for file in self.files
            if file.path.endswith(suffixes) and "/".join(file.path.split("/")[4:-1]) == folder
        ]

    def rows(self) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [pq.read_table(pa.BufferReader(data)).cast(restored.schema()) for data in self._data((".parquet",))]
        return pa.concat_tables([restored.schema().empty_table(), *tables])

    def rejections(self) -> list[dict[str, Any]]:
        lines = (line for data in self._data((".json", ".jsonl"), batches.REJECTED) for line in data.splitlines())
        return [json.loads(line) for line in lines]

    def feedback(self) -> list[Feedback]:
        lines = (line for data in self._data((".jsonl",)) for line in data.splitlines())
        return [Feedback.model_validate_json(line) for line in lines]


def _day(table: pa.Table, rejected: Sequence[dict[str, Any]]) -> dict[str, Any]:
    lines = sum(rejection["ordinal"] is not None for rejection in rejected)
    shares = {name: value for name, value in batches.signals(table).items() if name != "files"}
    return {
        "records_in": table.num_rows + lines,
        "records_out": table.num_rows,
        "records_rejected": lines,
        "reasons": dict(sorted(Counter(rejection["reason"] for rejection in rejected).items())),
        **shares,
    }


def _batch(table: pa.Table, rejected: Sequence[dict[str, Any]]) -> dict[str, Any]:
    figures = {"records_restored": table.num_rows, "records_rejected": len(rejected)}
    return {**figures, **batches.signals(table)}


def _remove_plan(root: str, path: str, lake_survey: LakeSurvey) -> None:
    """A plan is a copy of its day's texts, cut into shards; the day's inbox gives another."""
    version = lake_survey.versions[path].manifest
    if version is not None:
        if manifest.pointer(root, version.dataset, version.partition) == version.fingerprint:
            manifest.withdraw(root, version.dataset, version.partition)
        manifest.unindex(root, version)
    lake.remove_folder(lake.join(root, path))


def _blank(root: str, copy: Copy, ordinals: Collection[int | None]) -> None:
    """Empty the lines or rows of a file of the inbox, the others keep their numbers; or remove the file."""
    uri = lake.join(root, copy.path)
    if copy.kind == "request" or None in ordinals:
        lake.remove(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before" / Path(copy.path).name, Path(folder) / "after"
        lake.download(uri, before)
        blank(before, after, {ordinal for ordinal in ordinals if ordinal is not None})
        lake.write(uri, after.read_bytes())
