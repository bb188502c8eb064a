"""MLflow's model registry, which follows the ledger: one version per model that was decided about, three aliases.

Everything here can be done again at any time: what is missing is made, what is wrong is put right.
"""

from __future__ import annotations

import logging
import warnings
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from mendel import lake
from mendel.log import log
from mendel.manifest import Manifest
from mendel.registry import ledger, tracking

MODEL = "mendel-restorer"
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, "text")]),
    outputs=Schema([ColSpec(DataType.string, "text"), ColSpec(DataType.double, "confidence")]),
)


def register(root: str, candidate: Manifest, evaluation: str) -> int:
    """The version of the registered model that is this candidate, made when there is none yet.

    MLflow gets a model of a few kilobytes that loads the restorer from the lake; the digest tells candidates apart.
    """
    tracking.select_experiment(root)
    client = mlflow.MlflowClient()
    if (known := _version_of(client, candidate.digest)) is not None:
        return known
    _ensure_model(client)
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip, which uv does not install
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it asks for an input example, which would load the weights
        model = mlflow.pyfunc.log_model(
            name="restorer",
            python_model=str(Path(__file__).with_name("served_model.py")),
            model_config={"lake": root, "restorer": candidate.folder},
            signature=SIGNATURE,
            pip_requirements=[f"mendel[train]=={version('mendel')}"],
        )
    client.create_model_version(
        MODEL,
        source=model.model_uri,
        model_id=model.model_id,  # without it a tracking server refuses the source
        run_id=candidate.metrics.get("mlflow_run_id"),
        tags={
            "restorer_uri": lake.join(root, candidate.folder),
            "digest": candidate.digest,
            "evaluation": evaluation,
        },
    )
    made = _version_of(client, candidate.digest)
    assert made is not None, f"{MODEL} has no version with the digest {candidate.digest}, though one was just made"
    return made


def follow(root: str) -> None:
    """Make the aliases say what the ledger says, registering again what MLflow has lost.

    Ends only when the ledger did not grow meanwhile, so that of two processes the later one has the last word.
    """
    while True:
        history = ledger.read(root)
        if not history:
            return
        _follow(root, history)
        if len(ledger.read(root)) == len(history):
            return


def _follow(root: str, history: ledger.History) -> None:
    versions = {}
    for decision in history:  # oldest first: an empty registry gets the numbers that the ledger knows
        evaluation = decision.evaluation.uri if decision.evaluation else ""
        versions[decision.version] = register(root, decision.candidate, evaluation)
    client = mlflow.MlflowClient()
    aliases = client.get_registered_model(MODEL).aliases
    for alias, holder in ledger.state(history)._asdict().items():
        now = aliases.get(alias)
        if holder is None and now is not None:
            client.delete_registered_model_alias(MODEL, alias)
            log.info("alias removed", alias=alias, version=now)
        elif holder is not None and now != str(versions[holder.version]):
            _set_alias(client, alias, versions[holder.version])
            log.info("alias set", alias=alias, version=versions[holder.version], before=now)


def _set_alias(client: mlflow.MlflowClient, alias: str, model_version: int) -> None:
    try:
        client.set_registered_model_alias(MODEL, alias, str(model_version))
    except MlflowException as error:
        if error.error_code != "BAD_REQUEST":
            raise
        # another process made the alias after MLflow had looked for it: it is there now, to be changed
        client.set_registered_model_alias(MODEL, alias, str(model_version))


def _version_of(client: mlflow.MlflowClient, digest: str) -> int | None:
    """The lowest version with this digest: two processes that register one candidate at once agree on it."""
    found = client.search_model_versions(f"name = '{MODEL}' and tag.digest = '{digest}'")
    return min((int(entry.version) for entry in found), default=None)


def _ensure_model(client: mlflow.MlflowClient) -> None:
    try:
        client.create_registered_model(MODEL, description="Restores corrupted text; its weights lie in the lake.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
