"""`from mendel import …`: what it offers is there, its examples are true, and nothing is loaded before it is asked for."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mendel
from mendel import NoiseProfile, corrupt
from mendel.noise import corrupting
from mendel.noise.edits import replay, undo

PROFILE = NoiseProfile.model_validate(
    {"name": "test", "rates": {"deletion": 0.1, "insertion": 0.1, "duplication": 0.1}}
)


@pytest.mark.parametrize("name", mendel.__all__)
def test_what_is_offered_is_there(name: str) -> None:
    assert getattr(mendel, name).__doc__, f"{name} says nothing of itself"


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'mendel' has no attribute 'restore'"):
        _ = mendel.restore


def test_the_examples_are_true() -> None:
    done = doctest.testmod(corrupting)
    assert (done.attempted > 0, done.failed) == (True, 0)


def test_importing_mendel_loads_nothing_else() -> None:
    code = (
        "import sys, mendel; print(sorted(m for m in sys.modules if m.split('.')[0] in ('mendel', 'numba', 'numpy')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['mendel']"


@given(texts=st.lists(st.text("abcdé 🧬", max_size=30), max_size=5).filter(lambda texts: len(set("".join(texts))) > 1))
def test_the_edits_lead_there_and_back(texts: list[str]) -> None:
    made = corrupt(texts, PROFILE, seed=3)

    assert len(made) == len(texts)
    for clean, noisy in zip(texts, made, strict=True):
        assert replay(clean, noisy.edits) == noisy.text
        assert undo(noisy.text, noisy.edits) == clean


def test_no_texts_are_no_results() -> None:
    assert corrupt([], PROFILE) == []
