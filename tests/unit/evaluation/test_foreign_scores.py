"""Foreign text: how much of each kind is altered, and what harm that is."""

from __future__ import annotations

import pytest

from mendel.corpus.foreign import ForeignText
from mendel.evaluation import foreign_scores
from mendel.evaluation.binomial import Count

TEXTS = [
    ForeignText("logs", "ERROR 503 at /var/log/teh.log"),
    ForeignText("names", "Ms Okonkwo-Szczur"),
    ForeignText("logs", "INFO ok"),
    ForeignText("names", "Mr Oy"),
]
RESTORED = ["ERROR 504 at /var/log/the.log", "Ms Okonkwo-Szczur", "INFO ok", "Mr Joy"]


def test_each_kind_has_its_share_and_its_harm() -> None:
    found = foreign_scores.by_kind(TEXTS, RESTORED)

    assert list(found) == ["logs", "names"], "in the order in which the kinds come"
    logs, names = found["logs"], found["names"]
    assert (logs.texts, logs.altered, logs.harmed) == (2, 1, 1), "one text that lost two things is one text"
    assert (logs.harmed_by["digits"], logs.harmed_by["paths"], logs.harmed_by["emails"]) == (1, 1, 0)
    assert (names.texts, names.altered, names.harmed) == (2, 1, 0), "a name is no protected form"


def test_the_interval_is_exact() -> None:
    # Of one altered text among two nearly every share is possible: 1.3% to 98.7% (Clopper and Pearson, 1934)
    share = foreign_scores.by_kind(TEXTS, RESTORED)["logs"].share
    assert (share.value, share.low, share.high) == pytest.approx((0.5, 0.0126, 0.9874), abs=1e-4)


def test_all_kinds_together_are_counted_by_text() -> None:
    assert foreign_scores.altered(foreign_scores.by_kind(TEXTS, RESTORED)) == Count(count=2, trials=4)
