"""Which documents of a test set are still there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mendel.corpus.presence import Presence
from mendel.corpus.split import Dropped, Sentence

TEST = [
    *(Sentence("first", place, None, "test", f"The treaty of the year {place} was signed.") for place in range(4)),
    *(Sentence("second", place, None, "test", f"The tariff of the year {place} was lowered.") for place in range(3)),
]


def of(doc: str, texts: Sequence[str]) -> list[Sentence]:
    return [Sentence(doc, place, None, "train", text) for place, text in enumerate(texts)]


FIRST, SECOND = ([item.text for item in TEST if item.doc == doc] for doc in ("first", "second"))


@pytest.mark.parametrize(
    ("source", "absent"),
    [
        ([], {"first": 4, "second": 3}),
        (TEST, {}),
        (of("first", FIRST[:1]), {"second": 3}),
        (of("renamed", FIRST[:2]), {"second": 3}),
        (of("renamed", FIRST[:1]), {"first": 4, "second": 3}),
        (of("first", SECOND[:1]), {"first": 4, "second": 3}),
        ([Dropped("second", 0, SECOND[0], "too_long", "")], {"first": 4}),
    ],
    ids=["nothing", "all", "one under its name", "half under another", "less than half", "another's", "dropped"],
)
def test_a_document_is_there_with_one_sentence_under_its_name_or_half_of_them_anywhere(
    source: list[Sentence | Dropped], absent: dict[str, int]
) -> None:
    presence = Presence(TEST)

    for item in source:  # in batches of one
        presence.look([item])

    assert presence.absent() == absent
    assert (presence.names, presence.sentences) == (["first", "second"], 7)


def test_without_a_test_set_nothing_is_absent() -> None:
    presence = Presence([])

    presence.look(of("a", FIRST))

    assert presence.absent() == {}
