import pytest

from mendel.evaluation.baselines import SymSpell, identity


@pytest.fixture(scope="module")
def symspell() -> SymSpell:
    return SymSpell(["The Mendelian government shall endure.", "Mendelian law, Mendelian order."] * 20)


@pytest.mark.parametrize(
    ("noisy", "corrected", "why"),
    [
        ("the goverment acts", "the government acts", "a character is missing"),
        ("the gov#ernment acts", "the government acts", "a noise character inside a word belongs to it"),
        ("The Govermnent, here", "The Government, here", "case and punctuation stay"),
        ("a mendelain law", "a mendelian law", "the training text adds to the dictionary"),
        ("in teh end", "in teh end", "short words are left alone"),
        ("in 18655 it was", "in 18655 it was", "numbers are no words"),
        ("xqzvbnwk is odd", "xqzvbnwk is odd", "nothing is near enough"),
        ("", "", "nothing stays nothing"),
    ],
)
def test_symspell(symspell: SymSpell, noisy: str, corrected: str, why: str) -> None:
    assert symspell([noisy]) == [corrected], why


def test_identity_changes_nothing() -> None:
    assert identity(["a #b", ""]) == ["a #b", ""]
