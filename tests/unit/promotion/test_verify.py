"""`mendel registry verify`: each fault is found, and a sound registry has none."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core.errors import InputError
from mendel.promotion import model_registry
from mendel.promotion.verify import verify

from .conftest import MODEL, WEEK_1, WEEK_2, Store, promote


@pytest.fixture
def sound(with_champion: Store) -> Store:
    """Version 2 took the place of version 1, and MLflow has followed."""
    promote(with_champion.context(WEEK_2))
    model_registry.follow(with_champion.root, MODEL)
    return with_champion


def problems(store: Store) -> dict[str, str]:
    return {found.what: found.problem for found in verify(store.root, MODEL) if found.problem}


def test_a_sound_registry_passes_and_is_left_as_it_is(sound: Store) -> None:
    before = {path: path.read_bytes() for path in sound.lake.rglob("*") if path.is_file()}
    findings = list(verify(sound.root, MODEL))
    assert [found.problem for found in findings] == [None] * len(findings)
    assert len(findings) == 6, f"ledger, two candidates, two evaluations, MLflow: {findings}"
    assert {path: path.read_bytes() for path in sound.lake.rglob("*") if path.is_file()} == before


def delete_newest(store: Store) -> None:
    (store.lake / "ledger/000002.json").unlink()


def damage_model(store: Store) -> None:
    path = next(store.lake.glob(f"candidate/dt={WEEK_1}/*/*/ngram.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def edit_score(store: Store) -> None:
    for path in store.lake.glob(f"evaluation/dt={WEEK_2}/*/_manifest.json"):
        told = json.loads(path.read_text())
        told["metrics"]["scores"]["identity"]["cer"]["value"] = 0.9
        path.write_text(json.dumps(told))


def delete_evaluation(store: Store) -> None:
    for path in store.lake.glob(f"evaluation/dt={WEEK_2}/*/_manifest.json"):
        path.unlink()


def move_alias(store: Store) -> None:
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", "1")


def forget_everything_in_the_lake(store: Store) -> None:
    """The newest decision with its witness in the lake: only MLflow knows."""
    delete_newest(store)
    (store.lake / "promotion/_ledger.json").unlink()


@pytest.mark.parametrize(
    ("damage", "what", "problem"),
    [
        (delete_newest, "the ledger", "lost ledger/000002.json"),
        (damage_model, f"files of candidate/dt={WEEK_1}", "ngram.safetensors: expected sha256"),
        (edit_score, f"evaluation evaluation/dt={WEEK_2}", "scores.identity.cer.value: expected"),
        (delete_evaluation, f"evaluation evaluation/dt={WEEK_2}", "it is gone"),
        (move_alias, "MLflow's aliases", "alias champion of mendel-test is version 1, by the ledger version 2"),
        (forget_everything_in_the_lake, "MLflow's aliases", "lost ledger/000002.json, which MLflow's registered model"),
    ],
)
def test_each_fault_is_found_and_named(sound: Store, damage: Callable[[Store], None], what: str, problem: str) -> None:
    # given
    damage(sound)

    # when
    ((found, told),) = problems(sound).items()

    # then
    assert found.startswith(what), f"{found}: {told}"
    assert problem in told


def test_the_command_says_what_is_wrong_and_ends_with_exit_code_2(sound: Store, tmp_path: Path) -> None:
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {sound.lake}\n")
    command = ["registry", "verify", "-c", str(config)]
    passed = CliRunner().invoke(app, command)
    assert passed.exit_code == 0, passed.output
    assert passed.output.startswith("ok   the ledger: 2 decisions\n"), passed.output

    damage_model(sound)
    failed = CliRunner().invoke(app, command)

    assert isinstance(failed.exception, InputError), "exit code 2"
    assert str(failed.exception) == "1 of 6 checks failed; see above"
    assert "BAD  files of candidate" in failed.output


def test_promote_and_follow_refuse_where_mlflow_alone_remembers(sound: Store) -> None:
    # given
    forget_everything_in_the_lake(sound)

    # when / then the old champion does not come back
    with pytest.raises(InputError, match=r"lost ledger/000002\.json, which MLflow's registered model mendel-test"):
        promote(sound.context(WEEK_2, force=True))
    with pytest.raises(InputError, match=r"lost ledger/000002\.json"):
        model_registry.follow(sound.root, MODEL)
