"""The closed loop: a champion answers, a reader says no, and a training follows whose decision tells why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx
import pyarrow as pa
import pytest
from airflow_stack import AirflowStack
from processes import free_port

from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.core.stage import Context
from mendel.feedback import inbox
from mendel.noise import pairs
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, Rates
from mendel.promotion import ledger, model_card

from .conftest import CHAIN, PATIENCE, REPO, TICKS, ended, environment, events_of, failure, log_of, states

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]

TEXTS = 200
SWAPS = NoiseProfile(name="swaps", rates=Rates(reversal=0.04), mean_length=2)
"""Noise of another kind than what the champion was trained for."""


class Loop(NamedTuple):
    """What followed a day's feedback."""

    day: str
    runs: dict[str, dict[str, Any]]
    """By DAG, on the day: the retraining, and the chain after it."""
    again: dict[str, Any]
    """The day weighed once more."""
    next_day: dict[str, Any]
    """The day after it weighed."""


@pytest.fixture(scope="module")
def loop(stack: AirflowStack, ticks: dict[str, dict[str, dict[str, Any]]]) -> Loop:
    """A reader gives feedback to the champion's service, and one who collects it is all that Airflow is asked for."""
    assert ledger.state(ledger.read(stack.env["MENDEL_LAKE"])).champion, "the ticks have made a champion"
    with service(stack) as client:
        give_feedback(client, noisy_texts(stack.env["MENDEL_LAKE"]))
    day = max(manifest.keys(stack.env["MENDEL_LAKE"], inbox.DATASET))
    since = datetime.now(UTC).isoformat()
    stack.client.unpause("collect_feedback", "retrain_restorer")
    stack.client.trigger("collect_feedback", day)
    runs = {}
    for dag_id in ("retrain_restorer", *CHAIN[1:]):
        runs[dag_id] = stack.client.wait(
            partial(ended, stack, dag_id, day, since), PATIENCE, f"{dag_id} on {day}, after the feedback"
        )
        assert runs[dag_id]["state"] == "success", failure(stack, runs[dag_id])
    next_day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    looks = [stack.client.trigger("retrain_restorer", key) for key in (day, next_day)]
    again, after = (stack.client.wait_run("retrain_restorer", run["dag_run_id"], PATIENCE) for run in looks)
    return Loop(day, runs, again, after)


@contextmanager
def service(stack: AirflowStack) -> Iterator[httpx.Client]:
    """`mendel serve` beside the stack, with feedback on."""
    port = free_port()
    command = [sys.executable, "-m", "mendel.cli", "serve", "--set", "feedback=true", "--set", f"port={port}"]
    process = subprocess.Popen(command, env=environment(stack), cwd=REPO)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            stack.client.wait(partial(ready, client, process), PATIENCE, "the service")
            yield client
    finally:
        process.terminate()
        process.wait(60)


def ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"the service ended with {process.returncode}"
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


def noisy_texts(root: str) -> list[str]:
    """Held-out sentences with neighbouring letters swapped."""
    context = Context(root=root, partition=TICKS[0])
    clean = pairs.read(context.uris(context.require("pairs"), ".parquet"), splits=["test"], columns=["clean"])
    texts = pa.array(clean["clean"].to_pylist()[:TEXTS])
    ids = pa.array([str(number) for number in range(len(texts))])
    kernel = Kernel(resolve(SWAPS, texts.to_pylist(), seed=1), seed=1)
    noisy: list[str] = kernel.corrupt(ids, pa.array([0] * len(texts)), texts).noisy.to_pylist()
    return noisy


def give_feedback(client: httpx.Client, texts: list[str]) -> None:
    """Have texts restored, then accept the changes of every second one that was changed, and reject those of the others."""
    answer = client.post("/v1/restore", json={"text": texts}).raise_for_status()
    changed = [
        (text, result["edits"]) for text, result in zip(texts, answer.json()["results"], strict=True) if result["edits"]
    ]
    judged = [
        {"text": text, "changes": [{**edit, "accepted": number % 2 == 0} for edit in edits]}
        for number, (text, edits) in enumerate(changed)
    ]
    about = {"request_id": answer.headers["X-Request-ID"], "version": answer.json()["version"]}
    client.post("/v1/feedback", json={**about, "texts": judged}).raise_for_status()


def version_of(stack: AirflowStack, dataset: str, day: str) -> Manifest:
    version = manifest.current(stack.env["MENDEL_LAKE"], dataset, day)
    assert version is not None, f"{dataset} has no version of {day}"
    return version


def test_rejected_changes_start_a_training_that_says_why(stack: AirflowStack, loop: Loop) -> None:
    run = loop.runs["retrain_restorer"]
    assert run["run_type"] == "asset_triggered"
    (reason,) = version_of(stack, "retraining", loop.day).metrics["reasons"]
    assert reason.startswith("feedback: readers rejected")
    assert f"training is wanted: {reason}" in log_of(stack, run, "wanted_check")
    # The snapshot is the one of the weeks before, and its event wants training
    assert version_of(stack, "corpus", loop.day).same_as is not None
    (event,) = events_of(stack, run)
    assert (event["name"], event["partition_key"], event["extra"]["retrain"]) == ("corpus", loop.day, True)


def test_the_training_takes_the_noise_that_readers_have_shown(stack: AirflowStack, loop: Loop) -> None:
    usual, learned = (version_of(stack, "pairs", day) for day in (TICKS[0], loop.day))
    assert [entry.name for entry in learned.inputs] == ["corpus", "retraining", "learned_noise"]
    assert learned.metrics["cer"] == pytest.approx(usual.metrics["cer"], rel=0.1), "as much noise as before"
    share = {
        version.partition: version.metrics["events"]["reversal"] / sum(version.metrics["events"].values())
        for version in (usual, learned)
    }
    assert share[loop.day] > 2 * share[TICKS[0]], "swaps above all"


def test_the_decision_on_the_new_model_tells_why_it_was_trained(stack: AirflowStack, loop: Loop) -> None:
    candidate = version_of(stack, "candidate", loop.day)
    assert candidate.run_id == loop.runs["finetune_restorer"]["dag_run_id"], "it was trained, not found"
    decision = ledger.about_candidate(ledger.read(stack.env["MENDEL_LAKE"]), candidate.digest)
    assert decision is not None
    assert decision.version == 2
    assert decision.champion_before == 1
    assert list(decision.trained_because) == version_of(stack, "retraining", loop.day).metrics["reasons"]
    # The gate has seen what readers said
    evaluation = version_of(stack, "evaluation", loop.day)
    assert "max_feedback_loss" in [check["rule"] for check in evaluation.metrics["decision"]["checks"]]
    assert set(evaluation.metrics["feedback"]) == {"candidate", "champion"}
    promotion = version_of(stack, "promotion", loop.day)
    (card,) = (
        lake.join(stack.env["MENDEL_LAKE"], file.path) for file in promotion.files if model_card.NAME in file.path
    )
    assert f"- {decision.trained_because[0]}" in lake.read_text(card)


def test_a_day_asks_once_and_its_neighbour_waits(stack: AirflowStack, loop: Loop) -> None:
    first = loop.runs["retrain_restorer"]["dag_run_id"]
    for run, said in (
        (loop.again, f"{loop.day} has asked already, in the run {first}"),
        (loop.next_day, f"no training is wanted: cool-down: {loop.day} has asked for a training"),
    ):
        assert run["state"] == "success", failure(stack, run)
        assert (states(stack, run)["wanted_check"], states(stack, run)["ingest"]) == ("skipped", "skipped")
        assert said in log_of(stack, run, "wanted_check")
        assert events_of(stack, run) == []
