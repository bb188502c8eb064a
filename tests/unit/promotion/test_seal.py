"""What was edited in an evaluation is not believed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.promotion import ledger, seal

from .conftest import LENIENT, WEEK_1, Store, evaluate, promote

Told = dict[str, Any]


def manifest_path(store: Store) -> Path:
    (path,) = store.lake.glob(f"evaluation/dt={WEEK_1}/*/_manifest.json")
    return path


def edit(store: Store, change: Callable[[Told], None], *, sealed_too: bool = False) -> None:
    """Change the metrics in the manifest; with `sealed_too` in verdict.json as well, and its checksum."""
    path = manifest_path(store)
    told = json.loads(path.read_text())
    change(told["metrics"])
    if sealed_too:
        (entry,) = (each for each in told["files"] if each["path"].endswith(seal.NAME))
        file = store.lake / entry["path"]
        findings = json.loads(file.read_text())
        change(findings)
        file.write_text(json.dumps(findings))
        entry |= {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    path.write_text(json.dumps(told))


def reseal(store: Store) -> None:
    """Give the edited findings a digest that fits, as one would who knows how."""
    path = manifest_path(store)
    told = json.loads(path.read_text())
    (scores,) = (each["path"] for each in told["files"] if each["path"].endswith(seal.SCORES))
    rows = seal._rows_digest(f"{store.root}/{scores}")
    findings = {name: value for name, value in told["metrics"].items() if name not in seal.UNSEALED}
    path.write_text(json.dumps({**told, "digest": seal.version_digest(rows, seal.findings_digest(findings))}))


def promote_it(metrics: Told) -> None:
    metrics["decision"]["promote"] = True


def raise_score(metrics: Told) -> None:
    metrics["scores"]["candidate"]["cer"]["value"] = 0.0


@pytest.fixture
def declined(candidates: Store) -> Store:
    """The gate said no to WEEK_1's candidate."""
    made = evaluate(candidates.context(WEEK_1), LENIENT.model_copy(update={"min_reduction": 0.99}))
    assert not made.metrics["decision"]["promote"], "the gate says no"
    return candidates


@pytest.mark.parametrize("sealed_too", [False, True], ids=["manifest", "manifest and verdict.json"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (promote_it, r"decision\.promote: expected False, found True"),
        (raise_score, r"scores\.candidate\.cer\.value: expected 0\.\d+, found 0\.0"),
    ],
)
def test_an_edited_figure_is_refused(
    declined: Store, change: Callable[[Told], None], message: str, sealed_too: bool
) -> None:
    # given
    edit(declined, change, sealed_too=sealed_too)

    # when / then
    with pytest.raises(InputError, match="its scores and findings have the digest" if sealed_too else message):
        promote(declined.context(WEEK_1))
    assert ledger.read(declined.root) == [], "nothing was decided"


def test_the_seal_of_an_evaluation_that_calls_its_candidate_challenger_holds(declined: Store) -> None:
    # given an evaluation as it was made before 0.2.0
    def rename(metrics: Told) -> None:
        metrics["scores"]["challenger"] = metrics["scores"].pop("candidate")

    edit(declined, rename, sealed_too=True)
    reseal(declined)

    # when / then
    assert promote(declined.context(WEEK_1)).action == "declined", "it is believed, and its verdict is the gate's no"


def test_a_verdict_that_does_not_follow_from_figures_and_rules_is_refused(declined: Store) -> None:
    # given all digests fit
    edit(declined, promote_it, sealed_too=True)
    reseal(declined)

    # when / then
    with pytest.raises(InputError, match=r"does not follow from its figures and rules: promote: expected False"):
        promote(declined.context(WEEK_1))


def test_edited_rules_are_refused(declined: Store) -> None:
    path = manifest_path(declined)
    told = json.loads(path.read_text())
    told["parameters"]["rules"]["min_reduction"] = 0.05
    path.write_text(json.dumps(told))
    with pytest.raises(InputError, match="its inputs and parameters, the rules among them, name"):
        promote(declined.context(WEEK_1))


def test_edited_scores_of_sentences_are_refused(declined: Store) -> None:
    # given scores without an error, their checksum put right
    path = manifest_path(declined)
    told = json.loads(path.read_text())
    (entry,) = (each for each in told["files"] if each["path"].endswith(seal.SCORES))
    file = declined.lake / entry["path"]
    rows = pq.read_table(file)
    errors = rows.schema.get_field_index("errors")
    pq.write_table(rows.set_column(errors, "errors", pa.array([0] * len(rows), rows.schema.field(errors).type)), file)
    entry |= {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    path.write_text(json.dumps(told))

    # when / then
    with pytest.raises(InputError, match="its scores and findings have the digest"):
        promote(declined.context(WEEK_1))


def test_an_evaluation_without_a_seal_has_to_be_made_again(evaluated: Store) -> None:
    path = manifest_path(evaluated)
    told = json.loads(path.read_text())
    told["files"] = [each for each in told["files"] if not each["path"].endswith(seal.NAME)]
    path.write_text(json.dumps(told))
    with pytest.raises(InputError, match=rf"made before verdicts were sealed.*mendel evaluate -.* {WEEK_1} --force"):
        promote(evaluated.context(WEEK_1))


def test_an_honest_evaluation_passes(evaluated: Store) -> None:
    made = manifest.current(evaluated.root, "evaluation", WEEK_1)
    assert isinstance(made, Manifest)
    seal.check(evaluated.root, made)


def test_times_are_left_out_of_the_digest_and_nothing_else_is() -> None:
    def findings(**changed: object) -> Told:
        check = {"rule": "max_latency_seconds", "observed": changed.get("slow", 0.1)}
        speed = {"latency_p95_seconds": changed.get("slow", 0.1), "chars_per_second": changed.get("speed", 9.0)}
        decision = {"checks": [check], "promote": changed.get("promote", True)}
        return {"cer": changed.get("cer", 0.25), "speed": speed, "decision": decision}

    same = seal.findings_digest(findings())
    assert seal.findings_digest(findings(slow=7.0, speed=1.0)) == same, "two machines give one digest"
    assert seal.findings_digest(findings(cer=0.26)) != same
    assert seal.findings_digest(findings(promote=False)) != same
    assert seal.findings_digest(findings(cer=0.25 + 1e-15)) == same, "the last bits differ between machines"
