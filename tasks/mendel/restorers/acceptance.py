"""Which of the changes that the models would make are made. Fitted on noisy text, on clean text, and on clean foreign text.

Two questions, each with a logistic regression. Is this noisy text of the domain, which the best reading improves? It is
asked of the text, since what surrounds a change tells most of it: the errors beside it, and how well the models know what
is between them. And, if so, is this change right? Its answer is the change's confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import model_validator
from rapidfuzz.distance import Levenshtein

from mendel.core.frozen import Frozen
from mendel.models.ngram import Doubles
from mendel.recipes.calibration import Calibration
from mendel.restorers.best_reading import CHANGE_FEATURES, TEXT_FEATURES, BestReading
from mendel.restorers.calibration import bound_among
from mendel.restorers.document import DocumentContext, DocumentEvidence
from mendel.restorers.logistic import Logistic, probabilities
from mendel.restorers.restorer import Restoration, applied

FOLDS = 10
"""Parts of the examples; each is judged by a model that was fitted to the others."""
MOST_WEIGHT = 6.0
"""Of a clean or foreign text that the models would change, which are rare: together at most as much as the noisy ones."""
PENALTY_OF_TEXT, PENALTY_OF_CHANGE = 10.0, 30.0
"""Of the coefficients: features are many and examples a few hundred. The second one keeps confidences from the extremes."""
CONFIDENCES = (0.0, 0.3, 0.4, 0.5, 0.6)
"""Least confidences that are tried."""
GROUP = 4
"""Texts of a document from which what they say together counts."""


@dataclass(frozen=True)
class Example:
    """A validation text, the truth, and what its best reading offers; None where that is the text itself."""

    text: str
    truth: str
    evidence: BestReading | None

    @property
    def errors(self) -> int:
        """Edit distance of the text to the truth."""
        return self.errors_of(self.text)

    def errors_of(self, text: str) -> int:
        """Edit distance of another text to the truth."""
        return int(Levenshtein.distance(self.truth, text))

    @property
    def gain(self) -> int:
        """Errors that the best reading removes; negative where it makes more."""
        assert self.evidence is not None
        return self.errors - self.errors_of(applied(self.text, self.evidence.changes))

    @property
    def right(self) -> list[bool]:
        """Of each change whether the text would have more errors without it."""
        assert self.evidence is not None
        changes = self.evidence.changes
        errors = self.errors_of(applied(self.text, changes))
        without = (applied(self.text, [*changes[:number], *changes[number + 1 :]]) for number in range(len(changes)))
        return [self.errors_of(text) > errors for text in without]


@dataclass(frozen=True)
class Examples:
    """Texts of each sort."""

    noisy: Sequence[Example]
    clean: Sequence[Example]
    foreign: Sequence[Example]

    @property
    def sorts(self) -> tuple[Sequence[Example], ...]:
        return self.noisy, self.clean, self.foreign


class Judge(Frozen):
    """The answers to both questions."""

    text: Logistic
    """On TEXT_FEATURES."""
    change: Logistic
    """On CHANGE_FEATURES."""

    @model_validator(mode="after")
    def _of_these_features(self) -> Judge:
        """A candidate of a version with other features would be asked nonsense."""
        for model, features in ((self.text, TEXT_FEATURES), (self.change, CHANGE_FEATURES)):
            if len(model.coefficients) != len(features):
                raise ValueError(
                    f"it was fitted to {len(model.coefficients)} features, and this version has {len(features)}"
                )
        return self

    def odds(self, evidence: BestReading | None) -> float:
        """Log-odds (nats) that the text is noisy text of the domain which its changes improve; -inf without any."""
        return -math.inf if evidence is None else float(self.text.odds(evidence.of_text)[0])

    def change_odds(self, evidence: BestReading) -> Doubles:
        """[change]: log-odds (nats) that it is right, where the text is to be restored."""
        return self.change.odds(evidence.of_changes)

    @classmethod
    def fit(cls, examples: Examples) -> tuple[Judge, list[Doubles], Doubles]:
        """A judge; for each sort, [text] the log-odds that judges of the other texts give it; [sort] how much a text counts."""
        rows = [
            (sort, number, example.evidence.of_text, sort == 0 and example.gain > 0)
            for sort, texts in enumerate(examples.sorts)
            for number, example in enumerate(texts)
            if example.evidence is not None
        ]
        odds = [np.full(len(texts), -math.inf) for texts in examples.sorts]
        sorts = np.array([row[0] for row in rows], int)
        features = np.array([row[2] for row in rows]).reshape(-1, len(TEXT_FEATURES))
        answers = np.array([row[3] for row in rows], bool)
        counts = np.maximum(np.bincount(sorts, minlength=3), 1)
        weights = np.minimum(MOST_WEIGHT, counts[0] / counts)
        folds = np.arange(len(rows)) % FOLDS
        for fold in range(min(FOLDS, len(rows))):
            held_out = folds == fold
            model = _fitted(features[~held_out], answers[~held_out], weights[sorts[~held_out]], PENALTY_OF_TEXT)
            for (sort, number, *_), value in zip(
                [row for row, out in zip(rows, held_out, strict=True) if out],
                model.odds(features[held_out]),
                strict=True,
            ):
                odds[sort][number] = value
        judge = cls(text=_fitted(features, answers, weights[sorts], PENALTY_OF_TEXT), change=_of_changes(examples))
        return judge, odds, weights


class Acceptance(Frozen):
    """A judge, and what it has to say for a change to be made."""

    judge: Judge
    least_odds: float
    """Log-odds (nats) of a text, from which it is changed."""
    least_confidence: float
    """Of a change, from which it is made; who asks may want more (`Restoration.surer`)."""
    document_evidence: DocumentEvidence | None = None
    """Without it the candidate is from before documents were looked at: each text is judged by itself."""
    least_odds_in_document: float | None = None
    """Of a text with what the other texts of its document say, from which it is changed too."""

    def in_documents(self, odds: Doubles, documents: Sequence[DocumentContext | None]) -> Doubles:
        """[text]: log-odds with what the other texts of the same document say; -inf where these are too few."""
        if self.document_evidence is None:
            return np.full(len(odds), -math.inf)
        return self.document_evidence.shifted(odds, documents, GROUP)

    def add(self, odds: Doubles, documents: Sequence[DocumentContext | None]) -> None:
        """Take down what texts say, for those of the same documents that come later."""
        if self.document_evidence is not None:
            self.document_evidence.add(odds, documents)

    def decide(
        self,
        text: str,
        evidence: BestReading | None,
        odds: float,
        odds_in_document: float = -math.inf,
        document: DocumentContext | None = None,
    ) -> Restoration:
        """`odds`: of the text by itself, by this judge or by that of the first pass; then with what its document says."""
        if evidence is None:
            return Restoration(text=text, confidence=1.0, edits=(), fallback=False)
        noisy = float(probabilities(np.array([max(odds, odds_in_document)]))[0])
        vouched_for = self.least_odds_in_document is not None and odds_in_document >= self.least_odds_in_document
        if odds < self.least_odds and not vouched_for:
            return Restoration(text=text, confidence=1 - noisy, edits=(), fallback=True)
        change_odds = self.judge.change_odds(evidence)
        if document is not None:
            change_odds += document.word_odds(text, evidence.changes)
        sure = [
            change.model_copy(update={"confidence": float(confidence)})
            for change, confidence in zip(evidence.changes, probabilities(change_odds), strict=True)
            if confidence >= self.least_confidence
        ]
        return Restoration(text=applied(text, sure), confidence=noisy, edits=tuple(sure), fallback=not sure)

    @classmethod
    def fit(
        cls, judge: Judge, examples: Examples, odds: Sequence[Doubles], weights: Doubles, bounds: Calibration
    ) -> Acceptance:
        """The lowest bounds that harm no more texts than allowed; `odds` by judges that did not see the text."""
        evidence = DocumentEvidence.fit(odds, (True, False, False), weights.tolist())
        in_documents = [evidence.shifted(values, _in_groups(len(values)), GROUP) for values in odds]
        return cls(
            judge=judge,
            least_odds=_least_odds(examples, odds, bounds),
            least_confidence=min(CONFIDENCES, key=lambda least: (_errors(judge, examples.noisy, least), least)),
            document_evidence=evidence,
            least_odds_in_document=_least_odds(examples, in_documents, bounds),
        )


def _in_groups(count: int) -> list[DocumentContext]:
    """For each of so many texts its document, where each GROUP of them are one."""
    documents = [DocumentContext(()) for _ in range(0, count, GROUP)]
    return [documents[number // GROUP] for number in range(count)]


def _least_odds(examples: Examples, odds: Sequence[Doubles], bounds: Calibration) -> float:
    """The lowest log-odds from which texts may be changed; `odds` of each sort."""
    worse = [
        value if example.evidence is not None and example.gain < 0 else -math.inf
        for example, value in zip(examples.noisy, odds[0], strict=True)
    ]
    return max(
        math.log(bounds.least_probability / (1 - bounds.least_probability)),
        bound_among(bounds.max_worse, worse),
        bound_among(bounds.max_clean_altered, odds[1]),
        bound_among(bounds.max_foreign_altered, odds[2]),
    )


def _fitted(features: Doubles, answers: np.ndarray, weights: Doubles, penalty: float) -> Logistic:
    if len(features):
        return Logistic.fit(features, answers, weights, penalty)
    width = features.shape[1]
    return Logistic(mean=(0.0,) * width, scale=(1.0,) * width, coefficients=(0.0,) * width, intercept=0.0)


def _of_changes(examples: Examples) -> Logistic:
    """Of noisy text alone: in other text there is nothing to be right about."""
    changed = [example for example in examples.noisy if example.evidence is not None]
    features = [example.evidence.of_changes for example in changed if example.evidence is not None]
    answers = np.array([right for example in changed for right in example.right], bool)
    stacked = np.concatenate(features) if features else np.empty((0, len(CHANGE_FEATURES)))
    return _fitted(stacked, answers, np.ones(len(stacked)), PENALTY_OF_CHANGE)


def _errors(judge: Judge, examples: Sequence[Example], least: float) -> int:
    """Errors that are left where every text is changed, without its changes of less confidence."""
    errors_left = 0
    for example in examples:
        changes = (
            []
            if example.evidence is None
            else [
                change
                for change, confidence in zip(
                    example.evidence.changes, probabilities(judge.change_odds(example.evidence)), strict=True
                )
                if confidence >= least
            ]
        )
        errors_left += example.errors_of(applied(example.text, changes))
    return errors_left
