"""A small decoder, and texts of its corpus with damage that it can undo."""

from __future__ import annotations

import random

import pytest

from mendel.channel.decoder import Decoder
from mendel.models.ngram import CharNgram
from mendel.restorers.candidate import Text

from ..channel.test_search import channel
from ..models.conftest import sentences

TRAIN = sentences(200, seed=3)


@pytest.fixture(scope="session")
def small_decoder() -> Decoder:
    ngram: CharNgram = CharNgram.fit(TRAIN, order=6)
    return Decoder(channel("".join(TRAIN), 0.005), ngram)


def damaged(count: int, seed: int) -> list[Text]:
    """Sentences of the corpus: in each a letter is lost, doubled, or changes places with the next one."""
    chance = random.Random(seed)
    texts = []
    for clean in sentences(count, seed):
        at = chance.randrange(1, len(clean) - 2)
        middle = chance.choice(["", clean[at] * 2, clean[at + 1] + clean[at]])
        behind = at + 2 if len(middle) == 2 and middle[0] != middle[1] else at + 1
        texts.append(Text(clean, clean[:at] + middle + clean[behind:], None))
    return texts
