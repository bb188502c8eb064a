"""Feedback over HTTP: kept only where the deployment says so, under the caller's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from mendel.feedback.judged import Feedback
from mendel.serving.keys import Keys, new

from .conftest import Store, running, settings

SAID: dict[str, Any] = {
    "request_id": "r1",
    "version": 1,
    "texts": [
        {
            "text": "The goverment.",
            "changes": [
                {
                    "start": 4,
                    "end": 13,
                    "original": "goverment",
                    "replacement": "government",
                    "confidence": 0.9,
                    "accepted": False,
                }
            ],
        }
    ],
}


def kept(root: str) -> list[Feedback]:
    folder = Path(root.removeprefix("file://")) / "feedback_inbox"
    return [Feedback.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("dt=*/*.json"))]


def test_it_is_off_and_says_how_it_is_turned_on(with_champion: Store) -> None:
    with running(with_champion.root, settings()) as client:
        refused = client.post("/v1/feedback", json=SAID)
        told = client.get("/v1/models").json()["feedback"]

    assert (refused.status_code, told) == (403, False)
    assert "serve.feedback=true" in refused.json()["detail"]
    assert kept(with_champion.root) == [], "a text was stored though nobody had said so"


def test_where_it_is_on_it_is_kept_with_the_name_of_the_key(with_champion: Store) -> None:
    key, digest = new()
    with running(with_champion.root, settings(feedback=True), Keys({"ana": digest})) as client:
        strange = client.post("/v1/feedback", json=SAID)
        answered = client.post("/v1/feedback", json=SAID, headers={"X-API-Key": key})
        told = client.get("/v1/models", headers={"X-API-Key": key}).json()["feedback"]

    assert (strange.status_code, answered.status_code, told) == (401, 201, True)
    assert answered.json() == {"changes": 1}
    (record,) = kept(with_champion.root)
    assert (record.request_id, record.caller, record.model_version) == ("r1", "ana", 1)
    assert record.texts[0].accepted() == "The goverment."
    assert key not in record.model_dump_json(), "the key itself is stored"


def test_a_change_that_is_not_of_its_text_is_refused(with_champion: Store) -> None:
    wrong = json.loads(json.dumps(SAID))
    wrong["texts"][0]["changes"][0]["original"] = "government"
    with running(with_champion.root, settings(feedback=True)) as client:
        refused = client.post("/v1/feedback", json=wrong)
        misspelt = client.post("/v1/feedback", json=SAID | {"txets": []})

    assert (refused.status_code, misspelt.status_code) == (400, 422)
    assert "does not stand there" in refused.json()["detail"]
    assert kept(with_champion.root) == []


def test_a_lake_that_cannot_be_written_is_said_and_the_service_goes_on(with_champion: Store) -> None:
    (Path(with_champion.root.removeprefix("file://")) / "feedback_inbox").write_bytes(b"in the way")
    with running(with_champion.root, settings(feedback=True)) as client:
        refused = client.post("/v1/feedback", json=SAID)
        alive: httpx.Response = client.get("/healthz")

    assert (refused.status_code, alive.status_code) == (503, 200)
    assert "Retry-After" in refused.headers
