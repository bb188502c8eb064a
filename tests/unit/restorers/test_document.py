"""What texts of a document say of each other: its noise, and its words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.restorers.document import MOST_RATIO, WORD_ODDS, DocumentContext, DocumentEvidence
from mendel.restorers.restorer import Span

EVIDENCE = DocumentEvidence(prior_odds=-1.0, silence=-1.2)
ODDS = st.one_of(st.just(-math.inf), st.floats(-30, 30))


def shifts(*odds: float, document: DocumentContext | None = None) -> list[float]:
    """By how much the log-odds of one document's texts change; of -inf nothing can be said."""
    values = np.array(odds)
    shifted = EVIDENCE.shifted(values, [document or DocumentContext(())] * len(odds), fewest=1)
    return [new - old if math.isfinite(old) else math.nan for new, old in zip(shifted, values, strict=True)]


@given(ODDS)
def test_a_text_by_itself_says_nothing_of_its_document(odds: float) -> None:
    shifted = EVIDENCE.shifted(np.array([odds, odds]), [DocumentContext(()), None], fewest=1)
    assert shifted == pytest.approx([odds, -math.inf], abs=1e-9), "one is alone in its document, the other is of none"


@pytest.mark.parametrize("earlier", [0, 1, 3])
def test_a_document_of_few_texts_says_nothing(earlier: int) -> None:
    # Given a document of which some texts have been taken down
    document = DocumentContext(())
    EVIDENCE.add(np.zeros(earlier), [document] * earlier)
    # When two more come, then all count
    shifted = EVIDENCE.shifted(np.zeros(2), [document] * 2, fewest=4)
    assert np.isfinite(shifted).tolist() == [earlier + 2 >= 4] * 2


@given(st.floats(-30, 30), st.floats(-30, 30), st.lists(ODDS, max_size=8))
def test_no_text_is_evidence_about_itself(odds: float, other: float, rest: list[float]) -> None:
    assert shifts(odds, *rest)[0] == pytest.approx(shifts(other, *rest)[0])


@given(st.lists(ODDS, min_size=1, max_size=8), st.data())
def test_neither_order_nor_batches_count(odds: list[float], data: st.DataObject) -> None:
    # Given texts of a document that have been taken down in two batches, in another order
    order = data.draw(st.permutations(odds))
    cut = data.draw(st.integers(0, len(order)))
    document = DocumentContext(())
    for batch in (order[:cut], order[cut:]):
        EVIDENCE.add(np.array(batch), [document] * len(batch))
    # When one more comes
    assert document.size == len(odds)
    later = shifts(0.0, document=document)[0]
    # Then they say as much as those that come with it
    assert later == pytest.approx(shifts(0.0, *odds)[0])


@given(st.lists(ODDS, max_size=6), st.floats(-10, 10), st.floats(0.01, 5))
def test_noisier_neighbours_make_a_text_no_less_suspicious(rest: list[float], odds: float, more: float) -> None:
    assert shifts(0.0, *rest, odds + more)[0] >= shifts(0.0, *rest, odds)[0] - 1e-9


def test_a_document_is_of_either_sort() -> None:
    # Given texts of which each is noisy by the judge, or for which nothing is proposed
    noisy, silent = shifts(0.0, *[2.0] * 5)[0], shifts(0.0, *[-math.inf] * 5)[0]
    # Then some such neighbours count for more than one text's own evidence
    assert noisy > 1.5
    assert silent < -1.5


def test_documents_do_not_hear_of_each_other() -> None:
    one, other = DocumentContext(()), DocumentContext(())
    odds = np.array([0.0, 3.0, 0.0, 1.0])
    shifted = EVIDENCE.shifted(odds, [one, one, other, other], fewest=1)
    assert shifted[0] == pytest.approx(shifts(0.0, 3.0)[0])
    assert shifted[2] == pytest.approx(shifts(0.0, 1.0)[0])


@given(st.floats(MOST_RATIO, 1e6))
def test_one_text_says_so_much_at_most(odds: float) -> None:
    most = EVIDENCE.prior_odds + MOST_RATIO
    assert shifts(0.0, odds + EVIDENCE.prior_odds)[0] == pytest.approx(shifts(0.0, most)[0])


def test_what_silence_says_is_counted() -> None:
    # Given noisy texts of which one in four is left alone, and clean ones of which three in four are
    odds = [np.array([1.0, 1, 1, -math.inf] * 100), np.array([-1.0, -math.inf, -math.inf, -math.inf] * 50)]
    noisy = [True, False]
    # When clean ones count twice, so that both sorts weigh the same
    fitted = DocumentEvidence.fit(odds, noisy, [1.0, 2.0])
    # Then silence is three times as likely of a clean one
    assert fitted.prior_odds == pytest.approx(0, abs=0.01)
    assert fitted.silence == pytest.approx(-math.log(3), abs=0.02)


@pytest.mark.parametrize(
    ("replaced", "replacement", "odds"),
    [
        ("Okonkwo", "Okonkow", -WORD_ODDS),  # the document has the name elsewhere, so it is no misspelling
        ("Ms", "Mrs", 0),  # neither is seen elsewhere
        ("Szcur", "Szczur", WORD_ODDS),  # the document spells it so elsewhere
        ("here", "there", 0),  # and here it has both
        (" ", "", 0),  # "Okonkwowas" is not known, and the words that it takes away are not both elsewhere
    ],
)
def test_a_word_that_the_document_has_elsewhere_is_a_word(replaced: str, replacement: str, odds: float) -> None:
    text = "Ms Okonkwo was here with Szcur."
    document = DocumentContext([text, "Mr Okonkwo is here, Szczur is there, Szczur goes."])
    start = text.index(replaced)
    assert document.word_odds(text, [Span(start=start, end=start + len(replaced), replacement=replacement)]) == [odds]


def test_a_change_inside_a_word_is_judged_by_the_whole_word() -> None:
    text = "restroe it"
    document = DocumentContext([text, "restore"])
    assert document.word_odds(text, [Span(start=5, end=7, replacement="or")]) == [0], "restr|or|: no such word"
    assert document.word_odds(text, [Span(start=4, end=7, replacement="ore")]) == [WORD_ODDS]
