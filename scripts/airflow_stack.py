"""Airflow on this machine: SQLite, LocalExecutor, loopback only; started, talked to and stopped without a trace.

    with AirflowStack(home, repo, port=8080, env={"MENDEL_LAKE": …}) as stack:
        run = stack.client.trigger("ingest_corpus")
        stack.client.wait("ingest_corpus", run["dag_run_id"], timeout=600)

`make demo`, `make up` and the end-to-end tests share it. Airflow's settings lie in `airflow_settings`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import psutil
import requests
from airflow_client import Client, StackError
from airflow_settings import PASSWORDS, USER, private_folder, private_opener, settings, write_private
from processes import MARK, end, free_port, identity, port_is_free, processes_of, running_owner, serves_api

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Logs are read from the disk: serving them would take two ports that a second stack would want too."""

POOLS = {"gpu": "loads a language model", "versioning": "pushes to the data registry"}
START_SECONDS = 180.0


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
        return str(json.loads((self.home / PASSWORDS).read_text())[USER])

    @property
    def login(self) -> str:
        """For people: the password itself on a terminal alone, so that no log of ours has it either."""
        password = self.password if sys.stdout.isatty() else f"in {self.home / PASSWORDS}"
        return f"user {self.user}, password {password}"

    def __enter__(self) -> AirflowStack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start, and return when all is healthy and all DAGs are parsed. Raises StackError with the end of the log."""
        if (owner := running_owner(self.home)) is not None:
            raise StackError(f"Airflow runs on {self.home} already (process {owner}). Stop it first: make down")
        self.stop()  # what a killed owner left behind
        if not port_is_free(self.port):
            raise StackError(f"port {self.port} is taken. Choose another one")
        for folder in (self.home, self.home / "logs"):
            private_folder(folder)
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
        end([process for process in processes_of(self.home) if not serves_api(process)])
        end(processes_of(self.home))
        self._processes.clear()
        (self.home / "stack.json").unlink(missing_ok=True)
        atexit.unregister(self.stop)

    def restart(self, component: str) -> None:
        """Kill a component and what it runs, without a warning, and start it anew."""
        process = psutil.Process(self._processes[component].pid)
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self._processes[component].wait()
        self._launch(component, COMPONENTS[component])

    def log(self, component: str) -> Path:
        return self.home / "logs" / f"{component}.log"

    def open_log(self, name: str) -> BinaryIO:
        """A component's log, begun anew."""
        return open(self.log(name), "wb", opener=private_opener)

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
        write_private(stamp, version("apache-airflow"))

    def _launch(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self.open_log(name) as log:
            process = subprocess.Popen(
                self._airflow(*arguments),
                cwd=self.repo,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,  # database, logs and configuration are nobody else's
            )
        self._processes[name] = process
        record = {"owner": identity(os.getpid()), "processes": [identity(p.pid) for p in self._processes.values()]}
        write_private(self.home / "stack.json", json.dumps(record))
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
        dag_ids = {file.stem for file in (self.repo / "dags").glob("*.py")}
        for _ in self._until(deadline, "the DAGs are not all parsed"):
            if errors := self.client.get("importErrors")["import_errors"]:
                raise StackError("DAGs do not import:\n" + "\n".join(error["stack_trace"] for error in errors))
            if dag_ids <= {dag["dag_id"] for dag in self.client.get("dags", limit=100)["dags"]}:
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


def _exit_on_signal(number: int, _: object) -> None:
    raise SystemExit(128 + number)  # so that `with`, `finally` and atexit do their work
