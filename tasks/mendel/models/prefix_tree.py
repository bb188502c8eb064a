"""Token sequences as prefix trees, so that a model reads what candidates have in common only once.

The candidates of one sentence differ in a few places. Laid out as a tree, a token attends to its ancestors alone and
stands at the position of its depth: the model then computes for each path what it would compute for that path by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class PrefixTree:
    """The tree of several sequences that start with the same token; a node comes after its parent."""

    tokens: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    """The node before each node; the root, node 0, is its own."""
    depths: npt.NDArray[np.int64]
    """Position of each node in its sequences, from 0 on."""
    leaves: npt.NDArray[np.int64]
    """For each sequence, the node of its last token."""

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> PrefixTree:
        """Raises ValueError when the sequences do not all start with the same token."""
        if len({sequence[0] for sequence in sequences}) != 1:
            raise ValueError("the sequences of one tree must start with the same token")
        children: dict[tuple[int, int], int] = {}
        tokens, parents, depths, leaves = [sequences[0][0]], [0], [0], []
        for sequence in sequences:
            node = 0
            for depth, token in enumerate(sequence[1:], start=1):
                child = children.setdefault((node, token), len(tokens))
                if child == len(tokens):
                    tokens.append(token)
                    parents.append(node)
                    depths.append(depth)
                node = child
            leaves.append(node)
        return cls(*(np.array(column, np.int64) for column in (tokens, parents, depths, leaves)))

    def __len__(self) -> int:
        return len(self.tokens)

    def parents_of(self, nodes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The nodes that some of the chosen nodes follow, in ascending order."""
        return np.unique(self.parents[nodes])

    def ancestors(self) -> npt.NDArray[np.bool_]:
        """[nodes, nodes]: whether the column's node lies on the path from the root to the row's node, ends included."""
        above = np.eye(len(self), dtype=bool)
        for node in range(1, len(self)):
            above[node] |= above[self.parents[node]]
        return above
