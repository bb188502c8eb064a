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
        self._history: ledger.History | None = None
        self._model: Resolved | None = None

    def now(self) -> Resolved:
        """Raises InputError where nobody reigns, where the ledger has lost a decision, or the model's files are not its."""
        history = ledger.read(self.root)
        ledger.check_growth(self._history or (), history)
        if self._model is None or history != self._history:
            model = champions.resolve(self.root, self.alias)
            if model != self._model:
                log.info("model", version=model.registered, because=f"it is the {self.alias} now")
            self._model, self._history = model, history
        return self._model

    def as_input(self, model: Resolved) -> InputEntry:
        """The model as an input of a dataset version."""
        decision = ledger.about(ledger.read(self.root), model.registered)
        assert decision is not None, f"version {model.version} was resolved from the ledger"
        return decision.candidate.as_input()
