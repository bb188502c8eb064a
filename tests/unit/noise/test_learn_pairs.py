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
