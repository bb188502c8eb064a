"""Who reigns now, asked before every micro-batch."""

from __future__ import annotations

from mendel.log import log
from mendel.manifest import InputEntry
from mendel.registry import champions, ledger
from mendel.registry.champions import Resolved


class Reigning:
    """The model that an alias means. The ledger only grows: while it does not, the model and its files are the same."""

    def __init__(self, root: str, alias: str) -> None:
        self.root = root
        self.alias = alias
        self._decisions = -1
        self._model: Resolved | None = None

    def now(self) -> Resolved:
        """Raises InputError where nobody reigns, or where the model's files are not what the ledger says."""
        decisions = len(ledger.read(self.root))
        if self._model is None or decisions != self._decisions:
            model = champions.resolve(self.root, self.alias)
            if model != self._model:
                log.info("model", version=model.version, because=f"it is the {self.alias} now")
            self._model, self._decisions = model, decisions
        return self._model

    def as_input(self, model: Resolved) -> InputEntry:
        """The model as an input of a dataset version."""
        decision = ledger.about(ledger.read(self.root), model.version)
        assert decision is not None, f"version {model.version} was resolved from the ledger"
        return decision.candidate.as_input()
