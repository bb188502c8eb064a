"""Reading a source whole: nothing is lost without a record of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.core.errors import InputError, MendelError
from mendel.corpus.clean import Cleaning
from mendel.corpus.reading import read
from mendel.corpus.sources.files import FileSource


def source(folder: Path) -> FileSource:
    return FileSource(kind="files", name="texts", glob=f"{folder}/*", id_key="key")


def test_every_sentence_is_there_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Short.\nThe treaty with Spain was signed. The tariff on wool was not")

    reading = read(source(tmp_path), Cleaning(), source(tmp_path).entry())

    assert [(item.doc, item.position, item.text) for item in reading.sentences] == [
        ("a.txt", 1, "The treaty with Spain was signed.")
    ]
    assert [(item.position, item.text, item.reason) for item in reading.dropped] == [
        (0, "Short.", "too_short"),
        (2, "The tariff on wool was not", "unterminated"),
    ]


def test_only_one_split_is_cleaned_when_asked_for_and_all_are_counted(folder: Path) -> None:
    whole = read(source(folder), Cleaning(), source(folder).entry())

    part = read(source(folder), Cleaning(), source(folder).entry(), only="train")

    assert part.documents == whole.documents
    assert part.sentences == [sentence for sentence in whole.sentences if sentence.split == "train"]
    assert 0 < len(part.sentences) < len(whole.sentences)


def test_documents_that_come_to_nothing_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[Laughter]")
    (tmp_path / "b.txt").write_text("The treaty with Spain was signed.")

    reading = read(source(tmp_path), Cleaning(), source(tmp_path).entry())

    assert [(item.uri, item.reason) for item in reading.quarantined] == [("a.txt", "nothing_left")]


def test_two_texts_of_one_name_are_reported_and_the_same_text_twice_is_left_to_the_removal_of_duplicates(
    tmp_path: Path,
) -> None:
    same, other = '{"text": "The treaty was signed.", "key": 1}\n', '{"text": "The tariff was not.", "key": 1}\n'
    (tmp_path / "a.jsonl").write_text(same + same + other)

    reading = read(source(tmp_path), Cleaning(min_chars=1), source(tmp_path).entry())

    assert [item.text for item in reading.sentences] == ["The treaty was signed."] * 2
    assert [item.uri for item in reading.quarantined] == ["a.jsonl#1"]


def test_a_source_of_which_nothing_can_be_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.pdf").write_text("text")

    with pytest.raises(InputError, match=r"2 refused, such as .*a\.txt: no text.*b\.pdf: the name ends in \.pdf"):
        read(source(tmp_path), Cleaning(), source(tmp_path).entry())


def test_a_source_that_changed_since_it_was_named_is_worth_another_try(folder: Path) -> None:
    entry = source(folder).entry()
    (folder / "00.txt").write_text("Another text has come in the meantime.")

    with pytest.raises(MendelError, match="changed while it was read") as caught:
        read(source(folder), Cleaning(), entry)

    assert caught.value.exit_code == 1, "this must be retried, not reported as bad input"
