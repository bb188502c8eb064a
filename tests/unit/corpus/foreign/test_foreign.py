"""Foreign text: two parts that share nothing, every kind in number, nothing that cannot be shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus import foreign
from mendel.corpus.foreign import ForeignText, compositions, files
from mendel.corpus.foreign.parts import PARTS, part_of

COUNT = 60

MUST_STAY = [
    (
        "Meet me on 2026-11-23 at 10:45, room 4.17.",
        "times",
        r"Meet me on \d{4}-\d\d-\d\d at \d\d:\d\d, room \d+\.\d+\.",
    ),
    ("from 04:00 to 08:00.", "times", r"from \d\d:\d\d to \d\d:\d\d\."),
    (
        "ingest -c include/pipelines/mine.yaml -p 2026-11-23 --set …",
        "commands",
        r"[a-z]+ -c \S+/\S+\.\S+ -p \d{4}-\d\d-\d\d --\w+ .+",
    ),
    ("        return [value for value in values]", "python_code", r" {8}\S.*"),
    ("    * the exact version of GCC;", "markdown", r" {4}\* the exact version of \S+;(\n.*)?"),
    ("def position(lat: float, lon: float) -> str:", "code", r"def \w+\(\w+: \S+, \w+: \S+\) -> \S+:(\n.*)?"),
    ("Ms Okonkwo-Szczur", "names", r"\w+\.? \w+-[\w-]+"),
    ("https://x.example/teh", "addresses", r"https://[\w.]+/teh\S*"),
    ("24/7, $1,250.00", "quantities", r"24/7, \$[\d,]+\.\d\d"),
    ("3rd", "quantities", r"\d+(st|nd|rd|th)"),
    ("Well done 👩‍💻", "emoji", r".*\S\u200d\S.*"),
]
"""Lines that a restorer altered, the kind they are of, and the form that they have in common with it."""


@pytest.fixture(scope="module")
def parts() -> dict[str, list[ForeignText]]:
    return {part: foreign.texts(part, COUNT) for part in PARTS}


def test_the_parts_share_no_text(parts: dict[str, list[ForeignText]]) -> None:
    plain = {part: {" ".join(text.split()).casefold() for _, text in found} for part, found in parts.items()}
    assert not plain["fit"] & plain["judge"]


@pytest.mark.parametrize("kind", compositions.KINDS)
def test_the_parts_share_no_template(kind: str) -> None:
    fit, judge = ({" ".join(entry.template.split()) for entry in compositions.templates(part, kind)} for part in PARTS)
    assert len(fit) > 2, f"{kind} has {len(fit)} templates to fit to"
    assert len(judge) > 2, f"{kind} has {len(judge)} templates to judge by"
    assert fit & judge <= {"@aligned", "@piped", "@separated"}, f"{fit & judge} in both parts"


@pytest.mark.parametrize("kind", files.KINDS)
def test_the_parts_share_no_file(kind: str) -> None:
    fit, judge = ({file.name for file in files.files_of(part, kind)} for part in PARTS)
    assert not fit & judge


@pytest.mark.parametrize("part", PARTS)
def test_every_kind_that_is_made_has_as_many_texts_as_asked_for(part: str, parts: dict[str, list[ForeignText]]) -> None:
    counts = Counter(kind for kind, _ in parts[part])
    assert {kind: counts[kind] for kind in compositions.KINDS} == dict.fromkeys(compositions.KINDS, COUNT)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", sorted(set(files.KINDS) - {"manuals"}))
def test_every_kind_that_is_taken_has_texts_wherever_this_package_is_installed(
    part: str, kind: str, parts: dict[str, list[ForeignText]]
) -> None:
    assert any(of == kind for of, _ in parts[part]), f"no {kind} on this machine"


def test_no_text_comes_twice_and_each_has_letters_or_digits_and_can_be_shown(
    parts: dict[str, list[ForeignText]],
) -> None:
    for found in parts.values():
        assert len(found) == len(set(found))
        for kind, text in found:
            assert re.search(r"[^\W_]", text), f"{kind}: {text!r} says nothing"
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ud800-\udfff]", text), f"{kind}: {text!r}"
            assert len(text) <= foreign.LONGEST, f"{kind}: {len(text)} characters"


def test_lines_and_paragraphs_are_among_them(parts: dict[str, list[ForeignText]]) -> None:
    for part, found in parts.items():
        several = sum("\n" in text for _, text in found) / len(found)
        assert 0.1 < several < 0.6, f"{part}: {several:.0%} of the texts have several lines"


def test_the_same_seed_gives_the_same_texts_in_another_process(parts: dict[str, list[ForeignText]]) -> None:
    # Given a process with another hash seed, which orders sets otherwise
    code = f"from mendel.corpus import foreign; print(foreign.texts('judge', {COUNT}))"
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    # Then
    assert other.stdout.strip() == repr(parts["judge"])


def test_another_seed_gives_other_texts_of_the_same_part(parts: dict[str, list[ForeignText]]) -> None:
    other = foreign.texts("fit", COUNT, seed=1)
    assert len(set(other) & set(parts["fit"])) < len(other) / 2, "most texts are the same"
    assert not {text for _, text in other} & {text for _, text in parts["judge"]}, "the parts meet at another seed"


@pytest.fixture(scope="module")
def many() -> list[ForeignText]:
    return [item for part in PARTS for item in foreign.texts(part, 250)]


@pytest.mark.parametrize(("line", "kind", "form"), MUST_STAY, ids=[line.strip()[:24] for line, *_ in MUST_STAY])
def test_a_line_that_was_altered_wrongly_is_of_a_kind_that_is_here(
    line: str, kind: str, form: str, many: list[ForeignText]
) -> None:
    assert re.fullmatch(form, line), f"{form} does not describe {line!r}"
    texts = [text for of, text in many if of == kind]
    assert any(re.fullmatch(form, text) for text in texts), f"none of {len(texts)} {kind} is of this form"


@pytest.mark.parametrize(
    ("text", "usable"),
    [("3rd", True), ("    x", True), ("***", False), ("", False), ("a\x00b", False), ("a\ufffd", False), ("\ue000 a", False)],
)  # fmt: skip
def test_rubbish_is_left_out(text: str, usable: bool) -> None:
    assert foreign.is_usable(text) is usable


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_white_space_and_case_make_no_other_text(text: str) -> None:
    assert part_of(text) == part_of(f"  {text}\n") == part_of(" ".join(text.casefold().split()))
