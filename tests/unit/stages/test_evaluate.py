import json
from pathlib import Path
from typing import Any

import mlflow
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.evaluation.gate import Rules
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback
from mendel.promotion import ledger
from mendel.stages.evaluate import Evaluate
from mendel.stages.feedback_collect import CollectFeedback

from ..promotion.conftest import (
    LENIENT,
    WEEK_1,
    WEEK_2,
    MakePairs,
    Store,
    candidates,
    candidates_template,
    decide_on,
    evaluate,
    evaluated,
    evaluated_template,
    promote,
    with_champion,
    with_champion_template,
)

__all__ = [
    "candidates",
    "candidates_template",
    "evaluated",
    "evaluated_template",
    "with_champion",
    "with_champion_template",
]


def current(store: Store, partition: str) -> Manifest:
    found = manifest.current(store.root, "evaluation", partition)
    assert found is not None, f"no evaluation in {partition}"
    return found


def file_of(store: Store, made: Manifest, name: str) -> Path:
    return store.lake / next(file.path for file in made.files if file.path.endswith(name))


def test_the_metrics_are_those_of_the_rows(with_champion: Store) -> None:
    # given
    made = current(with_champion, WEEK_2)
    rows = pq.read_table(file_of(with_champion, made, "scores.parquet"))

    # then
    assert len(rows) == made.rows == 4 * 100, "identity, symspell, candidate and champion on 100 sentences"
    for system, scores in made.metrics["scores"].items():
        mine = rows.filter(pc.equal(rows["system"], system))
        cer = pc.sum(mine["errors"]).as_py() / pc.sum(mine["characters"]).as_py()
        assert scores["cer"]["value"] == pytest.approx(cer), f"{system}: CER"
        exact = pc.mean(pc.equal(mine["errors"], 0)).as_py()
        assert scores["exact"]["value"] == pytest.approx(exact), f"{system}: exact match"
    texts = {
        system: rows.filter(pc.equal(rows["system"], system))["pair"].to_pylist() for system in ("identity", "champion")
    }
    assert texts["identity"] == texts["champion"], "everyone is scored on the same sentences"


def test_restoring_does_better_than_the_baselines(evaluated: Store) -> None:
    # the corpus is easy, the restorer real: if it were not better, something would be wired wrongly
    scores = current(evaluated, WEEK_2).metrics["scores"]
    reductions = {system: found["reduction"]["value"] for system, found in scores.items()}
    assert reductions["candidate"] > 0.5 > reductions["symspell"] > reductions["identity"] == 0, f"{reductions}"


def test_the_champion_is_an_input_and_its_score_the_one_to_beat(with_champion: Store) -> None:
    # given
    made = current(with_champion, WEEK_2)
    champion = ledger.state(ledger.read(with_champion.root)).champion

    # then
    assert champion is not None
    assert made.input("champion").digest == champion.candidate.digest, "the manifest says whom it faced"
    assert made.metrics["champion_version"] == 1
    rules = [check["rule"] for check in made.metrics["decision"]["checks"]]
    assert "beats_champion" in rules, f"{rules}"


def leave_feedback(store: Store, day: str, texts: int) -> None:
    """Readers accept the first half of a day's changes, one a text, and reject the others."""
    change = {"start": 4, "end": 13, "original": "goverment", "replacement": "government", "confidence": 0.9}
    said = [
        {"text": f"The goverment of {number}.", "changes": [{**change, "accepted": number < texts / 2}]}
        for number in range(texts)
    ]
    answer = {"request_id": day, "at": f"{day}T12:00:00Z", "caller": None, "model_version": 1, "texts": said}
    inbox.put(store.root, Feedback.model_validate(answer))
    execute(CollectFeedback(), store.context(day))


def test_candidate_and_champion_are_tried_on_what_readers_have_judged(with_champion: Store) -> None:
    # given feedback up to the candidate's day, and on a later one
    leave_feedback(with_champion, "2026-11-20", 60)
    leave_feedback(with_champion, WEEK_2, 50)
    leave_feedback(with_champion, "2026-11-24", 500)

    # when
    made = evaluate(with_champion.context(WEEK_2))

    # then both are scored on the days up to then, and the rule is asked
    names = [entry.name for entry in made.inputs if entry.name.startswith("feedback")]
    assert names == [f"feedback of {WEEK_2}", "feedback of 2026-11-20"], "the newest days first"
    scores = made.metrics["feedback"]
    assert {system: found["changes"] for system, found in scores.items()} == {"candidate": 110, "champion": 110}
    assert "max_feedback_loss" in [check["rule"] for check in made.metrics["decision"]["checks"]]
    assert "## Changes that readers have judged" in file_of(with_champion, made, "report.md").read_text()

    # and few changes are enough days
    few = execute(
        Evaluate(max_sentences=100, foreign_per_kind=5, resamples=200, rules=LENIENT, feedback_changes=30),
        with_champion.context(WEEK_2),
    )
    assert [entry.name for entry in few.inputs if entry.name.startswith("feedback")] == [f"feedback of {WEEK_2}"]
    assert few.metrics["feedback"]["champion"]["changes"] == 30
    assert "max_feedback_loss" not in [check["rule"] for check in few.metrics["decision"]["checks"]], "too few to tell"


def test_without_a_champion_no_feedback_is_read(evaluated: Store) -> None:
    leave_feedback(evaluated, "2026-11-10", 120)
    assert evaluate(evaluated.context(WEEK_1)) == current(evaluated, WEEK_1)


def test_after_its_promotion_a_candidate_is_not_evaluated_again(with_champion: Store) -> None:
    # given
    before = current(with_champion, WEEK_2)
    promote(with_champion.context(WEEK_2))

    # when
    again = evaluate(with_champion.context(WEEK_2))

    # then
    assert again == before, "it is compared with the champion that it has replaced, not with itself"


def test_the_same_candidate_in_the_next_partition_is_a_no_op(with_champion: Store) -> None:
    # given unchanged data a week later, and feedback that came meanwhile
    promote(with_champion.context(WEEK_2))
    leave_feedback(with_champion, "2026-11-27", 120)
    next_week = with_champion.context("2026-11-30")
    for dataset in ("pairs", "pairs_validation", "candidate"):
        found = manifest.current(with_champion.root, dataset, WEEK_2)
        assert found is not None
        manifest.commit(with_champion.root, found.model_copy(update={"partition": "2026-11-30", "same_as": found.path}))

    # when
    made = evaluate(next_week)
    decision = promote(next_week)

    # then
    assert made.same_as == current(with_champion, WEEK_2).path, "nothing was scored again"
    assert decision.number == 2, "nothing was decided again"


def test_made_again_by_force_it_has_the_same_digest(evaluated: Store) -> None:
    # given
    before = current(evaluated, WEEK_1)

    # when
    again = evaluate(evaluated.context(WEEK_1, force=True))

    # then
    assert again.started > before.started, "it ran again"
    assert again.digest == before.digest, "times are left out of the digest, all else is deterministic"


def test_a_strict_gate_declines_and_that_is_a_good_run(candidates: Store) -> None:
    # when
    made = evaluate(candidates.context(WEEK_1), LENIENT.model_copy(update={"min_reduction": 0.99}))

    # then
    decision = made.metrics["decision"]
    assert not decision["promote"]
    assert len(decision["reasons"]) == 1, f"one rule is broken: {decision['reasons']}"
    assert "not shown to be at least 99.0%" in decision["reasons"][0]
    report = file_of(candidates, made, "report.md").read_text()
    assert "Decision: **decline**" in report
    assert decision["reasons"][0] in report, "the report says why"

    # and the run is recorded with scores, files and inputs
    run = mlflow.get_run(made.metrics["mlflow_run_id"])
    scores = made.metrics["scores"]["candidate"]
    assert run.data.metrics["candidate/cer"] == pytest.approx(scores["cer"]["value"])
    assert run.data.tags["decision"] == "decline"
    assert run.inputs is not None
    assert {found.dataset.name for found in run.inputs.dataset_inputs} == {"candidate", "pairs"}
    logged = {found.path for found in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"candidate/foreign_altered", "candidate/foreign/logs/altered"} <= set(run.data.metrics)
    plots = {"reliability.png", "cer_by_operation.png", "cer_by_noise_level.png", "cer_by_length.png"}
    assert logged >= {"report.md", "scores.parquet", *plots}, f"{logged}"
    for plot in plots:
        assert file_of(candidates, made, plot).read_bytes().startswith(b"\x89PNG"), f"{plot} is no picture"


def test_foreign_text_is_judged_kind_by_kind(evaluated: Store) -> None:
    # given
    made = current(evaluated, WEEK_2)
    rows = pq.read_table(file_of(evaluated, made, "foreign.parquet"))
    report = file_of(evaluated, made, "report.md").read_text()

    # then the figures are those of the rows
    for system, kinds in made.metrics["foreign"].items():
        mine = rows.filter(pc.equal(rows["system"], system))
        assert set(kinds) == set(mine["kind"].to_pylist()) > {"logs", "code", "names"}, f"{system}: {set(kinds)}"
        for kind, part in kinds.items():
            of_kind = mine.filter(pc.equal(mine["kind"], kind))
            assert part["texts"] == len(of_kind) <= 5, f"{system}: {kind}"
            assert part["altered"] == pc.sum(pc.not_equal(of_kind["clean"], of_kind["restored"])).as_py()
            assert part["harmed"] == pc.sum(pc.greater(pc.list_value_length(of_kind["harmed"]), 0)).as_py()
    assert made.metrics["foreign"]["identity"]["logs"]["altered"] == 0, "leaving the text as it is alters none"

    # and the gate, the scores and the report have them
    (check,) = (each for each in made.metrics["decision"]["checks"] if each["rule"] == "max_foreign_altered")
    assert check["observed"] == made.metrics["scores"]["candidate"]["foreign_altered"]["value"]
    for heading in ("## Clean text unlike the corpus", "## Whether its confidence is right", "![Confidence and share"):
        assert heading in report, f"{heading} is missing"


def test_confidence_is_set_beside_what_is_right(evaluated: Store) -> None:
    found = current(evaluated, WEEK_2).metrics["reliability"]
    scores = current(evaluated, WEEK_2).metrics["scores"]["candidate"]

    assert sum(part["changes"] for part in found["bins"]) == found["changes"] > 0
    assert found["right"] > 0.5, "it removes more errors than it makes"
    everything = found["curve"][0]
    assert everything["threshold"] == 0
    assert everything["removed"] == pytest.approx(scores["reduction"]["value"]), "all changes are the restored text"
    assert everything["clean_altered"] == pytest.approx(scores["clean_altered"]["value"])
    assert everything["foreign_altered"] == pytest.approx(scores["foreign_altered"]["value"])


def remove_candidate(context: Context) -> None:
    (Path(context.root.removeprefix("file://")) / f"candidate/dt={WEEK_1}/_current.json").unlink()


def tamper_with_candidate(context: Context) -> None:
    path = next(Path(context.root.removeprefix("file://")).glob(f"candidate/dt={WEEK_1}/**/restorer.json"))
    told = json.loads(path.read_text())
    told["weights"]["first_pass"]["threshold"] = 0.0
    path.write_text(json.dumps(told))


def change_pairs(context: Context) -> None:
    execute(MakePairs(train=300), context)


def resize_test_split(context: Context, size: int) -> None:
    execute(MakePairs(test=size), context)
    validation = manifest.current(context.root, "pairs_validation", context.partition)
    assert validation is not None
    passed = validation.model_copy(update={"fingerprint": "0" * 16, "inputs": (context.require("pairs"),)})
    manifest.commit(context.root, passed)


def shrink_test_split(context: Context) -> None:
    resize_test_split(context, 20)


def empty_test_split(context: Context) -> None:
    resize_test_split(context, 0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_candidate, "candidate has no version in partition"),
        (tamper_with_candidate, r"restorer\.json: expected .* bytes|restorer\.json: expected sha256"),
        (change_pairs, "has not passed validation. Run: mendel validate pairs"),
        (shrink_test_split, "20 held-out sentences to score, at least 30 are needed"),
        (empty_test_split, "0 held-out sentences to score"),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(candidates: Store, spoil: Any, message: str) -> None:
    # given
    context = candidates.context(WEEK_1)
    spoil(context)

    # when / then
    with pytest.raises(InputError, match=message):
        evaluate(context)


def test_a_champion_whose_files_are_gone_is_an_error_that_names_them(candidates: Store) -> None:
    # given
    decision = decide_on(candidates.context(WEEK_1), "promoted")
    (candidates.lake / decision.candidate.folder / "ngram.safetensors").unlink()

    # when / then
    with pytest.raises(InputError, match=r"ngram\.safetensors is listed by the manifest .* and is gone"):
        evaluate(candidates.context(WEEK_2))


@pytest.mark.parametrize("rules", [{"max_worse": 1.5}, {"min_reduction": -0.1}, {"max_wrose": 0.1}])
def test_rules_are_checked_when_they_are_read(rules: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(rules))):
        Rules.model_validate(rules)
