"""`mendel drift`: a restored day against what its model was calibrated on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from mendel.core import digest, lake, manifest
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.drift import evidence, features, reference, report
from mendel.drift.comparison import Least, Test, compare
from mendel.drift.features import RestoredRecord
from mendel.drift.report import DriftReport
from mendel.inference import restored
from mendel.stages.drift_reference import DriftReference, candidate_of

if TYPE_CHECKING:
    import pyarrow as pa

MOST_TESTS = 9


class Drift(Stage):
    """Makes `drift`. Days of another model are no evidence: its reference is another."""

    name: ClassVar = "drift"
    stage_version: ClassVar = 1
    dataset: ClassVar = report.DATASET
    every_partition: ClassVar = True  # a report names its day

    alpha: float = Field(
        0.01, gt=0, lt=1, description="share of days without drift on which some test is over its threshold"
    )
    simulations: int = Field(1_000, ge=1, description="days without drift that thresholds are read from")
    least: Least = Field(Least(), description="smaller differences are over no threshold, however sure they are")
    reference_records: int = Field(500, ge=2, description="validation texts that the model restores, once")
    records: int = Field(500, ge=2, description="of a day that are compared; of more, a sample by their ids")
    min_records: int = Field(20, ge=4, description="a day of fewer is not judged")
    days: int = Field(3, ge=1, description="judged days of the same model that count as evidence, the newest included")
    needed: int = Field(2, ge=1, description="of these, how many must be over a threshold for an alarm")

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.needed > self.days:
            raise ValueError(f"needed is {self.needed}, and only {self.days} days count")
        if self.simulations * self.alpha < MOST_TESTS:
            raise ValueError(f"simulations must be at least {MOST_TESTS} / alpha, one in the tail of each test")
        return self

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        day = context.require(restored.DATASET)
        version = context.manifest_of(day)
        model = int(version.metrics["model_version"])
        candidate = candidate_of(context.root, model)
        compared_with = execute(
            DriftReference(
                model_version=model,
                threshold=version.parameters["settings"]["threshold"],
                records=self.reference_records,
            ),
            dataclasses.replace(context, partition=candidate.partition, force=False),
        )
        earlier = _judged_before(context, model, self.days - 1)
        return [
            day,
            context.as_input(candidate),
            context.as_input(compared_with),
            *(context.as_input(each).model_copy(update={"name": _name(each.partition)}) for each in earlier),
        ]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        import pyarrow as pa
        import pyarrow.parquet as pq

        context = draft.context
        version = context.manifest_of(inputs[restored.DATASET])
        (uri,) = context.uris(inputs[reference.DATASET], reference.FIGURES)
        with lake.open_uri(uri) as file:
            expected = pq.read_table(file)
        figures = self._figures(context, inputs)
        judged = min(figures.num_rows, expected.num_rows) >= self.min_records
        tests = compare(figures, expected, self.alpha, self.simulations, self.least) if judged else []
        over = any(test.over for test in tests)
        before = [context.manifest_of(entry) for name, entry in inputs.items() if name.startswith(_name(""))]
        verdicts = {each.partition: bool(each.metrics["over"]) for each in before} | (
            {context.partition: over} if judged else {}
        )
        made = DriftReport(
            day=context.partition,
            model_version=version.metrics["model_version"],
            records=version.rows,
            records_compared=figures.num_rows if judged else 0,
            records_rejected=version.metrics["records_rejected"],
            reference_records=expected.num_rows,
            verdict=("over" if over else "quiet") if judged else "too few records",
            alarm=judged and evidence.is_alarm(list(verdicts.values()), self.needed),
            days_over=tuple(day for day, was_over in verdicts.items() if was_over),
            days_counted=tuple(verdicts),
            tests=tuple(tests),
        )
        schema = pa.schema(
            {"test": pa.string(), "statistic": pa.float64(), "threshold": pa.float64(), "over": pa.bool_()}
        )
        columns = [list(column) for column in zip(*tests, strict=True)] or [[] for _ in Test._fields]
        pq.write_table(pa.table(columns, schema=schema), draft.folder / report.TESTS)
        (draft.folder / report.JSON).write_text(made.model_dump_json(indent=2))
        (draft.folder / report.MARKDOWN).write_text(report.markdown(made))
        metrics: dict[str, Any] = {
            "model_version": made.model_version,
            "verdict": made.verdict,
            "judged": judged,
            "over": over,
            "alarm": made.alarm,
            "tests_over": ", ".join(test.name for test in tests if test.over),
        }
        (log.warning if made.alarm else log.info)("drift", partition=context.partition, **metrics)
        return Outcome(rows=len(tests), digest=digest.of_files(draft.folder), metrics=metrics)

    def _figures(self, context: Context, inputs: Mapping[str, InputEntry]) -> pa.Table:
        """Of the day's records, or of a sample that is the same whatever the order."""
        import pyarrow.parquet as pq

        rows = []
        for uri in context.uris(inputs[restored.DATASET], ".parquet"):
            if f"/{restored.FILES}/" not in uri:  # a document that was restored may be Parquet too
                with lake.open_uri(uri) as file:
                    rows += pq.read_table(
                        file, columns=["id", "original", "text", "confidence", "fallback"]
                    ).to_pylist()
        rows.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
        records = [
            RestoredRecord(row["original"], row["text"], row["confidence"], row["fallback"])
            for row in rows[: self.records]
        ]
        return features.table(records, reference.ngram_of(context.local_folder(inputs["candidate"])))


def _name(day: str) -> str:
    return f"{report.DATASET} of {day}"


def _judged_before(context: Context, model: int, most: int) -> list[Manifest]:
    """The reports in force of the last days before this one that judged the same model, the newest last."""
    judged: list[Manifest] = []
    for day in sorted(manifest.partitions(context.root, report.DATASET), reverse=True):
        if len(judged) == most:
            break
        version = manifest.current(context.root, report.DATASET, day) if day < context.partition else None
        if version and version.metrics["judged"] and version.metrics["model_version"] == model:
            judged.append(version)
    return judged[::-1]
