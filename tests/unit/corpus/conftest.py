"""Small corpora of one's own files, for the stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DOCUMENTS = 40
NOUNS = ["treaty", "tariff", "navy", "budget", "railway", "census", "harbor", "school", "court", "bank"]
VERBS = ["passed", "failed", "grew", "ended", "moved", "changed", "began", "suffered"]


def text(number: int) -> str:
    """A few sentences that no other document has."""
    noun, verb = NOUNS[number % 10], VERBS[number % 8]
    return (
        f"In the year {1790 + 3 * number} the {noun} of county {number * 7919} {verb} again. "
        f"Nobody in district {number * 104729} had foreseen how the {noun} {verb}! Too short."
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty documents: half of them files, half of them lines of one file."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(0, DOCUMENTS, 2):
        (folder / f"{number:02}.txt").write_text(text(number))
    lines = (json.dumps({"text": text(number), "key": f"{number:02}"}) for number in range(1, DOCUMENTS, 2))
    (folder / "lines.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder
