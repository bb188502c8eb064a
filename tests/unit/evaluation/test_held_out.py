from mendel.core.stage import execute
from mendel.evaluation import held_out
from mendel.noise.edits import replay

from ..promotion.conftest import WEEK_1, MakePairs, Store, candidates, candidates_template, sentences

__all__ = ["candidates", "candidates_template"]


def test_the_sample_is_the_same_whatever_its_size_and_the_same_text_as_before(candidates: Store) -> None:
    # given
    context = candidates.context(WEEK_1)
    pairs = context.require("pairs")

    # when
    small, large = held_out.sample(context, pairs, 40, 60, 0), held_out.sample(context, pairs, 100, 60, 0)

    # then
    assert (len(small.ids), len(large.ids)) == (40, 100)
    assert large.ids[:40] == small.ids, "a larger sample goes on where the smaller one ends"
    assert small.untouched == large.clean[:60], "more clean sentences than noisy ones, the same order"
    assert held_out.sample(context, pairs, 100, 60, seed=1).ids != large.ids, "another seed, another sample"
    assert large.ids != sorted(large.ids), "the order has nothing to do with the order in the corpus"
    assert set(large.clean) <= set(sentences(120, seed=2)), "held-out text only"
    for clean, noisy, edits in zip(small.clean, small.noisy, small.edits, strict=True):
        assert replay(clean, edits) == noisy, f"{noisy!r}: the edits belong to it"


def test_of_several_noisy_copies_one_counts(candidates: Store) -> None:
    # given three copies of each sentence
    context = candidates.context(WEEK_1)
    execute(MakePairs(copies=3), context)
    pairs = context.require("pairs")

    # then
    assert all(name.endswith("#0") for name in held_out.sample(context, pairs, 1000, 1000, 0).ids), "the first copy"
    assert len(held_out.sample(context, pairs, 1000, 1000, 0).ids) == 120, "each sentence once"
    assert sorted(held_out.training_text(context, pairs)) == sorted(sentences(400, seed=1)), "each once there too"
