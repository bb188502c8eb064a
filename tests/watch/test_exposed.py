"""What rules and dashboards ask for is what Mendel's processes show: no alert is silent, no panel empty because of a name."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from mendel.lakehouse.metrics import LakeMetrics
from mendel.streaming.progress import Gauges, Step

from ..unit.lakehouse.writer import day, rows
from ..unit.serving.conftest import Store, candidates_template, free_port, running, settings, until, with_champion
from .conftest import queries, rules

__all__ = ["candidates_template", "with_champion"]

SELECTOR = re.compile(r"(?<![\w:])((?:mendel|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
ADDED = {"job", "namespace", "instance"}
"""Labels that Prometheus adds when it scrapes."""
FIXED = {"route", "outcome"}
"""Labels whose values are written in the code."""

EXPRESSIONS = {name: rule["expr"] for kind in ("alert", "record") for name, rule in rules(kind).items()}


class Exposed:
    """Names of series, and samples of those that have been counted, of one process or several."""

    def __init__(self, *scraped: str) -> None:
        families = [family for text in scraped for family in text_string_to_metric_families(text)]
        self.samples: dict[str, list[Sample]] = {}
        for family in families:
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            for suffix in suffixes:
                self.samples.setdefault(family.name + suffix, [])
            for sample in family.samples:
                self.samples.setdefault(sample.name, []).append(sample)

    def problems(self, expression: str) -> Iterator[str]:
        """Why a selector of the expression can find nothing."""
        for name, matchers in SELECTOR.findall(expression):
            if name not in self.samples:
                yield f"nobody shows {name}"
                continue
            for label, how, value in MATCHER.findall(matchers):
                values = {sample.labels.get(label) for sample in self.samples[name]}
                if label in ADDED or not values:
                    continue
                if values == {None}:
                    yield f"{name} has no label {label}"
                elif label in FIXED and how == "=" and value not in values:
                    yield f"{name} has no {label} {value!r}"


@pytest.fixture(scope="module")
def stream() -> str:
    """What a stream shows after a micro-batch."""
    port = free_port()
    gauges = Gauges("127.0.0.1", port)
    try:
        gauges.add(Step(batch=0, records=3, rejected=1, duplicates=1, seconds=2, lag_seconds=3, offsets_behind=None))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return str(answer.read().decode())
    finally:
        gauges.close()


@pytest.fixture
def exposed(with_champion: Store, stream: str) -> Exposed:
    """What the service shows after a request, the stream, and `mendel lake metrics` of a lake with a restored day."""
    day(with_champion.root, "2026-11-23", rows("a"))
    lake = LakeMetrics(with_champion.root)
    lake.look(datetime.now(UTC))
    with running(with_champion.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/restore", json={"text": "teh people"}).status_code == 200
        return Exposed(client.get("/metrics").text, stream, generate_latest(lake.registry).decode())


@pytest.mark.parametrize("expressions", [EXPRESSIONS, queries()], ids=["rules", "dashboards"])
def test_every_series_that_is_asked_for_is_shown(exposed: Exposed, expressions: dict[str, str]) -> None:
    named = {name for expression in expressions.values() for name, _ in SELECTOR.findall(expression)}
    assert len(named) > 8, f"only {named}"
    found = {name: list(exposed.problems(expression)) for name, expression in expressions.items()}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_no_record_is_named_that_is_not_made() -> None:
    by_rules, by_panels = (
        {name for expression in expressions.values() for name in re.findall(r"job:\w+:\w+", expression)}
        for expressions in (EXPRESSIONS, queries())
    )
    assert by_rules == rules("record").keys(), "each is made, and each is used"
    assert by_panels <= by_rules


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("mendel_queue > 1", "nobody shows mendel_queue"),
        ("mendel_requests > 1", "nobody shows mendel_requests"),
        ('mendel_stream_records_total{result="rejected"}', "mendel_stream_records_total has no label result"),
        ('mendel_stream_records_total{outcome="lost"}', "mendel_stream_records_total has no outcome 'lost'"),
    ],
)
def test_a_wrong_name_is_seen(stream: str, expression: str, problem: str) -> None:
    assert list(Exposed(stream).problems(expression)) == [problem]
