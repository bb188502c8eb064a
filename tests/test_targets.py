"""Targets of the Makefile that run tests by themselves: they never pass by skipping."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "MENDEL_CLUSTER_TEST"}
    return subprocess.run(command, cwd=REPO, env=clean | environment, capture_output=True, text=True)


def test_cluster_test_fails_without_a_cluster(tmp_path: Path) -> None:
    # Given a machine without a cluster, when the target is asked for (all is set up already)
    done = run("make", "--assume-old=setup", "cluster-test", KUBECONFIG=str(tmp_path / "none"))
    # Then it fails, says what it lacks, and has skipped nothing
    assert done.returncode != 0, done.stdout
    assert "asked for, and cannot run. Skipped: no Kubernetes cluster answers" in done.stdout
    *_, sums = done.stdout.strip().splitlines()
    assert " skipped" not in sums, sums


def test_all_tests_go_on_without_one() -> None:
    done = run(sys.executable, "-m", "pytest", "tests/cluster/test_executor.py")
    assert done.returncode == 0, done.stdout
    assert "`make cluster-test` runs it" in done.stdout, "it says why it has skipped them"


def test_every_target_of_tests_that_need_more_takes_no_skip_for_a_pass() -> None:
    lines = [line for line in (REPO / "Makefile").read_text().splitlines() if "pytest tests/" in line]
    assert len(lines) == 3
    for line in lines:
        assert "--no-skips" in line, line
