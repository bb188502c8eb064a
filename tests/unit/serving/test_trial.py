"""A model on trial: one that was declined, or a candidate that nobody judged, answers where the settings name it."""

from __future__ import annotations

import pytest

from mendel.core import manifest
from mendel.promotion import champions
from mendel.restorers.restorer import Restorer

from .conftest import WEEK_1, WEEK_2, Store, decide_on, running, settings, until

NOISY = "The peopel of the nationn and our"


@pytest.fixture
def untried(candidates_template: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The candidate of WEEK_1 was declined, there is no champion; the one of WEEK_2 has not been decided about."""
    store = candidates_template.copied(tmp_path_factory.mktemp("untried"))
    decide_on(store.context(WEEK_1), "declined")
    return store


@pytest.mark.parametrize(
    ("name", "week", "version", "standing"), [("1", WEEK_1, 1, "declined"), ("candidate", WEEK_2, None, "not judged")]
)
def test_a_pinned_model_answers_and_says_what_it_is(
    untried: Store, name: str, week: str, version: int | None, standing: str
) -> None:
    # given
    candidate = manifest.current(untried.root, "candidate", week)
    assert candidate is not None
    (expected,) = Restorer.load(champions.resolve(untried.root, name).restorer_uri).restore([NOISY])

    # when
    with running(untried.root, settings(model=name)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        ready = client.get("/readyz").json()
        answer = client.post("/v1/restore", json={"text": NOISY}).raise_for_status().json()
        metrics = client.get("/metrics").text
        report = client.get("/v1/report")

    # then
    assert ready == {"version": version, "candidate": candidate.fingerprint, "standing": standing}
    assert (answer["version"], answer["standing"]) == (version, standing)
    assert answer["results"][0]["text"] == expected.text
    assert f'mendel_answers_total{{role="champion",version="{version or candidate.fingerprint}"}} 1.0' in metrics
    told = {"declined": "Version 1 was declined without an evaluation."}
    assert report.status_code == 404
    assert report.json()["detail"] == told.get(standing, f"Candidate {candidate.fingerprint} was not judged yet.")


def test_a_trial_stays_with_its_model_and_follows_what_becomes_of_it(untried: Store) -> None:
    with running(untried.root, settings(model="candidate")) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        before = client.get("/readyz").json()

        # when it is judged, and a newer candidate is made
        made = manifest.current(untried.root, "candidate", WEEK_1)
        assert made is not None
        newer = made.model_copy(update={"fingerprint": "f" * 16, "finished": made.finished.replace(year=2999)})
        manifest.commit(untried.root, newer)
        decide_on(untried.context(WEEK_2), "promoted")

        # then
        until(lambda: client.get("/readyz").json()["standing"] == "champion")
        assert client.get("/readyz").json() == {**before, "version": 2, "standing": "champion"}


def test_a_version_that_a_request_pins_answers_though_there_is_no_champion(untried: Store) -> None:
    with running(untried.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 503)
        refused = client.post("/v1/restore", json={"text": NOISY})
        answer = client.post("/v1/restore", json={"text": NOISY, "version": 1})
    assert refused.status_code == 503
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["standing"]) == (1, "declined")


def test_a_decision_that_is_deleted_does_not_bring_the_old_champion_back(
    candidates_template: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given version 2 took the place of version 1
    store = candidates_template.copied(tmp_path_factory.mktemp("deleted"))
    for week in (WEEK_1, WEEK_2):
        decide_on(store.context(week), "promoted")
    with running(store.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)

        # when the newest decision goes, and the witness in the lake with it
        (store.lake / "promotion/_ledger.json").unlink()
        (store.lake / "ledger/000002.json").unlink()

        # then
        until(lambda: client.get("/v1/models").json()["failure"] is not None)
        assert client.get("/readyz").json()["version"] == 2, "version 2 goes on"
