"""Airflow's other executor, KubernetesExecutor: the same chain, and what it costs beside LocalExecutor."""

from __future__ import annotations

from kubernetes.client import CoreV1Api

from .conftest import record
from .release import CHAIN, installed


def test_the_chain_runs_with_a_pod_for_each_task(cluster: CoreV1Api) -> None:
    with installed(cluster, "--set", "airflow.executor=KubernetesExecutor") as (release, _):
        chain = release.chain(lambda: release.client.trigger(CHAIN[0]))
        pods = release.pods_run()
        (promotion,) = release.current(f"promotion {chain.week}")
    record(executors={"KubernetesExecutor": {"chain_seconds": chain.seconds, "pods": pods}})
    assert promotion["metrics"]["action"] == "promoted"
    assert pods["workers"] > pods["stages"] > 0, "a worker starts each stage, another reads how it ended"
