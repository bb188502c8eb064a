"""Which model an alias or a version number means: read from the ledger, which MLflow's aliases only follow."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mendel import cache, lake, manifest
from mendel.errors import InputError
from mendel.manifest import FileEntry
from mendel.registry import ledger
from mendel.registry.ledger import Decision


class Resolved(NamedTuple):
    """A model that can be loaded."""

    version: int
    """Of the registered model `mendel-restorer` in MLflow."""
    restorer_uri: str
    """The folder in the lake that `Restorer.load` takes."""
    digest: str
    files: tuple[FileEntry, ...]
    """What the ledger says of the folder's files, their paths relative to it."""

    def local(self) -> Path:
        """The folder on this machine: a checked copy where the lake is remote."""
        return cache.local(self.restorer_uri, self.files)


def resolve(root: str, name: str = "champion") -> Resolved:
    """The model that `champion`, `previous`, `challenger` or a version number means now, its files checked.

    Raises InputError saying which names there are, or which file of the model is missing or changed.
    """
    history = ledger.read(root)
    aliases = ledger.state(history)._asdict()
    if name in aliases:
        decision: Decision | None = aliases[name]
    else:
        decision = ledger.about(history, int(name)) if name.isascii() and name.isdigit() else None
    if decision is None:
        raise InputError(f"there is no model {name!r}. {_choices(history)}")
    manifest.verify(root, decision.candidate)
    return resolved(root, decision)


def resolved(root: str, decision: Decision) -> Resolved:
    """The model that a decision is about."""
    candidate = decision.candidate
    return Resolved(decision.version, restorer_uri(root, decision), candidate.digest, candidate.own_files)


def restorer_uri(root: str, decision: Decision) -> str:
    """URI of the folder that holds the decided model's files."""
    return lake.join(root, decision.candidate.folder)


def _choices(history: ledger.History) -> str:
    if not history:
        return "The ledger is empty: run mendel evaluate and mendel promote first."
    aliases = [name for name, decision in ledger.state(history)._asdict().items() if decision]
    versions = sorted({decision.version for decision in history})
    return f"Choose one of: {', '.join([*aliases, *map(str, versions)])}."
