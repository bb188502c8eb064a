"""`mendel data` brings back what `mendel register` published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mendel.cli.data import checkout, list_versions
from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest

from ..versioning.conftest import make_corpus, root, version

__all__ = ["make_corpus", "root", "version"]

Published = tuple[Manifest, Manifest]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.yaml"
    path.write_text(f"name: test\nlake: {tmp_path}/lake\n")
    return str(path)


@pytest.fixture
def published(make_corpus: Callable[..., Manifest], version: Callable[..., Manifest]) -> Published:
    """A corpus version, and the version manifest that names its revision."""
    return make_corpus(), version()


def revision_of(made: Manifest) -> str:
    assert made.revision is not None, f"{made.path} names no revision"
    return made.revision


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_into_an_empty_lake_byte_for_byte(tmp_path: Path, root: str, config: str, published: Published) -> None:
    corpus, made = published
    before = contents(tmp_path / "lake" / "corpus")
    shutil.rmtree(tmp_path / "lake")

    checkout(revision_of(made), config)

    assert contents(tmp_path / "lake" / "corpus") == before
    assert manifest.current(root, "corpus", "2026-11-23") == corpus, "the version is not in force"


def test_by_tag_over_a_damaged_lake(tmp_path: Path, root: str, config: str, published: Published) -> None:
    corpus, made = published
    (tmp_path / "lake" / corpus.files[0].path).write_bytes(b"damaged")

    checkout(made.metrics["tag"], config)

    manifest.verify(root, corpus)


def test_a_version_that_lists_an_earlier_ones_files(
    tmp_path: Path, root: str, config: str, make_corpus: Callable[..., Manifest], version: Callable[..., Manifest]
) -> None:
    make_corpus("2026-11-23")
    later = make_corpus("2026-11-30")
    assert later.same_as, "the corpus was made twice, so this test shows nothing"
    made = version("2026-11-30")
    shutil.rmtree(tmp_path / "lake")

    checkout(revision_of(made), config)

    found = manifest.current(root, "corpus", "2026-11-30")
    assert found == later
    manifest.verify(root, later)


def test_into_a_folder_with_the_files_where_their_stage_put_them(
    tmp_path: Path, config: str, published: Published
) -> None:
    corpus, made = published

    checkout(revision_of(made)[:10], config, to=tmp_path / "out")

    expected = contents(tmp_path / "lake" / corpus.folder)
    found = contents(tmp_path / "out")
    assert Manifest.model_validate_json(found.pop("manifest.json")) == corpus
    assert found == expected
    assert len(found) == 2


def test_an_old_version_comes_back_after_a_new_one(
    tmp_path: Path,
    root: str,
    config: str,
    published: Published,
    make_corpus: Callable[..., Manifest],
    version: Callable[..., Manifest],
) -> None:
    corpus, made = published
    assert make_corpus(text="another text").digest != corpus.digest
    version()

    checkout(revision_of(made), config)

    assert manifest.current(root, "corpus", "2026-11-23") == corpus


def test_a_folder_with_files_is_not_touched(tmp_path: Path, config: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(InputError, match="is not empty"):
        checkout("any", config, to=tmp_path / "out")


def test_bytes_changed_in_the_remote_are_found(tmp_path: Path, config: str, published: Published) -> None:
    corpus, made = published
    shutil.rmtree(tmp_path / "lake")
    sizes = {file.bytes for file in corpus.files}
    stored = [path for path in (tmp_path / "registry-data").rglob("*") if path.is_file()]
    target = next(path for path in stored if path.stat().st_size in sizes)
    data = bytearray(target.read_bytes())
    data[0] ^= 1
    target.chmod(0o644)
    target.write_bytes(data)

    with pytest.raises(InputError, match=r"part-0.parquet from the DVC remote: expected sha256 \w+, found"):
        checkout(revision_of(made), config, to=tmp_path / "out")


def test_an_unknown_revision_lists_the_nearest_tags(config: str, published: Published) -> None:
    _, made = published

    with pytest.raises(InputError, match=f"(?s)no version corpus/2026-11-24.*{made.metrics['tag']}"):
        checkout("corpus/2026-11-24", config)


def test_list_shows_revision_tag_and_size(
    config: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = published

    list_versions(config)

    line = capsys.readouterr().out.split()
    assert line[:4] == [revision_of(made)[:12], made.metrics["tag"], "2", "rows,"]


def test_list_does_not_make_a_registry(tmp_path: Path, config: str) -> None:
    with pytest.raises(InputError, match=r"registry.git.*does not exist"):
        list_versions(config)

    assert not (tmp_path / "registry.git").exists()
