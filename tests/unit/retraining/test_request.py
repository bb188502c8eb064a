"""Which days have asked for a training, and whose noise is the newest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.core.stage import Context, execute
from mendel.noise.profile import NoiseProfile, Rates
from mendel.retraining import request

from .conftest import MakeRetraining

NOISE = NoiseProfile(name="n", rates=Rates(deletion=0.1))
DAYS = {
    "2026-11-01": MakeRetraining(noise=NOISE),
    "2026-11-08": MakeRetraining(noise=NOISE),
    "2026-11-09": MakeRetraining(wanted=False),
    "2026-11-15": MakeRetraining(),
}


@pytest.fixture
def root(tmp_path: Path) -> str:
    for day, stage in DAYS.items():
        execute(stage, Context(root=tmp_path.as_uri(), partition=day))
    return tmp_path.as_uri()


@pytest.mark.parametrize(
    ("day", "asks"), [("2026-11-08", True), ("2026-11-09", False), ("2026-11-10", False), ("2026-11-15", True)]
)
def test_a_day_asks_where_its_version_wants_a_training(root: str, day: str, asks: bool) -> None:
    version = request.asking(root, day)
    assert (version is not None) is asks, f"{day}: {version}"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-10-31", None),
        ("2026-11-01", "2026-11-01"),
        ("2026-11-07", "2026-11-01"),
        ("2026-11-08", "2026-11-08"),
        ("2026-11-30", "2026-11-08"),  # though a later day has asked, and learned nothing
    ],
)
def test_the_newest_noise_is_of_no_later_day(root: str, day: str, expected: str | None) -> None:
    version = request.newest_noise(root, day)
    assert (version and version.partition) == expected
