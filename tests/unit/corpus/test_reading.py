"""Reading a source: nothing is lost without a record of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.core.errors import InputError, MendelError
from mendel.corpus import reading
from mendel.corpus.clean import Cleaning
from mendel.corpus.reading import CorpusReading
from mendel.corpus.sources.base import Rejected, Split
from mendel.corpus.sources.files import FileSource
from mendel.corpus.split import Dropped, Sentence


def source(folder: Path) -> FileSource:
    return FileSource(kind="files", name="texts", glob=f"{folder}/*", id_key="key")


class Whole:
    """All that a reading yields, and what it counts."""

    def __init__(self, folder: Path, cleaning: Cleaning | None = None, only: Split | None = None) -> None:
        self.counts = CorpusReading(source(folder), cleaning or Cleaning(), source(folder).entry(), only)
        items = list(self.counts)
        self.sentences = [item for item in items if isinstance(item, Sentence)]
        self.dropped = [item for item in items if isinstance(item, Dropped)]
        self.quarantined = [item for item in items if isinstance(item, Rejected)]


def test_every_sentence_is_there_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Short.\nThe treaty with Spain was signed. The tariff on wool was not")

    found = Whole(tmp_path)

    assert [(item.doc, item.position, item.text) for item in found.sentences] == [
        ("a.txt", 1, "The treaty with Spain was signed.")
    ]
    assert [(item.position, item.text, item.reason) for item in found.dropped] == [
        (0, "Short.", "too_short"),
        (2, "The tariff on wool was not", "unterminated"),
    ]


def test_only_one_split_is_cleaned_when_asked_for_and_all_are_counted(folder: Path) -> None:
    whole = Whole(folder)

    part = Whole(folder, only="train")

    assert part.counts.documents == whole.counts.documents
    assert part.sentences == [sentence for sentence in whole.sentences if sentence.split == "train"]
    assert 0 < len(part.sentences) < len(whole.sentences)


def test_documents_that_come_to_nothing_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[Laughter]")
    (tmp_path / "b.txt").write_text("The treaty with Spain was signed.")

    found = Whole(tmp_path)

    assert [(item.uri, item.reason) for item in found.quarantined] == [("a.txt", "nothing_left")]


def test_two_texts_of_one_name_are_reported_and_the_same_text_twice_is_left_to_the_removal_of_duplicates(
    tmp_path: Path,
) -> None:
    same, other = '{"text": "The treaty was signed.", "key": 1}\n', '{"text": "The tariff was not.", "key": 1}\n'
    (tmp_path / "a.jsonl").write_text(same + same + other)

    found = Whole(tmp_path, Cleaning(min_chars=1))

    assert [item.text for item in found.sentences] == ["The treaty was signed."] * 2
    assert [item.uri for item in found.quarantined] == ["a.jsonl#1"]
    assert found.counts.reasons == {"same_name": 1}


def test_a_source_of_which_nothing_can_be_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.pdf").write_text("text")

    with pytest.raises(InputError, match=r"2 refused, such as .*a\.txt: no text.*b\.pdf: the name ends in \.pdf"):
        Whole(tmp_path)


def test_a_source_that_changed_since_it_was_named_is_worth_another_try(folder: Path) -> None:
    entry = source(folder).entry()
    (folder / "00.txt").write_text("Another text has come in the meantime.")

    with pytest.raises(MendelError, match="changed while it was read") as caught:
        list(CorpusReading(source(folder), Cleaning(), entry))

    assert caught.value.exit_code == 1, "this must be retried, not reported as bad input"


def test_batches_hold_the_same_and_end_where_enough_text_has_come(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_CHARACTERS", 300)
    whole = list(CorpusReading(source(folder), Cleaning(), source(folder).entry()))

    batches = list(CorpusReading(source(folder), Cleaning(), source(folder).entry()).batches())

    assert [item for batch in batches for item in batch] == whole
    assert len(batches) > 10
    texts = [[item.text for item in batch if not isinstance(item, Rejected)] for batch in batches]
    assert max(sum(map(len, batch[:-1])) for batch in texts) < 300, "a batch went on though it was full"
