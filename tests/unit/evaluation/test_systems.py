from collections.abc import Sequence

from mendel.corpus.foreign import ForeignText
from mendel.evaluation.reliability import applied
from mendel.evaluation.scores import Sample
from mendel.evaluation.systems import BATCH, System, apply, latencies


class Recorder:
    """Upper-cases, and remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[str]:
        self.calls.append(list(texts))
        return [text.upper() for text in texts]


FOREIGN = [ForeignText("logs", "level=info"), ForeignText("code", "return x")]


def sample_of(count: int) -> Sample:
    """Every second sentence was spared by the noise."""
    clean = [f"sentence {number}" for number in range(count)]
    noisy = [text + ("#" if number % 2 else "") for number, text in enumerate(clean)]
    return Sample(
        ids=clean, clean=clean, noisy=noisy, edits=[[]] * count, untouched=[*clean, "one more"], foreign=FOREIGN
    )


def test_every_sentence_is_restored_in_order_and_none_twice() -> None:
    # given more than fit into one batch
    sample, correct = sample_of(BATCH + 100), Recorder()

    # when
    output, seconds = apply(System.of_texts("loud", correct), sample)

    # then
    assert output.restored == [text.upper() for text in sample.noisy]
    assert output.of_untouched == [text.upper() for text in sample.untouched]
    assert output.of_foreign == ["LEVEL=INFO", "RETURN X"]
    assert max(map(len, correct.calls)) == BATCH, "batches are bounded"
    given = [text for call in correct.calls for text in call]
    assert len(given) == len(set(given)) == 1.5 * len(sample.clean) + 1 + len(FOREIGN), (
        "what the noise spared is not run again"
    )
    assert seconds > 0


def test_what_changed_is_kept_with_the_texts() -> None:
    output, _ = apply(System.of_texts("loud", Recorder()), sample_of(10))

    assert output.changes is not None
    for texts, restored, changes in (
        ([text for _, text in FOREIGN], output.of_foreign, output.changes.foreign),
        (sample_of(10).noisy, output.restored, output.changes.noisy),
        (sample_of(10).untouched, output.of_untouched, output.changes.untouched),
    ):
        assert [applied(text, found) for text, found in zip(texts, changes, strict=True)] == restored


def test_an_ablation_is_not_tried_on_clean_text() -> None:
    sample, correct = sample_of(10), Recorder()
    output, _ = apply(System.of_texts("part", correct)._replace(ablation=True), sample)
    assert output.of_untouched is None
    assert output.of_foreign is None
    assert {text for call in correct.calls for text in call} == set(sample.noisy)


def test_latency_is_that_of_single_texts() -> None:
    correct = Recorder()
    found = latencies(System.of_texts("loud", correct).restore, ["a", "b", "c"])
    assert correct.calls == [["a"], ["a"], ["b"], ["c"]], "the first call, which may compile, is left out"
    assert len(found) == 3
