"""Airflow on this machine: SQLite, LocalExecutor, loopback only; started, talked to and stopped without a trace.

    with AirflowStack(home, repo, port=8080, env={"MENDEL_LAKE": …}) as stack:
        run = stack.client.trigger("ingest_corpus")
        stack.client.wait("ingest_corpus", run["dag_run_id"], timeout=600)

`make demo`, `make up` and the end-to-end tests share it. What Airflow is told lies in `settings`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import requests

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Logs are read from the disk: serving them would take two ports that a second stack would want too."""

POOLS = {"gpu": "loads a language model", "versioning": "pushes to the data registry"}
USER = "admin"
MARK = "MENDEL_STACK"
"""In the environment of every process of a stack, and of no other: the home it belongs to."""

PAGE = 100  # the most that Airflow gives at once
START_SECONDS = 180.0
STOP_SECONDS = 10.0
BACKFILL_SECONDS = 600.0
LOCKED = "Database error"
"""Airflow's word for a call that it rolled back. On SQLite a call that writes can meet the lock of another call, which the
same event loop would have to finish; after SQLite's five seconds both are free and the call can be made again."""
LOCKED_TRIES = 6


class StackError(RuntimeError):
    """Airflow did not start, did not answer, or said no."""


def settings(home: Path, repo: Path, port: int) -> dict[str, str]:
    """Airflow's configuration, as environment variables. Each value that is not Airflow's default has its reason."""
    secret = _secrets(home)
    url = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(repo / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repo / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",  # stages use all cores by themselves; light tasks must not wait for them
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__FERNET_KEY": secret["fernet_key"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secret["jwt_secret"],
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",  # five files that seldom change
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "300",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # the next task starts sooner; a loop takes 20 ms
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",  # a skipped task may end only at its next heartbeat
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",  # Airflow's own, in the log of every task
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


class AirflowStack:
    """Airflow's four processes under one home. A context manager; also stops at exit and on SIGTERM.

    :param home: AIRFLOW_HOME: database, logs, generated secrets. Kept from one start to the next.
    :param repo: the checkout whose dags/ and plugins/ are served; tasks run in it.
    :param port: of UI and API; 0 takes a free one.
    :param env: for the stages: MENDEL_LAKE, MENDEL_CONFIG, MLFLOW_TRACKING_URI, …; and over Airflow's settings.
    """

    def __init__(self, home: Path, repo: Path, port: int = 8080, env: Mapping[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.repo = repo.resolve()
        self.port = port or free_port()
        self.env = dict(env or {})
        self.url = f"http://127.0.0.1:{self.port}"
        self.user = USER
        self.client = Client(self.url, self._credentials)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment: dict[str, str] = {}

    @property
    def password(self) -> str:
        """Generated at the first start, kept in the home."""
        return str(json.loads((self.home / "passwords.json").read_text())[USER])

    def __enter__(self) -> AirflowStack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start, and return when all is healthy and all DAGs are parsed. Raises StackError with the end of the log."""
        if (owner := _running_owner(self.home)) is not None:
            raise StackError(f"Airflow runs on {self.home} already (process {owner}). Stop it first: make down")
        self.stop()  # what a killed owner left behind
        if not _port_is_free(self.port):
            raise StackError(f"port {self.port} is taken. Choose another one")
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self._environment = {
            **os.environ,
            **settings(self.home, self.repo, self.port),
            **self.env,
            MARK: str(self.home),
        }
        deadline = time.monotonic() + timeout
        atexit.register(self.stop)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _exit_on_signal)
        try:
            self._migrate(deadline)
            for name in ("api-server", "dag-processor", "triggerer"):
                self._launch(name, COMPONENTS[name])
            self._wait_api(deadline)
            self._launch("scheduler", COMPONENTS["scheduler"])
            self._wait_healthy(deadline)
            for name, description in POOLS.items():
                self.client.ensure_pool(name, slots=1, description=description)
            self._wait_parsed(deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every process of this home, tasks and their stages included, whoever started them.

        The API server goes last: tasks that are stopped tell it so, and are tried again at the next start.
        """
        _end([process for process in _processes_of(self.home) if not _serves_api(process)])
        _end(_processes_of(self.home))
        self._processes.clear()
        (self.home / "stack.json").unlink(missing_ok=True)
        atexit.unregister(self.stop)

    def restart(self, component: str) -> None:
        """Kill a component and what it runs, without a warning, and start it anew."""
        process = psutil.Process(self._processes[component].pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self._processes[component].wait()
        self._launch(component, COMPONENTS[component])

    def log(self, component: str) -> Path:
        return self.home / "logs" / f"{component}.log"

    def tail(self, component: str, lines: int = 30) -> str:
        """The end of a component's log."""
        return "\n".join(self.log(component).read_text(errors="replace").splitlines()[-lines:])

    def _credentials(self) -> dict[str, str]:
        return {"username": self.user, "password": self.password}

    def _airflow(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]

    def _migrate(self, deadline: float) -> None:
        """Make the database, or bring it up to this Airflow's version: only when it is not, since it takes seconds."""
        stamp = self.home / "migrated"
        if stamp.exists() and stamp.read_text() == version("apache-airflow"):
            return
        process = self._launch("migrate", ["db", "migrate"])
        try:
            code = process.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise StackError(f"`airflow db migrate` took too long:\n{self.tail('migrate')}") from None
        if code:
            raise StackError(f"`airflow db migrate` failed:\n{self.tail('migrate')}")
        del self._processes["migrate"]
        stamp.write_text(version("apache-airflow"))

    def _launch(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                self._airflow(*arguments),
                cwd=self.repo,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[name] = process
        record = {"owner": _identity(os.getpid()), "processes": [_identity(p.pid) for p in self._processes.values()]}
        (self.home / "stack.json").write_text(json.dumps(record))
        return process

    def _wait_api(self, deadline: float) -> None:
        """Wait for what tasks talk to: a scheduler without it would start waiting tasks, and see them fail.

        Airflow builds that part at its first request, which takes seconds: better here than in the first task.
        """
        for _ in self._until(deadline, "the API does not answer"):
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/execution/health", timeout=30).ok:
                    return

    def _wait_healthy(self, deadline: float) -> None:
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        for _ in self._until(deadline, "Airflow is not healthy"):
            with contextlib.suppress(requests.RequestException):
                health = requests.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
                if all(health[part]["status"] == "healthy" for part in parts):
                    return

    def _wait_parsed(self, deadline: float) -> None:
        wanted = {file.stem for file in (self.repo / "dags").glob("*.py")}
        for _ in self._until(deadline, "the DAGs are not all parsed"):
            if errors := self.client.get("importErrors")["import_errors"]:
                raise StackError("DAGs do not import:\n" + "\n".join(error["stack_trace"] for error in errors))
            if wanted <= {dag["dag_id"] for dag in self.client.get("dags", limit=100)["dags"]}:
                return

    def _until(self, deadline: float, complaint: str) -> Iterator[None]:
        """Try again every half second; raise when a component has ended or the deadline has passed."""
        while True:
            yield
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise StackError(f"{name} ended with exit code {process.returncode}:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {name}\n{self.tail(name, 10)}" for name in self._processes)
                raise StackError(f"{complaint} in time:\n{tails}")
            time.sleep(0.5)


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
        done: Callable[[], Any],
        timeout: float,
        what: str,
        tick: Callable[[], None] = lambda: None,
        every: float = 1.0,
    ) -> Any:
        """Ask `done` until it answers with something, and return that; `tick` is called between. Raises StackError."""
        deadline = time.monotonic() + timeout
        while not (found := done()):
            if time.monotonic() > deadline:
                raise StackError(f"{what}: not within {timeout:.0f} s")
            tick()
            time.sleep(every)
        return found

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
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=PAGE, offset=len(found), **params)
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

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


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _secrets(home: Path) -> dict[str, str]:
    """Keys of this home, generated at the first start and readable by the owner alone."""
    path = home / "secrets.json"
    if not path.exists():
        from cryptography.fernet import Fernet

        home.mkdir(parents=True, exist_ok=True)
        made = {
            "fernet_key": Fernet.generate_key().decode(),
            "secret_key": secrets.token_hex(64),
            "jwt_secret": secrets.token_hex(64),
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
    return dict(json.loads(path.read_text()))


def _exit_on_signal(number: int, _: object) -> None:
    raise SystemExit(128 + number)  # so that `with`, `finally` and atexit do their work


def _identity(pid: int) -> dict[str, float]:
    """A process, told from a later one that is given the same number."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def _process(identity: Mapping[str, float]) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(identity["pid"]))
        if process.create_time() == identity["created"]:
            return process
    return None


def _running_owner(home: Path) -> int | None:
    """The process that started the stack of this home and still lives, if it is another one."""
    record = home / "stack.json"
    if not record.exists():
        return None
    owner = _process(json.loads(record.read_text())["owner"])
    return owner.pid if owner is not None and owner.pid != os.getpid() else None


def _processes_of(home: Path) -> list[psutil.Process]:
    """The recorded processes, all below them, and all others that carry the mark of this home.

    The last are stages whose task was killed: they have no parent left that leads to them. Airflow's own processes
    overwrite their environment with a title, and are found by the first two.
    """
    found: dict[int, psutil.Process] = {}
    record = home / "stack.json"
    for identity in json.loads(record.read_text())["processes"] if record.exists() else []:
        if (process := _process(identity)) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found |= {p.pid: p for p in [process, *process.children(recursive=True)]}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get(MARK) == str(home):
                found[process.pid] = process
    found.pop(os.getpid(), None)
    return list(found.values())


def _serves_api(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any("api-server" in word or "api_server" in word for word in process.cmdline())
    return False


def _end(processes: list[psutil.Process]) -> None:
    """Ask all to stop, wait, and make those stop that have not."""
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)
        _, processes = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        if not processes:
            return
