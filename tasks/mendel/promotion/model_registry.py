"""MLflow's model registry, which follows the ledger: one version per model that was decided about, three aliases.

Everything here can be done again at any time: what is missing is made, what is wrong is put right.

A registered model belongs to one lake, which its tag `mendel.lake` names: another lake that asks for the same name gets
one of its own, so that no lake ever moves another's aliases. Its tag `mendel.ledger` is the newest entry of the ledger that
was ever followed: a witness that the ledger has lost nothing.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.core.tracking import mlflow_run
from mendel.promotion import ledger

LAKE, LEDGER = "mendel.lake", "mendel.ledger"
"""Tags of a registered model."""
SECTION = "\n## "
MOST_DESCRIPTION = 5000
"""Characters that MLflow's database keeps of a version's description; the last sections of a longer card are left out."""
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, "text")]),
    outputs=Schema([ColSpec(DataType.string, "text"), ColSpec(DataType.double, "confidence")]),
)


def register(root: str, name: str, candidate: Manifest, evaluation: str) -> int:
    """The version of the lake's registered model that is this candidate, made when there is none yet.

    Raises InputError where MLflow has seen decisions that the ledger lacks.
    """
    entries = ledger.entries(root)
    model = _OwnModel.of(root, name)
    model.confirm(entries)
    history = [entry.decision for entry in entries]
    model.complete(history)
    versions = [past.version for past in history if past.candidate.digest == candidate.digest]
    above = min(versions) - 1 if versions else max((past.version for past in history), default=0)
    return model.version(candidate, evaluation, above)


def describe(root: str, name: str, digest: str, version: int, card: str) -> None:
    """Put a model card where MLflow shows it: at the version of this digest that the ledger calls `version`."""
    _OwnModel.of(root, name).describe(digest, version, card)


def follow(root: str, name: str) -> None:
    """Make the aliases say what the ledger says, registering again what MLflow has lost; raises as `register`.

    Ends only when the ledger did not grow meanwhile, so that of two processes the later one has the last word.
    """
    while True:
        entries = ledger.entries(root)
        if not entries:
            return
        model = _OwnModel.of(root, name)
        model.confirm(entries)
        model.follow([entry.decision for entry in entries])
        model.testify(ledger.Head.of(entries))
        if len(ledger.read(root)) == len(entries):
            return


def differences(root: str, name: str) -> list[str]:
    """What MLflow says otherwise than the ledger, in words; it changes nothing."""
    entries, client = ledger.entries(root), mlflow.MlflowClient()
    identity = ledger.identity(root)
    model = identity and next(
        (own_name for own_name in _names(name, identity) if _owner(client, own_name) == identity), None
    )
    if model is None:
        return [f"MLflow has no registered model {name} of this lake: mendel promote makes it"] if entries else []
    registered = client.get_registered_model(model)
    try:
        _confirm(model, registered.tags, entries)
    except InputError as error:
        return [str(error)]
    digests = {
        int(model_version.version): model_version.tags.get("digest")
        for model_version in client.search_model_versions(f"name = '{model}'")
    }
    findings = []
    for alias, holder in _holders([entry.decision for entry in entries]).items():
        number = registered.aliases.get(alias)
        if (digests.get(int(number)) if number else None) != (holder.candidate.digest if holder else None):
            ought = f"version {holder.version}" if holder else "nobody"
            findings.append(
                f"MLflow's alias {alias} of {model} is {f'version {number}' if number else 'nobody'}, by the ledger {ought}: "
                f"mendel registry follow puts it right"
            )
    return findings


class _OwnModel:
    """The registered model of one lake."""

    def __init__(self, root: str, client: mlflow.MlflowClient, name: str) -> None:
        self.root = root
        self.client = client
        self.name = name

    @classmethod
    def of(cls, root: str, name: str) -> _OwnModel:
        """The lake's, claimed where nobody else has it."""
        mlflow_run.select_experiment(root)
        client, identity = mlflow.MlflowClient(), ledger.identify(root)
        for own_name in _names(name, identity):
            _ensure(client, own_name, identity)
            if _owner(client, own_name) == identity:
                return cls(root, client, own_name)
            log.warning("a registered model is not this lake's, and stays as it is", name=own_name)
        raise InputError(f"MLflow's registered models {name} and {own_name} are others': set promote.registered_model")

    def confirm(self, entries: Sequence[ledger.Entry]) -> None:
        _confirm(self.name, self.client.get_registered_model(self.name).tags, entries)

    def testify(self, head: ledger.Head) -> None:
        witness_head = _witness_head(self.client.get_registered_model(self.name).tags)
        if witness_head is None or witness_head.number < head.number:
            self.client.set_registered_model_tag(self.name, LEDGER, f"{head.number} {head.sha256}")

    def complete(self, history: ledger.History) -> dict[int, int]:
        """Register what is missing; MLflow's number of each version that the ledger knows, as a rule the same."""
        return {
            decision.version: self.version(
                decision.candidate, decision.evaluation.uri if decision.evaluation else "", decision.version - 1
            )
            for decision in sorted(history, key=lambda decision: decision.version)
        }

    def follow(self, history: ledger.History) -> None:
        versions = self.complete(history)
        aliases = self.client.get_registered_model(self.name).aliases
        for alias, holder in _holders(history).items():
            present = aliases.get(alias)
            if holder is None and present is not None:
                self.client.delete_registered_model_alias(self.name, alias)
                log.info("alias removed", model=self.name, alias=alias, version=present)
            elif holder is not None and present != str(versions[holder.version]):
                self._set_alias(alias, versions[holder.version])
                log.info("alias set", model=self.name, alias=alias, version=versions[holder.version], before=present)

    def version(self, candidate: Manifest, evaluation: str, above: int) -> int:
        """The candidate's version, a number above those that the ledger has given to others.

        MLflow gets a model of a few kilobytes that loads the restorer from the lake; the digest tells candidates apart.
        """
        if (number := self._number(candidate.digest, above)) is not None:
            return number
        logging.getLogger("mlflow.utils.environment").setLevel(
            logging.ERROR
        )  # it misses pip, which uv does not install
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it asks for an input example, which would load the weights
            model = mlflow.pyfunc.log_model(
                name="restorer",
                python_model=str(Path(__file__).with_name("served_model.py")),
                model_config={"lake": self.root, "restorer": candidate.folder},
                signature=SIGNATURE,
                pip_requirements=[f"mendel[train]=={version('mendel')}"],
            )
        while True:
            created = self.client.create_model_version(
                self.name,
                source=model.model_uri,
                model_id=model.model_id,  # without it a tracking server refuses the source
                run_id=candidate.metrics.get("mlflow_run_id"),
                tags={
                    "restorer_uri": lake.join(self.root, candidate.folder),
                    "digest": candidate.digest,
                    "evaluation": evaluation,
                },
            )
            if int(created.version) > above:
                break
            self.client.delete_model_version(self.name, created.version)  # a number of another model in the ledger
        number = self._number(candidate.digest, above)
        assert number is not None, f"{self.name} has no version with the digest {candidate.digest}, though one was made"
        return number

    def describe(self, digest: str, version: int, card: str) -> None:
        number = self._number(digest, version - 1)
        assert number is not None, f"version {version} was registered"
        sections = card.split(SECTION)
        while len(card := SECTION.join(sections)) > MOST_DESCRIPTION and len(sections) > 1:
            sections.pop()
        self.client.update_model_version(self.name, str(number), description=card[:MOST_DESCRIPTION])

    def _number(self, digest: str, above: int) -> int | None:
        """The lowest version with this digest: two processes that register one candidate at once agree on it."""
        entries = self.client.search_model_versions(f"name = '{self.name}' and tag.digest = '{digest}'")
        return min((int(entry.version) for entry in entries if int(entry.version) > above), default=None)

    def _set_alias(self, alias: str, model_version: int) -> None:
        try:
            self.client.set_registered_model_alias(self.name, alias, str(model_version))
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST":
                raise
            # another process made the alias after MLflow had looked for it: it is there now, to be changed
            self.client.set_registered_model_alias(self.name, alias, str(model_version))


def _holders(history: ledger.History) -> dict[str, ledger.Decision | None]:
    """By alias, the decision about the version that holds it."""
    state = ledger.state(history)
    return {**state._asdict(), "challenger": state.candidate}  # the name of before 0.2.0; goes in 0.3.0


def _names(name: str, identity: str) -> tuple[str, str]:
    """What a lake's registered model may be called: the second where the first is another lake's."""
    return name, f"{name}-{identity[:8]}"


def _ensure(client: mlflow.MlflowClient, name: str, identity: str) -> None:
    if _owner(client, name) is None:
        try:
            client.create_registered_model(
                name, tags={LAKE: identity}, description="Restores corrupted text; its weights lie in the lake."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _owner(client: mlflow.MlflowClient, name: str) -> str | None:
    """Identity of the lake that a registered model belongs to, empty where it is no lake's; None where there is none."""
    models = client.search_registered_models(f"name = '{name}'")
    return str(models[0].tags.get(LAKE, "")) if models else None


def _confirm(name: str, tags: Mapping[str, str], entries: Sequence[ledger.Entry]) -> None:
    if witness_head := _witness_head(tags):
        witness = f"MLflow's registered model {name}"
        ledger.confirm(entries, witness_head, witness, f"delete the tag {LEDGER} of {witness}")


def _witness_head(tags: Mapping[str, str]) -> ledger.Head | None:
    if LEDGER not in tags:
        return None
    number, _, sha256 = tags[LEDGER].partition(" ")
    return ledger.Head(number=int(number), sha256=sha256)
