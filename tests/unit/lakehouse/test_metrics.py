"""What Prometheus is told of a lake that real stages have written."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from prometheus_client import CollectorRegistry

from mendel import stages
from mendel.core import lake, manifest
from mendel.core.stage import Stage
from mendel.lakehouse.metrics import DATASETS, LakeMetrics
from mendel.stages import testset
from mendel.streaming import runs

from ..promotion.conftest import WEEK_1, WEEK_2, Store, candidates_template, decide_on
from ..serving.conftest import free_port, until
from .writer import Days, day, rows

__all__ = ["candidates_template"]

MONDAY, TUESDAY, WEDNESDAY = "2026-11-23", "2026-11-24", "2026-11-25"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def looked(root: str, now: datetime = NOON) -> CollectorRegistry:
    metrics = LakeMetrics(root)
    metrics.look(now)
    return metrics.registry


def put(root: str, day: str, name: str = "a.txt") -> None:
    """Leave a file in a day's inbox."""
    lake.write(lake.join(root, f"inbox/dt={day}", name), b"teh")


def waiting(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    names = ("mendel_lake_unrestored_days", "mendel_lake_unrestored_since_timestamp_seconds")
    days, since = (registry.get_sample_value(name) for name in names)
    return days, since


def test_an_empty_lake_has_been_looked_at_and_has_nothing(disk: str) -> None:
    registry = looked(disk)

    assert registry.get_sample_value("mendel_lake_look_timestamp_seconds") == NOON.timestamp()
    assert registry.get_sample_value("mendel_lake_champion_version") == 0
    assert registry.get_sample_value("mendel_lake_newest_rows", {"dataset": "restored"}) is None
    assert waiting(registry) == (0, 0)


def test_the_newest_version_of_a_dataset_is_shown(disk: str) -> None:
    # Given an older day that was made again later
    version = day(disk, TUESDAY, rows("a", "b"))
    day(disk, MONDAY, rows("c"))

    registry = looked(disk)

    shown = {
        name: registry.get_sample_value(f"mendel_lake_newest_{name}", {"dataset": "restored"})
        for name in ("day_timestamp_seconds", "finished_timestamp_seconds", "seconds", "rows", "bytes")
    }
    assert shown == {
        "day_timestamp_seconds": datetime(2026, 11, 24, tzinfo=UTC).timestamp(),
        "finished_timestamp_seconds": version.finished.timestamp(),
        "seconds": version.seconds,
        "rows": 2,
        "bytes": sum(Path(lake.local_path(lake.join(disk, file.path)) or "").stat().st_size for file in version.files),
    }


def test_days_with_files_that_nobody_restored_are_late(disk: str) -> None:
    # Given two finished days and today with files; and days that are restored, empty, hold a marker alone, or are long past
    for waits in (MONDAY, TUESDAY, WEDNESDAY):
        put(disk, waits)
    put(disk, "2026-11-22")
    day(disk, "2026-11-22", rows("a"))
    put(disk, "2026-11-21", "_SUCCESS")
    put(disk, "2026-10-01")

    # Then the two are late, since the end of the first
    tuesday = datetime(2026, 11, 24, tzinfo=UTC)
    assert waiting(looked(disk)) == (2, tuesday.timestamp())

    # And none once both are restored
    for late in (MONDAY, TUESDAY):
        day(disk, late, rows("a"))
    assert waiting(looked(disk)) == (0, 0)


def test_a_day_that_was_begun_or_withdrawn_is_late(disk: str) -> None:
    put(disk, MONDAY)
    day(disk, MONDAY, rows("a"))
    manifest.withdraw(disk, Days.dataset, MONDAY)

    assert waiting(looked(disk))[0] == 1


def test_a_day_ends_at_midnight(disk: str) -> None:
    put(disk, TUESDAY)
    midnight = datetime(2026, 11, 25, tzinfo=UTC)

    assert waiting(looked(disk, midnight - timedelta(seconds=1)))[0] == 0
    assert waiting(looked(disk, midnight)) == (1, midnight.timestamp())


def test_the_champion_is_the_ledgers(candidates_template: Store, tmp_path: Path) -> None:
    # Given a champion, and a second one that comes between two looks
    store = candidates_template.copied(tmp_path)
    first = decide_on(store.context(WEEK_1), "promoted")
    metrics = LakeMetrics(store.root)
    metrics.look(NOON)
    shown = [metrics.registry.get_sample_value("mendel_lake_champion_version")]
    second = decide_on(store.context(WEEK_2), "promoted")
    metrics.look(NOON)

    shown.append(metrics.registry.get_sample_value("mendel_lake_champion_version"))
    assert shown == [first.version, second.version]
    since = metrics.registry.get_sample_value("mendel_lake_champion_timestamp_seconds")
    assert since == second.decided.timestamp()


def test_all_datasets_that_have_a_version_a_day_are_looked_at() -> None:
    modules = [import_module(f"mendel.stages.{module.name}") for module in iter_modules(stages.__path__)]
    made = {
        found.dataset
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Stage) and hasattr(found, "dataset")
    }
    assert made - {testset.Testset.dataset} | {runs.DATASET} == {*DATASETS}


def test_served_it_outlives_a_lake_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a lake whose ledger is broken, as a process of its own finds it
    monkeypatch.delenv("MENDEL_LAKE", raising=False)
    folder, config, port = tmp_path / "lake", tmp_path / "pipeline.yaml", free_port()
    config.write_text(f"name: t\nlake: {folder.as_uri()}\n")
    broken = folder / "ledger" / "000001.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{}")
    command = [sys.executable, "-m", "mendel.cli", "lake", "metrics", "-c", str(config), "--port", str(port)]
    with subprocess.Popen([*command, "--every", "1"], stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: "mendel_lake_look_timestamp_seconds 0.0" in scraped(port))
            # When it can be read again
            broken.unlink()
            # Then it is read
            until(lambda: "mendel_lake_look_timestamp_seconds 1." in scraped(port))
            assert "process_start_time_seconds" in scraped(port)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert said.count("look failed") >= 1, said
    assert "000001.json" in said


def scraped(port: int) -> str:
    """What the process shows; nothing before it does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
