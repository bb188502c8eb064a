"""Everything that promotions rest on, checked against each other: nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.promotion import ledger, seal
from mendel.promotion.ledger import Decision


class Finding(NamedTuple):
    """One check: what was looked at, and what is wrong with it, if anything."""

    what: str
    problem: str | None


def verify(root: str, name: str) -> Iterator[Finding]:
    """Check the ledger, then every candidate and evaluation that it names, then MLflow, `name` its registered model.

    Where the ledger itself is broken that is the last finding: what it says cannot be believed.
    """
    from mendel.promotion import model_registry  # loads mlflow, sqlalchemy

    try:
        history = ledger.read(root)
    except InputError as error:
        yield Finding("the ledger", str(error))
        return
    yield Finding(_chain(history), None)
    for candidate in {past.candidate.digest: past.candidate for past in history}.values():
        yield _checked(f"files of {candidate.path}", partial(manifest.verify, root, candidate))
    decided = {past.evaluation.uri: past for past in history if past.evaluation}  # of several the latest
    for uri, decision in decided.items():
        yield _checked(f"evaluation {uri}", partial(_check_evaluation, root, decision))
    yield Finding("MLflow's aliases", "; ".join(model_registry.differences(root, name)) or None)


def _chain(history: ledger.History) -> str:
    links = sum(decision.before_sha256 is not None for decision in history)
    loose = len(history) - 1 - links
    return f"the ledger: {len(history)} decisions" + (
        f", of which {loose} are older than the chain" if loose > 0 else ""
    )


def _checked(what: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except InputError as error:
        return Finding(what, str(error))
    return Finding(what, None)


def _check_evaluation(root: str, decision: Decision) -> None:
    assert decision.evaluation is not None, "the caller has looked"
    evaluation = manifest.at(root, decision.evaluation.uri)
    if evaluation is None:
        raise InputError(f"decision {decision.number:06d} was made on it, and it is gone: restore it from a copy")
    manifest.verify(root, evaluation)
    if evaluation.digest != decision.evaluation.digest and evaluation.finished <= decision.decided:
        raise InputError(
            f"decision {decision.number:06d} was made on the digest {decision.evaluation.digest}, found {evaluation.digest}: "
            f"it was edited"
        )
    if seal.has_seal(evaluation):
        seal.check(root, evaluation)
    else:
        seal.check_unsealed(root, evaluation)
