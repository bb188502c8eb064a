import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import requests

from mendel.promotion import champions, ledger, model_registry
from mendel.restorers.restorer import Restorer

from .conftest import MODEL, WEEK_1, WEEK_2, Store, aliases, decide_on

PATIENCE = 240.0
"""Seconds: MLflow takes ten to start, on a busy machine minutes."""
NOISY = ["The peopel of the nationn and our", "Congress mus#t be sttrong"]


@pytest.fixture
def promoted(candidates: Store) -> Store:
    """Version 1, then version 2 were promoted; MLflow knows nothing yet."""
    for week in (WEEK_1, WEEK_2):
        decide_on(candidates.context(week), "promoted")
    return candidates


def test_a_registry_that_knows_nothing_is_filled_from_the_ledger(promoted: Store) -> None:
    # when
    model_registry.follow(promoted.root, MODEL)

    # then
    assert aliases() == {"champion": 2, "previous": 1}
    for version, decision in enumerate(ledger.read(promoted.root), start=1):
        tags = mlflow.MlflowClient().get_model_version(MODEL, str(version)).tags
        assert tags["digest"] == decision.candidate.digest, f"version {version} is the one that the ledger means"
        assert tags["restorer_uri"] == champions.resolved(promoted.root, decision).restorer_uri


def test_aliases_that_say_something_else_are_put_right(promoted: Store) -> None:
    # given
    model_registry.follow(promoted.root, MODEL)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.set_registered_model_alias(MODEL, "candidate", "1")
    client.set_registered_model_alias(MODEL, "challenger", "1")
    client.delete_registered_model_alias(MODEL, "previous")
    client.set_registered_model_alias(MODEL, "favourite", "1")

    # when
    model_registry.follow(promoted.root, MODEL)

    # then
    assert aliases() == {"champion": 2, "previous": 1, "favourite": 1}, "an alias of somebody else's stays"


def test_following_again_registers_nothing_again(promoted: Store) -> None:
    for _ in range(2):
        model_registry.follow(promoted.root, MODEL)
    assert len(mlflow.MlflowClient().search_model_versions()) == 2


def test_processes_that_follow_at_the_same_time_do_not_trip_over_each_others_aliases(promoted: Store) -> None:
    # given both versions are registered, and no alias is set
    model_registry.follow(promoted.root, MODEL)
    client = mlflow.MlflowClient()
    with ThreadPoolExecutor(max_workers=8) as pool:
        for attempt in range(5):
            for alias in ("champion", "previous"):
                client.delete_registered_model_alias(MODEL, alias)

            # when eight find that the aliases are missing, and set them
            following = [pool.submit(model_registry.follow, promoted.root, MODEL) for _ in range(8)]

            # then
            for follower in following:
                follower.result()
            assert aliases() == {"champion": 2, "previous": 1}, f"attempt {attempt}"


def test_two_lakes_with_one_mlflow_and_one_name_leave_each_others_aliases_alone(
    promoted: Store, candidates_template: Store, tmp_path: Path
) -> None:
    # given two lakes whose pipelines are called the same
    other = Store(candidates_template.copied(tmp_path / "other").lake, promoted.database)
    model_registry.follow(promoted.root, MODEL)
    mine = aliases()

    # when in the other one is declined, promoted, promoted again
    for week, action in ((WEEK_1, "declined"), (WEEK_2, "promoted"), (WEEK_1, "promoted")):
        decide_on(other.context(week), action)
        model_registry.follow(other.root, MODEL)

        # then
        assert aliases() == mine, f"after {action} in the other lake"
    identity = ledger.identity(other.root)
    assert identity is not None
    theirs = mlflow.MlflowClient().get_registered_model(f"{MODEL}-{identity[:8]}").aliases
    assert {alias: int(version) for alias, version in theirs.items()} == {"champion": 1, "previous": 2}

    # and the first lake, followed again, leaves the other's alone
    model_registry.follow(promoted.root, MODEL)
    assert mlflow.MlflowClient().get_registered_model(f"{MODEL}-{identity[:8]}").aliases == theirs


def test_a_lake_that_was_moved_keeps_its_registered_model(promoted: Store) -> None:
    model_registry.follow(promoted.root, MODEL)
    moved = promoted.lake.rename(promoted.lake.with_name("moved"))
    model_registry.follow(moved.as_uri(), MODEL)
    assert [found.name for found in mlflow.MlflowClient().search_registered_models()] == [MODEL]


def test_a_model_of_that_name_that_is_nobodys_is_left_as_it_is(promoted: Store) -> None:
    # given
    client = mlflow.MlflowClient()
    client.create_registered_model(MODEL)

    # when
    model_registry.follow(promoted.root, MODEL)

    # then
    assert client.search_model_versions(f"name = '{MODEL}'") == []


def test_a_ledger_that_was_registered_under_another_name_is_registered_again(promoted: Store) -> None:
    # given the name of 0.1.0, and other lakes' models between the ledger's versions
    history = ledger.read(promoted.root)
    for decision in history:
        path = promoted.lake / f"ledger/{decision.number:06d}.json"
        path.write_text(
            decision.model_copy(
                update={
                    "before_sha256": None,
                    "version": 3 * decision.version,
                    "reigning": decision.champion_before and 3 * decision.champion_before,
                }
            ).model_dump_json()
        )
    (promoted.lake / "promotion/_ledger.json").unlink()

    # when
    model_registry.follow(promoted.root, MODEL)

    # then the numbers are those of the ledger
    assert aliases() == {"champion": 6, "previous": 3}
    found = mlflow.MlflowClient().search_model_versions(f"name = '{MODEL}'")
    assert sorted(int(each.version) for each in found) == [3, 6]


def test_an_empty_ledger_leaves_mlflow_alone(candidates: Store) -> None:
    model_registry.follow(candidates.root, MODEL)
    assert mlflow.MlflowClient().search_registered_models() == []


def test_the_registered_model_restores_as_the_restorer_does(promoted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # given the lake has been moved since the registration
    model_registry.follow(promoted.root, MODEL)
    expected = Restorer.load(champions.resolve(promoted.root).restorer_uri).restore(NOISY)
    moved = shutil.copytree(promoted.lake, promoted.lake.with_name("moved"))
    shutil.rmtree(promoted.lake / "candidate")
    monkeypatch.setenv("MENDEL_LAKE", f"file://{moved}")

    # when
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    found = model.predict(pd.DataFrame({"text": NOISY}, index=[7, 3]))

    # then
    assert found["text"].tolist() == [each.text for each in expected]
    assert found["text"].tolist() != NOISY, "something was restored"
    assert found["confidence"].tolist() == pytest.approx([each.confidence for each in expected])
    assert found.index.tolist() == [7, 3], "rows keep their index"


def test_the_registered_model_is_small_and_holds_no_pickle(promoted: Store) -> None:
    model_registry.follow(promoted.root, MODEL)
    files = [path for path in (promoted.lake / "mlflow").rglob("*") if path.is_file()]
    assert files, "the model's description is in the lake"
    assert sum(path.stat().st_size for path in files) < 100_000, "the weights stay where they are"
    assert not [path for path in files if path.suffix in (".pkl", ".cloudpickle")], "models from code"


def test_a_tracking_server_takes_what_is_registered(promoted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # given: a server is stricter than a database
    with tracking_server(promoted) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

        # when
        model_registry.follow(promoted.root, MODEL)

    # then
    monkeypatch.undo()
    assert aliases() == {"champion": 2, "previous": 1}


def test_mlflows_own_server_answers_as_the_restorer_does(promoted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    model_registry.follow(promoted.root, MODEL)
    expected = Restorer.load(champions.resolve(promoted.root).restorer_uri).restore(NOISY)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    command = ["models", "serve", "-m", f"models:/{MODEL}@champion", "--env-manager", "local"]
    body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in NOISY]}}

    # when several ask at once
    with server(command, "/ping") as uri, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: requests.post(f"{uri}/invocations", json=body, timeout=60), range(8)))

    # then
    for answer in answers:
        assert answer.status_code == 200, answer.text
        found = answer.json()["predictions"]
        assert [row["text"] for row in found] == [each.text for each in expected]
        assert [row["confidence"] for row in found] == pytest.approx([each.confidence for each in expected])


def tracking_server(store: Store) -> AbstractContextManager[str]:
    """MLflow's server over the store's database, until the block ends."""
    uri = f"sqlite:///{store.database}"
    return server(["server", "--workers", "1", "--backend-store-uri", uri, "--no-serve-artifacts"], "/health")


@contextmanager
def server(command: Sequence[str], ready: str) -> Iterator[str]:
    """An `mlflow` command that serves, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", *command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            _wait(uri + ready, process)
            yield uri
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer; exit code {process.poll()}")
