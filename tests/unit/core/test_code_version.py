"""The commit in every version, wherever the code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from mendel.cli import main as cli
from mendel.core import code_version

REPO = Path(__file__).resolve().parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MENDEL_REVISION", raising=False)
    code_version.code_version.cache_clear()
    yield
    code_version.code_version.cache_clear()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("one")
    git(tmp_path, "add", "a")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=one")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (COMMIT, "+g0123456789ab"),
        (f"{COMMIT}.dirty", "+g0123456789ab.dirty"),
        ("unknown", ""),
    ],
)
def test_an_image_says_the_commit_that_it_was_built_from(
    monkeypatch: pytest.MonkeyPatch, revision: str, expected: str
) -> None:
    monkeypatch.setenv("MENDEL_REVISION", revision)

    assert code_version.code_version() == version("mendel") + expected


def test_a_checkout_says_its_commit_and_whether_files_were_changed(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")

    assert code_version._checked_out(checkout) == head[:12]
    (checkout / "a").write_text("two")
    assert code_version._checked_out(checkout) == f"{head[:12]}.dirty"


def test_a_package_inside_somebody_elses_repository_has_no_commit(checkout: Path) -> None:
    (checkout / "site-packages").mkdir()

    assert code_version._checked_out(checkout / "site-packages") is None


def test_without_git_the_release_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert code_version._checked_out(checkout) is None


def test_the_command_line_says_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MENDEL_REVISION", COMMIT)
    monkeypatch.setattr(sys, "argv", ["mendel", "--version"])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{version('mendel')}+g0123456789ab\n"


TASKS, AIRFLOW = "docker/tasks.Dockerfile", "docker/airflow.Dockerfile"
IMAGES = {"tasks": TASKS, "gpu": TASKS, "serve": TASKS, "airflow": AIRFLOW}


@pytest.mark.parametrize("image", IMAGES)
def test_every_image_that_runs_mendel_is_told_its_commit(image: str) -> None:
    stages = re.split(r"^FROM ", (REPO / IMAGES[image]).read_text(), flags=re.MULTILINE)
    [stage] = [text for text in stages if f"image.title=mendel-{image} " in text]

    assert "ARG REVISION" in stage
    assert "ENV MENDEL_REVISION=${REVISION}" in stage, f"versions made by mendel-{image} name no commit"
