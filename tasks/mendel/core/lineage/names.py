"""Datasets as OpenLineage names them: a namespace, which is where it is stored, and a name in it.

    file:///data/lake/corpus     →  file           /data/lake/corpus
    s3://bucket/lake/corpus      →  s3://bucket    lake/corpus

The dataset is what partitions and versions are of, so that the graph has one node for it: a day is told as the part of it that
was read or written, the fingerprint as its version.
"""

from __future__ import annotations

from dataclasses import dataclass

from mendel.core import lake
from mendel.core.manifest import InputEntry, Manifest

DAY = "/dt="


@dataclass(frozen=True)
class DatasetName:
    """A dataset, and which version and partition of it is meant."""

    namespace: str
    name: str
    version: str
    partition: str | None = None


def of_output(root: str, version: Manifest) -> DatasetName:
    """What a stage made."""
    return _in_lake(root, version.path, version.digest)


def of_input(root: str, entry: InputEntry) -> DatasetName:
    """What a stage read: of the lake, or a source outside it."""
    scheme, colon, _ = entry.uri.partition(":")
    if not colon:
        return _in_lake(root, entry.uri, entry.digest)
    if scheme in ("pkg", "hf"):  # what follows @ is the version of a package, or the commit of a dataset
        uri, _, version = entry.uri.partition("@")
        return DatasetName(*_split(uri), version)
    return DatasetName(*_split(entry.uri), entry.digest)


def _in_lake(root: str, path: str, digest: str) -> DatasetName:
    """`path` is relative to the lake: of a version, or of a day that others fill (the inbox), whose version is its digest."""
    dataset, is_daily, rest = path.partition(DAY)
    if is_daily:
        partition, _, fingerprint = rest.partition("/")
    else:
        dataset, _, fingerprint = path.rpartition("/")  # what is pinned is no part of a whole
        partition = None
    return DatasetName(*_split(lake.join(lake.normalise(root), dataset)), fingerprint or digest, partition)


def _split(uri: str) -> tuple[str, str]:
    scheme, slashes, rest = uri.partition("://")
    if not slashes:
        scheme, _, rest = uri.partition(":")
        return scheme, rest
    authority, _, path = rest.partition("/")
    return (f"{scheme}://{authority}", path) if authority else (scheme, f"/{path}")
