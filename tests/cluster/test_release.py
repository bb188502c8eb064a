"""charts/mendel on a real cluster: installed into an empty, restricted namespace, used, disturbed, upgraded, removed.

MENDEL_HELM_ARGS adds to `helm install`, such as `--set database.uid=70` for an image whose PostgreSQL runs as another user.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from playwright.sync_api import Page

from .browser import expect_in_log, signed_in, trigger
from .conftest import PATIENCE, figures, record
from .release import BATCHES, CHAIN, STAGE, Chain, Release, installed

DAYS = ["2026-11-21", "2026-11-22"]
MADE = {
    "ingest_corpus": {
        "ingest": "corpus",
        "validate_corpus": "corpus_validation",
        "version_corpus": "corpus_version",
    },
    "corrupt_corpus": {
        "corrupt": "pairs",
        "validate_pairs": "pairs_validation",
        "version_pairs": "pairs_version",
    },
    "finetune_restorer": {"finetune": "candidate", "version_candidate": "candidate_version"},
    "promote_restorer": {"evaluate": "evaluation", "promote": "promotion"},
    BATCHES: {"restore_plan": "restore_plan", "restore_shard": "restored", "restore_collect": "restored"},
}
"""Every stage of every DAG, and the dataset that has to come out the same when the stage is killed."""

STAGES = [(dag, stage) for dag, stages in MADE.items() for stage in stages]
DISTURBED = [("corrupt_corpus", "corrupt", "scheduler"), ("promote_restorer", "evaluate", "triggerer")]
"""DAG, stage, and which part of Airflow is killed while the stage's pod runs."""

KINDS = (
    "pods,deployments,statefulsets,services,secrets,configmaps,jobs,networkpolicies,roles,rolebindings,serviceaccounts"
)
KINDS += ",resourcequotas,limitranges,persistentvolumeclaims"
FIGURES = {
    *("kubernetes_version", "install_seconds", "chain_seconds", "stages", "pods_run", "pod_overhead_seconds", "kills"),
    *("upgrade_ok", "rollback_ok", "leftovers", "champion_version", "records_in", "records_out", "records_rejected"),
}
"""What .mendel/cluster.json says at the end."""

FILL = """
import json, os, sys
import fsspec
for day in sys.argv[1:]:
    texts = {f"{day}-{number}": f"The poeple of the the state number {number}." for number in range(20)}
    lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
    with fsspec.open(f"{os.environ['MENDEL_LAKE']}/inbox/dt={day}/test.jsonl", "w") as file:
        file.write("\\n".join([*lines, "{"]) + "\\n")
"""


@pytest.fixture(scope="module")
def release(cluster: CoreV1Api) -> Iterator[Release]:
    with installed(cluster) as (found, seconds):
        record(install_seconds=seconds)
        yield found


@pytest.fixture(scope="module")
def page(release: Release) -> Iterator[Page]:
    with signed_in(release) as page:
        yield page


@pytest.fixture(scope="module")
def chain(release: Release, page: Page) -> Chain:
    """The chain from the source to a decision, started in the UI."""
    found = release.chain(lambda: trigger(page, release, CHAIN[0]))
    pods = release.pods_run()
    record(
        chain_seconds=found.seconds,
        executors={"LocalExecutor": {"chain_seconds": found.seconds, "pods": pods}},
        pods_run=sum(pods.values()),
        **release.measured(found.runs),
    )
    return found


def test_the_chain_promotes_a_model(release: Release, chain: Chain) -> None:
    tries = {task: count for dag, run_id in chain.runs.items() for task, count in release.tries(dag, run_id).items()}
    (promotion,) = release.current(f"promotion {chain.week}")
    record(champion_version=promotion["metrics"]["version"])
    assert promotion["metrics"]["action"] == "promoted"
    assert {task: count for task, count in tries.items() if count > 1} == {}, "nothing is retried"


def test_the_fine_tuning_pod_asks_for_a_gpu(release: Release, chain: Chain) -> None:
    wanted = str(release.gpus)  # none where no node has any
    for dag, stage in (("finetune_restorer", "finetune"), ("promote_restorer", "evaluate")):
        (pod,) = release.stage_pods(chain.runs[dag], stage)
        assert pod.metadata.labels["mendel/class"] == "gpu"
        (container,) = pod.spec.containers
        asked = (container.resources.requests["nvidia.com/gpu"], container.resources.limits["nvidia.com/gpu"])
        assert asked == (wanted, wanted), f"{stage} asked for {asked}"
        assert pod.spec.node_name, f"the scheduler found no node for {stage}"
        assert pod.status.container_statuses[0].state.terminated.exit_code == 0


def test_logs_outlive_their_pods(release: Release, page: Page, chain: Chain) -> None:
    assert release.pods.pods(**STAGE) == []
    for dag, task in (("ingest_corpus", "ingest"), ("corrupt_corpus", "corrupt"), ("finetune_restorer", "finetune")):
        assert "event=done" in release.client.task_log(dag, chain.runs[dag], task), f"{dag}.{task}"
    expect_in_log(page, release, "finetune_restorer", chain.runs["finetune_restorer"], "finetune", "event=done")


def test_two_days_are_backfilled(release: Release, chain: Chain) -> None:
    # Given two days with twenty records each, and a broken line
    release.python(FILL, *DAYS)
    # When they are backfilled
    release.client.unpause(BATCHES)
    known = {run["dag_run_id"] for run in release.client.runs(BATCHES)}
    release.client.backfill(BATCHES, DAYS[0], DAYS[-1], max_active_runs=2)

    def ended() -> list[dict[str, Any]]:
        runs = [each for each in release.client.runs(BATCHES) if each["dag_run_id"] not in known]
        done = [each for each in runs if each["run_type"] == "backfill"]
        return done if len(done) == 2 and {each["state"] for each in done} <= {"success", "failed"} else []

    runs = release.client.wait(ended, PATIENCE, "the backfill")
    release.client.unpause(BATCHES, paused=True)
    assert [run["state"] for run in runs] == ["success", "success"]
    # Then each record came out once
    days = release.current(*(f"restored {day}" for day in DAYS))
    sums = {
        name: sum(day["metrics"][name] for day in days) for name in ("records_in", "records_out", "records_rejected")
    }
    record(**sums, **release.measured({BATCHES: runs[-1]["dag_run_id"]}))
    assert sums == {"records_in": 42, "records_out": 40, "records_rejected": 2}


KILLS: list[dict[str, Any]] = []


def recovered(stage: str, victim: str, ended: str, before: Any, after: Any, tries: int) -> None:
    """Note what came of a kill, and see that the run ended well with what it had made before."""
    same = before["digest"] == after["digest"]
    KILLS.append(
        {"stage": stage, "killed": victim, "recovered": ended == "success", "same_digest": same, "tries": tries}
    )
    record(kills=KILLS)
    assert ended == "success"
    assert same, f"{stage} made {before['digest']}, and now {after['digest']}"


@pytest.mark.parametrize(("dag", "stage", "victim"), DISTURBED)
def test_a_stage_outlives_airflow(release: Release, chain: Chain, dag: str, stage: str, victim: str) -> None:
    # Given a stage that makes its version again
    version = f"{MADE[dag][stage]} {chain.week}"
    (before,) = release.current(version)
    run_id = forced(release, dag, chain.week)
    release.client.wait(lambda: release.running(run_id, stage), PATIENCE, f"a pod of {stage}")
    # When a part of Airflow is killed while its pod runs
    release.kubectl("delete", "pods", "--selector", f"component={victim}", "--grace-period=0", "--force")
    ended = release.client.wait_run(dag, run_id, PATIENCE)["state"]
    # Then the same pod ends the same try
    release.client.unpause(dag, paused=True)
    (after,) = release.current(version)
    tries = release.tries(dag, run_id)[stage]
    recovered(stage, victim, ended, before, after, tries)
    assert (tries, len(release.stage_pods(run_id, stage))) == (1, 1)


def forced(release: Release, dag: str, partition: str) -> str:
    """A run that makes again what is there: its id."""
    release.client.unpause(dag)
    return str(release.client.trigger(dag, partition, force=True)["dag_run_id"])


@pytest.fixture(scope="module")
def killed(release: Release, chain: Chain) -> dict[tuple[str, str], dict[str, Any]]:
    """All DAGs side by side, the pod of each stage killed half-way through its first try: what came of each stage."""
    partitions = dict.fromkeys(CHAIN, chain.week) | {BATCHES: DAYS[-1]}
    versions = [f"{MADE[dag][stage]} {partitions[dag]}" for dag, stage in STAGES]
    before = release.current(*versions)
    batch = next(run["dag_run_id"] for run in release.client.runs(BATCHES) if run["run_type"] == "backfill")
    usual = {(dag, stage): release.work({**chain.runs, BATCHES: batch}[dag], stage) or 0 for dag, stage in STAGES}
    runs = {dag: forced(release, dag, partition) for dag, partition in partitions.items()}
    seen: dict[tuple[str, str], float] = {}
    pending = set(STAGES)

    def done() -> bool:
        for dag, stage in sorted(pending):
            if (pod := release.running(runs[dag], stage)) is None:
                continue
            if time.monotonic() - seen.setdefault((dag, stage), time.monotonic()) > usual[dag, stage] / 2:
                release.kubectl("delete", "pod", pod.metadata.name, "--grace-period=0", "--force")
                pending.remove((dag, stage))
        return all(release.client.run(dag, run_id)["state"] in ("success", "failed") for dag, run_id in runs.items())

    release.client.wait(done, 2 * PATIENCE, "the end of all runs", every=0.3)
    release.client.unpause(*runs, paused=True)
    after = release.current(*versions)
    states = {dag: release.client.run(dag, run_id)["state"] for dag, run_id in runs.items()}
    tries = {dag: release.tries(dag, run_id) for dag, run_id in runs.items()}
    return {
        (dag, stage): {"ended": states[dag], "tries": tries[dag][stage], "before": old, "after": new}
        for (dag, stage), old, new in zip(STAGES, before, after, strict=True)
    }


@pytest.mark.parametrize(("dag", "stage"), STAGES)
def test_a_killed_stage_is_made_again(killed: dict[tuple[str, str], dict[str, Any]], dag: str, stage: str) -> None:
    found = killed[dag, stage]
    recovered(stage, "its pod", **found)
    assert found["tries"] == 2, "the pod was killed once"


def test_helm_test_runs_the_chain_and_a_batch(release: Release, chain: Chain) -> None:
    started = time.monotonic()
    said = release.helm("test", "--timeout", f"{PATIENCE:.0f}s")
    record(helm_test_seconds=round(time.monotonic() - started, 1))
    assert "promote_restorer success" in said, said
    assert "restore_batches success" in said, said
    release.client.wait(lambda: not release.under_way(), PATIENCE, "the end of what the assets of earlier runs started")
    release.client.unpause(*CHAIN, BATCHES, paused=True)  # a run of a paused DAG does not end, and its pod stays


def test_an_upgrade_keeps_secrets_and_runs(release: Release, chain: Chain) -> None:
    # Given a run whose stage is under way
    known = release.secrets()
    run_id = forced(release, "ingest_corpus", chain.week)
    release.client.wait(lambda: release.running(run_id, "ingest"), PATIENCE, "a pod of ingest")
    # When a value changes that restarts all of Airflow
    release.helm("upgrade", "charts/mendel", *release.args, "--set", "global.links.mlflow=http://localhost:5000")
    release.wait_ready()
    # Then the run ends well, and every secret is the old one
    upgraded = release.client.wait_run("ingest_corpus", run_id, PATIENCE)["state"] == "success"
    same = release.secrets() == known
    record(upgrade_ok=upgraded and same)
    assert upgraded, release.states("ingest_corpus", run_id)
    assert same


def test_a_rollback_goes_back(release: Release, chain: Chain) -> None:
    known = release.secrets()
    release.helm("rollback")
    release.wait_ready()
    settings = json.loads(release.kubectl("get", "configmap", f"{release.name}-airflow", "--output", "json"))["data"]
    ok = settings["MENDEL_MLFLOW_URL"] == "" and release.secrets() == known
    record(rollback_ok=ok)
    assert ok


def test_an_uninstall_leaves_the_volumes(release: Release, chain: Chain) -> None:
    assert release.under_way() == []
    record(pods_run=sum(release.pods_run().values()))
    release.stop_forward()
    release.helm("uninstall", "--wait")
    ours = {"serviceaccount/default", "configmap/kube-root-ca.crt"}

    def left() -> list[str]:
        return sorted({*release.kubectl("get", KINDS, "--output", "name").split()} - ours)

    for _ in range(60):  # pods take their grace period
        if all(each.startswith("persistentvolumeclaim/") for each in left()):
            break
        time.sleep(2)
    leftovers = left()
    record(leftovers=leftovers)
    assert leftovers, "the volumes are kept"
    assert [each for each in leftovers if not each.startswith("persistentvolumeclaim/")] == []


def test_the_figures_are_complete(chain: Chain) -> None:
    assert figures().keys() >= FIGURES
