"""What a causal language model makes of one text's sequences, which may become more: what was read stays read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mendel.models.prefix_tree import PrefixTree

Scores = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int64]


class Reading:
    """A tree of sequences that all start with `head`, which is given; filled by `CausalLm.read`.

    Grow it by `tree.add(tokens, reading.trunk)`. The next reading sees the new nodes alone, and the keys and values of
    those before.
    """

    def __init__(self, head: Sequence[int]) -> None:
        self.tree = PrefixTree(head[0])
        self.trunk = self.tree.add(head[1:])
        """The head's last node."""
        self.further_queries: list[int] = []
        """Nodes whose next tokens are asked about, besides those that have one."""
        self.gains: Scores = np.zeros(0)
        """[node that was read]: log-probability of its token, nats; 0 for the head's"""
        self.past: torch.Tensor | None = None
        """[layers and keys or values, heads, node that was read, width]"""
        self.hidden: torch.Tensor | None = None
        """[node that was read, width]: what the vocabulary's probabilities follow from"""
        self.queries: Nodes = np.zeros(0, np.int64)
        """The nodes whose next tokens were asked about last, in ascending order,"""
        self.logits: torch.Tensor | None = None
        """[query, vocabulary]: and the answers, up to a constant for each node, until `CausalLm.read` goes on."""

    @property
    def size(self) -> int:
        """Nodes that were read."""
        return len(self.gains)

    @property
    def head_size(self) -> int:
        """Tokens of the head."""
        return self.trunk + 1

    def ask(self) -> Nodes:
        """Settle the next queries: the nodes before the new ones, and the further ones."""
        new = self.tree.parents(self.size)[self.tree.depths(self.size) >= self.head_size]
        self.queries = np.union1d(new, np.array(self.further_queries, np.int64))
        self.further_queries = []
        return self.queries

    def answer(self, logits: torch.Tensor) -> None:
        """Take what the model says behind the queries."""
        self.logits = logits
        first = self.size
        new = first + np.flatnonzero(self.tree.depths(first) >= self.head_size)
        self.gains = np.append(self.gains, np.zeros(len(self.tree) - first))
        rows = logits.float()  # one tree at a time: all at once fill the memory
        place = torch.from_numpy(np.searchsorted(self.queries, self.tree.parents()[new]))
        log_probabilities = rows[place, torch.from_numpy(self.tree.tokens()[new])] - rows.logsumexp(-1)[place]
        self.gains[new] = log_probabilities.cpu().numpy()

    def next_tokens(self, nodes: Nodes) -> npt.NDArray[np.float32]:
        """[node, token]: log-probabilities of what may follow nodes that were asked about, nats."""
        logits: Any = self.logits
        rows = logits[torch.from_numpy(np.searchsorted(self.queries, nodes))]
        return np.asarray(rows.float().log_softmax(-1).cpu().numpy())

    def score(self, leaf: int) -> float:
        """Log-probability of the sequence that ends there, given the head, nats."""
        return float(self.gains[self.tree.path(leaf)].sum())

    def path(self, leaf: int) -> Nodes:
        """The nodes of the sequence that ends there, from the last given token on."""
        return self.tree.path(leaf)[self.trunk :]
