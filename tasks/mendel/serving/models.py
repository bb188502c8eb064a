"""The champion in memory, and the watch over the ledger that swaps it while requests go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mendel.core import cache, lake
from mendel.core.log import log
from mendel.noise.pairs import NOISE
from mendel.noise.profile import ResolvedProfile
from mendel.promotion import champions, ledger
from mendel.restorers.restorer import Restorer

WARM_UP = ["A sentence thta is read befor the frist request comes.", "word " * 150]
"""A short text and one in several pieces: what compiles at first use is compiled before."""
MEASURED = WARM_UP[:1]
MEASURING_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class Model:
    """A version that is ready to answer. Never changed: a swap is another one in its place."""

    version: int | None
    """None for a candidate that no decision is about."""
    digest: str
    restorer: Restorer
    speed: float
    """Characters a second of an ordinary text by itself, measured at its loading."""
    standing: champions.Standing = "champion"
    fingerprint: str = ""
    noise: ResolvedProfile | None = None
    """What it was fitted to undo; None for a kind that has no model of it."""

    @property
    def name(self) -> str:
        """Version or, without one, fingerprint."""
        return self.fingerprint if self.version is None else str(self.version)


class Models:
    """`champion` is what answers now; `refresh` and `load` read the lake and load, so they belong in a thread.

    With another `name` than `champion` it is the model that is tried in its place.
    """

    def __init__(self, root: str, name: str = "champion") -> None:
        self.root = root
        self._name = name
        self.champion: Model | None = None
        self.history: ledger.History = ()
        self.failure: str | None = None
        """Why the last refresh came to nothing; the champion before it goes on answering."""
        self._listing: list[str] | None = None

    def refresh(self) -> bool:
        """Look at the ledger; load and swap where there is another champion. True where that happened.

        Whatever fails is logged, kept as `failure`, and tried again at the next call.
        """
        try:
            changed = self._refresh()
        except Exception as error:  # a lake that is away or a broken file must not end the service
            if (failure := f"{type(error).__name__}: {error}") != self.failure:
                log.warning("refresh failed", error=failure, serving=self.champion and self.champion.version)
            self.failure = failure
            return False
        self.failure = None
        return changed

    def _refresh(self) -> bool:
        listing = lake.list_files(lake.join(self.root, ledger.FOLDER))  # objects of the ledger never change
        if listing == self._listing and self.champion is not None:
            return False
        history = ledger.read(self.root)
        ledger.check_growth(self.history, history)
        self.history = history
        resolved = champions.resolve(self.root, self._name)
        if self._name == champions.CANDIDATE:
            self._name = resolved.fingerprint  # a trial stays with its model, though a newer one is made
        changed = self.champion is None or self.champion.digest != resolved.digest
        champion = load(resolved) if changed or self.champion is None else self.champion
        if (champion.version, champion.standing) != (resolved.version, resolved.standing):  # it was judged meanwhile
            champion = replace(champion, version=resolved.version, standing=resolved.standing)
        self._listing = listing
        before, self.champion = self.champion, champion
        if changed:
            log.info(
                "model in force", version=champion.version, standing=champion.standing, before=before and before.version
            )
        return changed

    def load(self, version: int) -> Model:
        """A version of the ledger. Raises InputError where its files are broken."""
        return load(champions.resolve(self.root, str(version)))

    def versions(self) -> Mapping[int, ledger.Decision]:
        """Every version that the ledger knew at the last refresh, with the latest decision about it."""
        return {decision.version: decision for decision in self.history}


def load(resolved: champions.Resolved) -> Model:
    """Ready to answer: read, and warmed up.

    From a copy that has no name any more: a model's file is mapped into memory, and one that is cut short or written over
    in the lake would end the process, or change its answers.
    """
    with TemporaryDirectory(prefix="mendel-") as copy:
        cache.bring(resolved.restorer_uri, resolved.files, Path(copy))
        restorer = Restorer.load(copy)
        learned = Path(copy) / NOISE
        noise = ResolvedProfile.model_validate_json(learned.read_bytes()) if learned.exists() else None
    restorer.restore(WARM_UP)
    return Model(
        resolved.version, resolved.digest, restorer, measured(restorer), resolved.standing, resolved.fingerprint, noise
    )


def measured(restorer: Restorer) -> float:
    """Characters a second, the best of some tries: other work on the machine only ever makes it slower."""
    tries: list[float] = []
    while sum(tries) < MEASURING_SECONDS:
        began = time.perf_counter()
        restorer.restore(MEASURED)
        tries.append(time.perf_counter() - began)
    return sum(map(len, MEASURED)) / min(tries)
