"""What is left as it is: each kind's stretches, which changes touch one, and which words are damaged prose."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.recipes.protection import PROTECTED, ProtectedKind
from mendel.restorers.changes import regions
from mendel.restorers.protection import is_refused, protected

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
LEFT_ALONE = [
    "Meet me on 2026-11-23 at 10:45, room 4.17.",
    "from 04:00 to 08:00.",
    "ingest -c include/pipelines/mine.yaml -p 2026-11-23 --set …",
    "        return left",
    "    * the exact version of GCC;",
    "    def position(lat: float, lon: float) -> None:",
    "see https://x.example/teh for more",
    "open 24/7, $1,250.00 a month",
    "the 3rd of June",
    f"all 4 of them {FAMILY}",
]
"""Reported texts in which nothing that counts may change."""
COUNTS = re.compile(r"\d|https?://\S+|[\w-]+(?:/[\w.-]+)+|^\s{2,}|--\w+")


def covered(text: str, *kinds: ProtectedKind) -> list[str]:
    return [text[start:end] for start, end in sorted(protected(text, kinds or PROTECTED))]


def refused(text: str, better: str, *kinds: ProtectedKind) -> bool:
    """Whether the only change from one text to the other is refused."""
    (change,) = regions(text, better)
    return is_refused(change, text, protected(text, kinds or PROTECTED), kinds or PROTECTED)


@pytest.mark.parametrize(
    "quantity",
    ["2 s", "1,500 kWh", "3.5 °C", "64 GiB", "9.81 m/s", "12 m²", "5\N{NO-BREAK SPACE}km", "10 in", "30 min"],
)
def test_the_unit_behind_a_number_is_part_of_it(quantity: str) -> None:
    assert quantity in covered(f"about {quantity} after it", "number")
    assert refused(f"about {quantity} after it", f"about {quantity}xy after it"), "2 s is not 2 sxy"


@pytest.mark.parametrize("text", ["12 teh people", "of 7 members", "1 a day", "Section 2 sets", "G20 s", "2 dogs"])
def test_a_word_behind_a_number_is_no_unit(text: str) -> None:
    assert all(not re.search(r"[^\W\d]", stretch) or stretch == "G20" for stretch in covered(text, "number"))


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [
        ("url", ["https://x.example/teh", "www.example.org", "(ftp://a.b/c)."], ["http", "a:b", "see:this"]),
        ("email", ["ann.lee+news@mail.example.org", "<ann@example.org>,"], ["@ann", "ann@home"]),
        ("path", ["usr/share/doc", "~/notes", "./run", r"C:\Users", "docs/index.md", "setup.py,"], ["and/or", "end."]),
        (
            "number",
            ["24/7,", "$1,250.00", "3rd", "10ms", "50%", "08:00.", "2026-11-23T10:45:00Z", "4.17."],
            ["gov7rnment", "f1rst", "th3", "one"],
        ),
        (
            "identifier",
            ["max_clean_altered", "__init__", "os.path.join", "std::vector", "run()", "--set=x", "0123456789ab"],
            ["na_tion", "people", "well-known", "deed", "-", "Okonkwo-Szczur"],
        ),
        ("code", ["`teh`", "<b>"], ["'teh'", "a < b"]),
    ],
)
def test_words_of_each_kind_are_seen_and_damaged_words_are_not(
    kind: ProtectedKind, yes: list[str], no: list[str]
) -> None:
    for word in yes:
        assert "".join(covered(f"of {word} it", kind)).find(word.strip("(),.<>")) >= 0, f"{word!r} is a {kind}"
    for word in no:
        assert not covered(f"of {word} it", kind), f"{word!r} is no {kind}"


def test_indentation_and_columns_are_protected_and_a_doubled_space_is_not() -> None:
    assert covered("        return x", "spaces") == ["        "]
    assert covered("name   price\tunit", "spaces") == ["   ", "\t"]
    assert covered("two  spaces of noise", "spaces") == []


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_all_that_counts_in_reported_texts_is_covered(text: str) -> None:
    stretches = protected(text, PROTECTED)
    matches = [match.span() for match in COUNTS.finditer(text)]
    assert matches, f"{text!r} has nothing to cover"
    for start, end in matches:
        assert any(first <= start and end <= last for first, last in stretches), f"{text[start:end]!r} of {text!r}"


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("at 10:45 sharp", "at 1:45 sharp"),
        ("at 10:45 sharp", "at 10:45s sharp"),
        ("at 10:45 sharp", "at 10:45sharp"),
        ("at 10:45 sharp", "at10:45 sharp"),
        ("see https://x.example/teh", "see https://x.example/the"),
        ("        return", "return"),
        ("people", "people 4"),
        ("room four", "room f0ur"),
        ("[There was a disruption.]", "There was a disruption.]"),
        ("(possibly commercial) programs", "(possibly commercial programs"),
        ("all [the] people", "all people"),
        ("\U0001f3f4 the registry is live", "It is the registry is live"),
        ("\U0001f1f5\U0001f1f1 \U0001f1e7\U0001f1f7 the registry is live", "It is the registry is live"),
        ("## Acknowledgments", "# Acknowledgments"),
        ("- the people", "the people"),
        ("1. the people", "the people"),
        ("on the following conditions:", "on the following conditions."),
        ("On some implementations,", "On some implementations."),
        ("Credits", "Credits."),
        ("One sentence.  Another.", "One sentence. Another."),
        ("in dnd_leave(source, event) method", "in leave (source, event) method"),
    ],
)
def test_a_change_to_what_is_protected_is_refused(text: str, better: str) -> None:
    assert refused(text, better), f"{text!r} became {better!r}"


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("the gov7rnment acts", "the government acts"),
        ("on the 3rd teh people", "on the 3rd the people"),
        ("in 1999 , we", "in 1999, we"),
        ("in 1999 we", "in 1999, we"),
        ("all of teh people", "all of the people"),
        ("(possilby commercial) programs", "(possibly commercial) programs"),
        ("all (of people", "all of people"),
        ("al(l of people)", "all of people)"),
        ("all of the peopl", "all of the people."),
        ("all of the people,.", "all of the people."),
        ("two  spaces of noise", "two spaces of noise"),
        ("all of# the people", "all of the people"),
        ("all of peo}ple [here]", "all of people [here]"),
    ],
)
def test_a_change_to_prose_is_not(text: str, better: str) -> None:
    assert not refused(text, better), f"{text!r} stayed as it is instead of {better!r}"


def test_only_the_kinds_that_are_asked_for_count() -> None:
    assert not refused("at 10:45 sharp", "at 1:45 sharp", "url")
    assert not refused("people", "people 4", "url")
    assert not refused("[people]", "people", "number")
    assert protected("at 10:45 see https://x.example", ()) == []


@given(st.text(max_size=60))
def test_stretches_lie_in_any_text(text: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in protected(text, PROTECTED))
