"""Which configurations a run may take, in the form and when its tasks run."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from mendel_airflow.pipelines import choices, config_param, require

OWN = "s3://deployment/pipeline.yaml"


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pipelines in a folder, a default outside of it, and a bucket for others."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").touch()
    monkeypatch.setenv("MENDEL_PIPELINES", str(tmp_path))
    monkeypatch.setenv("MENDEL_CONFIG", OWN)
    monkeypatch.setenv("MENDEL_CONFIG_PREFIXES", "s3://team/pipelines/, file:///srv/pipelines")


ALLOWED = [
    *(OWN, "include/pipelines/a.yaml", "include/pipelines/b.yaml"),
    *("s3://team/pipelines/mine.yaml", "s3://team/pipelines/x/y-1.yaml", "file:///srv/pipelines/mine.yaml"),
]
REFUSED = [
    *("", "a", "include/pipelines/c.yaml", "/etc/passwd", "https://evil/x.yaml", "s3://deployment/other.yaml"),
    *("s3://team/pipelines", "s3://team/pipelines/", "s3://team/pipelines-evil/x.yaml", "s3://team/x.yaml"),
    *("s3://team/pipelines/../x.yaml", "file:///srv/pipelines/x/../../../etc/passwd", "s3://team/pipelines/%2e%2e/x"),
    *("s3://team/pipelines/x::file:///etc/passwd", "zip://x::s3://team/pipelines/x.zip", f"{OWN}\n", f"x{OWN}"),
    *("s3://team/pipelines/x.yaml\n--force", "s3://team/pipelines/x.yaml --force"),
]


@pytest.mark.parametrize("config", ALLOWED)
def test_what_the_deployment_allows(deployment: None, config: str) -> None:
    require(config)
    assert config_param().resolve(config) == config


@pytest.mark.parametrize("config", REFUSED)
def test_what_it_does_not(deployment: None, config: str) -> None:
    with pytest.raises(
        AirflowFailException, match=r"choose one of s3://deployment/pipeline\.yaml, .*MENDEL_CONFIG_PREFIXES"
    ):
        require(config)


@pytest.mark.parametrize("config", [config for config in REFUSED if "\n" not in config])
def test_the_form_says_so_first(deployment: None, config: str) -> None:
    with pytest.raises(ParamValidationError):
        config_param().resolve(config)


def test_a_default_that_is_one_of_the_folder_is_listed_once(
    deployment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENDEL_CONFIG", str(tmp_path / "b.yaml"))
    assert choices() == [str(tmp_path / "b.yaml"), "include/pipelines/a.yaml"]


def test_prefixes_are_none_by_default(deployment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in ("", " , /"):
        monkeypatch.setenv("MENDEL_CONFIG_PREFIXES", nothing)
        assert config_param().schema["enum"] == choices()
        with pytest.raises(AirflowFailException):
            require("s3://team/pipelines/mine.yaml")
