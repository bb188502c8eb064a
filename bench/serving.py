"""How `mendel serve` bears load, beside the same model behind `mlflow models serve` and behind a plain FastAPI handler.

Each server has one core to itself, and locust another. Each client sends a sentence of some 100 characters as soon as the
one before it has been answered. Then new champions are promoted under load: how soon the first answer by each comes, and
whether a request fails meanwhile. The bench promotes in the ledger of its own lake.

    .venv/bin/python bench/serving.py

Prints a table and writes bench/results/serving.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import common
import httpx
import numpy as np
import psutil

from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.promotion import champions, ledger
from mendel.promotion.ledger import Decision, History
from mendel.restorers.restorer import Restorer

HERE = Path(__file__).parent
FOLDER = common.FOLDER / "serving"
TRACKING = f"sqlite:///{common.FOLDER}/mlflow.db"
OURS, PLAIN, MLFLOW = "mendel serve", "plain FastAPI handler", "mlflow models serve"
SECONDS = {"channel-ngram": {1: 4.0, 8: 4.0, 64: 4.0}, "channel-llm": {1: 6.0, 8: 10.0, 64: 20.0}}
"""For which each number of clients is measured."""
TEXTS_ALONE = {"channel-ngram": 128, "channel-llm": 32}
LENGTHS = range(95, 106)
MODEL = "mendel-bench"
SWAP_CLIENTS = 8
PATIENCE = 180.0
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Server(NamedTuple):
    """How to start it, where it takes a text, and what it wants to be sent."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str
    path: str

    def body(self, text: str) -> dict[str, Any]:
        if self.path == "/invocations":
            return {"dataframe_split": {"columns": ["text"], "data": [[text]]}}
        return {"text": text}


class Load(NamedTuple):
    """What a run of clients saw: rows of when a request began, its seconds, its status, the version that answered."""

    answers: np.ndarray[Any, np.dtype[np.float64]]
    cpu: float
    """Of the generator, as a share of its core."""


def servers(decision: Decision) -> list[Server]:
    """Ours, and others for the same model."""
    python = sys.executable
    folder = champions.resolved(common.ROOT, decision).restorer_uri
    mlflow = ["-m", "mlflow", "models", "serve", "-m", f"models:/{MODEL}/{decision.version}"]
    return [
        Server(OURS, [str(common.MENDEL), "serve", "-c", str(common.CONFIG)], {}, "/readyz", "/v1/restore"),
        Server(
            PLAIN,
            [python, "-m", "uvicorn", "serving_plain:app", "--app-dir", str(HERE), "--no-access-log"],
            {"RESTORER": folder},
            "/openapi.json",
            "/restore",
        ),
        Server(
            MLFLOW,
            [python, *mlflow, "--env-manager", "local", "-h", "127.0.0.1"],
            {},
            "/ping",
            "/invocations",
        ),
    ]


@contextmanager
def running(server: Server) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server on a core of its own, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--set", f"port={port}"] if server.name == OURS else ["--port", str(port)]
    environment = {**os.environ, **server.environment, "MENDEL_LAKE": common.ROOT, "MLFLOW_TRACKING_URI": TRACKING}
    environment["PATH"] = f"{common.MENDEL.parent}:{environment['PATH']}"  # where MLflow looks for uvicorn
    url = f"http://127.0.0.1:{port}"
    with (FOLDER / f"{server.name}.log").open("wb") as output:
        process = subprocess.Popen(
            [*server.command, *where],
            env=environment,
            cwd=common.REPO,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: _pin(CORES[:1]),
        )
        try:
            _wait(url + server.ready, process)
            yield url, psutil.Process(process.pid)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def _pin(cores: Sequence[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"{url} does not answer; see the logs in {FOLDER}")


@contextmanager
def load(server: Server, url: str, texts: Sequence[str], clients: int) -> Iterator[list[Load]]:
    """Clients at work, all of them since before the block runs; what they saw is in the list afterwards."""
    bodies, out = FOLDER / "bodies.jsonl", FOLDER / "answers.json"
    out.unlink(missing_ok=True)
    bodies.write_text("".join(json.dumps(server.body(text)) + "\n" for text in texts))
    command = [sys.executable, "-m", "locust", "-f", str(HERE / "serving_load.py"), "--headless", "--only-summary"]
    command += ["-u", str(clients), "-r", str(clients), "-H", url, "--path", server.path]
    command += ["--bodies", str(bodies), "--out", str(out), "--stop-timeout", "120"]
    loads: list[Load] = []
    with (FOLDER / "locust.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=lambda: _pin(CORES[-1:]))
        try:
            deadline = time.monotonic() + PATIENCE
            while not out.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            yield loads
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    report = json.loads(out.read_text())
    loads.append(Load(np.array(report["answers"], np.float64), report["cpu"]))


def measured(
    server: Server, process: psutil.Process, url: str, texts: Sequence[str], clients: int, seconds: float
) -> dict[str, Any]:
    """Throughput and latencies of the answers that came in the window of `seconds`, a warm-up of half as long before it."""
    before = _batches(url)
    with load(server, url, texts, clients) as loads:
        time.sleep(seconds / 2)
        used, since = _cpu(process), time.time()
        time.sleep(seconds)
        used, stopped = _cpu(process) - used, time.time()
    after = _batches(url)
    (outcome,) = loads
    began, took, status = outcome.answers[:, 0], outcome.answers[:, 1], outcome.answers[:, 2]
    counted = (began + took > since) & (began + took <= stopped)
    if not counted.any():
        sys.exit(f"{server.name} gave no answer within {seconds} s; see the logs in {FOLDER}")
    p50, p95, p99 = np.quantile(took[counted], [0.5, 0.95, 0.99]) * 1000
    return {
        "server": server.name,
        "clients": clients,
        "answers": int(counted.sum()),
        "failed": int((status != 200).sum()),
        "per_second": counted.sum() / (stopped - since),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "cpu_ms_an_answer": 1000 * used / counted.sum(),
        "texts_a_batch": (after[1] - before[1]) / (after[0] - before[0]) if before and after else None,
        "generator_cpu": outcome.cpu,
    }


def _cpu(process: psutil.Process) -> float:
    """Seconds that a server and its children have computed."""
    return float(sum(sum(member.cpu_times()[:2]) for member in [process, *process.children(recursive=True)]))


def _batches(url: str) -> tuple[float, float] | None:
    """Batches so far and texts in them, by the service's metrics."""
    response = httpx.get(f"{url}/metrics")
    if response.status_code != 200:
        return None
    values = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    return float(values["mendel_batch_texts_count"]), float(values["mendel_batch_texts_sum"])


def swapped(server: Server, url: str, texts: Sequence[str], candidate: Manifest) -> dict[str, Any]:
    """From a promotion, under load, to the first answer by the new champion."""
    with load(server, url, texts, SWAP_CLIENTS) as loads:
        time.sleep(5)
        decision = promote(candidate)
        while httpx.get(f"{url}/readyz").json()["version"] != decision.version:
            time.sleep(0.1)
        time.sleep(5)
    (outcome,) = loads
    began, took, status, version = outcome.answers.T
    promoted = decision.decided.timestamp()
    first = (began + took)[version == decision.version].min()
    during = (began < first) & (began + took > promoted)
    return {
        "promoted": decision.version,
        "seconds_to_first_answer": first - promoted,
        "clients": SWAP_CLIENTS,
        "answers": len(status),
        "failed": int((status != 200).sum()),
        "answers_meanwhile": int(during.sum()),
        "slowest_meanwhile_ms": took[during].max() * 1000,
    }


def promote(candidate: Manifest) -> Decision:
    """A decision of the ledger, as `mendel promote` makes it, but without an evaluation."""

    def judge(history: History) -> Decision:
        versions = [past.version for past in history if past.candidate.digest == candidate.digest]
        champion = ledger.state(history).champion
        return Decision(
            number=len(history) + 1,
            action="promoted",
            version=versions[0] if versions else len({past.version for past in history}) + 1,
            candidate=candidate,
            champion_before=champion.version if champion else None,
            reasons=("for bench/serving.py",),
            run_id="bench",
            decided=datetime.now(UTC),
        )

    return ledger.append(common.ROOT, judge)


def without_server(folder: str, texts: Sequence[str], together: int) -> dict[str, Any]:
    """What the model itself costs: no server can answer faster on this core."""
    restorer = Restorer.load(folder)
    restorer.restore(texts[:2])
    began, used = time.perf_counter(), time.process_time()
    for start in range(0, len(texts), together):
        restorer.restore(texts[start : start + together])
    used, seconds = time.process_time() - used, time.perf_counter() - began
    return {
        "server": f"none: {together} a call",
        "answers": len(texts),
        "per_second": len(texts) / seconds,
        "cpu_ms_an_answer": 1000 * used / len(texts),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    from mendel.promotion import model_registry  # not at the top: MLflow takes seconds in each process

    described = common.machine()
    common.prepare()
    candidates = {}
    for recipe in SECONDS:
        common.candidate(recipe)
        candidates[recipe] = common.current("candidate")
    texts = [text for text in common.sentences("test", "noisy") if len(text) in LENGTHS]
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_TRACKING_URI"] = TRACKING
    rows: list[dict[str, Any]] = []
    swaps: list[dict[str, Any]] = []
    for recipe, other in zip(SECONDS, reversed(SECONDS), strict=True):
        decision = promote(candidates[recipe])
        model_registry.follow(common.ROOT, MODEL)
        folder = champions.resolved(common.ROOT, decision).restorer_uri
        for together in (1, TEXTS_ALONE[recipe]):
            alone = common.alone(without_server, folder, texts[: TEXTS_ALONE[recipe]], together)
            rows.append({"recipe": recipe, "clients": None, "failed": None, **alone})
        for server in servers(decision):
            with running(server) as (url, process):
                httpx.post(url + server.path, json=server.body(texts[0]), timeout=PATIENCE)  # compiles what has to be
                for clients, seconds in SECONDS[recipe].items():
                    rows.append({"recipe": recipe, **measured(server, process, url, texts, clients, seconds)})
                    log.info("measured", **common.rounded(rows[-1]))
                if server.name == OURS:
                    swaps.append({"from": recipe, "to": other, **swapped(server, url, texts, candidates[other])})
    for row in rows:
        if row["clients"]:
            (plain,) = (
                r for r in rows if (r["server"], r["recipe"], r["clients"]) == (PLAIN, row["recipe"], row["clients"])
            )
            row["times_plain"] = row["per_second"] / plain["per_second"]
    columns = {"recipe": "", "server": "", "clients": "d", "answers": "d", "failed": "d", "per_second": ".1f"}
    columns |= {"times_plain": ".2f", "p50_ms": ".1f", "p95_ms": ".1f", "p99_ms": ".1f", "cpu_ms_an_answer": ".1f"}
    columns |= {"texts_a_batch": ".1f", "generator_cpu": ".0%"}
    common.report("serving", described, rows, columns, unseen=swaps)
    for swap in swaps:
        log.info("swap", **common.rounded(swap))


if __name__ == "__main__":
    main()
