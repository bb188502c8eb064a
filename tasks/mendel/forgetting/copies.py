"""Where texts of a subject are in a lake: files that hold some, and what is left of each without them."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from mendel.core import lake
from mendel.feedback import collected
from mendel.feedback import inbox as feedback_inbox
from mendel.feedback.judged import Feedback
from mendel.forgetting.subject import Arrival, ReadingRules, RecordPlace, Subject, arrivals
from mendel.inference import inbox, planned, restored
from mendel.streaming import batches
from mendel.streaming.settings import INBOX as STREAM_INBOX

if TYPE_CHECKING:
    import pyarrow as pa

OF_RECORDS = (planned.DATASET, restored.DATASET, batches.DATASET)
DATASETS = (inbox.DATASET, STREAM_INBOX, *OF_RECORDS, feedback_inbox.DATASET, collected.DATASET)
"""All that hold texts of records and answers."""
Kind = Literal["rows", "rejections", "document", "feedback", "request", "inbox"]


@dataclass(frozen=True)
class Copy:
    """A file that holds texts of the subject."""

    path: str
    """Relative to the lake."""
    kind: Kind
    texts: int
    """How many records, rejections or answers of it are meant."""

    @property
    def version(self) -> str:
        """Of a dataset's file, the folder of its version, relative to the lake."""
        return "/".join(self.path.split("/")[:3])


@dataclass(frozen=True)
class Traces:
    """All that was found of a subject."""

    subject: Subject
    copies: tuple[Copy, ...]
    arrivals: tuple[Arrival, ...]
    """Its records that still lie where they came in."""
    places: frozenset[RecordPlace]
    """Where its records came in, whether or not they still lie there."""

    def rest(self, copy: Copy, data: bytes) -> bytes | None:
        """What a file of a dataset holds besides, None where the file itself is to go."""
        if copy.kind == "rows":
            return _without_rows(data, self.subject)
        if copy.kind == "rejections":
            return _lines(data, lambda line: not _is_rejected(line, self.places, self.subject))
        if copy.kind == "feedback":
            return _lines(data, lambda line: not _is_answer(line, self.subject))
        return None

    def ordinals(self, copy: Copy) -> frozenset[int | None]:
        """Lines or rows of a file of the inbox; None among them: all of it."""
        return frozenset(arrival.place.ordinal for arrival in self.arrivals if arrival.path == copy.path)


def find(root: str, subject: Subject, reading: ReadingRules) -> Traces:
    """Look through all DATASETS, attempts that no manifest lists included. Reads ids, rejections and the inboxes."""
    root = lake.normalise(root)
    came_in = tuple(arrivals(root, subject, reading)) if subject.records else ()
    places = {arrival.place for arrival in came_in}
    copies = [Copy(path, "inbox", count) for path, count in Counter(arrival.path for arrival in came_in).items()]
    files = [path for dataset in OF_RECORDS for path in _files(root, dataset)] if subject.records else []
    for path in files:
        if _has_rows(path) and (rows := _places(lake.join(root, path), subject)):
            copies.append(Copy(path, "rows", len(rows)))
            places |= set(rows)
    for path in files:
        if _has_rejections(path):
            lines = lake.read_bytes(lake.join(root, path)).splitlines()
            if count := sum(_is_rejected(line, places, subject) for line in lines):
                copies.append(Copy(path, "rejections", count))
        elif restored.FILES in PurePosixPath(path).parts and (
            count := sum(_is_made_of(path, place) for place in places)
        ):
            copies.append(Copy(path, "document", count))
    if subject.answers:
        copies += _of_feedback(root, subject)
    return Traces(subject, tuple(copies), came_in, frozenset(places))


def _of_feedback(root: str, subject: Subject) -> Iterator[Copy]:
    for dataset in (feedback_inbox.DATASET, collected.DATASET):
        kind: Kind = "request" if dataset == feedback_inbox.DATASET else "feedback"
        for path in _files(root, dataset):
            if path.endswith((".json", ".jsonl")) and not PurePosixPath(path).name.startswith("_"):
                lines = lake.read_bytes(lake.join(root, path)).splitlines()
                if count := sum(_is_answer(line, subject) for line in lines):
                    yield Copy(path, kind, count)


def _files(root: str, dataset: str) -> Iterator[str]:
    """Paths of a dataset's files, without those of its table's log."""
    for uri in lake.list_files(lake.join(root, dataset)):
        path = uri.removeprefix(root).strip("/")
        if not path.split("/")[1].startswith("_"):
            yield path


def _has_rows(path: str) -> bool:
    return path.endswith(".parquet") and restored.FILES not in PurePosixPath(path).parts


def _has_rejections(path: str) -> bool:
    return PurePosixPath(path).parent.name == batches.REJECTED and path.endswith((".json", ".jsonl"))


def _is_made_of(path: str, place: RecordPlace) -> bool:
    """Whether a restored file is that of the place's file."""
    _, day, *_ = path.split("/")
    return place.file.startswith(f"{inbox.DATASET}/{day}/") and path.endswith(f"/{restored.file_path(place.file)}")


def _places(uri: str, subject: Subject) -> list[RecordPlace]:
    """Where the rows of a Parquet file came in that are the subject's."""
    import pyarrow.parquet as pq

    with lake.open_uri(uri) as file:
        table = pq.read_table(file, columns=["id", "file", "ordinal"])
    return [RecordPlace(row["file"], row["ordinal"]) for row in table.filter(_mask(table, subject)).to_pylist()]


def _without_rows(data: bytes, subject: Subject) -> bytes:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table, target = pq.read_table(io.BytesIO(data)), io.BytesIO()
    pq.write_table(table.filter(pc.invert(_mask(table, subject))), target, compression="zstd")
    return target.getvalue()


def _mask(table: pa.Table, subject: Subject) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(table["id"], pa.array(sorted(subject.records), table.schema.field("id").type))


def _lines(data: bytes, stays: Callable[[bytes], bool]) -> bytes:
    return b"".join(line for line in data.splitlines(keepends=True) if stays(line))


def _is_rejected(line: bytes, places: Collection[RecordPlace], subject: Subject) -> bool:
    rejection: dict[str, Any] = json.loads(line)
    place = RecordPlace(rejection["file"], rejection["ordinal"])
    return place in places or place.is_of(subject)


def _is_answer(line: bytes, subject: Subject) -> bool:
    return Feedback.model_validate_json(line).request_id in subject.answers
