"""A restorer from its folder: what it makes of any text, what the LLM may say, and what damage is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.models.ngram import CharNgram
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates, ResolvedProfile
from mendel.restorers import whole_text
from mendel.restorers.artifact import NAME
from mendel.restorers.best_reading import CHANGE_FEATURES, TEXT_FEATURES
from mendel.restorers.calibration import Weights
from mendel.restorers.channel import FIRST_PASS, NGRAM, NOISE, UNTUNED, ChannelRestorer
from mendel.restorers.document import DocumentContext
from mendel.restorers.pieces import LONGEST
from mendel.restorers.restorer import Restorer

from ..models.conftest import (
    sentences,
    tiny_lm,
)

__all__ = ["tiny_lm"]

TRAIN = sentences(200, seed=3)
NOISY = ["Thee people must.", "Our nattion together the.", "Securtyi freedom american."]
WEIGHTS = Weights(ngram=1.0, threshold=0.5)


def write(folder: Path, **changes: object) -> Path:
    """A whole restorer of the first pass, but for `changes` to its description."""
    folder.mkdir(exist_ok=True)
    alphabet = "".join(sorted(set("".join(TRAIN))))
    rates = Rates(**dict.fromkeys(OPERATIONS, 0.005))
    profile = ResolvedProfile(
        profile=NoiseProfile(name="test", rates=rates),
        rates=rates,
        alphabet=alphabet,
        weights=(1 / len(alphabet),) * len(alphabet),
    )
    ngram: CharNgram = CharNgram.fit(TRAIN, order=6)
    ngram.save(folder / NGRAM)
    (folder / NOISE).write_text(profile.model_dump_json())
    told = {
        "kind": "channel-ngram",
        "decoder": {"beam": 20},
        "weights": {FIRST_PASS: WEIGHTS.model_dump()},
        **changes,
    }
    (folder / NAME).write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("restorer"))


@pytest.fixture(scope="module")
def restorer(folder: Path) -> Restorer:
    return Restorer.load(str(folder))


def test_noise_is_undone(restorer: Restorer) -> None:
    assert [found.text for found in restorer.restore(NOISY)] == [
        "The people must.",
        "Our nation together the.",
        "Security freedom american.",
    ]


@settings(max_examples=60)
@given(
    texts=st.lists(
        st.one_of(st.text(max_size=40), st.text("abct \n\t", max_size=40), st.sampled_from([*NOISY, *TRAIN[:5]])),
        max_size=4,
    )
)
def test_whatever_the_texts_each_has_one_answer_and_its_edits_lead_there(restorer: Restorer, texts: list[str]) -> None:
    # when
    found = restorer.restore(texts)
    # then
    assert len(found) == len(texts)
    for text, restoration in zip(texts, found, strict=True):
        made, at = [], 0
        for edit in restoration.edits:
            assert at <= edit.start <= edit.end <= len(text), "edits overlap or leave the text"
            made += [text[at : edit.start], edit.replacement]
            at = edit.end
        assert "".join([*made, text[at:]]) == restoration.text, "the edits make another text"
        assert 0 <= restoration.confidence <= 1
        assert restoration.text == text or not restoration.fallback, "what was kept was changed"
        assert (restoration.text == "") == (text == ""), "an empty text stays empty, and no other becomes so"


def test_a_text_is_read_the_same_in_any_company(restorer: Restorer) -> None:
    together = restorer.restore([*NOISY, *TRAIN[:20]])[: len(NOISY)]
    assert together == [restorer.restore([text])[0] for text in NOISY]


def test_below_the_threshold_a_text_stays_as_it_is(tmp_path: Path) -> None:
    # given a restorer that is never sure enough
    careful = WEIGHTS.model_copy(update={"threshold": 1000.0})
    restorer = Restorer.load(str(write(tmp_path, weights={FIRST_PASS: careful.model_dump()})))
    # when
    found = restorer.restore(NOISY)
    # then
    assert [(one.text, one.fallback, one.edits) for one in found] == [(text, True, ()) for text in NOISY]


def test_a_candidate_of_format_1_restores_as_it_did(restorer: Restorer) -> None:
    """It weighs whole texts, has no judge, and protects nothing."""
    assert isinstance(restorer, ChannelRestorer)
    assert not restorer.acceptance
    candidates = restorer.decoder.decode(NOISY)
    assert restorer.restore(NOISY) == [
        whole_text.decide(text, some, WEIGHTS) for text, some in zip(NOISY, candidates, strict=True)
    ]


def accepting(least_odds: float, **more: object) -> dict[str, object]:
    """A description of format 2 whose judge finds every text and every change as likely as not."""
    judge = {}
    for part, features in (("text", TEXT_FEATURES), ("change", CHANGE_FEATURES)):
        size = len(features)
        judge[part] = {"mean": [0] * size, "scale": [1] * size, "coefficients": [0] * size, "intercept": 0}
    acceptance = {"judge": judge, "least_odds": least_odds, "least_confidence": 0.3, **more}
    return {"format": 2, "acceptance": {FIRST_PASS: acceptance}, "protect": ["number"]}


@pytest.mark.parametrize("least_odds", [0.0, 0.1])
def test_a_candidate_of_format_2_decides_by_its_acceptance(
    tmp_path: Path, restorer: Restorer, least_odds: float
) -> None:
    # Given a candidate whose judge gives even odds
    accepts = Restorer.load(str(write(tmp_path, **accepting(least_odds))))
    # When it restores, then its texts change where these reach the bound
    found = accepts.restore(NOISY)
    texts = [one.text for one in (restorer.restore(NOISY))] if least_odds == 0 else NOISY
    assert [one.text for one in found] == texts
    assert {one.fallback for one in found} == {least_odds > 0}
    assert {edit.confidence for one in found for edit in one.edits} <= {0.5}
    # And clean text is left alone, without a doubt
    (clean,) = accepts.restore(TRAIN[:1])
    assert (clean.text, clean.fallback, clean.confidence) == (TRAIN[0], False, 1.0)


DOCUMENTS = {"document_evidence": {"prior_odds": -1.0, "silence": -1.0}, "least_odds_in_document": 0.1}


def test_what_a_text_alone_does_not_reach_a_noisy_document_does(tmp_path: Path, restorer: Restorer) -> None:
    # Given a bound a little above a judge's even odds, before which noisy text was improbable
    careful = Restorer.load(str(write(tmp_path, **accepting(0.1, **DOCUMENTS, least_confidence=0.2))))
    noisy = [*NOISY, NOISY[0]]
    mended = [one.text for one in restorer.restore(noisy)]
    # When the texts are by themselves, or each is of another document, or too few are, then they stay
    for documents in (
        None,
        [None] * 4,
        [DocumentContext([text]) for text in noisy],
        [DocumentContext(noisy[:3])] * 3 + [None],
    ):
        assert [one.text for one in careful.restore(noisy, documents)] == noisy
    # And as a document, or as one text that is long enough to be cut, they vouch for each other
    assert [one.text for one in careful.restore(noisy, [DocumentContext(noisy)] * 4)] == mended
    long = " ".join(NOISY * (5 * LONGEST // len(" ".join(NOISY))))
    (whole,) = careful.restore([long])
    assert whole.text.startswith(" ".join(mended[:2])), "its pieces were judged by themselves"


def test_a_document_is_remembered_from_one_call_to_the_next(tmp_path: Path) -> None:
    careful = Restorer.load(str(write(tmp_path, **accepting(0.1, **DOCUMENTS))))
    document = DocumentContext(NOISY)
    texts = [careful.restore([text], [document])[0].text for text in [*NOISY, NOISY[1]]]
    assert texts[:3] == NOISY, "nothing was known of their document"
    assert texts[3] == "Our nation together the."


def test_a_name_that_the_document_has_elsewhere_stays(tmp_path: Path) -> None:
    # Given a judge with even odds for each change, and a least confidence a little below them
    certain = Restorer.load(str(write(tmp_path, **accepting(0.0))))
    text = NOISY[1]
    # When the document has the very word elsewhere, or the other one, or neither
    texts = {
        words: certain.restore([text], [DocumentContext([text, words])])[0]
        for words in ("nattion", "nation", "other words")
    }
    # Then the change is less sure, surer, or as sure as by itself
    assert texts["nattion"].text == text, "a word of the document was taken for an error"
    (known,), (unknown,) = texts["nation"].edits, texts["other words"].edits
    assert known.confidence > unknown.confidence == pytest.approx(0.5)


@pytest.mark.parametrize("name", [NAME, NOISE, NGRAM])
@pytest.mark.parametrize("damage", ["gone", "garbled"])
def test_a_folder_that_is_not_whole_is_named(tmp_path: Path, name: str, damage: str) -> None:
    path = write(tmp_path / "restorer") / name
    path.unlink()
    if damage == "garbled":
        path.write_text("{")
    with pytest.raises(InputError, match=str(path.parent)):
        Restorer.load(str(path.parent))


def test_a_kind_from_the_future_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"kind 'oracle'; this version knows causal-lora, channel-llm, "):
        Restorer.load(str(write(tmp_path, kind="oracle")))


@pytest.mark.parametrize("rounds", [0, 2])
def test_with_a_language_model_its_parts_can_be_asked_alone(tmp_path: Path, tiny_lm: Path, rounds: int) -> None:
    # given a restorer with a second pass that has no say
    weights = {FIRST_PASS: WEIGHTS.model_dump(), UNTUNED: WEIGHTS.model_dump()}
    llm = {"base": {"id": str(tiny_lm)}, "conditional": False, "second_pass": {"rounds": rounds}}
    restorer = Restorer.load(str(write(tmp_path, kind="channel-llm", weights=weights, llm=llm)))
    # then it says what the first pass says
    parts = restorer.ablations()
    assert list(parts) == [FIRST_PASS]
    assert [one.text for one in restorer.restore(NOISY)] == [one.text for one in parts[FIRST_PASS].restore(NOISY)]
    # and when the second pass alone has it, it says something else
    assert isinstance(restorer, ChannelRestorer)
    restorer.weights = {UNTUNED: Weights(ngram=0.0, llm=50.0, threshold=0.0)}
    assert [one.text for one in restorer.restore(NOISY)] != [one.text for one in parts[FIRST_PASS].restore(NOISY)]
