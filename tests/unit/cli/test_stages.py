"""The stages' commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import manifest
from mendel.core.manifest import Manifest

from ..versioning.conftest import make_corpus, root

__all__ = ["make_corpus", "root"]

DAY = "2026-11-23"


def test_register_goes_by_its_former_name_too_which_says_so(
    tmp_path: Path, root: str, make_corpus: Callable[..., Manifest]
) -> None:
    # given
    corpus = make_corpus(DAY)
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {root}\n")
    options = ["corpus", "-c", str(config), "-p", DAY]

    # when
    registered = CliRunner().invoke(app, ["register", *options])

    # then
    assert registered.exit_code == 0, registered.output
    made = manifest.current(root, "corpus_version", DAY)
    assert made is not None, "corpus is registered"
    assert made.metrics["tag"] == f"corpus/{DAY}/{corpus.fingerprint}"
    assert "mendel version" not in registered.stderr

    # when
    former = CliRunner().invoke(app, ["version", *options])

    # then
    assert former.exit_code == 0, former.output
    assert "mendel version is now mendel register corpus" in former.stderr
    assert manifest.current(root, "corpus_version", DAY) == made, "both are one stage: nothing was left to do"


def test_help_shows_the_new_name_alone() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    commands = group.commands
    assert not commands["register"].hidden
    assert commands["version"].hidden
