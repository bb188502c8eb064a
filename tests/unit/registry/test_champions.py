from pathlib import Path

import pytest

from mendel.errors import InputError
from mendel.registry import champions
from mendel.restoration.restorer import Restorer

from .conftest import WEEK_1, WEEK_2, Store, decide_on


def test_aliases_and_versions_lead_to_models_that_can_be_loaded(candidates: Store) -> None:
    # given version 1 reigned before version 2
    first, second = decide_on(candidates.context(WEEK_1), "promoted"), decide_on(candidates.context(WEEK_2), "promoted")

    # when
    found = {name: champions.resolve(candidates.root, name) for name in ("champion", "previous", "1", "2")}

    # then
    assert found["champion"] == found["2"], "the champion is version 2"
    assert found["previous"] == found["1"], "version 1 reigned before"
    assert [found["1"].digest, found["2"].digest] == [first.candidate.digest, second.candidate.digest]
    assert Restorer.load(found["champion"].restorer_uri).kind == "channel-ngram", "the folder holds a restorer"


@pytest.mark.parametrize("name", ["challenger", "3", "0", "-1", "champoin", "²", ""])
def test_a_name_that_nobody_has_is_an_error_that_lists_those_there_are(candidates: Store, name: str) -> None:
    decide_on(candidates.context(WEEK_1), "promoted")
    with pytest.raises(InputError, match=r"no model '.*Choose one of: champion, 1\."):
        champions.resolve(candidates.root, name)


def test_before_the_first_promotion_the_error_says_what_to_run(candidates: Store) -> None:
    with pytest.raises(InputError, match="run mendel evaluate and mendel promote first"):
        champions.resolve(candidates.root)


def test_a_model_whose_file_was_changed_is_not_handed_out(candidates: Store) -> None:
    # given
    decision = decide_on(candidates.context(WEEK_1), "promoted")
    path = Path(champions.restorer_uri(candidates.root, decision).removeprefix("file://")) / "ngram.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    # when / then
    with pytest.raises(InputError, match=r"ngram\.safetensors: expected sha256"):
        champions.resolve(candidates.root)
