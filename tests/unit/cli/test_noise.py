import json
from pathlib import Path

import pytest

from mendel.cli.noise import learn
from mendel.core import config
from mendel.core.errors import InputError
from mendel.noise.profile import NoiseProfile


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    file = tmp_path / "scans.jsonl"
    rows = [
        {"clean": f"{number} pieces of evidence.", "noisy": f"{number} picces of evidence."} for number in range(99)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_a_profile_is_learned_and_shown(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scans.yaml"
    learn(str(pairs), str(out), "", False)
    profile = NoiseProfile.model_validate(config.load(out.as_uri()))
    assert profile.name == "scans"
    assert profile.rates.substitution > 10 * profile.rates.deletion
    assert "substitution" in capsys.readouterr().out


def test_a_profile_that_is_there_stays_without_force(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "scans.yaml"
    out.write_text("name: mine")
    with pytest.raises(InputError, match="--force"):
        learn(str(pairs), str(out), "", False)
    assert out.read_text() == "name: mine"
    learn(str(pairs), str(out), "other", True)
    assert config.load(out.as_uri())["name"] == "other"


def test_a_profile_is_learned_from_pages_in_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a page of many lines, its scan, and a scan without a typed page
    line = "the evidence of the people"
    for side, text in (("typed", line), ("scanned", line.replace("evi", "cvi"))):
        (tmp_path / side).mkdir()
        (tmp_path / side / "page.txt").write_text("\n".join([text] * 99))
    (tmp_path / "scanned" / "cover.txt").write_text("MDCCC")
    # When its noise is learned
    out = tmp_path / "scans.yaml"
    learn(str(tmp_path / "scanned"), str(out), clean=str(tmp_path / "typed"))
    # Then the profile has the confusion, and the other file is told
    assert "c" in NoiseProfile.model_validate(config.load(out.as_uri())).confusions["e"]
    shown = capsys.readouterr().out
    assert "1 files without counterpart" in shown, shown
    assert "cover.txt" in shown, shown
    assert "left out" in shown, shown
