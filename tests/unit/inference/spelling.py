"""A restorer that is a list of misspellings: what it does can be foreseen, so that batches can be tested.

It is less sure of words that begin with a capital.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from mendel.restorers.restorer import Restoration, Restorer, spans


class SpellingRestorer(Restorer):
    kind = "spelling"

    def __init__(self, words: dict[str, str]) -> None:
        self.words = words

    @classmethod
    def read(cls, folder: Path) -> SpellingRestorer:
        return cls(json.loads((folder / "restorer.json").read_text())["words"])

    def restore(self, texts: Sequence[str], documents: object = None) -> list[Restoration]:
        time.sleep(float(os.environ.get("SPELLING_SECONDS", "0")))
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Restoration:
        if "?" in text:
            return Restoration(text=text, confidence=0.25, edits=(), fallback=True)
        restored = " ".join(self.words.get(word, word) for word in text.split(" "))
        edits = tuple(
            edit.model_copy(update={"confidence": 0.6 if text[text.rfind(" ", 0, edit.start) + 1].isupper() else 0.9})
            for edit in spans(text, restored)
        )
        return Restoration(text=restored, confidence=0.75, edits=edits, fallback=False)
