"""`make demo`: the whole chain on real text through Airflow's scheduler, then one report.

Ingest, corrupt, fine-tune, evaluate and promote, each a DAG that follows the asset before it; then some days of an inbox
are restored by a backfill. What was done before and has not changed is not done again. A candidate that the gate declines
is a result too: the report says why and what to do next, and the exit code is 3.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import report
from airflow_client import StackError
from airflow_stack import AirflowStack
from processes import free_port
from rich.console import Console
from rich.live import Live
from rich.table import Table
from stack import REPO, STATE, airflow

from mendel.promotion import ledger
from mendel.promotion.ledger import Decision

CHAIN = ("ingest_corpus", "corrupt_corpus", "finetune_restorer", "promote_restorer")
BATCHES = "restore_batches"
DAYS = 2
RECORDS = 60
"""Good ones a day, in two shards, so that the fan-out is seen."""
DECLINED = 3
CHAIN_SECONDS = 3600.0
FAILED = ("failed", "upstream_failed")
POLL_SECONDS = 2.0
SAY_SECONDS = 15.0


@dataclass
class Watch:
    """Follows the runs that the demo started, and shows them: a live table on a terminal, plain lines elsewhere."""

    stack: AirflowStack
    console: Console
    started: float = field(default_factory=time.monotonic)
    states: dict[tuple[str, str, str, int], str] = field(default_factory=dict)
    reported: float = 0.0
    latest: str = ""

    def tasks(self, since: str) -> list[dict[str, Any]]:
        """Task instances of all runs made since a time, in the order in which they started."""
        runs = [run for run in self.stack.client.runs() if (run["queued_at"] or run["run_after"]) >= since]
        tasks = [task for run in runs for task in self.stack.client.tasks(run["dag_id"], run["dag_run_id"])]
        return sorted(tasks, key=lambda task: task["start_date"] or "9")

    def show(self, tasks: list[dict[str, Any]], live: Live | None) -> None:
        running = [task for task in tasks if task["state"] == "running"]
        for task in running:
            log = self.stack.client.task_log(
                task["dag_id"], task["dag_run_id"], task["task_id"], max(task["try_number"], 1), task["map_index"]
            )
            self.latest = next((line for line in reversed(log.splitlines()) if "event=" in line), "")
        if live:
            live.update(self._table(tasks))
        else:
            self._lines(tasks, running)

    def _table(self, tasks: list[dict[str, Any]]) -> Table:
        table = Table(title=f"{time.monotonic() - self.started:.0f} s", title_justify="left", box=None)
        for heading in ("DAG", "task", "state", "seconds"):
            table.add_column(heading, justify="right" if heading == "seconds" else "left")
        for task in tasks:
            if task["state"]:
                style = {"success": "green", "running": "cyan", "failed": "bold red"}.get(task["state"], "dim")
                index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
                seconds = f"{elapsed(task):.1f}" if task["start_date"] else ""
                table.add_row(task["dag_id"], task["task_id"] + index, task["state"], seconds, style=style)
        table.caption = self.latest[:150]
        return table

    def _lines(self, tasks: list[dict[str, Any]], running: list[dict[str, Any]]) -> None:
        clock = f"{time.monotonic() - self.started:5.0f} s"
        for task in tasks:
            key = (task["dag_id"], task["dag_run_id"], task["task_id"], task["map_index"])
            state = task["state"] or ""
            if state != self.states.get(key) and state in ("running", "success", "skipped", *FAILED):
                seconds = f" in {elapsed(task):.1f} s" if state == "success" else ""
                self.console.print(f"{clock}  {task['dag_id']}.{task['task_id']}: {state}{seconds}", highlight=False)
                self.states[key] = state
                self.reported = time.monotonic()
        if running and time.monotonic() - self.reported > SAY_SECONDS:
            self.reported = time.monotonic()
            self.console.print(f"{clock}    {self.latest[:140]}", highlight=False, markup=False)

    def until(self, condition: Any, since: str, what: str) -> list[dict[str, Any]]:
        """Show progress until `condition(tasks)`; a failed task ends the demo with its own message."""
        deadline = time.monotonic() + CHAIN_SECONDS
        live = Live(console=self.console, refresh_per_second=2) if self.console.is_terminal else None
        if live:
            live.start()
        try:
            while True:
                tasks = self.tasks(since)
                self.show(tasks, live)
                if failed := next((task for task in tasks if task["state"] == "failed"), None):
                    log = self.stack.client.task_log(
                        failed["dag_id"],
                        failed["dag_run_id"],
                        failed["task_id"],
                        failed["try_number"],
                        failed["map_index"],
                    )
                    raise StackError(f"{failed['dag_id']}.{failed['task_id']} failed:\n{log[-3000:]}")
                if condition(tasks):
                    return tasks
                if time.monotonic() > deadline:
                    raise StackError(f"{what} did not end within {CHAIN_SECONDS:.0f} s")
                time.sleep(POLL_SECONDS)
        finally:
            if live:
                live.stop()


def elapsed(task: dict[str, Any]) -> float:
    start = datetime.fromisoformat(task["start_date"])
    end = datetime.fromisoformat(task["end_date"]) if task["end_date"] else datetime.now(UTC)
    return (end - start).total_seconds()


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain_ended(tasks: list[dict[str, Any]]) -> bool:
    """The last DAG's last task has an end, be it skipped because the gate declined."""
    ends = {task["state"] for task in tasks if task["dag_id"] == CHAIN[-1]}
    return bool(ends) and ends <= {"success", "skipped"}


def decided(root: str, partition: str) -> Decision:
    """The latest decision about the partition's candidate."""
    candidate = report.current(root, "candidate", partition)
    decision = ledger.about_candidate(ledger.read(root), candidate.digest)
    assert decision is not None, "the DAG that promotes has ended"
    return decision


def mendel(stack: AirflowStack, *arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "mendel"), *arguments]
    process = subprocess.run(command, env={**os.environ, **stack.env}, cwd=REPO, capture_output=True, text=True)
    if process.returncode:
        raise StackError(f"{' '.join(command)}: exit code {process.returncode}\n{process.stderr}")


def run(config: str, partition: str, console: Console) -> Decision:
    """Run all of it and show the report; the decision about the candidate."""
    make_started = os.environ.get("MENDEL_MAKE_STARTED")
    began = float(make_started) if make_started else time.time()
    setup_seconds = time.time() - began
    console.print(f"Mendel: {', '.join(CHAIN)}, then {DAYS} days of {BATCHES}. Logs: {STATE / 'airflow' / 'logs'}")
    with airflow(config, free_port()) as stack:
        started_airflow = time.time() - began - setup_seconds
        console.print(f"Airflow is up after {started_airflow:.0f} s: {stack.url} ({stack.login})")
        watch = Watch(stack, console)
        since = timestamp()
        stack.client.unpause(*CHAIN[1:])
        stack.client.unpause(CHAIN[0])
        stack.client.trigger(CHAIN[0], partition)
        watch.until(chain_ended, since, "the chain")
        root = stack.env["MENDEL_LAKE"]
        days = restored_days(stack, watch, partition, since) if ledger.state(ledger.read(root)).champion else []
        tasks = watch.tasks(since)
    decision = decided(root, partition)
    figures = report.figures(root, partition, days, tasks, decision)
    figures |= {
        "judged_before": decision.decided.timestamp() < began,
        "wall_seconds": round(time.time() - began, 1),
        "setup_seconds": round(setup_seconds, 1),
        "airflow_start_seconds": round(started_airflow, 1),
    }
    report.write(figures, STATE / "report.json")
    report.show(figures, report.examples(root, partition), console)
    report.show_next(figures, config, console)
    return decision


def restored_days(stack: AirflowStack, watch: Watch, partition: str, since: str) -> list[str]:
    """The days before the partition, after a backfill has restored what was put into their inboxes."""
    last = date.fromisoformat(partition) - timedelta(days=1)
    days = [(last - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]
    options = [word for day in days for word in ("--day", day)]
    mendel(stack, "inbox", "fill", "--partition", partition, "--records", str(RECORDS), *options)
    stack.client.unpause(BATCHES)
    stack.client.backfill(BATCHES, days[0], days[-1], max_active_runs=DAYS)

    def ended(tasks: list[dict[str, Any]]) -> bool:
        emitted = [task for task in tasks if task["dag_id"] == BATCHES and task["task_id"] == "emit_restored"]
        return len(emitted) >= DAYS and all(task["state"] == "success" for task in emitted)

    watch.until(ended, since, "the batches")
    return days


def console() -> Console:
    """The terminal as it is; a log file is wide enough for the tables."""
    return Console() if sys.stdout.isatty() else Console(width=132)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="include/pipelines/demo.yaml")
    parser.add_argument("--partition", default=datetime.now(UTC).date().isoformat(), help="YYYY-MM-DD; default: today")
    arguments = parser.parse_args()
    try:
        decision = run(arguments.config, arguments.partition, console())
    except StackError as error:
        sys.exit(f"mendel: {error}")
    except KeyboardInterrupt:
        sys.exit("mendel: stopped; what was finished is kept, run it again to go on")
    sys.exit(DECLINED if decision.action == "declined" and decision.version != decision.champion else 0)


if __name__ == "__main__":
    main()
