"""Which characters the language model knows: code points to small integers and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mendel.core.errors import InputError

UNKNOWN = 0
"""Any character outside the vocabulary."""
BEGIN = 1
"""Before the first character of a text; only ever a context."""
END = 2
"""After the last character of a text; only ever predicted."""
FIRST_CHARACTER = 3


class Vocabulary:
    """A frozen set of characters, numbered from FIRST_CHARACTER on in the order of their code points."""

    def __init__(self, code_points: npt.NDArray[np.int32]) -> None:
        if code_points.ndim != 1 or np.any(np.diff(code_points) <= 0):
            raise InputError("a vocabulary is a list of code points in ascending order, each once")
        self.code_points = code_points

    @classmethod
    def of(cls, texts: Sequence[str], *, minimum_count: int = 1) -> Vocabulary:
        """The characters that occur at least `minimum_count` times in the texts."""
        codes, counts = np.unique(code_points("".join(texts)), return_counts=True)
        return cls(np.ascontiguousarray(codes[counts >= minimum_count]))

    def __len__(self) -> int:
        """Symbols in all: the characters, UNKNOWN, BEGIN and END."""
        return len(self.code_points) + FIRST_CHARACTER

    def ids(self, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The symbol of each code point, UNKNOWN where there is none."""
        if not len(self.code_points):
            return np.full(len(codes), UNKNOWN, np.int32)
        at = np.minimum(np.searchsorted(self.code_points, codes), len(self.code_points) - 1)
        return np.where(self.code_points[at] == codes, at + FIRST_CHARACTER, UNKNOWN).astype(np.int32)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """The symbols of a text, without BEGIN and END."""
        return self.ids(code_points(text))


def code_points(text: str) -> npt.NDArray[np.int32]:
    """The code points of a text; lone surrogates are characters like any other."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)


def to_text(codes: npt.NDArray[np.int32]) -> str:
    """The inverse of `code_points`."""
    return codes.astype("<i4").tobytes().decode("utf-32-le", "surrogatepass")
