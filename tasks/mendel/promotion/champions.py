"""Which model a name means: read from the ledger, which MLflow's aliases only follow, or of the lake's candidates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from mendel.core import cache, lake, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import FileEntry, Manifest
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision

CANDIDATE = "candidate"
"""The dataset, and the name of its newest version."""
FINGERPRINT = re.compile(r"[0-9a-f]{4,16}")
"""Or its first digits."""
FORMER_NAME = "challenger"
"""Until 0.2.0 of the candidate that was declined last; read until 0.3.0."""
Standing = Literal["champion", "was champion before", "declined", "not judged"]


class Resolved(NamedTuple):
    """A model that can be loaded."""

    version: int | None
    """Of the registered model in MLflow; None for a candidate that no decision is about yet."""
    restorer_uri: str
    """The folder in the lake that `Restorer.load` takes."""
    digest: str
    fingerprint: str
    """Of the candidate."""
    standing: Standing
    files: tuple[FileEntry, ...]
    """What the ledger says of the folder's files, their paths relative to it."""

    @property
    def name(self) -> str:
        """Version or, without one, fingerprint."""
        return self.fingerprint if self.version is None else str(self.version)

    @property
    def registered(self) -> int:
        """The version, where only a registered model will do. Raises InputError for a candidate without one."""
        if self.version is None:
            raise InputError(
                f"candidate {self.fingerprint} has no version: run mendel evaluate and mendel promote first"
            )
        return self.version

    def local(self) -> Path:
        """The folder on this machine: a checked copy where the lake is remote."""
        return cache.local(self.restorer_uri, self.files)


def resolve(root: str, name: str = "champion") -> Resolved:
    """The model that a name means now, its files checked.

    Names are `champion`, `previous`, a version number, a candidate's fingerprint or the beginning of one, and `candidate`,
    the newest in the lake. Until 0.3.0 `challenger` is the candidate that was declined last. Raises InputError saying
    which there are, or which file is missing or changed.
    """
    history = ledger.read(root)
    holders = _holders(history)
    if name == FORMER_NAME:
        log.warning("the name challenger goes in 0.3.0: give the version, or candidate, the newest one")
    is_version = name.isascii() and name.isdigit()
    decision = ledger.about(history, int(name)) if is_version else holders.get(name)
    candidate = decision.candidate if decision else _candidate(root, name)
    if candidate is None:
        raise InputError(f"there is no model {name!r}. {_choices(root, history)}")
    manifest.verify(root, candidate)
    last_decision = decision or ledger.about_candidate(history, candidate.digest)
    return _resolved(
        root, candidate, last_decision.version if last_decision else None, _standing(history, last_decision)
    )


def resolved(root: str, decision: Decision) -> Resolved:
    """The model that a decision is about."""
    return _resolved(root, decision.candidate, decision.version, _standing(ledger.read(root), decision))


def _resolved(root: str, candidate: Manifest, version: int | None, standing: Standing) -> Resolved:
    return Resolved(
        version,
        lake.join(root, candidate.folder),
        candidate.digest,
        candidate.fingerprint,
        standing,
        candidate.own_files,
    )


def _holders(history: ledger.History) -> dict[str, Decision | None]:
    """By name, the decision about the model that holds it in the ledger."""
    state = ledger.state(history)
    return {"champion": state.champion, "previous": state.previous, FORMER_NAME: state.candidate}


def _standing(history: ledger.History, decision: Decision | None) -> Standing:
    if decision is None:
        return "not judged"
    champion = ledger.state(history).champion
    if champion and champion.version == decision.version:
        return "champion"
    return "declined" if ledger.turned_down(history, decision.version) else "was champion before"


def _candidate(root: str, name: str) -> Manifest | None:
    """The candidate in the lake that a name means. Raises InputError where several begin so."""
    if name == CANDIDATE:
        return max(_in_force(root), key=lambda candidate: candidate.finished, default=None)
    if not FINGERPRINT.fullmatch(name):
        return None
    partitions = manifest.partitions(root, CANDIDATE)
    partition_of = {
        fingerprint: key
        for key in partitions
        for fingerprint in lake.list_folders(lake.join(root, manifest.partition_path(CANDIDATE, key)))
        if fingerprint.startswith(name)
    }
    versions = (manifest.read(root, CANDIDATE, key, fingerprint) for fingerprint, key in partition_of.items())
    candidates = [version for version in versions if version]
    if len(candidates) > 1:
        names = ", ".join(candidate.fingerprint for candidate in candidates)
        raise InputError(f"several candidates begin with {name}: {names}")
    return candidates[0] if candidates else None


def _in_force(root: str) -> Iterator[Manifest]:
    for key in manifest.partitions(root, CANDIDATE):
        if (candidate := manifest.current(root, CANDIDATE, key)) is not None:
            yield candidate


def _choices(root: str, history: ledger.History) -> str:
    if history:
        aliases = [name for name, decision in _holders(history).items() if decision and name != FORMER_NAME]
        versions = sorted({decision.version for decision in history})
        choices = f"Choose one of: {', '.join([*aliases, *map(str, versions)])}."
    else:
        choices = "The ledger is empty: run mendel evaluate and mendel promote first."
    digests = {decision.candidate.digest for decision in history}
    if untried := sorted({candidate.fingerprint for candidate in _in_force(root) if candidate.digest not in digests}):
        choices += (
            f" Candidates that were not judged can be tried by name: {CANDIDATE} (the newest), {', '.join(untried)}."
        )
    return choices
