"""The stages `validate corpus` and `validate pairs`: a dataset passes its suites, or the chain stops here.

The fields are the suites' thresholds. What is measured and expected stands in `corpus_suite` and `pairs_suite`.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from pydantic import AfterValidator, Field

from mendel import digest, manifest
from mendel.errors import GateError
from mendel.frozen import Frozen
from mendel.log import log
from mendel.manifest import InputEntry, Manifest
from mendel.stage import Context, Draft, Outcome, Stage

if TYPE_CHECKING:
    import pyarrow as pa

    from mendel.quality.suite import Suite

Number = TypeVar("Number", int, float)


def _in_order(interval: tuple[Number, Number]) -> tuple[Number, Number]:
    if interval[0] > interval[1]:
        raise ValueError(f"the lower end {interval[0]} is above the upper end {interval[1]}")
    return interval


Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
Counts = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], AfterValidator(_in_order)]
Years = Annotated[tuple[int, int], AfterValidator(_in_order)]
"""Lowest and highest, both allowed."""

SPLITS: dict[str, Shares] = {"train": (0.5, 0.99), "validation": (0.001, 0.3), "test": (0.001, 0.5)}
PRINTABLE = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}"


class Validate(Stage):
    """Checks one dataset. A pass leaves every measured quantity in the manifest; a failure leaves no manifest."""

    stage_version: ClassVar[int] = 1
    subject: ClassVar[str]

    splits: dict[str, Shares] = Field(
        SPLITS, min_length=1, description="the splits there must be, and each one's share of the rows"
    )
    length: Counts = Field((1, 2000), description="characters of a clean text")
    characters: str = Field(
        PRINTABLE,
        description="what clean texts may be written with, as an RE2 character class without brackets: by default all "
        r"letters, marks, numbers, punctuation, symbols and spaces; \x20-\x7E is ASCII, \p{Latin} one script",
    )
    other_characters: Share = Field(0.0, description="share of texts that may hold any other character")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require(self.subject)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        # Great Expectations imports every engine that is installed, Spark too.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        from mendel.quality import dataset
        from mendel.quality.data_docs import DataDocs

        context, entry = draft.context, inputs[self.subject]
        found = context.manifest_of(entry)
        run_name = f"{context.partition}_{found.fingerprint}"
        with DataDocs.open(context.root) as docs:
            verdicts = [docs.validate(dataset.schema_suite(self.subject, context, entry), run_name)]
            if verdicts[0].passed:  # only now is it certain that the measurements find their columns
                suite = self.suite(dataset.read(context, entry), found, context)
                verdicts.append(docs.validate(suite, run_name))
        for verdict in verdicts:
            log.info("validated", suite=verdict.suite, passed=str(verdict.passed).lower(), data_docs=verdict.page)
            (draft.folder / f"{verdict.suite}.json").write_text(verdict.result)
        if failures := [failure for verdict in verdicts for failure in verdict.failures]:
            manifest.withdraw(
                context.root, self.dataset, context.partition
            )  # an earlier pass, by milder bounds, is over
            listed = "".join(f"\n  - {failure}" for failure in failures)
            raise GateError(
                f"{found.path} fails {len(failures)} of {sum(verdict.expectations for verdict in verdicts)} "
                f"expectations:{listed}\nData Docs: {verdicts[-1].page}"
            )
        return Outcome(
            rows=found.rows,
            digest=digest.of_digests([entry.digest]),
            metrics={
                **{name: value for verdict in verdicts for name, value in verdict.measured.items()},
                "expectations": sum(verdict.expectations for verdict in verdicts),
                "data_docs": verdicts[-1].page,
            },
        )

    @abstractmethod
    def suite(self, table: pa.Table, found: Manifest, context: Context) -> Suite:
        """What is expected of the rows of a dataset whose schema is right."""


class ValidateCorpus(Validate):
    """Schema, ids, texts, characters, splits that share nothing, years."""

    name: ClassVar[str] = "validate corpus"
    dataset: ClassVar[str] = "corpus_validation"
    subject: ClassVar[str] = "corpus"

    outside_alphabet: Share = Field(
        0.05, description="share of texts that may hold a character which no training text holds"
    )
    years: dict[str, Years] = Field(
        default_factory=dict, description="first and last year of each split, where a document's year is known"
    )

    def suite(self, table: pa.Table, found: Manifest, context: Context) -> Suite:
        from mendel.quality import corpus_suite

        return corpus_suite.build(self, table, found)


class ValidatePairs(Validate):
    """As for the corpus, and: the noise is the profile's, and the edits tell what was done."""

    name: ClassVar[str] = "validate pairs"
    dataset: ClassVar[str] = "pairs_validation"
    subject: ClassVar[str] = "pairs"

    noisy_length: Counts = Field((0, 4000), description="characters of a noisy text; all of a text may be deleted")
    cer_tolerance: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="relative distance of the measured CER from the profile's target, beyond what chance explains",
    )
    sample: int = Field(
        20_000, ge=1, description="pairs whose edits are replayed and undone, and that are drawn afresh"
    )

    def suite(self, table: pa.Table, found: Manifest, context: Context) -> Suite:
        from mendel.quality import pairs_suite

        return pairs_suite.build(self, table, found, pairs_suite.noise_of(found, context))


class Quality(Frozen):
    """Section `quality` of a pipeline."""

    corpus: ValidateCorpus = ValidateCorpus()
    pairs: ValidatePairs = ValidatePairs()
