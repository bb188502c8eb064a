import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.noise.edits import Edit, decode, encode, replay, undo
from mendel.noise.kernel import Kernel
from mendel.noise.profile import OPERATIONS, NoiseProfile, Operation, Rates, ResolvedProfile

UNICODE = st.characters(exclude_categories=["Cs"])
TEXT = st.text(UNICODE, max_size=80) | st.text("abcäöü ñ漢字🧬", max_size=200)
SENTENCE = "We, the people — «naïve» 🧬 citizens — still believe in the state of our Union. "


def resolve(
    rates: Rates, alphabet: str = "abc é字🧬", weights: Sequence[float] | None = None, **settings: object
) -> ResolvedProfile:
    profile = NoiseProfile.model_validate({"name": "test", "rates": rates.model_dump()} | settings)
    uniform = tuple(1 / len(alphabet) for _ in alphabet)
    return ResolvedProfile(profile=profile, rates=rates, alphabet=alphabet, weights=tuple(weights or uniform))


def only(operation: Operation, rate: float = 0.4, **settings: object) -> ResolvedProfile:
    return resolve(Rates.model_validate({operation: rate}), **settings)  # type: ignore[arg-type]


def corrupt(
    resolved: ResolvedProfile,
    texts: Sequence[str],
    seed: int = 1,
    ids: Sequence[str] | None = None,
    copies: Sequence[int] | None = None,
) -> list[tuple[str, list[Edit]]]:
    """Noisy text and edits of each text."""
    ids = ids or [f"record-{number}" for number in range(len(texts))]
    out = Kernel(resolved, seed).corrupt(
        pa.array(ids, pa.string()), pa.array(copies or [0] * len(texts), pa.int32()), pa.array(texts, pa.string())
    )
    out.noisy.validate(full=True)
    out.edits.validate(full=True)
    return [(noisy, decode(edits)) for noisy, edits in zip(out.noisy.to_pylist(), out.edits.to_pylist(), strict=True)]


@st.composite
def profiles(draw: st.DrawFn) -> ResolvedProfile:
    shares = draw(st.lists(st.floats(0, 1 / 11), min_size=5, max_size=5).filter(sum))
    alphabet = "".join(sorted(draw(st.sets(UNICODE, min_size=2, max_size=12))))
    characters = st.sampled_from("ab ä漢🧬")
    return resolve(
        Rates(**dict(zip(OPERATIONS, shares, strict=True))),
        alphabet=alphabet,
        weights=draw(st.lists(st.floats(0.01, 1), min_size=len(alphabet), max_size=len(alphabet))),
        mean_length=draw(st.floats(1, 5)),
        max_length=draw(st.integers(5, 40)),
        intensities=[*draw(st.lists(st.floats(0, 1), max_size=3)), 1.0],
        confusions=draw(
            st.dictionaries(characters, st.dictionaries(characters, st.floats(0.1, 5), min_size=1), max_size=4)
        ),
    )


@given(profiles(), st.lists(TEXT, max_size=6), st.integers())
def test_edits_replay_and_undo_exactly(resolved: ResolvedProfile, texts: list[str], seed: int) -> None:
    for clean, (noisy, edits) in zip(texts, corrupt(resolved, texts, seed), strict=True):
        assert replay(clean, edits) == noisy
        assert undo(noisy, edits) == clean
        assert all(edit.clean != edit.noisy for edit in edits), f"an edit that changes nothing: {edits}"


@given(profiles(), st.lists(TEXT, min_size=1, max_size=8, unique=True), st.data())
def test_a_pair_does_not_depend_on_its_batch(resolved: ResolvedProfile, texts: list[str], data: st.DataObject) -> None:
    # given the records of one batch
    whole = dict(zip(texts, corrupt(resolved, texts, ids=texts), strict=True))
    # when they come in another order, cut into two batches
    order = data.draw(st.permutations(texts))
    cut = data.draw(st.integers(0, len(order)))
    parts = [pair for part in (order[:cut], order[cut:]) for pair in corrupt(resolved, part, ids=part)]
    # then each is corrupted as before
    assert dict(zip(order, parts, strict=True)) == whole


def test_a_slice_of_an_array_is_corrupted_as_the_array() -> None:
    texts = pa.array([SENTENCE * 3, "", SENTENCE, "ä", SENTENCE * 2])
    ids = pa.array(list("abcde"))
    copies = pa.array([0, 1, 0, 1, 0])
    kernel = Kernel(resolve(Rates(deletion=0.1, insertion=0.1)), seed=1)
    whole = kernel.corrupt(ids, copies, texts)
    part = kernel.corrupt(ids[2:4], copies[2:4], texts[2:4])
    assert part.noisy.equals(whole.noisy[2:4])
    assert part.edits.equals(whole.edits[2:4])


def test_large_strings_are_corrupted_as_strings() -> None:
    kernel = Kernel(only("reversal"), seed=1)
    ids, copies, texts = pa.array(["a"]), pa.array([0]), pa.array([SENTENCE])
    assert kernel.corrupt(ids.cast(pa.large_string()), copies, texts.cast(pa.large_string())).noisy.equals(
        kernel.corrupt(ids, copies, texts).noisy
    )


@pytest.mark.parametrize("change", ["seed", "id", "copy"])
def test_other_keys_give_other_noise(change: str) -> None:
    resolved = resolve(Rates(**dict.fromkeys(OPERATIONS, 0.02)))
    base: dict[str, Any] = {"seed": 1, "ids": ["a"], "copies": [0]}
    others: dict[str, dict[str, Any]] = {"seed": {"seed": 2}, "id": {"ids": ["b"]}, "copy": {"copies": [1]}}
    other = base | others[change]
    assert corrupt(resolved, [SENTENCE * 20], **base) != corrupt(resolved, [SENTENCE * 20], **other)


def test_known_noise_stays_the_same() -> None:
    """A pinned result: equal pairs on any machine and library version. To change it, raise Corrupt.stage_version."""
    resolved = resolve(Rates(**dict.fromkeys(OPERATIONS, 0.03)))
    ((noisy, edits),) = corrupt(resolved, [SENTENCE], seed=8, ids=["1961-Kennedy-7"])
    assert noisy == "We,he pebopple — béaïve» 🧬 citllits — snezi believe in e state of our Un字on. "
    assert {edit.op for edit in edits} == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("text", ["", "a", "é", "🧬"])
def test_shortest_texts(operation: Operation, text: str) -> None:
    # given many records with the same short text
    pairs = corrupt(only(operation), [text] * 200)
    # then all are sound, and every one that changed says how
    assert {replay(text, edits) for _, edits in pairs} == {noisy for noisy, _ in pairs}
    changed = any(edits for _, edits in pairs)
    assert changed == (bool(text) and operation != "reversal"), f"{operation} of {text!r}"


def test_a_text_can_lose_all_its_characters_and_come_back() -> None:
    pairs = corrupt(only("deletion"), ["ab"] * 200)
    emptied = [edits for noisy, edits in pairs if noisy == ""]
    assert emptied, "no text of 200 was deleted whole"
    assert {undo("", edits) for edits in emptied} == {"ab"}


def test_an_empty_batch_gives_an_empty_batch() -> None:
    assert corrupt(only("deletion"), []) == []


def test_output_larger_than_the_first_buffers() -> None:
    # given insertions of 200 characters of four bytes before every second character
    resolved = only("insertion", rate=0.49, alphabet="🧬🧭", mean_length=200, max_length=1000)
    # when a text is corrupted
    ((noisy, edits),) = corrupt(resolved, ["x" * 1000])
    # then the buffers have grown, and nothing is lost
    assert len(noisy) > 50_000
    assert undo(noisy, edits) == "x" * 1000


@pytest.mark.parametrize("column", ["id", "copy", "text"])
def test_a_null_is_refused_and_its_column_named(column: str) -> None:
    columns = {"id": pa.array(["a"]), "copy": pa.array([0]), "text": pa.array(["text"])}
    columns[column] = pa.nulls(1, columns[column].type)
    with pytest.raises(InputError, match=f"1 nulls in column {column}"):
        Kernel(only("deletion"), seed=1).corrupt(columns["id"], columns["copy"], columns["text"])


def within(count: int, expected: float, deviations: float = 5) -> bool:
    """Whether a count is within five standard deviations of a Poisson variable: wrong once in two million."""
    return abs(count - expected) <= deviations * math.sqrt(expected)


def test_operations_come_at_their_rates() -> None:
    # given rates of which one is zero, on text without repeated characters next to each other
    rates = {"deletion": 0.004, "substitution": 0.008, "insertion": 0.002, "duplication": 0.006}
    resolved = resolve(Rates(**rates), alphabet="XYZ", mean_length=1)
    text = "abcdefghij" * 30
    # when much text is corrupted
    pairs = corrupt(resolved, [text] * 1000)
    # then every operation happens at its rate, the absent one never
    counts = Counter(edit.op for _, edits in pairs for edit in edits)
    assert set(counts) == set(rates)
    for operation, rate in rates.items():
        assert within(counts[operation], rate * len(text) * 1000), f"{operation}: {counts[operation]} events"  # type: ignore[index]


@pytest.mark.parametrize("operation", ["deletion", "insertion", "duplication"])
def test_lengths_are_geometric_and_cut(operation: Operation) -> None:
    # given a long text, so that its end cuts no segment
    resolved = only(operation, rate=0.01, mean_length=3, max_length=6)
    pairs = corrupt(resolved, ["abcdefghij" * 50] * 500)
    # when segments are measured away from the end
    lengths = [len(edit.clean or edit.noisy) for _, edits in pairs for edit in edits if edit.start < 490]
    # then each length has its share, and the longest takes the tail
    shares = {length: (1 / 3) * (2 / 3) ** (length - 1) for length in range(1, 6)} | {6: (2 / 3) ** 5}
    counts = Counter(lengths)
    assert set(counts) == set(shares)
    for length, share in shares.items():
        assert within(counts[length], share * len(lengths)), f"{counts[length]} of {len(lengths)} have length {length}"


def test_noise_characters_follow_their_weights() -> None:
    resolved = only("insertion", rate=0.05, alphabet="xyé", weights=(0.7, 0.2, 0.1))
    inserted = Counter("".join(edit.noisy for _, edits in corrupt(resolved, [SENTENCE * 50] * 20) for edit in edits))
    total = sum(inserted.values())
    assert set(inserted) == set("xyé")
    for character, weight in (("x", 0.7), ("y", 0.2), ("é", 0.1)):
        assert within(inserted[character], weight * total), f"{character}: {inserted[character]} of {total}"


def test_confusions_decide_where_they_are_listed() -> None:
    # given confusions for two characters of three
    resolved = only("substitution", alphabet="XY", confusions={"l": {"1": 3, "I": 1}, "é": {"e": 1}})
    pairs = corrupt(resolved, ["léo" * 300] * 10)
    # when substitutions are counted by clean character
    became = Counter(
        (clean, noisy)
        for _, edits in pairs
        for edit in edits
        for clean, noisy in zip(edit.clean, edit.noisy, strict=True)
    )
    # then listed characters become what is listed, by weight, and others noise
    assert {noisy for clean, noisy in became if clean == "é"} == {"e"}
    assert {noisy for clean, noisy in became if clean == "o"} == {"X", "Y"}
    assert {noisy for clean, noisy in became if clean == "l"} == {"1", "I"}
    confused = became["l", "1"] + became["l", "I"]
    assert within(became["l", "I"], confused / 4), f"{became['l', 'I']} of {confused} are I"


def test_intensities_divide_the_pairs() -> None:
    # given that half of the pairs are to stay clean
    resolved = resolve(Rates(deletion=0.1), intensities=[0, 1])
    # when texts that noise cannot miss are corrupted
    pairs = corrupt(resolved, [SENTENCE * 5] * 1000)
    # then half of them are clean
    clean = sum(not edits for _, edits in pairs)
    assert within(clean, 500), f"{clean} of 1000 pairs are clean"


def test_the_kernel_writes_what_encode_writes() -> None:
    resolved = resolve(Rates(**dict.fromkeys(OPERATIONS, 0.05)))
    out = Kernel(resolved, 1).corrupt(pa.array(["a"]), pa.array([0]), pa.array([SENTENCE * 30]))
    (encoded,) = out.edits.to_pylist()
    assert {edit.op for edit in decode(encoded)} == set(OPERATIONS)
    assert encode(decode(encoded)) == encoded
