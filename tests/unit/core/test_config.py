"""Configuration: YAML with includes, `--set` over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core import config
from mendel.core.errors import InputError
from mendel.pipeline import load_stage


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_an_include_puts_the_file_in_its_place_relative_to_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path / "noise" / "rates.yaml", "deletion: 0.01")
    write(tmp_path / "noise" / "default.yaml", "name: default\nrates: !include rates.yaml")
    uri = write(tmp_path / "pipelines" / "demo.yaml", "corrupt:\n  noise: !include ../noise/default.yaml")

    data = config.load(uri)

    assert data == {"corrupt": {"noise": {"name": "default", "rates": {"deletion": 0.01}}}}


def test_an_include_may_be_absolute_or_a_uri(tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere" / "noise.yaml", "name: light")
    uri = write(tmp_path / "mine.yaml", f"a: !include {path}\nb: !include file://{path}")

    assert config.load(uri) == {"a": {"name": "light"}, "b": {"name": "light"}}


def test_a_file_can_begin_with_the_keys_of_another(tmp_path: Path) -> None:
    write(tmp_path / "noise" / "light.yaml", "rate: 1.0e-05")
    write(
        tmp_path / "pipelines" / "demo.yaml", "name: demo\nnoise: !include ../noise/light.yaml\nversion: {a: 1, b: 2}"
    )
    uri = write(tmp_path / "mine" / "mine.yaml", "<<: !include ../pipelines/demo.yaml\nname: mine\nversion: {c: 3}")

    data = config.load(uri)

    assert data == {"name": "mine", "noise": {"rate": 1e-05}, "version": {"c": 3}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "is not YAML"),
        ("- a\n- b", "must be a mapping of keys to values, found list"),
        ("", "must be a mapping of keys to values, found NoneType"),
        ("a: !include nothing.yaml", r"nothing\.yaml cannot be read"),
        ("a: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    uri = write(tmp_path / "demo.yaml", text)

    with pytest.raises(InputError, match=said):
        config.load(uri)


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"a: [1, {SECRET}", "line 1, column 15"),
        (f"password: *{SECRET}", "line 1, column 11"),
        (f"a: 1\nb: !{SECRET} 1", "line 2, column 4"),
        (f'a: "\\q{SECRET}"', "line 1, column 6"),
        (f"a:\n\t- {SECRET}", "line 2, column 1"),
        (f"password: {SECRET}: x", "line 1, column 18"),
        (f"{SECRET}:\n  {SECRET}\n{SECRET}", "line 3, column 8"),
        (f"a: \x07{SECRET}", "character 4"),
        (f"a: 2026-13-45 # {SECRET}", "is not YAML"),
        (f"{SECRET} {SECRET}", "found str"),
        (f"a: !include [{SECRET}]", "line 1: !include takes a path"),
        ("[" * 5000 + SECRET, "nested too deeply"),
    ],
)
def test_what_a_file_holds_is_never_quoted(tmp_path: Path, text: str, place: str) -> None:
    """Whoever may name a configuration could otherwise read any file of the machine, a line at a time."""
    uri = write(tmp_path / "demo.yaml", text)

    with pytest.raises(InputError) as caught:
        config.load(uri)

    assert SECRET not in str(caught.value)
    assert uri in str(caught.value), "the message must name the file"
    assert place in str(caught.value), "the message must say where the fault is"


@given(st.text("ab:-[]{}!*&%|>'\"\\\t\n #@`?,", max_size=30).map(lambda text: text.replace("a", SECRET)))
def test_no_fault_of_a_text_is_told_with_its_words(text: str) -> None:
    said = ""
    try:
        config.parse(text, "x.yaml")
    except InputError as error:
        said = str(error)

    assert SECRET not in said


def test_values_of_a_wrong_kind_are_not_quoted(tmp_path: Path) -> None:
    keys = {"source": {"kind": SECRET}, "cleaning": SECRET, "near_duplicate": SECRET}
    with pytest.raises(InputError) as caught:
        load_stage(write(tmp_path / "demo.yaml", f"name: x\nlake: {tmp_path}\ningest: {keys}"), "ingest")

    assert SECRET not in str(caught.value)
    assert "'kind' must be one of" in str(caught.value)


def test_files_that_include_each_other_are_named_in_order(tmp_path: Path) -> None:
    a = write(tmp_path / "a.yaml", "b: !include b.yaml")
    b = write(tmp_path / "b.yaml", "<<: !include a.yaml")

    with pytest.raises(InputError, match=f"a.yaml includes itself: file://{a} → file://{b} → file://{a}"):
        config.load(a)


def test_includes_go_so_deep_and_no_deeper(tmp_path: Path) -> None:
    write(tmp_path / "0.yaml", "end: true")
    deepest = config.MOST_INCLUDES
    for depth in range(1, deepest + 2):
        write(tmp_path / f"{depth}.yaml", f"next: !include {depth - 1}.yaml")

    assert config.load(str(tmp_path / f"{deepest}.yaml")), "a chain as long as may be was refused"
    with pytest.raises(InputError, match=rf"0\.yaml is more than {deepest} includes deep"):
        config.load(str(tmp_path / f"{deepest + 1}.yaml"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml cannot be read"):
        config.load(str(tmp_path / "nowhere.yaml"))


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_bytes(b"a: \xff\xfe\x00")

    with pytest.raises(InputError, match=r"demo\.yaml is not YAML"):
        config.load(str(tmp_path / "demo.yaml"))


def test_settings_reach_inside_and_leave_the_rest() -> None:
    data: dict[str, Any] = {"noise": {"name": "default", "rates": {"deletion": 0.01}}, "seed": 1}

    result = config.override(data, ["noise.rates.deletion=0.02", "noise.target_cer=0.08", "new.deep.key=[1, x]"])

    assert result == {
        "noise": {"name": "default", "rates": {"deletion": 0.02}, "target_cer": 0.08},
        "seed": 1,
        "new": {"deep": {"key": [1, "x"]}},
    }
    assert data["noise"]["rates"]["deletion"] == 0.01, "override changed what it was given"


def test_a_later_setting_wins_and_a_value_may_hold_an_equals_sign() -> None:
    assert config.override({}, ["a=1", "a=x=y"]) == {"a": "x=y"}


def test_a_setting_with_an_at_sign_reads_a_file_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "noise" / "heavy.yaml", "target_cer: 0.1")
    monkeypatch.chdir(tmp_path)

    assert config.override({"noise": {"name": "default"}}, ["noise=@noise/heavy.yaml"]) == {
        "noise": {"target_cer": 0.1}
    }


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("noise", "write key=value"),
        ("=1", "write key=value"),
        ("noise..cer=1", "write key=value"),
        ("a=[1", "the value is not YAML"),
        ("seed.deep=1", "seed is a value, it has no keys"),
        ("a=@nothing.yaml", r"nothing\.yaml cannot be read"),
    ],
)
def test_a_bad_setting_is_named_with_what_to_write(assignment: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        config.override({"seed": 1}, [assignment])


KEYS = st.lists(st.text("abc_", min_size=1, max_size=4), min_size=1, max_size=3)


@given(KEYS, st.integers() | st.booleans() | st.text("xyz", min_size=1))
def test_what_is_set_is_found_where_it_was_set(keys: list[str], value: Any) -> None:
    result: Any = config.override({}, [f"{'.'.join(keys)}={value}"])

    for key in keys:
        result = result[key]
    assert result == value


@given(st.text(st.characters(exclude_characters="@"), max_size=30))  # @ would read files
def test_any_setting_is_applied_or_refused_by_name(assignment: str) -> None:
    refusal = None
    try:
        config.override({"a": {"b": 1}}, [assignment])
    except InputError as error:
        refusal = str(error)

    assert refusal is None or refusal.startswith(f"--set {assignment!r}: ")


def test_the_environment_names_the_lake_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_LAKE", "s3://bucket/lake/")
    assert config.lake_root({"lake": "elsewhere"}) == "s3://bucket/lake"

    monkeypatch.delenv("MENDEL_LAKE")
    assert config.lake_root({"lake": "/data/lake"}) == "file:///data/lake"


@pytest.mark.parametrize("data", [{}, {"lake": ""}, {"lake": 7}])
def test_no_lake_is_an_error_that_says_where_to_set_it(data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_LAKE", raising=False)

    with pytest.raises(InputError, match="MENDEL_LAKE"):
        config.lake_root(data)
