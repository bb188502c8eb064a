import pytest

from mendel.core.errors import InputError
from mendel.evaluation import evaluation, report
from mendel.evaluation.gate import Rules
from mendel.evaluation.scores import Output, Sample, measure
from mendel.evaluation.systems import Speed
from mendel.noise.edits import Edit, replay

SPEED = Speed(chars_per_second=1000, latency_p50_seconds=0.1, latency_p95_seconds=0.2)
CLEAN = [f"sentence number {number} of the union" for number in range(40)]


@pytest.fixture
def sample() -> Sample:
    edits = [[Edit("deletion", 3, text[3:6], "")] for text in CLEAN]
    noisy = [replay(text, made) for text, made in zip(CLEAN, edits, strict=True)]
    return Sample(ids=CLEAN, clean=CLEAN, noisy=noisy, edits=edits, untouched=CLEAN)


def test_a_candidate_is_compared_with_everyone_and_judged_against_rivals_only(sample: Sample) -> None:
    # given a candidate that restores all, an ablation that does as well, a champion that restores half
    half = [*CLEAN[:20], *sample.noisy[20:]]
    outputs = {
        "identity": Output(sample.noisy, CLEAN),
        "candidate": Output(CLEAN, CLEAN),
        "first_pass": Output(CLEAN),
        "champion": Output(half, CLEAN),
    }
    measures = {system: measure(sample, output) for system, output in outputs.items()}

    # when
    found = evaluation.judged(
        sample, measures, None, SPEED, [0.2] * 30, Rules(), champion_version=4, resamples=200, seed=0
    )

    # then
    assert found.decision.promote, f"{found.decision.reasons}"
    assert found.gains["champion"].value == pytest.approx(20 * 3 / found.characters), "three errors in every other one"
    assert found.gains["first_pass"].value == 0, "what the second pass adds is shown"
    rules = {check.rule for check in found.decision.checks}
    assert "beats_champion" in rules
    assert "beats_first_pass" not in rules, "a candidate does not compete with its own parts"

    # and an ablation has no rows of what it was not tried on
    tried = {name: evaluation.untouched_rows(name, sample, output) for name, output in outputs.items()}
    assert len(tried["first_pass"]) == 0
    assert len(tried["champion"]) == 40
    assert tried["first_pass"].schema == tried["champion"].schema, "they lie in one file"


def test_an_evaluation_of_before_0_2_0_is_read_by_the_name_that_the_candidate_had(sample: Sample) -> None:
    # given
    outputs = {"identity": Output(sample.noisy, CLEAN), "candidate": Output(CLEAN, CLEAN)}
    measures = {system: measure(sample, output) for system, output in outputs.items()}
    new = evaluation.judged(
        sample, measures, None, SPEED, [0.2] * 30, Rules(), champion_version=None, resamples=200, seed=0
    )
    read, old = evaluation.Evaluation.model_validate, new.model_dump(mode="json")
    old["scores"]["challenger"] = old["scores"].pop("candidate")

    # when / then
    assert read(old) == read(new.model_dump(mode="json"))


def test_until_0_3_0_mlflow_knows_the_figures_by_the_former_name_too(sample: Sample) -> None:
    outputs = {"identity": Output(sample.noisy, CLEAN), "candidate": Output(CLEAN, CLEAN)}
    measures = {system: measure(sample, output) for system, output in outputs.items()}
    judged = evaluation.judged(sample, measures, None, SPEED, [0.2] * 30, Rules(), None, resamples=200, seed=0)
    figures = report.flat(judged)
    assert figures["candidate/cer"] == figures["challenger/cer"] == 0
    assert figures["candidate/latency_p50_seconds"] == figures["challenger/latency_p50_seconds"] == 0.1


def test_without_noise_there_is_nothing_to_judge(sample: Sample) -> None:
    spared = Sample(ids=CLEAN, clean=CLEAN, noisy=CLEAN, edits=[[]] * 40, untouched=CLEAN)
    measures = {system: measure(spared, Output(CLEAN, CLEAN)) for system in ("identity", "candidate")}
    with pytest.raises(InputError, match="no errors to remove: raise the noise"):
        evaluation.judged(spared, measures, None, SPEED, [], Rules(), champion_version=None, resamples=200, seed=0)
