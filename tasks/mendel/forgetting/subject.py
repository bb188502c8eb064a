"""What is to be forgotten, and where its texts came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fsspec.core import url_to_fs

from mendel.core import lake, manifest
from mendel.core.frozen import Frozen
from mendel.inference import inbox, whole_files
from mendel.inference.inbox import InboxFile
from mendel.inference.records import InboxRecord, RecordRules, id_of_place
from mendel.streaming.settings import INBOX as STREAM_INBOX


class Subject(Frozen):
    """Records by their ids, answers of the service by the ids of their requests."""

    records: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()


class ReadingRules(NamedTuple):
    """How a pipeline reads what comes in."""

    days: RecordRules
    stream: RecordRules
    txt: bool
    """Whether the days' files of text are documents, and not records a line."""


class RecordPlace(NamedTuple):
    """Where a record came in, as its restored row or its rejection says."""

    file: str
    ordinal: int | None
    """Line or row, from 1; None: the whole file."""

    def is_of(self, subject: Subject) -> bool:
        """Whether a record that has no id of its own is called by this place, and is meant."""
        return id_of_place(self.file, self.ordinal) in subject.records


class Arrival(NamedTuple):
    """A record that lies in the lake as it came in."""

    path: str
    """Its file, relative to the lake."""
    place: RecordPlace


def arrivals(root: str, subject: Subject, reading: ReadingRules) -> Iterator[Arrival]:
    """The subject's records in the inbox of each day and in the stream's. Reads all files."""
    for day in manifest.keys(root, inbox.DATASET):
        for file in inbox.files(root, day):
            items = whole_files.items(file, _of_any_length(reading.days), txt=reading.txt)
            yield from (Arrival(place.file, place) for place in _meant(items, subject))
    for file in _stream_files(root):
        items = inbox.records(file, _of_any_length(reading.stream))
        yield from (Arrival(f"{STREAM_INBOX}/{place.file}", place) for place in _meant(items, subject))


def _of_any_length(rules: RecordRules) -> RecordRules:
    """One that is rejected for its length has an id too."""
    return rules.model_copy(update={"max_characters": None})


def _meant(items: Iterator[whole_files.Item], subject: Subject) -> Iterator[RecordPlace]:
    for item in items:
        place = RecordPlace(item.file, item.ordinal)
        if (isinstance(item, InboxRecord) and item.id in subject.records) or place.is_of(subject):
            yield place


def _stream_files(root: str) -> Iterator[InboxFile]:
    folder = lake.join(root, STREAM_INBOX)
    fs, base = url_to_fs(folder)
    for uri, entry in lake.entries(folder).items():
        name = uri.removeprefix(folder).strip("/")
        yield InboxFile(name, entry["size"], True, f"{base}/{name}", fs)
