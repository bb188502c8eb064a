import json
from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.noise.learn_pairs import read


def test_pairs_come_in_order_and_other_keys_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    lines = [{"noisy": "teh cat", "clean": "the cat", "page": 3}, {"clean": "a\u2028b", "noisy": "a b"}]
    file.write_text("\n".join([json.dumps(lines[0]), "", json.dumps(lines[1], ensure_ascii=False)]))
    found = read(str(file))
    assert found.noisy == ["teh cat", "a b"]
    assert found.clean == ["the cat", "a\u2028b"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b'{"noisy": "a", "clean": "b"}\nteh cat', "line 2: not JSON"),
        (b'["teh", "the"]', "expected an object"),
        (b'{"noisy": "teh"}', "'clean' is missing"),
        (b'{"noisy": "teh", "clean": 3}', "'clean' must be a string"),
        (b'{"noisy": " ", "clean": "the"}', "'noisy' is empty"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_what_is_no_pair_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read(str(file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl cannot be read"):
        read(str(tmp_path / "absent.jsonl"))


def write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


ALTO = '<alto><Layout><String CONTENT="teh"/><String CONTENT="dog"/></Layout></alto>'


def test_files_of_two_folders_are_paired_by_their_names(tmp_path: Path) -> None:
    noisy = write(tmp_path / "noisy", {"a/1.txt": "teh\ncat", "a/2.xml": ALTO, "3.txt": "alone"})
    clean = write(tmp_path / "clean", {"a/1.txt": "the cat", "a/2.gt.txt": "the dog", "b/1.txt": "alone too"})
    found = read(noisy, clean)
    assert (found.noisy, found.clean) == (["teh cat", "teh dog"], ["the cat", "the dog"])
    assert [file.removeprefix(tmp_path.as_uri()) for file in found.alone] == ["/clean/b/1.txt", "/noisy/3.txt"]


def test_a_file_stands_beside_its_truth(tmp_path: Path) -> None:
    folder = write(tmp_path, {"1.txt": "teh cat", "1.gt.txt": "the cat", "2.xml": ALTO, "2.gt.txt": "the dog"})
    write(tmp_path, {"1.hocr": "a second form of the same page", "notes.md": "no text of a page"})
    found = read(folder)
    assert (found.noisy, found.clean, found.alone) == (["teh cat", "teh dog"], ["the cat", "the dog"], ())


def test_folders_without_pairs_are_refused(tmp_path: Path) -> None:
    noisy, clean = (write(tmp_path / side, {f"{side}.txt": "the cat"}) for side in ("noisy", "clean"))
    with pytest.raises(InputError, match="1 noisy and 1 clean files, none of the same name"):
        read(noisy, clean)
    with pytest.raises(InputError, match=r"NAME\.gt\.txt"):
        read(noisy)
