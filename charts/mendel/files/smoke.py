"""Run the whole chain through Airflow's API, from the source to a decision, then restore a batch; fail where one fails."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import fsspec

URL = os.environ["AIRFLOW_URL"]
CHAIN = ["ingest_corpus", "corrupt_corpus", "finetune_restorer", "promote_restorer"]
BATCHES = "restore_batches"
ENDED = ("success", "failed")
TEXTS = [
    "The poeple of the the United States are free.",
    "We will kepe our promise to evrey citizen.",
    "This is clean.",
]


def call(method: str, path: str, body: object = None, token: str | None = None) -> dict:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(URL + path, data, headers, method=method)  # noqa: S310 (an address of ours)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


class Airflow:
    def __init__(self) -> None:
        self._token = ""
        self._until = 0.0

    def __call__(self, method: str, path: str, body: object = None) -> dict:
        """Call the API, with a fresh token every few minutes; a server that restarts is asked again."""
        for _ in range(60):
            try:
                if time.monotonic() > self._until:
                    login = {"username": os.environ["ADMIN_USERNAME"], "password": os.environ["ADMIN_PASSWORD"]}
                    self._token = call("POST", "/auth/token", login)["access_token"]
                    self._until = time.monotonic() + 600
                return call(method, f"/api/v2/{path}", body, self._token)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error
            except OSError as error:
                print(f"{method} {path}: {error}", flush=True)
            time.sleep(5)
        raise SystemExit(f"{method} {path}: no answer")


def run_of(airflow: Airflow, dag: str, since: str) -> dict:
    """The first run of a DAG that was queued since a moment, once it has ended."""
    while True:
        for run in airflow("GET", f"dags/{dag}/dagRuns?order_by=id&limit=100")["dag_runs"]:
            if (run["queued_at"] or "") >= since and run["state"] in ENDED:
                return run
        time.sleep(3)


def finish(airflow: Airflow, dag: str, since: str) -> None:
    run = run_of(airflow, dag, since)
    tasks = airflow("GET", f"dags/{dag}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
    print(f"{dag} {run['state']}", flush=True)
    for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
        print(f"  {task['duration'] or 0:7.1f} s  {task['task_id']}: {task['state']}", flush=True)
    if run["state"] != "success":
        sys.exit(f"{dag} failed: run {run['dag_run_id']}")


def main() -> None:
    airflow, started = Airflow(), time.monotonic()
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    for dag in [BATCHES, *reversed(CHAIN)]:
        airflow("PATCH", f"dags/{dag}", {"is_paused": False})
    since = datetime.now(UTC).isoformat()
    airflow("POST", "dags/ingest_corpus/dagRuns", {"logical_date": None})
    for dag in CHAIN:
        finish(airflow, dag, since)
    lines = [json.dumps({"id": f"smoke-{number}", "text": text}) for number, text in enumerate(TEXTS)]
    with fsspec.open(f"{os.environ['MENDEL_LAKE']}/inbox/dt={day}/smoke.jsonl", "w") as file:
        file.write("\n".join(lines) + "\n")
    since = datetime.now(UTC).isoformat()
    airflow("POST", f"dags/{BATCHES}/dagRuns", {"logical_date": None, "partition_key": day})
    finish(airflow, BATCHES, since)
    print(f"the chain and a batch: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
