"""The model that a stream restores with, looked up before every micro-batch."""

from __future__ import annotations

from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.promotion import champions, ledger
from mendel.promotion.champions import Resolved


class CurrentModel:
    """The model that an alias means. Decisions never change, so the ledger is read again only where there is a new one."""

    def __init__(self, root: str, alias: str) -> None:
        self.root = root
        self.alias = alias
        self._history: ledger.History = ()
        self._model: Resolved | None = None

    def resolve(self) -> Resolved:
        """The model at this moment.

        Raises InputError where no version has the alias, the ledger has lost a decision, or the model's files were changed.
        """
        if self._model is None or not ledger.ends_with(self.root, len(self._history)):
            history = ledger.read(self.root)
            ledger.check_growth(self._history, history)
            model = champions.resolve(self.root, self.alias)
            if model != self._model:
                log.info("model", version=model.registered, because=f"it is the {self.alias} now")
            self._history, self._model = history, model
        return self._model

    def as_input(self, model: Resolved) -> InputEntry:
        """The model as an input of a dataset version."""
        version = model.registered
        decision = ledger.about(self._history, version) or ledger.about(ledger.read(self.root), version)
        assert decision is not None, f"version {model.version} was resolved from the ledger"
        return decision.candidate.as_input()
