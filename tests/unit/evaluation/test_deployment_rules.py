"""The deployment's rules of the gate: no run is judged by laxer ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.evaluation.deployment_rules import PIPELINE, stricter
from mendel.evaluation.gate import Rules
from mendel.pipeline import load_section

LAX = Rules(
    min_reduction=0.0,
    max_worse=1.0,
    max_clean_altered=1.0,
    max_foreign_altered=1.0,
    max_latency_seconds=999,
    max_feedback_loss=1.0,
)
STRICT = Rules(
    min_reduction=0.9,
    max_worse=0.0,
    max_clean_altered=0.0,
    max_foreign_altered=0.0,
    max_latency_seconds=0.1,
    max_feedback_loss=0.0,
)


def pipeline(path: Path, text: str = "") -> str:
    path.write_text(f"name: {path.stem}\nlake: {path.parent}/lake\n{text}")
    return str(path)


def rules_of(config: str, *settings: str) -> Rules:
    """What an evaluation with this configuration is judged by."""
    _, stage = load_section(config, "evaluate", settings)
    rules: Rules = stage.rules
    return rules


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rules:
    """A deployment whose pipeline names two rules, and keeps the others' defaults."""
    text = "evaluate: {rules: {min_reduction: 0.5, max_worse: 0.02}}"
    monkeypatch.setenv(PIPELINE, pipeline(tmp_path / "deployed.yaml", text))
    return Rules(min_reduction=0.5, max_worse=0.02)


@pytest.mark.parametrize("name", Rules.model_fields)
def test_each_rule_has_a_stricter_side(name: str) -> None:
    for one, other in ((LAX, STRICT), (STRICT, LAX)):
        assert getattr(stricter(one, other), name) == getattr(STRICT, name), f"{name}: the laxer bound was taken"


@pytest.mark.parametrize(
    "own",
    ["", "evaluate: {rules: {min_reduction: 0, max_worse: 1, max_clean_altered: 1, max_latency_seconds: 999}}"],
    ids=["none", "laxer"],
)
def test_a_run_is_judged_by_no_laxer_rules_than_the_deployments(tmp_path: Path, deployed: Rules, own: str) -> None:
    # Given a run that brings a configuration of its own
    config = pipeline(tmp_path / "own.yaml", own)
    # When it is read, then every rule is the deployment's
    assert rules_of(config) == deployed


def test_settings_loosen_nothing_either(tmp_path: Path, deployed: Rules) -> None:
    config = pipeline(tmp_path / "own.yaml")
    assert rules_of(config, "rules.max_worse=1", "rules.min_reduction=0") == deployed


@pytest.mark.parametrize(("asked", "judged"), [("30", 500), ("500", 500), ("2000", 2000)])
def test_a_run_is_judged_by_no_fewer_sentences_than_the_deployments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, judged: int
) -> None:
    # Given a deployment that names the size of one sample, and keeps the other's default
    monkeypatch.setenv(PIPELINE, pipeline(tmp_path / "deployed.yaml", "evaluate: {max_sentences: 500}"))
    config = pipeline(tmp_path / "own.yaml", "evaluate: {clean_sentences: 30}")
    # When a run asks for samples of its own
    _, stage = load_section(config, "evaluate", [f"max_sentences={asked}"])
    # Then few sentences do not hide what a restorer harms
    assert (stage.max_sentences, stage.clean_sentences) == (judged, 1000)


def test_a_deployments_sample_that_is_no_number_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIPELINE, pipeline(tmp_path / "deployed.yaml", "evaluate: {max_sentences: many}"))
    with pytest.raises(InputError, match=r"deployed.yaml: evaluate.max_sentences must be a whole number"):
        load_section(pipeline(tmp_path / "own.yaml"), "evaluate")


def test_a_run_may_be_stricter(tmp_path: Path, deployed: Rules) -> None:
    config = pipeline(tmp_path / "own.yaml", "evaluate: {rules: {min_reduction: 0.4, max_worse: 0.01}}")
    found = rules_of(config)
    assert (found.min_reduction, found.max_worse) == (0.5, 0.01), "of each rule the stricter one"


def test_without_a_deployment_the_rules_are_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PIPELINE, raising=False)
    assert rules_of(pipeline(tmp_path / "own.yaml", "evaluate: {rules: {max_worse: 1}}")).max_worse == 1


@pytest.mark.parametrize("text", ["evaluate: {rules: {max_wrose: 1}}", "evaluate: 3", "evaluate: {rules: 3}"])
def test_a_deployment_without_valid_rules_judges_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(PIPELINE, pipeline(tmp_path / "deployed.yaml", text))
    with pytest.raises(InputError, match=r"MENDEL_RULES=\S*deployed\.yaml: evaluate"):
        rules_of(pipeline(tmp_path / "own.yaml"))
