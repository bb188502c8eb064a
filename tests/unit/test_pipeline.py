"""A pipeline's file is checked whole, and a mistake in it is named as a user wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.pipeline import load_section, load_stage
from mendel.stages.ingest import Ingest
from mendel.stages.promote import Promote

PIPELINES = sorted((Path(__file__).parents[2] / "include" / "pipelines").glob("*.yaml"))


@pytest.fixture
def demo(tmp_path: Path) -> str:
    path = tmp_path / "demo.yaml"
    path.write_text("name: demo\nlake: lake\ningest:\n  source: {kind: sotu, held_out_from: 2010}\n")
    return str(path)


def test_pipelines_are_there_to_check() -> None:
    assert {"demo.yaml", "smoke.yaml"} <= {path.name for path in PIPELINES}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_the_pipelines_that_come_with_mendel_are_valid(path: Path) -> None:
    root, stage = load_stage(str(path), "ingest")

    assert root.startswith("file://"), f"{path.name}: {root} is not a local lake"
    assert stage.name == "ingest"


def test_settings_are_relative_to_the_section(demo: str) -> None:
    _, stage = load_stage(demo, "ingest", ["source.held_out_from=2015", "near_duplicate=0.9"])

    assert isinstance(stage, Ingest)
    assert stage.near_duplicate == 0.9
    assert stage.source.model_dump()["held_out_from"] == 2015


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("source.held_out_form=2015", "held_out_form: there is no such key here"),
        ("sorce.kind=sotu", "ingest.sorce: there is no such key here"),
        (
            "source.kind=soto",
            "ingest.source: 'kind' must be one of 'sotu', 'files', 'huggingface'",
        ),
        ("source=sotu", "source: expected a mapping of keys to values, or @FILE"),
        ("cleaning=plain", "cleaning: expected a mapping of keys to values, or @FILE"),
        ("near_duplicate=2", "near_duplicate: Input should be less than or equal to 1"),
        ("source.validation_from=2010", "validation_from 2010 must be before held_out_from 2010"),
        ("cleaning.min_chars=500", "min_chars 500 is above max_chars 300"),
    ],
)
def test_a_mistake_is_named_by_key(demo: str, setting: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_stage(demo, "ingest", [setting])

    assert said in str(caught.value)
    assert demo in str(caught.value), "the message must name the file"


def test_an_unknown_section_is_named(demo: str) -> None:
    with pytest.raises(InputError, match="has no section nothing"):
        load_stage(demo, "nothing")


def test_the_registered_model_is_called_by_the_pipeline_unless_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text("name: novels\nlake: lake\n")
    named = [load_stage(str(path), "promote", settings)[1] for settings in ([], ["registered_model=restorer"])]
    assert [stage.model_name for stage in named if isinstance(stage, Promote)] == ["mendel-novels", "restorer"]
    assert named[0].identity() == named[1].identity(), "where a decision is shown is no part of it"
    with pytest.raises(InputError, match=r"promote\.registered_model"):
        load_stage(str(path), "promote", ["registered_model=a/b"])


def test_a_lake_that_cannot_be_is_named_before_any_work(
    demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MENDEL_LAKE", str(tmp_path / "file" / "lake"))

    with pytest.raises(InputError, match=r"the lake .*file/lake cannot be: .*file is a file"):
        load_stage(demo, "ingest")
    assert load_section(demo, "serve", reach=False), "a service starts without its lake, and waits for it"
