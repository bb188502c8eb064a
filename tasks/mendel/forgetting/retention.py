"""How long texts that came in are kept: section `retention` of a pipeline, carried out by `mendel gc`.

A day that is over its time goes whole, its version in force too, whatever refers to it: the time is a promise to those
whose texts they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from pydantic import Field

from mendel.core import lake, manifest
from mendel.core.frozen import Frozen
from mendel.feedback import collected
from mendel.feedback import inbox as feedback_inbox
from mendel.garbage.collection import Garbage
from mendel.inference import inbox, planned, restored
from mendel.streaming import batches
from mendel.streaming.settings import INBOX as STREAM_INBOX


class Retention(Frozen):
    """Days for which texts are kept, after the day that they are of; without a number they stay."""

    inbox: int | None = Field(None, ge=1, description="files that were left to be restored")
    restored: int | None = Field(None, ge=1, description="restored days, with their rejections and plans")
    stream: int | None = Field(None, ge=1, description="micro-batches, and files in the stream's folder of the lake")
    feedback: int | None = Field(None, ge=1, description="what readers said, collected or not")


def find(root: str, retention: Retention, moment: datetime | None = None) -> list[Garbage]:
    """Days, micro-batches and files that are over their time: days by their date (UTC), the others by when they were made."""
    root, moment = lake.normalise(root), moment or datetime.now(UTC)
    of_days = {
        inbox.DATASET: retention.inbox,
        planned.DATASET: retention.restored,
        restored.DATASET: retention.restored,
        feedback_inbox.DATASET: retention.feedback,
        collected.DATASET: retention.feedback,
    }
    items = [
        _partition(root, dataset, day, days)
        for dataset, days in of_days.items()
        if days is not None
        for day in _days_before(root, dataset, (moment - timedelta(days=days)).date())
    ]
    if retention.stream is not None:
        before = moment - timedelta(days=retention.stream)
        items += [_partition(root, batches.DATASET, name, retention.stream) for name in _batches_before(root, before)]
        items += _files_before(root, before, retention.stream)
    return items


def withdraw(root: str, items: Sequence[Garbage]) -> None:
    """Put none of these in force any more, so that tables let go of them before their files are gone."""
    for item in items:
        if item.partition is not None:
            manifest.withdraw(root, *item.partition)


def _days_before(root: str, dataset: str, first: date) -> Iterator[str]:
    days = (key for key in manifest.keys(root, dataset) if manifest.PARTITION_KEY.fullmatch(key))
    return (key for key in days if date.fromisoformat(key) < first)


def _batches_before(root: str, before: datetime) -> Iterator[str]:
    for key in manifest.partitions(root, batches.DATASET):
        version = manifest.current(root, batches.DATASET, key)
        if version is not None and version.finished < before:
            yield key


def _partition(root: str, dataset: str, key: str, days: int) -> Garbage:
    path = manifest.partition_path(dataset, key)
    files = lake.entries(lake.join(root, path))
    indexed = [f"{manifest.INDEX}/{dataset}/{name}.json" for name in _versions(files, lake.join(root, path))]
    manifests = [uri.removeprefix(root).strip("/") for uri in files if uri.endswith("/_manifest.json")]
    return Garbage(
        path=path,
        because=_promise(days),
        bytes=sum(int(entry["size"]) for entry in files.values()),
        gone=(*manifests, f"{path}/", *indexed),
        partition=(dataset, key),
    )


def _versions(files: Collection[str], folder: str) -> list[str]:
    """Fingerprints of the versions below a partition's folder."""
    names = (uri.removeprefix(folder).strip("/").split("/") for uri in files)
    return sorted({parts[0] for parts in names if len(parts) > 1})


def _files_before(root: str, before: datetime, days: int) -> Iterator[Garbage]:
    for uri, entry in lake.entries(lake.join(root, STREAM_INBOX)).items():
        modified = lake.modified(entry)
        if modified is not None and modified < before:
            path = uri.removeprefix(root).strip("/")
            yield Garbage(path, _promise(days), int(entry["size"]), (path,))


def _promise(days: int) -> str:
    return f"texts like these are kept for {days} days"
