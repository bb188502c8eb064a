"""`mendel restore files`: folders of documents, in place and elsewhere, and what goes wrong with one of them."""

from __future__ import annotations

import io
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mendel.restorers.restorer import READERS

from ..inference.conftest import a_lake, new_lake
from .conftest import Command

__all__ = ["a_lake", "new_lake"]


@pytest.fixture
def mendel(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`mendel restore files`."""
    monkeypatch.delenv("MENDEL_CONFIG", raising=False)
    return partial(command, "restore", "files")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A candidate's folder, in no lake; its restorer writes `the` for `teh`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "inference"))
    monkeypatch.setitem(READERS, "spelling", "spelling:SpellingRestorer")
    folder = tmp_path / "candidate"
    folder.mkdir()
    (folder / "restorer.json").write_text(json.dumps({"kind": "spelling", "words": {"teh": "the"}}))
    return folder


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A folder of documents: two with an error, one without, one that nobody can read, and a picture."""
    folder = tmp_path / "letters"
    (folder / "old").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"see teh house\r\nand go")
    (folder / "old" / "b.md").write_text("# see teh house\n\n`teh code`\n")
    (folder / "right.txt").write_text("see the house\n")
    (folder / "latin.txt").write_bytes("Señor teh".encode("latin-1"))
    (folder / "picture.png").write_bytes(b"\x89PNG\0")
    (folder / ".hidden.txt").write_text("teh\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_comes_out_in_another(mendel: Command, model: Path, letters: Path, tmp_path: Path) -> None:
    # given
    before = contents(letters)
    # when
    found = mendel(letters, "--model", model, "--output", tmp_path / "out")
    # then what cannot be read is named, and the others are there, what is no document too
    assert found.code == 2
    assert f"mendel: {letters}/latin.txt: byte 3 (0xf1) is not utf-8" in found.err
    assert "Traceback" not in found.err
    assert contents(tmp_path / "out") == {
        "a.txt": b"see the house\r\nand go",
        "old/b.md": b"# see the house\n\n`teh code`\n",
        "right.txt": before["right.txt"],
        "picture.png": before["picture.png"],
    }
    assert contents(letters) == before, "the input stays"


def test_without_a_folder_results_lie_beside_and_are_not_taken_for_input(
    mendel: Command, model: Path, letters: Path
) -> None:
    (letters / "latin.txt").unlink()
    (letters / "settings.xml").write_text("<settings>teh</settings>")
    before = contents(letters)
    assert mendel(letters, "--model", model).code == 0
    results = {"a.restored.txt": b"see the house\r\nand go", "old/b.restored.md": b"# see the house\n\n`teh code`\n"}
    assert contents(letters) == before | results
    # and again nothing is overwritten unless it is asked for
    (letters / "a.restored.txt").write_text("corrected by hand")
    again = mendel(letters, "--model", model)
    assert again.code == 2
    assert f"{letters}/a.restored.txt is there already" in again.err
    assert contents(letters)["a.restored.txt"] == b"corrected by hand"
    assert mendel(letters, "--model", model, "--force").code == 0
    assert contents(letters) == before | results


def test_in_place_the_original_is_kept_beside(mendel: Command, model: Path, letters: Path) -> None:
    # given a file that only its owner may read, and a link to it
    path = letters / "a.txt"
    path.chmod(0o600)
    (letters / "link.txt").symlink_to("a.txt")
    before = path.read_bytes()
    # when
    found = mendel(letters / "link.txt", "--model", model, "--in-place")
    # then
    assert found.code == 0, found.err
    assert path.read_bytes() == b"see the house\r\nand go"
    assert (letters / "a.txt.orig").read_bytes() == before
    assert [each.stat().st_mode & 0o777 for each in (path, letters / "a.txt.orig")] == [0o600, 0o600]
    assert (letters / "link.txt").is_symlink()
    # and a backup is never lost
    path.write_text("teh next\n")
    assert mendel(path, "--model", model, "--in-place").code == 2
    assert (letters / "a.txt.orig").read_bytes() == before
    assert path.read_text() == "teh next\n"
    assert mendel(path, "--model", model, "--in-place", "--backup", ".2").code == 0
    assert contents(letters)["a.txt.2"] == b"teh next\n"


def test_a_file_that_does_not_change_is_not_touched(mendel: Command, model: Path, letters: Path) -> None:
    before = contents(letters)
    assert mendel(letters / "right.txt", "--model", model, "--in-place").code == 0
    assert contents(letters) == before


@pytest.mark.parametrize("option", ["--dry-run", "--diff", "--check"])
def test_nothing_is_written_where_it_is_only_asked(mendel: Command, model: Path, letters: Path, option: str) -> None:
    # given
    (letters / "latin.txt").unlink()
    before = contents(letters)
    # when
    found = mendel(letters, "--model", model, option, "--in-place")
    # then
    assert contents(letters) == before
    assert found.code == (1 if option == "--check" else 0)
    assert str(letters / "a.txt") in found.out
    assert "right.txt" not in found.out
    assert mendel(letters / "right.txt", "--model", model, "--check").code == 0


def test_a_diff_says_what_would_change(mendel: Command, model: Path, letters: Path) -> None:
    path = letters / "old" / "b.md"
    assert mendel(path, "--model", model, "--diff").out == (
        f"--- {path}\n+++ {path} (restored)\n@@ -1,3 +1,3 @@\n-# see teh house\n+# see the house\n \n `teh code`\n"
    )


def test_a_report_shows_each_change_and_what_could_not_be_read(
    mendel: Command, model: Path, letters: Path, tmp_path: Path
) -> None:
    (letters / "a.txt").write_text("see teh <b> & house\n")
    assert mendel(letters, "--model", model, "--dry-run", "--report", tmp_path / "new" / "r.html").code == 2
    page = (tmp_path / "new" / "r.html").read_text()
    shown = r"see <del>teh</del><ins>the</ins><small> \d+%</small> &lt;b&gt; &amp; house"
    assert re.search(shown, page), "a change with its confidence, the rest as it was"
    assert f"{letters}/latin.txt: byte 3" in page
    assert page.endswith("</html>\n")


def test_as_a_filter(mendel: Command, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "see *teh* `teh` house\r\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    found = mendel("-", "--format", "markdown", "--model", model)
    assert (found.code, found.out) == (0, "see *the* `teh` house\r\n")


def test_a_champion_is_found_in_its_lake(a_lake: Any, mendel: Command, tmp_path: Path, letters: Path) -> None:
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {a_lake.root}\nrestore: {{}}\n")
    found = mendel(letters / "a.txt", "-c", config)
    assert found.code == 0, found.err
    assert (letters / "a.restored.txt").read_bytes() == b"see the house\r\nand go"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{letters}/none.txt"], "none.txt: there is no such file or folder"),
        (["{letters}/picture.png"], "picture.png: its suffix tells no format; say it, as in --format text"),
        (["{letters}/picture.png", "--format", "text"], "picture.png: byte 1 (0x89) is not utf-8"),
        (["{letters}/a.txt", "--format", "word"], "--format word: choose one of text, markdown"),
        (["{letters}/a.txt", "--in-place", "--output", "x"], "--in-place and --output: choose one"),
        (["-", "--in-place"], "- (standard input) is written to standard output: leave out --in-place"),
        (["-", "{letters}/a.txt"], "- (standard input) stands alone"),
        (["{letters}/a.txt", "--encoding", "klingon"], "--encoding klingon: there is no such encoding"),
        (
            ["{letters}/a.txt", "--model", "champion"],
            "--model champion is looked for in a lake: say which, with --config",
        ),
        (["{letters}/a.txt", "--model", "{letters}"], "holds no restorer"),
    ],
)
def test_bad_input_ends_with_exit_2_and_says_what_to_change(
    mendel: Command, model: Path, letters: Path, arguments: list[str], message: str
) -> None:
    asked = [argument.format(letters=letters) for argument in arguments]
    found = mendel("--model", model, *asked)
    assert found.code == 2, found
    assert message in found.err
    assert "Traceback" not in found.err
