"""The stage `corrupt`: a validated corpus becomes pairs of clean and noisy texts."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mendel.core import digest, lake
from mendel.core.frozen import Frozen
from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.noise import pairs
from mendel.noise.edits import decode
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates
from mendel.retraining import request
from mendel.spark.settings import Tuning

if TYPE_CHECKING:
    import pyarrow as pa

LEARNED_NOISE = "learned_noise"
"""Name of the input whose noise profile the pairs have."""


class Copies(Frozen):
    """Noisy copies of each record, by split; 0 leaves a split out."""

    train: int = Field(1, ge=1)
    validation: int = Field(1, ge=0)
    test: int = Field(1, ge=0)


class Corrupt(Stage):
    """Fits the noise profile to the train split, then corrupts every split with it.

    The test pairs come from the corpus's test records, which are pinned, so they change only with the noise.

    Of noise that was learned from feedback the kinds are taken: operations in relation to each other, lengths, confusions.
    How much noise there is stays the configured profile's, for feedback is of those texts alone in which a change was
    proposed.
    """

    name: ClassVar = "corrupt"
    stage_version: ClassVar = 1
    dataset: ClassVar = "pairs"

    noise: NoiseProfile = NoiseProfile(name="default", rates=Rates(**dict.fromkeys(OPERATIONS, 0.00348)))
    learned_noise: bool = Field(
        False,
        description="take the kinds of noise from the newest `retraining`, up to the partition, that learned some from "
        "readers' feedback; the error rate stays that of `noise`",
    )
    seed: int = Field(0, ge=0, lt=2**63)
    copies: Copies = Copies()
    spark: Tuning = Field(
        default_factory=dict, description="how Spark is tuned, as in spark.driver.memory: 4g; no effect on the pairs"
    )

    def identity(self) -> Any:
        return self.model_dump(mode="json", exclude={"spark", "learned_noise"})  # what was learned is an input

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        """The corpus; the partition's `retraining`, where that is why these pairs are made; the one whose noise they have."""
        reason = request.asking(context.root, context.partition)
        source = request.newest_noise(context.root, context.partition) if self.learned_noise else None
        return [
            context.require("corpus", validated=True),
            *([context.as_input(reason)] if reason else []),
            *([context.as_input(source).model_copy(update={"name": LEARNED_NOISE})] if source else []),
        ]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        from mendel.noise.calibrate import at_level, resolve  # loads numba, pyarrow, numpy and others
        from mendel.spark import corruption as spark  # loads numba, pyarrow, pyspark and others

        context, corpus = draft.context, inputs["corpus"]
        base = lake.join(context.root, context.manifest_of(corpus).folder)
        sentences = [uri for uri in context.uris(corpus, ".parquet") if "/split=" in uri]
        with spark.session(self.spark) as session:
            frame = spark.read_corpus(session, sentences, base)
            sample, noise = spark.sample(frame, "train"), self.noise
            if LEARNED_NOISE in inputs:
                noise = at_level(_learned_profile(context, inputs[LEARNED_NOISE]), self.noise, sample, self.seed)
            resolved = resolve(noise, sample, self.seed)
            log.info("noise", profile=noise.name, rate=resolved.rates.total, characters=len(resolved.alphabet))
            started = time.monotonic()
            spark.write_pairs(frame, resolved, self.seed, self.copies.model_dump(), draft.uri)
            seconds = time.monotonic() - started
        lake.write(lake.join(draft.uri, pairs.NOISE), resolved.model_dump_json(indent=2).encode())
        written = pairs.scan([uri for uri in lake.list_files(draft.uri) if uri.endswith(".parquet")])
        measured = Measured()
        rows_digest = digest.of_batches(measured.noting(written.to_batches()), written.projected_schema)
        megabytes = measured.bytes / 1e6
        metrics = measured.metrics() | {"megabytes": megabytes, "megabytes_per_second": megabytes / seconds}
        log.info("corrupted", rows=metrics["rows"], cer=metrics["cer"], seconds=seconds)
        return Outcome(
            rows=metrics["rows"],
            digest=rows_digest,
            metrics=metrics,
            parameters={"noise": noise.model_dump(mode="json")},
        )


def _learned_profile(context: Context, entry: InputEntry) -> NoiseProfile:
    (uri,) = context.uris(entry, f"/{request.NOISE}")
    return NoiseProfile.model_validate_json(lake.read_bytes(uri))


class Measured:
    """What the noise came to: rows, micro CER and share left clean, of all pairs and by split; events by operation."""

    def __init__(self) -> None:
        self.bytes = 0
        """Of the clean texts, as Arrow holds them."""
        self._splits: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._events: Counter[str] = Counter()

    def noting(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, which are measured as they pass."""
        import pyarrow.compute as pc

        for batch in batches:
            self.bytes += batch["clean"].nbytes
            self._events.update(edit.op for encoded in batch["edits"].to_pylist() for edit in decode(encoded))
            for split in batch["split"].unique().to_pylist():
                self._splits[split].update(_counts(batch.filter(pc.equal(batch["split"], split))))
            yield batch

    def metrics(self) -> dict[str, Any]:
        whole: Counter[str] = Counter()
        for counts in self._splits.values():
            whole.update(counts)
        return {
            **_noise(whole),
            "splits": {split: _noise(counts) for split, counts in sorted(self._splits.items())},
            "events": {operation: self._events[operation] for operation in OPERATIONS},
        }


def _counts(pairs: pa.RecordBatch) -> dict[str, int]:
    import pyarrow.compute as pc

    from mendel.noise.calibrate import distance  # loads numba, pyarrow, numpy and others

    return {
        "rows": pairs.num_rows,
        "characters": pc.sum(pc.utf8_length(pairs["clean"])).as_py(),
        "distance": distance(pairs["clean"].to_pylist(), pairs["noisy"].to_pylist()),
        "unchanged": pc.sum(pc.equal(pairs["clean"], pairs["noisy"])).as_py(),
    }


def _noise(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "rows": counts["rows"],
        "cer": counts["distance"] / counts["characters"],
        "clean_share": counts["unchanged"] / counts["rows"],
    }
