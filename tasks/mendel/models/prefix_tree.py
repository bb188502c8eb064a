"""Token sequences as a prefix tree that grows, so that a model reads what they have in common only once.

The candidates of one sentence differ in a few places. Laid out as a tree, a token attends to its ancestors alone and
stands at the position of its depth: the model then computes for each path what it would compute for that path by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

ROOT = 0


class PrefixTree:
    """All sequences start with the root's token; a node comes after its parent."""

    def __init__(self, root: int) -> None:
        self._tokens, self._parents, self._depths = [root], [ROOT], [0]
        self._children: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, tokens: Iterable[int], node: int = ROOT) -> int:
        """Go on from a node with these tokens; gives the last one's node."""
        for token in tokens:
            child = self._children.setdefault((node, token), len(self))
            if child == len(self):
                self._tokens.append(token)
                self._parents.append(node)
                self._depths.append(self._depths[node] + 1)
            node = child
        return node

    def path(self, node: int) -> npt.NDArray[np.int64]:
        """The nodes from the root to a node, ends included."""
        nodes = [node]
        while node != ROOT:
            node = self._parents[node]
            nodes.append(node)
        return np.array(nodes[::-1], np.int64)

    def tokens(self, first: int = 0) -> npt.NDArray[np.int64]:
        """Of each node from `first` on."""
        return np.array(self._tokens[first:], np.int64)

    def parents(self, first: int = 0) -> npt.NDArray[np.int64]:
        """The node before each node from `first` on; the root is its own."""
        return np.array(self._parents[first:], np.int64)

    def depths(self, first: int = 0) -> npt.NDArray[np.int64]:
        """Position in its sequences of each node from `first` on; the root's is 0."""
        return np.array(self._depths[first:], np.int64)

    def ancestors(self, first: int = 0) -> npt.NDArray[np.bool_]:
        """[nodes from `first` on, nodes]: whether the column's node lies on the path to the row's node, ends included."""
        above = np.zeros((len(self) - first, len(self)), bool)
        for row, node in enumerate(range(first, len(self))):
            parent = self._parents[node]
            if parent >= first:
                above[row] = above[parent - first]
            else:
                above[row, self.path(parent)] = True
            above[row, node] = True
        return above
