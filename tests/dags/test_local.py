"""The local target: real subprocesses, and what Airflow makes of how they end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from airflow.sdk.types import TaskInstanceKey

from mendel_airflow.links import DataDocsLink, external_views
from mendel_airflow.local import LocalStage, program

from .conftest import Run


@pytest.fixture
def mendel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes MENDEL_BIN a Python script of the test's."""

    def write(code: str) -> None:
        script = tmp_path / "mendel"
        script.write_text(f"#!{sys.executable} -u\nimport os, signal, sys, time\n{code}\n")
        script.chmod(0o755)
        monkeypatch.setenv("MENDEL_BIN", str(script))

    return write


def stage(*arguments: str, **options: Any) -> LocalStage:
    return LocalStage(task_id="stage", arguments=arguments or ["corrupt"], **options)


def test_runs_the_command_with_the_runs_id(mendel: Any, capfd: Any, tmp_path: Path) -> None:
    # Given a stage that notes how it was called
    mendel(f"open({str(tmp_path / 'called')!r}, 'w').write(repr([sys.argv[1:], os.environ['MENDEL_RUN_ID']]))")
    # When it is run, one of its options empty
    task = stage("restore", "shard", "", "--partition", "2026-11-23", mapped={"shard": 3})
    task.execute(Run().context)
    # Then the empty option is left out, and the mapped one is there
    expected = ["restore", "shard", "--partition", "2026-11-23", "--shard", "3"]
    assert (tmp_path / "called").read_text() == repr([expected, "this-run"])
    assert task.arguments == expected, "the page of the task shows what was run"


def test_a_stage_sees_no_secret_of_airflow(mendel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given Airflow's environment, with its keys and the lake's
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "POSTGRES_PASSWORD"):
        monkeypatch.setenv(name, "secret of airflow")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key of the lake")
    # When a stage notes what it sees
    mendel(f"open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))")
    stage().execute(Run().context)
    # Then it is the lake's key alone
    seen = (tmp_path / "seen").read_text()
    assert "key of the lake" in seen
    assert "secret of airflow" not in seen
    assert "AIRFLOW" not in seen, "not even where Airflow's home is"


def test_a_stage_is_told_whose_rules_hold(mendel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mendel(f"open({str(tmp_path / 'seen')!r}, 'a').write(os.environ['MENDEL_RULES'] + ' ')")
    for name, value in (("", ""), ("MENDEL_CONFIG", "default.yaml"), ("MENDEL_RULES", "rules.yaml")):
        if name:
            monkeypatch.setenv(name, value)
        stage().execute(Run().context)
    assert (tmp_path / "seen").read_text().split() == ["include/pipelines/demo.yaml", "default.yaml", "rules.yaml"]


def test_a_configuration_from_elsewhere_is_not_even_started(mendel: Any, tmp_path: Path) -> None:
    mendel(f"open({str(tmp_path / 'started')!r}, 'w')")
    task = stage("corrupt", "--config", str(tmp_path / "mine.yaml"), "--partition", "2026-11-23")
    with pytest.raises(AirflowFailException, match="is not one of this deployment's"):
        task.execute(Run().context)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("code", [2, 3])
def test_foreseen_failures_are_not_retried_and_say_why(mendel: Any, code: int) -> None:
    mendel(
        "print('event=start')\n"
        "print('mendel: key noise.rates.insertoin is not known\\n  did you mean insertion?')\n"
        f"sys.exit({code})"
    )
    with pytest.raises(AirflowFailException) as failure:
        stage().execute(Run().context)
    assert str(failure.value) == "mendel: key noise.rates.insertoin is not known\n  did you mean insertion?"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('Traceback'); print('KeyError: 7'); sys.exit(1)", "exit code 1: KeyError: 7"),
        ("print('loading'); os.kill(os.getpid(), signal.SIGKILL)", r"killed by SIGKILL \(out of memory\?\): loading"),
        ("sys.exit(70)", "exit code 70: it said nothing"),
    ],
)
def test_other_failures_are_left_to_the_retries(mendel: Any, code: str, message: str) -> None:
    mendel(code)
    with pytest.raises(AirflowException, match=message) as failure:
        stage().execute(Run().context)
    assert not isinstance(failure.value, AirflowFailException)


def test_a_program_that_cannot_be_run_is_not_retried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MENDEL_BIN", str(tmp_path / "none-such"))
    with pytest.raises(AirflowFailException, match=r"none-such.*Set MENDEL_BIN"):
        stage().execute(Run().context)


def test_the_log_is_the_tasks_log_line_by_line(mendel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a stage that logs at two levels
    mendel("print('level=info event=start'); print('level=warning event=slow 100%s'); print('plain')")
    task, seen = stage(), []
    for level in ("info", "warning"):
        monkeypatch.setattr(task.log, level, lambda form, *values, level=level: seen.append((level, form % values)))
    # When it is run, then each line has the level that it says
    task.execute(Run().context)
    assert seen == [
        ("info", "$ mendel corrupt"),
        ("info", "level=info event=start"),
        ("warning", "level=warning event=slow 100%s"),
        ("info", "plain"),
    ]


SLEEPER = "open({file!r}, 'w').write(str(os.getpid())); print('up'); time.sleep(600)"


def sleeping(file: Path) -> int:
    """The id of the process that noted it in the file; waits for the note."""
    while not (file.exists() and file.read_text()):
        time.sleep(0.05)
    return int(file.read_text())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_on_kill_ends_the_stage(mendel: Any, tmp_path: Path) -> None:
    # Given a stage that runs for long
    file = tmp_path / "pid"
    mendel(SLEEPER.format(file=str(file)))
    task = stage()
    # When Airflow tells the task to stop

    def kill() -> None:
        sleeping(file)
        task.on_kill()

    threading.Thread(target=kill).start()
    # Then it has failed in a way that is retried, and its process is gone
    with pytest.raises(AirflowException, match="killed by SIGTERM"):
        task.execute(Run().context)
    assert not alive(sleeping(file))


def test_a_timeout_ends_the_stage(mendel: Any, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    mendel(SLEEPER.format(file=str(file)))
    with pytest.raises(AirflowTaskTimeout), timeout(timedelta(seconds=2).total_seconds()):
        stage().execute(Run().context)
    assert not alive(sleeping(file))


def test_on_kill_before_the_start_is_harmless() -> None:
    stage().on_kill()


def test_the_signal_handler_of_airflow_may_interrupt_the_reading(mendel: Any, tmp_path: Path) -> None:
    # Given a task in the main thread, and Airflow's way to stop it: SIGTERM, whose handler calls on_kill
    file = tmp_path / "pid"
    mendel(SLEEPER.format(file=str(file)))
    task = stage()
    before = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())

    def terminate() -> None:
        sleeping(file)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    try:
        with pytest.raises(AirflowException, match="killed by SIGTERM"):
            task.execute(Run().context)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not alive(sleeping(file))


def test_the_program_is_this_environments() -> None:
    assert Path(program()) == Path(sys.executable).parent / "mendel"
    assert Path(program()).exists()


def test_the_link_leads_to_what_the_validation_published(mendel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_DATA_DOCS_URL", "http://docs:1/")
    mendel(
        "print('event=validated passed=False data_docs=file:///lake/data_docs/validations/corpus/x.html'); sys.exit(3)"
    )
    task = stage("validate", "corpus", links=[DataDocsLink()])
    (link,) = task.operator_extra_links
    key = TaskInstanceKey("dag", "stage", "this-run")
    assert link.get_link(task, ti_key=key) == "http://docs:1/", "before it has run, the index"
    with pytest.raises(AirflowFailException):
        task.execute(Run().context)
    assert link.get_link(task, ti_key=key) == "http://docs:1/validations/corpus/x.html"
    monkeypatch.delenv("MENDEL_DATA_DOCS_URL")
    assert link.get_link(task, ti_key=key) == "", "without a site there is no link"


def test_views_are_those_whose_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_DATA_DOCS_URL", raising=False)
    monkeypatch.setenv("MENDEL_MLFLOW_URL", "http://mlflow:5000")
    assert external_views() == [{"name": "MLflow", "href": "http://mlflow:5000", "destination": "nav"}]
