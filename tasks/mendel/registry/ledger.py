"""The ledger: one immutable object per decision, `<lake>/ledger/000001.json` and so on.

It is the source of truth for who reigns: a decision is created under the next free number or not at all, and what
MLflow shows is derived from it. Nothing in it is ever changed; a rollback is a decision of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from mendel import lake
from mendel.errors import InputError
from mendel.frozen import Frozen
from mendel.manifest import InputEntry, Manifest
from mendel.stage import explain

FOLDER = "ledger"
NAME = re.compile(r"\d{6}\.json")


class Decision(Frozen):
    """What was decided about one model, on what grounds, and who reigned when it was."""

    number: int = Field(ge=1)
    action: Literal["promoted", "declined", "rolled back"]
    version: int = Field(description="of the registered model in MLflow that was promoted, declined or rolled back to")
    candidate: Manifest = Field(
        description="the model's manifest as it was: its files and digest stay known though the version be made again"
    )
    reigning: int | None = Field(None, description="version of the champion until this decision")
    evaluation: InputEntry | None = Field(None, description="what a promotion was decided on; none for a rollback")
    rejected_by: str | None = Field(None, description="the person who said no")
    reasons: tuple[str, ...]
    run_id: str
    decided: datetime

    @property
    def champion(self) -> int | None:
        """Version of the champion from this decision on."""
        return self.reigning if self.action == "declined" else self.version


class State(NamedTuple):
    """Who holds which alias, each as the latest decision that is about that model."""

    champion: Decision | None
    previous: Decision | None
    challenger: Decision | None


History = Sequence[Decision]


def read(root: str) -> History:
    """All decisions, oldest first. Raises InputError naming the file that is missing or unreadable."""
    root = lake.normalise(root)
    uris = [uri for uri in lake.list_files(lake.join(root, FOLDER)) if NAME.fullmatch(uri.rsplit("/", 1)[1])]
    for number, uri in enumerate(uris, start=1):
        if uri != (expected := _uri(root, number)):
            raise InputError(f"the ledger has no {expected}, though later decisions are there: restore it from a copy")
    return [_load(uri) for uri in uris]


def ends_with(root: str, number: int) -> bool:
    """Whether a decision is the newest one: two looks at the store, however long the ledger is."""
    root = lake.normalise(root)
    return lake.exists(_uri(root, number)) and not lake.exists(_uri(root, number + 1))


def append(root: str, judge: Callable[[History], Decision]) -> Decision:
    """Write the decision that `judge` makes of the history, under the next number.

    When another writer takes that number first, `judge` is asked again, with the other's decision in the history: every
    decision is made knowing all before it. A judge that finds its decision in the history already returns it.
    """
    while True:
        history = read(root)
        decision = judge(history)
        if decision in history:
            return decision
        if lake.create(_uri(root, decision.number), decision.model_dump_json(indent=2).encode()):
            return decision


def state(history: History) -> State:
    """Who holds which alias after these decisions."""
    reigns: list[Decision] = []
    challenger: Decision | None = None
    for decision in history:
        match decision.action:
            case "promoted":
                reigns.append(decision)
                challenger = None
            case "rolled back":
                reigns.pop()
                reigns[-1] = decision
            case "declined" if decision.version != decision.reigning:
                challenger = decision
    return State(
        champion=reigns[-1] if reigns else None, previous=reigns[-2] if len(reigns) > 1 else None, challenger=challenger
    )


def about(history: History, version: int) -> Decision | None:
    """The latest decision about a model version."""
    return next((decision for decision in reversed(history) if decision.version == version), None)


def crowning(history: History, version: int) -> Decision | None:
    """The latest promotion of a version, with what it was decided on; None where it was never promoted."""
    promoted = (past for past in reversed(history) if past.action == "promoted" and past.version == version)
    return next(promoted, None)


def turned_down(history: History, version: int) -> bool:
    """Whether the last word on a version, said while it did not reign, is a no."""
    said = [past.action for past in history if past.version == version != past.reigning]
    return bool(said) and said[-1] == "declined"


def opponent(history: History, digest: str) -> Decision | None:
    """Whom a candidate has to beat: the champion, or, for the champion itself, the one it dethroned, if any.

    So evaluating a candidate again after its promotion is the same evaluation, not one against itself.
    """
    champion = state(history).champion
    if champion is None or champion.candidate.digest != digest:
        return champion
    crowned = crowning(history, champion.version)
    assert crowned is not None, "who reigns was promoted once"
    return None if crowned.reigning is None else about(history, crowned.reigning)


def _uri(root: str, number: int) -> str:
    return lake.join(root, FOLDER, f"{number:06d}.json")


def _load(uri: str) -> Decision:
    try:
        return Decision.model_validate_json(lake.read_bytes(uri))
    except ValidationError as error:
        raise InputError(f"{explain(error, uri)}\nRestore it from a copy.") from error
