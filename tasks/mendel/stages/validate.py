"""The stages `validate corpus` and `validate pairs`: a dataset passes its suites, or the chain stops here.

The fields are the suites' bounds (`quality.bounds`). What is measured stands in `quality.corpus_suite` and `pairs_suite`.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from mendel.core import digest, manifest
from mendel.core.errors import GateError
from mendel.core.frozen import Frozen
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.quality.bounds import CorpusBounds, PairsBounds, TextBounds

if TYPE_CHECKING:
    import pyarrow as pa

    from mendel.quality.suite import Suite


class Validate(TextBounds, Stage):
    """Checks one dataset. A pass leaves every measured quantity in the manifest; a failure leaves no manifest."""

    stage_version: ClassVar[int] = 1
    subject: ClassVar[str]

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require(self.subject)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        # Great Expectations imports every engine that is installed, Spark too.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        from mendel.quality import dataset
        from mendel.quality.data_docs import DataDocs

        context, entry = draft.context, inputs[self.subject]
        subject = context.manifest_of(entry)
        run_name = f"{context.partition}_{subject.fingerprint}"
        with DataDocs.open(context.root) as docs:
            verdicts = [docs.validate(dataset.schema_suite(self.subject, context, entry), run_name)]
            if verdicts[0].passed:  # only now is it certain that the measurements find their columns
                suite = self.suite(dataset.read(context, entry), subject, context)
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
                f"{subject.path} fails {len(failures)} of {sum(verdict.expectations for verdict in verdicts)} "
                f"expectations:{listed}\nData Docs: {verdicts[-1].page}"
            )
        return Outcome(
            rows=subject.rows,
            digest=digest.of_digests([entry.digest]),
            metrics={
                **{name: value for verdict in verdicts for name, value in verdict.measured.items()},
                "expectations": sum(verdict.expectations for verdict in verdicts),
                "data_docs": verdicts[-1].page,
            },
        )

    @abstractmethod
    def suite(self, table: pa.Table, version: Manifest, context: Context) -> Suite:
        """What is expected of the rows of a dataset whose schema is right."""


class ValidateCorpus(CorpusBounds, Validate):
    """Schema, ids, texts, characters, splits that share nothing, years."""

    name: ClassVar[str] = "validate corpus"
    dataset: ClassVar[str] = "corpus_validation"
    subject: ClassVar[str] = "corpus"

    def suite(self, table: pa.Table, version: Manifest, context: Context) -> Suite:
        from mendel.quality import corpus_suite  # loads great_expectations, pandas, pyarrow

        return corpus_suite.build(self, table, version)


class ValidatePairs(PairsBounds, Validate):
    """As for the corpus, and: the noise is the profile's, and the edits tell what was done."""

    name: ClassVar[str] = "validate pairs"
    dataset: ClassVar[str] = "pairs_validation"
    subject: ClassVar[str] = "pairs"

    def suite(self, table: pa.Table, version: Manifest, context: Context) -> Suite:
        from mendel.quality import pairs_suite  # loads great_expectations, numba, pandas and others

        return pairs_suite.build(self, table, version, pairs_suite.noise_of(version, context))


class Quality(Frozen):
    """Section `quality` of a pipeline."""

    corpus: ValidateCorpus = ValidateCorpus()
    pairs: ValidatePairs = ValidatePairs()
