from pathlib import Path

import pytest
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core.errors import InputError
from mendel.promotion import ledger

from ..promotion.conftest import WEEK_1, WEEK_2, Store, aliases, candidates, candidates_template, decide_on

__all__ = ["candidates", "candidates_template"]


@pytest.fixture
def config(candidates: Store) -> Path:
    """Version 1, then version 2 were promoted."""
    for week in (WEEK_1, WEEK_2):
        decide_on(candidates.context(week), "promoted")
    path = candidates.lake.parent / "pipeline.yaml"
    path.write_text(f"name: test\nlake: {candidates.lake}\n")
    return path


def test_list_shows_decisions_reasons_and_aliases(config: Path) -> None:
    result = CliRunner().invoke(app, ["registry", "list", "-c", str(config)])
    assert result.exit_code == 0, result.output
    for expected in ("000001", "version 2 promoted", "- because", "champion: version 2", "candidate: none"):
        assert expected in result.output, f"{expected!r} is missing in:\n{result.output}"


def test_list_tells_why_production_asked_for_a_training(config: Path, candidates: Store) -> None:
    # given one more decision, about a model that production has asked for
    def judge(history: ledger.History) -> ledger.Decision:
        because = {"number": len(history) + 1, "trained_because": ("drift: an alarm",)}
        return history[-1].model_copy(update=because)

    ledger.append(candidates.root, judge)
    # when
    result = CliRunner().invoke(app, ["registry", "list", "-c", str(config)])
    # then it is said of that one alone
    assert result.output.count("trained because: drift: an alarm") == 1, result.output
    assert "trained_because" not in candidates.lake.joinpath("ledger/000001.json").read_text()


def test_rollback_first_planned_then_done(config: Path, candidates: Store) -> None:
    # when
    planned = CliRunner().invoke(app, ["registry", "rollback", "--dry-run", "-c", str(config)])

    # then
    assert "would write decision 000003: champion version 2 → 1" in planned.output
    assert len(ledger.read(candidates.root)) == 2, "a dry run decides nothing"

    # when
    done = CliRunner().invoke(app, ["registry", "rollback", "-c", str(config)])

    # then
    assert "decision 000003: champion version 2 → 1" in done.output
    assert aliases() == {"champion": 1}, "MLflow has followed"

    # when there is none before
    failed = CliRunner().invoke(app, ["registry", "rollback", "-c", str(config)])

    # then
    assert isinstance(failed.exception, InputError), f"exit code 2, found {failed.exception!r}"
    assert "version 1 is the first champion left" in str(failed.exception)
