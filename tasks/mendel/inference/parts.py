"""Parts: the results of a day's shards, each committed for itself before the day is.

    restored/dt=DATE/<fingerprint>/attempt=…/part-00003.parquet   what an attempt wrote
    restored/dt=DATE/<fingerprint>/attempt=…/files/letter.docx    and the documents of the shard
    restored/dt=DATE/<fingerprint>/_part-00003.json               the part's commit: names the one attempt that counts

An attempt that was killed, or came second, leaves a file that nothing names.
"""

from __future__ import annotations

from pydantic import ValidationError

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.core.manifest import FileEntry
from mendel.core.usage import Usage


class ShardTotals(Frozen):
    """Sums over records, so that parts add up to a day."""

    records: int = 0
    characters: int = 0
    non_ascii: int = 0
    changed: int = 0
    fallback: int = 0
    edits: int = 0
    confidence: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: ShardTotals) -> ShardTotals:
        return ShardTotals(**{name: value + getattr(other, name) for name, value in self})


class ShardPart(Frozen):
    """One shard's committed result."""

    shard: int
    run_id: str
    file: FileEntry
    documents: tuple[FileEntry, ...] = ()
    totals: ShardTotals
    usage: Usage = Usage()

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return (self.file, *self.documents)


def read(root: str, folder: str, shard: int) -> ShardPart | None:
    """The part of a version (its folder relative to the lake), or None when the shard has not been restored."""
    uri = _uri(root, folder, shard)
    if not lake.exists(uri):
        return None
    try:
        return ShardPart.model_validate_json(lake.read_bytes(uri))
    except ValidationError as error:
        raise InputError(f"{uri} is not a part's manifest: {error}. Delete it and restore the shard again.") from error


def is_there(root: str, part: ShardPart) -> bool:
    """Whether a part's files are in the lake, by presence and size."""
    uris = ((lake.join(root, file.path), file.bytes) for file in part.files)
    return all(lake.exists(uri) and lake.size(uri) == size for uri, size in uris)


def commit(root: str, folder: str, part: ShardPart, *, replace: bool = False) -> ShardPart:
    """Make the part exist. Of two writers the first wins and the second returns the first's; `replace` overwrites."""
    uri, data = _uri(root, folder, part.shard), part.model_dump_json(indent=2).encode()
    if replace:
        lake.write(uri, data)
    elif not lake.create(uri, data):
        winner = read(root, folder, part.shard)
        assert winner is not None, f"{uri} exists and cannot be read"
        return winner
    return part


def _uri(root: str, folder: str, shard: int) -> str:
    return lake.join(root, folder, f"_part-{shard:05d}.json")
