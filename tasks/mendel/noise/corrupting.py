"""Texts corrupted by a profile, without a corpus, a lake or Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from mendel.noise.calibrate import resolve
from mendel.noise.edits import Edit, decode
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile


class Corrupted(NamedTuple):
    """A text with errors, and what was done to it."""

    text: str
    edits: tuple[Edit, ...]


def corrupt(texts: Sequence[str], profile: NoiseProfile, *, seed: int = 0) -> list[Corrupted]:
    """Corrupt texts, in their order; equal arguments give equal results.

    The texts are the corpus that the profile meets: noise characters are theirs unless the profile lists others, and
    `profile.target_cer` (a share of the characters, 0 to 0.5) is reached over all of them. An empty text stays empty.

    Raises InputError when the texts hold fewer than two characters, or when no rates reach the target.

    >>> from mendel import NoiseProfile, corrupt
    >>> profile = NoiseProfile(name="slips", rates={"reversal": 0.1})
    >>> corrupt(["The people must work together."], profile, seed=1)[0].text
    'The people must wokr tgoether.'
    """
    if not texts:
        return []
    kernel = Kernel(resolve(profile, texts, seed), seed)
    ids = pa.array([str(number) for number in range(len(texts))])
    corrupted = kernel.corrupt(ids, pa.array([0] * len(texts), pa.int64()), pa.array(texts, pa.string()))
    return [
        Corrupted(noisy, tuple(decode(edits)))
        for noisy, edits in zip(corrupted.noisy.to_pylist(), corrupted.edits.to_pylist(), strict=True)
    ]
