"""The champion's report over HTTP: from the evaluation that it was promoted on, and no other file of the lake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mendel.core import manifest

from ..promotion.conftest import evaluated_template
from .conftest import WEEK_1, WEEK_2, Store, decide_on, running, settings, until

__all__ = ["evaluated_template"]


@pytest.fixture
def judged(evaluated_template: Store, tmp_path: Path) -> Store:
    """Version 1 is champion on its evaluation; version 2 was declined."""
    store = evaluated_template.copied(tmp_path)
    evaluation = manifest.current(store.root, "evaluation", WEEK_1)
    assert evaluation is not None
    decide_on(store.context(WEEK_1), "promoted", evaluation)
    decide_on(store.context(WEEK_2), "declined")
    return store


@pytest.fixture
def client(judged: Store) -> Iterator[httpx.Client]:
    with running(judged.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


def test_the_report_is_the_evaluations(judged: Store, client: httpx.Client) -> None:
    report = client.get("/v1/report").raise_for_status().json()

    evaluation = manifest.current(judged.root, "evaluation", WEEK_1)
    assert evaluation is not None
    assert (report["version"], report["partition"]) == (1, WEEK_1)
    assert report["sentences"] == evaluation.metrics["sentences"]
    for system in report["systems"]:
        scores = evaluation.metrics["scores"][system["name"]]
        assert system["cer"] == scores["cer"]
        assert system["foreign_altered"] == scores["foreign_altered"]
    assert {system["name"] for system in report["systems"]} == set(evaluation.metrics["scores"])


def test_an_evaluation_of_before_foreign_text_has_a_report(judged: Store) -> None:
    # Given an evaluation as earlier releases wrote it
    path = next(judged.lake.glob(f"evaluation/dt={WEEK_1}/*/_manifest.json"))
    content = json.loads(path.read_text())
    for name in ("foreign", "reliability"):
        del content["metrics"][name]
    for scores in content["metrics"]["scores"].values():
        del scores["foreign_altered"]
    path.write_text(json.dumps(content))

    # When its report is asked for
    with running(judged.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        report = client.get("/v1/report").raise_for_status().json()

    # Then it says what there is
    assert {system["foreign_altered"] for system in report["systems"]} == {None}


def test_its_files_are_those_of_the_manifest_and_no_other(judged: Store, client: httpx.Client) -> None:
    plots = [each["plot"] for each in client.get("/v1/report").json()["breakdowns"]]
    assert len(plots) == 3
    for name in plots:
        answered = client.get(f"/v1/report/files/{name}")
        assert answered.headers["content-type"] == "image/png"
        assert answered.content.startswith(b"\x89PNG"), name
    assert client.get("/v1/report/files/report.md").text.startswith("# Evaluation of")

    for name in (
        "scores.parquet",
        "_manifest.json",
        "..%2F_manifest.json",
        "%2Fetc%2Fpasswd",
        "..%2F..%2F..%2Fledger%2F000001.json",
    ):
        assert client.get(f"/v1/report/files/{name}").status_code == 404, name


def test_a_file_that_was_changed_is_not_given_out(judged: Store, client: httpx.Client) -> None:
    plot = next(judged.lake.glob(f"evaluation/dt={WEEK_1}/*/*/cer_by_operation.png"))
    plot.write_bytes(plot.read_bytes() + b"\0")
    assert client.get("/v1/report/files/cer_by_operation.png").status_code == 404


def test_the_ledger_is_told_whole(client: httpx.Client) -> None:
    decisions = client.get("/v1/ledger").json()["decisions"]
    assert [(each["number"], each["action"], each["version"], each["champion"]) for each in decisions] == [
        (1, "promoted", 1, 1),
        (2, "declined", 2, 1),
    ]


def test_a_champion_without_an_evaluation_has_no_report(service: httpx.Client) -> None:
    refused = service.get("/v1/report")
    assert (refused.status_code, refused.json()["detail"]) == (404, "Version 1 was promoted without an evaluation.")
