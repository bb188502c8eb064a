from pathlib import Path

import pytest

from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.promotion import champions
from mendel.restorers.restorer import Restorer

from .conftest import WEEK_1, WEEK_2, Store, decide_on


def test_aliases_and_versions_lead_to_models_that_can_be_loaded(candidates: Store) -> None:
    # given version 1 was champion before version 2
    first, second = decide_on(candidates.context(WEEK_1), "promoted"), decide_on(candidates.context(WEEK_2), "promoted")

    # when
    found = {name: champions.resolve(candidates.root, name) for name in ("champion", "previous", "1", "2")}

    # then
    assert found["champion"] == found["2"], "the champion is version 2"
    assert found["previous"] == found["1"], "version 1 was champion before"
    assert [found["1"].digest, found["2"].digest] == [first.candidate.digest, second.candidate.digest]
    assert Restorer.load(found["champion"].restorer_uri).kind == "channel-ngram", "the folder holds a restorer"


def test_a_candidate_that_nobody_judged_is_found_by_fingerprint_and_as_the_newest(candidates: Store) -> None:
    # given the candidate of WEEK_1 was declined, the newer one of WEEK_2 never judged
    declined = decide_on(candidates.context(WEEK_1), "declined").candidate
    newest = manifest.current(candidates.root, "candidate", WEEK_2)
    assert newest is not None

    # when
    names = ("candidate", newest.fingerprint, newest.fingerprint[:8], declined.fingerprint[:8], "1", "challenger")
    found = {name: champions.resolve(candidates.root, name) for name in names}

    # then
    for name in names[:3]:
        assert found[name].fingerprint == newest.fingerprint, name
        assert (found[name].version, found[name].standing) == (None, "not judged"), name
        with pytest.raises(InputError, match=rf"{newest.fingerprint} has no version: run mendel evaluate"):
            _ = found[name].registered
    assert found["1"] == found["challenger"] == found[declined.fingerprint[:8]], "the one that was judged is version 1"
    assert (found["1"].version, found["1"].standing) == (1, "declined")
    assert Restorer.load(found["candidate"].restorer_uri).kind == "channel-ngram"


def test_every_standing_is_told(candidates: Store) -> None:
    for week, action in ((WEEK_1, "promoted"), (WEEK_2, "promoted")):
        decide_on(candidates.context(week), action)
    assert [champions.resolve(candidates.root, name).standing for name in ("1", "2")] == [
        "was champion before",
        "champion",
    ]


def test_candidates_that_begin_alike_are_told_apart(candidates: Store) -> None:
    made = manifest.current(candidates.root, "candidate", WEEK_2)
    assert made is not None
    for end in ("0", "1"):
        manifest.commit(candidates.root, made.model_copy(update={"fingerprint": "abcdef012345678" + end}))
    with pytest.raises(InputError, match="several candidates begin with abcdef: abcdef0123456780, abcdef0123456781"):
        champions.resolve(candidates.root, "abcdef")


@pytest.mark.parametrize("name", ["challenger", "3", "0", "-1", "champoin", "²", ""])
def test_a_name_that_nobody_has_is_an_error_that_lists_those_there_are(candidates: Store, name: str) -> None:
    decide_on(candidates.context(WEEK_1), "promoted")
    with pytest.raises(InputError, match=r"no model '.*Choose one of: champion, 1\."):
        champions.resolve(candidates.root, name)


def test_before_the_first_promotion_the_error_says_what_to_run(candidates: Store) -> None:
    told = r"run mendel evaluate and mendel promote first\. .* can be tried by name: candidate \(the newest\), [0-9a-f]{16}"
    with pytest.raises(InputError, match=told):
        champions.resolve(candidates.root)


def test_a_model_whose_file_was_changed_is_not_handed_out(candidates: Store) -> None:
    # given
    decision = decide_on(candidates.context(WEEK_1), "promoted")
    path = (
        Path(champions.resolved(candidates.root, decision).restorer_uri.removeprefix("file://")) / "ngram.safetensors"
    )
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    # when / then
    with pytest.raises(InputError, match=r"ngram\.safetensors: expected sha256"):
        champions.resolve(candidates.root)
