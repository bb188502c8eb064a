"""The ledger: one immutable object per decision, `<lake>/ledger/000001.json` and so on.

It is the source of truth for which model is champion: a decision is created under the next free number or not at all, and what
MLflow shows is derived from it. Nothing in it is ever changed; a rollback is a decision of its own.

Each entry holds the SHA-256 of the entry before, so that none can be changed or taken out unseen but the newest; that
one is known to a witness outside, `<lake>/promotion/_ledger.json`, and to MLflow (`model_registry`).
"""

from __future__ import annotations

import hashlib
import json
import operator
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field, ValidationError

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import explain

FOLDER = "ledger"
NAME = re.compile(r"\d{6}\.json")
IDENTITY = "promotion/_lake.json"
WITNESS = "promotion/_ledger.json"
RESTORE = "Restore it from a copy"


class Decision(Frozen):
    """What was decided about one model, on what grounds, and which version was champion until then."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    number: int = Field(ge=1)
    action: Literal["promoted", "declined", "rolled back"]
    version: int = Field(description="of the registered model in MLflow that was promoted, declined or rolled back to")
    candidate: Manifest = Field(
        description="the model's manifest as it was: its files and digest stay known though the version be made again"
    )
    champion_before: int | None = Field(
        None, alias="reigning", description="version of the champion until this decision"
    )
    evaluation: InputEntry | None = Field(None, description="what a promotion was decided on; none for a rollback")
    rejected_by: str | None = Field(None, description="the person who said no")
    reasons: tuple[str, ...]
    trained_because: tuple[str, ...] = Field(
        (),
        exclude_if=operator.not_,  # so that 0.2.0 reads all entries but those that say why
        description="why production asked for the model's training; empty where the calendar or a person did",
    )
    run_id: str
    decided: datetime
    before_sha256: str | None = Field(
        None, description="of the entry before, as it lies in the ledger; none in the first one and in those of 0.1.0"
    )

    @property
    def champion(self) -> int | None:
        """Version of the champion from this decision on."""
        return self.champion_before if self.action == "declined" else self.version


class State(NamedTuple):
    """Who holds which alias, each as the latest decision that is about that model."""

    champion: Decision | None
    previous: Decision | None
    candidate: Decision | None
    """The one that was declined last, since the last promotion."""


History = Sequence[Decision]


class Entry(NamedTuple):
    """A decision, and the SHA-256 of the file that holds it."""

    decision: Decision
    sha256: str


class Head(Frozen):
    """The newest entry that somebody has seen."""

    number: int = Field(ge=1)
    sha256: str

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Head:
        return cls(number=len(entries), sha256=entries[-1].sha256)


def read(root: str) -> History:
    """All decisions, oldest first. Raises InputError naming the file that is missing, unreadable or changed."""
    return [entry.decision for entry in entries(root)]


def entries(root: str) -> Sequence[Entry]:
    """All decisions with their digests; raises as `read`."""
    root = lake.normalise(root)
    witness_head = _witness(root)  # before the listing: an entry is there before a witness tells of it
    uris = [uri for uri in lake.list_files(lake.join(root, FOLDER)) if NAME.fullmatch(uri.rsplit("/", 1)[1])]
    for number, uri in enumerate(uris, start=1):
        if uri != (expected := _uri(root, number)):
            raise InputError(f"the ledger has no {expected}, though later decisions are there: restore it from a copy")
    chain = [_load(uri, number) for number, uri in enumerate(uris, start=1)]
    _check_chain(root, chain)
    if witness_head:
        uri = lake.join(root, WITNESS)
        confirm(chain, witness_head, uri, f"remove {uri}")
    return chain


def confirm(chain: Sequence[Entry], witness_head: Head, witness: str, forget: str) -> None:
    """Check that an entry that a witness has seen is there as it was; `forget` says how to make the witness forget it.

    Raises InputError naming the entry.
    """
    last_resort = f"{RESTORE}. Where there is none, and the ledger is right as it is, {forget}."
    name = f"{FOLDER}/{witness_head.number:06d}.json"
    if witness_head.number > len(chain):
        raise InputError(f"the ledger has lost {name}, which {witness} has seen. {last_resort}")
    if (digest := chain[witness_head.number - 1].sha256) != witness_head.sha256:
        raise InputError(
            f"{name} was changed: {witness} has seen it with sha256 {witness_head.sha256}, found {digest}. {last_resort}"
        )


def check_growth(before: History, after: History) -> None:
    """Check that a ledger that was read again only grew. Raises InputError naming the entry that is gone or changed."""
    for past, present in zip(before, [*after, *[None] * len(before)], strict=False):
        if past != present:
            fate = "is gone" if present is None else "was changed"
            raise InputError(f"{FOLDER}/{past.number:06d}.json {fate} since the ledger was read before. {RESTORE}.")


def ends_with(root: str, number: int) -> bool:
    """Whether a decision is the newest one: two looks at the store, however long the ledger is."""
    root = lake.normalise(root)
    return lake.exists(_uri(root, number)) and not lake.exists(_uri(root, number + 1))


def append(root: str, judge: Callable[[History], Decision]) -> Decision:
    """Write the decision that `judge` makes of the history, under the next number, chained to the one before.

    When another writer takes that number first, `judge` is asked again, with the other's decision in the history: every
    decision is made knowing all before it. A judge that finds its decision in the history already returns it.
    """
    while True:
        chain = entries(root)
        history = [entry.decision for entry in chain]
        decision = judge(history)
        if decision in history:
            _testify(root, chain)  # the run that wrote it may have been stopped before
            return decision
        decision = decision.model_copy(update={"before_sha256": chain[-1].sha256 if chain else None})
        data = decision.model_dump_json(indent=2).encode()
        if lake.create(_uri(root, decision.number), data):
            _testify(root, [*chain, Entry(decision, hashlib.sha256(data).hexdigest())])
            return decision


def identity(root: str) -> str | None:
    """What tells this lake from others wherever it is moved to; None where nobody needed it yet (`identify`)."""
    uri = lake.join(root, IDENTITY)
    return str(json.loads(lake.read_bytes(uri))["id"]) if lake.exists(uri) else None


def identify(root: str) -> str:
    """The lake's identity, made where there is none."""
    if (lake_id := identity(root)) is None:
        lake.create(lake.join(root, IDENTITY), json.dumps({"id": uuid.uuid4().hex}).encode())
        lake_id = identity(root)
        assert lake_id is not None, "it was made just now"
    return lake_id


def state(history: History) -> State:
    """Who holds which alias after these decisions."""
    champions: list[Decision] = []
    candidate: Decision | None = None
    for decision in history:
        match decision.action:
            case "promoted":
                champions.append(decision)
                candidate = None
            case "rolled back":
                champions.pop()
                champions[-1] = decision
            case "declined" if decision.version != decision.champion_before:
                candidate = decision
    return State(
        champion=champions[-1] if champions else None,
        previous=champions[-2] if len(champions) > 1 else None,
        candidate=candidate,
    )


def about(history: History, version: int) -> Decision | None:
    """The latest decision about a model version."""
    return next((decision for decision in reversed(history) if decision.version == version), None)


def about_candidate(history: History, digest: str) -> Decision | None:
    """The latest decision about a candidate of this content, wherever it lay."""
    return next((decision for decision in reversed(history) if decision.candidate.digest == digest), None)


def promotion_of(history: History, version: int) -> Decision | None:
    """The latest promotion of a version, with what it was decided on; None where it was never promoted."""
    promoted = (past for past in reversed(history) if past.action == "promoted" and past.version == version)
    return next(promoted, None)


def turned_down(history: History, version: int) -> bool:
    """Whether the last decision on a version, of those made while it was not champion, is a decline."""
    actions = [past.action for past in history if past.version == version != past.champion_before]
    return bool(actions) and actions[-1] == "declined"


def champion_to_beat(history: History, digest: str) -> Decision | None:
    """Which model a candidate has to beat: the champion or, for the champion itself, the one before it, if any.

    So evaluating a candidate again after its promotion is the same evaluation, not one against itself.
    """
    champion = state(history).champion
    if champion is None or champion.candidate.digest != digest:
        return champion
    promotion = promotion_of(history, champion.version)
    assert promotion is not None, "the champion was promoted once"
    return None if promotion.champion_before is None else about(history, promotion.champion_before)


def _uri(root: str, number: int) -> str:
    return lake.join(root, FOLDER, f"{number:06d}.json")


def _load(uri: str, number: int) -> Entry:
    data = lake.read_bytes(uri)
    try:
        decision = Decision.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"{explain(error, uri)}\n{RESTORE}.") from error
    if decision.number != number:
        raise InputError(f"{uri} holds decision {decision.number}: it was moved. {RESTORE}.")
    return Entry(decision, hashlib.sha256(data).hexdigest())


def _check_chain(root: str, chain: Sequence[Entry]) -> None:
    chained = False
    for before, entry in pairwise(chain):
        named, uri = entry.decision.before_sha256, _uri(root, entry.decision.number)
        if named is None and chained:
            raise InputError(f"{uri} does not name the entry before it, though earlier ones do. {RESTORE}.")
        if named not in (None, before.sha256):
            raise InputError(
                f"the ledger's chain is broken at {_uri(root, before.decision.number)}: its sha256 is {before.sha256}, "
                f"and {uri} was written after {named}. One of the two was changed: restore it from a copy"
            )
        chained = named is not None


def _witness(root: str) -> Head | None:
    uri = lake.join(root, WITNESS)
    if not lake.exists(uri):
        return None
    try:
        return Head.model_validate_json(lake.read_bytes(uri))
    except ValidationError as error:
        raise InputError(f"{explain(error, uri)}\nRemove it: the next decision writes it again.") from error


def _testify(root: str, chain: Sequence[Entry]) -> None:
    """Let the witness know the newest entry; one that knows a newer one already keeps that."""
    head, witness_head = Head.of(chain), _witness(root)
    if witness_head is None or witness_head.number < head.number:
        lake.write(lake.join(root, WITNESS), head.model_dump_json().encode())
