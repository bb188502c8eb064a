"""A dataset of the Hugging Face Hub (or of a mirror: HF_ENDPOINT), where one can be reached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from pydantic import Field

from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.corpus.sources.base import Document, HashSplit, Rejected, Source, text_hash
from mendel.records.problems import BadRecordError
from mendel.records.values import text_of


class HuggingFace(Source):
    """One document per row, called by its own id where `id_column` is set, else by a hash of its text."""

    kind: Literal["huggingface"]
    path: str = Field(description="the dataset's id on the hub, as in user/name")
    subset: str | None = Field(None, description="the dataset's configuration, where it has several")
    rows: str = Field("train", description="split of the dataset, or a slice of it: train[:10000]")
    revision: str = Field("main", description="branch, tag or commit; the commit found is part of the digest")
    text_column: str = "text"
    id_column: str | None = None
    split: HashSplit = HashSplit()

    def entry(self) -> InputEntry:
        commit, data = self._load()
        named = f"{self.path}@{commit}:{self.subset}:{self.rows}"
        return InputEntry(
            name="source",
            uri=f"hf://datasets/{self.path}@{commit}",
            digest=hashlib.sha256(named.encode()).hexdigest(),
            rows=len(data),
        )

    def read(self) -> Iterator[Document | Rejected]:
        _, data = self._load()
        for number, row in enumerate(data, start=1):
            try:
                text = text_of(row[self.text_column], self.text_column)
            except BadRecordError as error:
                yield Rejected(f"hf://datasets/{self.path}:{number}", error.reason, error.detail)
                continue
            name = str(row[self.id_column]) if self.id_column else text_hash(text)
            yield Document(name, text, self.split.of(name))

    def _load(self) -> tuple[str, Any]:
        commit, data = _load(self.path, self.subset, self.rows, self.revision)
        for column in (self.text_column, self.id_column):
            if column is not None and column not in data.column_names:
                raise InputError(
                    f"dataset {self.path} has no column {column!r}; it has {', '.join(map(repr, data.column_names))}"
                )
        return commit, data


@cache
def _load(path: str, subset: str | None, rows: str, revision: str) -> tuple[str, Any]:
    """The commit that a revision stands for, and the rows at that commit."""
    try:
        from datasets import load_dataset
        from httpx2 import HTTPError
        from huggingface_hub import HfApi
    except ImportError as error:
        raise InputError("the source huggingface needs its package: pip install 'mendel[huggingface]'") from error
    try:
        commit = HfApi().dataset_info(path, revision=revision).sha
        return str(commit), load_dataset(path, subset, split=rows, revision=commit)
    except (HTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"dataset {path} (revision {revision}, rows {rows}) cannot be loaded: {reason}. Check its name and your "
            "network; behind a mirror set HF_ENDPOINT; for a private one HF_TOKEN; or download its files and use the "
            "source `files`."
        ) from error
