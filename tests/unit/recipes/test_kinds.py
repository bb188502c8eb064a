"""The kinds of recipes: each names a maker and a reader that exist, and a package beside Mendel adds its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mendel.recipes.kinds import BUILT_IN, KINDS, named
from mendel.restorers.candidate import CandidateMaker
from mendel.restorers.restorer import Restorer

RECIPES = Path(__file__).resolve().parents[3] / "include" / "recipes"

SHOUT = '''
from typing import ClassVar, Literal

from mendel.core.stage import Draft
from mendel.recipes.calibration import Calibration
from mendel.recipes.recipe import Recipe


class Shout(Recipe):
    maker: ClassVar = "shout:Maker"
    restorer: ClassVar = "shout:Shouter"

    kind: Literal["shout"]
    calibration: Calibration = Calibration()
    loudness: int = 1


def __getattr__(name):
    """What is heavy in a recipe is loaded when it is asked for."""
    from mendel.restorers.restorer import Restoration, Restorer

    class Shouter(Restorer):
        kind = "shout"

        def restore(self, texts, documents=None):
            return [Restoration(text=text.upper(), confidence=1, edits=(), fallback=False) for text in texts]

        @classmethod
        def read(cls, folder):
            return cls()

    if name == "Shouter":
        return Shouter
    raise AttributeError(name)
'''

USE = """
import json, sys
from pathlib import Path

from mendel.restorers.restorer import Restorer
from mendel.stages.finetune import Finetune

stage = Finetune.model_validate({"recipe": {"kind": "shout", "loudness": 3}})
folder = Path(sys.argv[1])
(folder / "restorer.json").write_text(json.dumps({"kind": "shout"}))
print(json.dumps([stage.model_dump(mode="json")["recipe"]["loudness"], Restorer.load(str(folder)).restore(["low"])[0].text]))
"""


def test_the_shipped_recipes_are_of_the_kinds_that_there_are() -> None:
    shipped = {path.stem: yaml.safe_load(path.read_text())["kind"] for path in RECIPES.glob("*.yaml")}
    assert shipped, f"no recipe in {RECIPES}"
    assert set(shipped.values()) == set(BUILT_IN), "a file for each kind"


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_a_kind_names_who_makes_and_who_reads_it(kind: str) -> None:
    assert issubclass(named(KINDS[kind].maker), CandidateMaker), KINDS[kind].maker
    assert issubclass(named(KINDS[kind].restorer), Restorer), KINDS[kind].restorer


def installed(folder: Path, module: str) -> dict[str, str]:
    """The environment of a process for which a package with this module, and an entry point to it, is installed."""
    (folder / "shout.py").write_text(module)
    metadata = folder / "shout-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shout\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[mendel.recipes]\nshout = shout:Shout\n")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path}


def test_a_recipe_of_another_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    # Given an installed package with a recipe of its own
    environment = installed(tmp_path, SHOUT)

    # When a pipeline names its kind, and a folder holds what it made
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
    )

    # Then both are known
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3, "LOW"]


def test_a_package_whose_recipe_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    environment = installed(tmp_path, "import no_such_module")
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {tmp_path}/lake\n")
    command = [sys.executable, "-m", "mendel.cli", "finetune", "-c", str(config), "-p", "2026-01-01"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 2, done.stderr
    assert "the recipe 'shout' of an installed package (shout:Shout) cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr
