"""Classes of pods."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel_airflow.kubernetes_pods import FOLDER, pod_class
from mendel_airflow.stage_classes import StageClassError

POD = "schedule_timeout_seconds: 1\nstartup_timeout_seconds: 2\npod: {kind: Pod, image: '${IMAGE:-none}'}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENDEL_PODS", str(tmp_path))
    monkeypatch.delenv("IMAGE", raising=False)
    (tmp_path / "wide.yaml").write_text(f"stages: [restore, ingest]\n{POD}")
    (tmp_path / "narrow.yaml").write_text(f"stages: [restore shard]\n{POD.replace('Pod', 'Narrow')}")
    return tmp_path


def test_the_longer_name_wins(folder: Path) -> None:
    assert pod_class(["restore", "shard"]).pod["kind"] == "Narrow"
    assert pod_class(["restore", "plan"]).pod["kind"] == "Pod"
    with pytest.raises(StageClassError):
        pod_class(["restorer"])


def test_the_command_register_is_the_stage_version(folder: Path) -> None:
    (folder / "registry.yaml").write_text(f"stages: [version]\n{POD.replace('${IMAGE:-none}', 'files-${STAGE}')}")
    assert pod_class(["register", "corpus"]).pod["image"] == "files-version", "its Secrets are called so"


def test_variables_have_values_or_defaults(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pod_class(["ingest"]).pod["image"] == "none"
    monkeypatch.setenv("IMAGE", "tasks:1")
    assert pod_class(["ingest"]).pod["image"] == "tasks:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POD, "has no list `stages`"),
        (f"stages: [promote]\n{POD}extra: 1\n", "extra: Extra inputs are not permitted"),
        ("stages: [promote]\npod: {}\n", "schedule_timeout_seconds: Field required"),
        (
            f"stages: [promote]\n{POD.replace('${IMAGE:-none}', '${IMAGE}')}",
            "needs IMAGE: set it in Airflow's environment",
        ),
        ("stages: [a\n", "is not YAML"),
    ],
)
def test_a_bad_file_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(StageClassError, match=rf"bad\.yaml.*{message}"):
        pod_class(["promote"])


def test_a_stage_without_a_class_is_named(folder: Path) -> None:
    with pytest.raises(StageClassError, match=r"has the stage 'promote' in its `stages`: add it to one"):
        pod_class(["promote"])


def test_a_stage_of_two_classes_is_refused(folder: Path) -> None:
    (folder / "other.yaml").write_text(f"stages: [ingest]\n{POD}")
    with pytest.raises(
        StageClassError, match=r"other\.yaml and wide\.yaml both have the stage 'ingest': take it out of one"
    ):
        pod_class(["ingest"])


def test_the_shipped_classes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_PODS", raising=False)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {"cpu", "spark", "gpu", "promote"}
