"""Airflow's REST API, as far as it is used here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

PAGE = 100  # the most that Airflow gives at once
BACKFILL_SECONDS = 600.0
LOCKED = "Database error"
"""Airflow's word for a call that it rolled back. On SQLite a call that writes can meet the lock of another call, which the
same event loop would have to finish; after SQLite's five seconds both are free and the call can be made again."""
LOCKED_TRIES = 6


class StackError(RuntimeError):
    """Airflow did not start, did not answer, or said no."""


class Client:
    """The part of Airflow's REST API that is used here. Raises StackError with what the API said."""

    def __init__(self, url: str, credentials: Callable[[], dict[str, str]]) -> None:
        self._url = url
        self._credentials = credentials
        self._session = requests.Session()

    def get(self, path: str, **params: Any) -> Any:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("PATCH", path, json=body)

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool; one that is there keeps the slots that somebody has given it."""
        if name not in {pool["name"] for pool in self._pages("pools", "pools")}:
            self.post("pools", {"name": name, "slots": slots, "description": description, "include_deferred": True})

    def unpause(self, *dag_ids: str, paused: bool = False) -> None:
        for dag_id in dag_ids:
            self.patch(f"dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, partition: str | None = None, **params: Any) -> dict[str, Any]:
        """Start a run; without a partition its first task finds one. Returns the run."""
        body = {"logical_date": None, "partition_key": partition, "conf": params}
        return dict(self.post(f"dags/{dag_id}/dagRuns", body))

    def backfill(self, dag_id: str, first: str, last: str, max_active_runs: int = 2, **params: Any) -> dict[str, Any]:
        """Start runs for the partitions from `first` to `last`, both included, after a backfill that has not ended.

        Returns the backfill. The scheduler closes one only up to half a minute after its last run.
        """

        def closed() -> bool:
            return all(backfill["completed_at"] for backfill in self._pages("backfills", "backfills", dag_id=dag_id))

        self.wait(closed, BACKFILL_SECONDS, f"the end of an earlier backfill of {dag_id}")
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "max_active_runs": max_active_runs,
            "reprocess_behavior": "completed",
            "dag_run_conf": params,
        }
        return dict(self.post("backfills", body))

    def runs(self, dag_id: str = "~") -> list[dict[str, Any]]:
        """Runs, oldest first; of all DAGs unless one is named."""
        return self._pages(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="id")

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return dict(self.get(f"dags/{dag_id}/dagRuns/{run_id}"))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run, mapped ones each by itself; `duration` is in seconds."""
        return self._pages(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned; None while it has not."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        entries = self.get(path, xcom_key="return_value")["xcom_entries"]
        return self.get(f"{path}/return_value")["value"] if entries else None

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """What a task's log says, a line for each event."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        return "\n".join(str(line.get("event", line)) for line in self.get(path, map_index=map_index)["content"])

    def asset_events(self) -> list[dict[str, Any]]:
        """Asset events, oldest first."""
        return self._pages("assets/events", "asset_events", order_by="timestamp")

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer a task that waits for a person."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self.patch(path, {"chosen_options": [option], "params_input": {}})

    def wait(
        self,
        condition: Callable[[], Any],
        timeout: float,
        what: str,
        tick: Callable[[], None] = lambda: None,
        every: float = 1.0,
    ) -> Any:
        """Ask `condition` until it answers with something, and return that; `tick` is called between. Raises StackError."""
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > deadline:
                raise StackError(f"{what}: not within {timeout:.0f} s")
            tick()
            time.sleep(every)
        return result

    def wait_run(
        self, dag_id: str, run_id: str, timeout: float, tick: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Wait for a run to end, well or not; `tick` is called between. Returns the run. Raises StackError."""

        def ended() -> dict[str, Any] | None:
            run = self.run(dag_id, run_id)
            return run if run["state"] in ("success", "failed") else None

        return dict(self.wait(ended, timeout, f"{dag_id} {run_id}", tick))

    def _pages(self, path: str, key: str, **params: Any) -> list[dict[str, Any]]:
        """All of a list that the API gives in pages."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=PAGE, offset=len(items), **params)
            items += page[key]
            if not page[key] or len(items) >= page["total_entries"]:
                return items

    def _call(self, method: str, path: str, **options: Any) -> Any:
        """One request, made again while Airflow's database is locked."""
        for _ in range(LOCKED_TRIES):
            response = self._authorized(method, path, **options)
            if response.status_code != requests.codes.server_error or LOCKED not in response.text:
                break
            time.sleep(0.5)
        if not response.ok:
            raise StackError(f"{method} {path}: HTTP {response.status_code} {response.text}")
        return response.json() if response.content else None

    def _authorized(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request; a token that is missing or has expired is fetched, once."""
        for attempt in (1, 2):
            response = self._session.request(method, f"{self._url}/api/v2/{path}", timeout=30, **options)
            if response.status_code != requests.codes.unauthorized or attempt == 2:
                break
            token = requests.post(f"{self._url}/auth/token", json=self._credentials(), timeout=30)
            if not token.ok:
                raise StackError(f"no token: HTTP {token.status_code} {token.text}")
            self._session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        return response
