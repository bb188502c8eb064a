"""The whole chain through Airflow's real scheduler, on a small configuration. Every stage does its real work."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from airflow_client import StackError
from airflow_stack import AirflowStack

from mendel.core import lake, manifest
from mendel.feedback import collected, inbox
from mendel.feedback.judged import Feedback

from ..dags.receivers import Webhook
from .conftest import (
    CHAIN,
    PATIENCE,
    REPO,
    THIS_WEEK,
    TICKS,
    chain_of,
    ended,
    environment,
    events_of,
    failure,
    log_of,
    states,
)

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]


class Asked(NamedTuple):
    """Runs that somebody has started, and since when."""

    since: str
    without_key: dict[str, Any]
    without_corpus: dict[str, Any]
    empty: dict[str, Any]
    bad: dict[str, Any]
    judged: dict[str, Any]
    silent: dict[str, Any]


Ticks = dict[str, dict[str, dict[str, Any]]]
ASSETS = ["corpus", "pairs", "candidate", "champion"]
WEEK_BEFORE = (date.fromisoformat(TICKS[0]) - timedelta(weeks=1)).isoformat()
EMPTY_DAY, BAD_DAY = ((THIS_WEEK - timedelta(days=days)).isoformat() for days in (5, 4))
DAYS = [(THIS_WEEK - timedelta(days=days)).isoformat() for days in (3, 2)]
FEEDBACK_DAY, SILENT_DAY = DAYS
SECONDS_TO_READ = 5.0
"""A person's. An instant answer failed the task at times, probably for coming before the scheduler knew that it waits."""


@pytest.fixture(scope="module")
def asked(stack: AirflowStack, ticks: Ticks) -> Asked:
    """What somebody asks of Airflow after the ticks, all at once, as people do: tests then see how each has ended."""
    since = datetime.now(UTC).isoformat()
    fill = ["inbox", "fill", "--config", stack.env["MENDEL_CONFIG"], "--partition", TICKS[0], "--records", "40"]
    days = [word for day in DAYS for word in ("--day", day)]
    mendel = Path(sys.executable).with_name("mendel")
    subprocess.run([mendel, *fill, *days], env=environment(stack), cwd=REPO, check=True)
    _leave_feedback(stack.env["MENDEL_LAKE"])
    stack.client.unpause("restore_batches", "collect_feedback")
    stack.client.backfill("restore_batches", DAYS[0], DAYS[-1])
    stack.client.backfill("ingest_corpus", WEEK_BEFORE, WEEK_BEFORE)
    lake.write(lake.join(stack.env["MENDEL_LAKE"], "inbox", f"dt={BAD_DAY}", "bad.jsonl"), b"{\n")
    return Asked(
        since=since,
        without_key=stack.client.trigger("ingest_corpus"),
        without_corpus=stack.client.trigger("corrupt_corpus", "2001-01-01"),
        empty=stack.client.trigger("restore_batches", EMPTY_DAY),
        bad=stack.client.trigger("restore_batches", BAD_DAY),
        judged=stack.client.trigger("collect_feedback", FEEDBACK_DAY),
        silent=stack.client.trigger("collect_feedback", SILENT_DAY),
    )


def _leave_feedback(root: str) -> None:
    """What the service leaves when a reader judges one answer, and thinks again."""
    change = {"start": 0, "end": 3, "original": "teh", "replacement": "the", "confidence": 0.9}
    for minute, accepted in enumerate((False, True)):
        at = f"{FEEDBACK_DAY}T12:{minute:02}:00Z"
        texts = [{"text": "teh end", "changes": [{**change, "accepted": accepted}]}]
        answer = {"request_id": "r1", "at": at, "caller": "ana", "model_version": 1, "texts": texts}
        inbox.put(root, Feedback.model_validate(answer))


def test_first_tick_runs_through_to_a_champion(stack: AirflowStack, ticks: Ticks) -> None:
    runs = ticks[TICKS[0]]
    assert runs["ingest_corpus"]["run_type"] == "scheduled"
    # Every DAG has emitted its asset, once, for the partition
    for dag_id, asset in zip(CHAIN, ASSETS, strict=True):
        (event,) = events_of(stack, runs[dag_id])
        assert (event["name"], event["partition_key"]) == (asset, TICKS[0])
        assert event["extra"]["unchanged"] is False, f"{asset} was made by this run"
        assert event["extra"]["retrain"] is True
    # What was emitted is what lies in the lake, with the registry's revisions carried along
    candidate = manifest.current(stack.env["MENDEL_LAKE"], "candidate", TICKS[0])
    assert candidate is not None
    assert candidate.input("pairs").revision, "the candidate knows the revision of its pairs"
    assert candidate.run_id == runs["finetune_restorer"]["dag_run_id"]
    promotion = manifest.current(stack.env["MENDEL_LAKE"], "promotion", TICKS[0])
    assert promotion is not None
    assert promotion.metrics["action"] == "promoted"


def test_what_airflow_keeps_is_its_owners_alone(stack: AirflowStack, ticks: Ticks) -> None:
    kept = [stack.home, *stack.home.rglob("*")]
    assert {"airflow.db", "passwords.json", "secrets.json", "scheduler.log"} <= {path.name for path in kept}
    modes = {path: path.stat().st_mode & 0o777 for path in kept if not path.is_symlink() and path.exists()}
    allowed = {path: 0o700 if path.is_dir() else 0o600 for path in modes}
    ours = stack.home / "config"  # the fixture's
    wrong = [path for path in modes if modes[path] & ~allowed[path] and not path.is_relative_to(ours)]
    assert wrong == [], "others may read these"


def test_no_log_has_the_password(stack: AirflowStack, ticks: Ticks) -> None:
    logs = [path for path in (stack.home / "logs").rglob("*.log") if path.is_file()]
    assert stack.log("api-server") in logs
    assert [path for path in logs if stack.password in path.read_text(errors="replace")] == []


def test_second_tick_on_unchanged_data_is_a_visible_no_op(stack: AirflowStack, ticks: Ticks) -> None:
    first, second = (ticks[partition] for partition in TICKS)
    assert second["ingest_corpus"]["run_type"] == "scheduled"
    for dag_id, asset in zip(CHAIN[:3], ASSETS[:3], strict=True):
        (before,), (after,) = events_of(stack, first[dag_id]), events_of(stack, second[dag_id])
        assert after["partition_key"] == TICKS[1]
        assert after["extra"]["digest"] == before["extra"]["digest"]
        assert after["extra"]["unchanged"] is True, f"{asset} was there before"
        assert after["extra"]["same_as"] == before["extra"]["version"]
    for dag_id, task_id in [
        ("ingest_corpus", "ingest"),
        ("corrupt_corpus", "corrupt"),
        ("finetune_restorer", "finetune"),
    ]:
        assert "unchanged" in log_of(stack, second[dag_id], task_id), f"{task_id} says that there was nothing to do"
    # Nobody is promoted a second time, and the last task says why
    last = second["promote_restorer"]
    assert states(stack, last)["emit_champion"] == "skipped"
    assert "unchanged: this candidate has been version 1 since" in log_of(stack, last, "emit_champion")
    assert len(lake.list_files(lake.join(stack.env["MENDEL_LAKE"], "ledger"))) == 1


def test_validation_links_to_its_page(stack: AirflowStack, ticks: Ticks) -> None:
    run = ticks[TICKS[0]]["corrupt_corpus"]
    path = f"dags/corrupt_corpus/dagRuns/{run['dag_run_id']}/taskInstances/validate_pairs/links"
    link = stack.client.get(path)["extra_links"]["Data Docs"]
    site = stack.env["MENDEL_DATA_DOCS_URL"]
    assert link.startswith(f"{site}/validations/")
    page = Path(stack.env["MENDEL_LAKE"].removeprefix("file://")) / "data_docs" / link.removeprefix(f"{site}/")
    assert page.is_file(), f"{link} leads nowhere"


def test_run_without_a_key_finds_one_and_reaches_promotion(stack: AirflowStack, asked: Asked) -> None:
    # Given a run that somebody starts by hand, the key left empty
    run = asked.without_key
    assert run["partition_key"] is None
    # When it has run, then it has worked on this week, and the chain has followed it to its end
    runs = chain_of(stack, THIS_WEEK.isoformat(), asked.since)
    assert runs["ingest_corpus"]["dag_run_id"] == run["dag_run_id"]
    (event,) = events_of(stack, run)
    assert event["partition_key"] == THIS_WEEK.isoformat()
    assert runs["promote_restorer"]["partition_key"] == THIS_WEEK.isoformat()


def test_backfill_of_ingest_starts_no_training(stack: AirflowStack, asked: Asked) -> None:
    # Given a backfill of the week before all others, when the chain has followed it
    training = stack.client.wait(
        lambda: ended(stack, "finetune_restorer", WEEK_BEFORE, asked.since), PATIENCE, "the chain after the backfill"
    )
    # Then the chain stops before training, and says why
    assert states(stack, training) == {
        "resolve_partition": "success",
        "retrain_check": "skipped",
        "finetune": "skipped",
        "version_candidate": "skipped",
        "emit_candidate": "skipped",
    }
    assert "no training: the chain began with a backfill" in log_of(stack, training, "retrain_check")
    assert events_of(stack, training) == []


def test_backfill_of_two_days_restores_every_record_once(stack: AirflowStack, asked: Asked) -> None:
    # Given an inbox of two days, and a backfill of both, when they have run
    for day in DAYS:
        run = stack.client.wait(
            partial(ended, stack, "restore_batches", day, ""), PATIENCE, f"restore_batches on {day}"
        )
        # Then each has its version, in which the counts sum up, and its event
        assert run["state"] == "success", failure(stack, run)
        assert run["run_type"] == "backfill"
        restored = manifest.current(stack.env["MENDEL_LAKE"], "restored", day)
        assert restored is not None
        counts = restored.metrics
        assert counts["records_in"] == counts["records_out"] + counts["records_rejected"]
        assert restored.rows == counts["records_out"] == 40
        (event,) = events_of(stack, run)
        assert (event["name"], event["partition_key"]) == ("restored", day)
        assert event["extra"]["digest"] == restored.digest
        shards = [task for task in stack.client.tasks("restore_batches", run["dag_run_id"]) if task["map_index"] >= 0]
        assert [task["rendered_map_index"] for task in shards] == [f"shard {i}" for i in range(len(shards))] != []


def test_a_day_without_files_is_skipped_and_says_so(stack: AirflowStack, asked: Asked) -> None:
    run = stack.client.wait_run("restore_batches", asked.empty["dag_run_id"], PATIENCE)
    assert run["state"] == "success", failure(stack, run)
    skipped = ("list_shards", "restore_shard", "restore_collect", "emit_restored")
    assert states(stack, run) == {
        "resolve_partition": "success",
        "restore_plan": "success",
        **dict.fromkeys(skipped, "skipped"),
    }
    said = f"nothing to restore: inbox/dt={EMPTY_DAY} of {stack.env['MENDEL_LAKE']} holds no files"
    assert said in log_of(stack, run, "restore_plan")
    assert said in log_of(stack, run, "list_shards")
    assert events_of(stack, run) == []


def test_a_day_of_bad_records_alone_is_committed(stack: AirflowStack, asked: Asked) -> None:
    run = stack.client.wait_run("restore_batches", asked.bad["dag_run_id"], PATIENCE)
    assert run["state"] == "success", failure(stack, run)
    assert (states(stack, run)["restore_shard"], states(stack, run)["emit_restored"]) == ("skipped", "success")
    restored = manifest.current(stack.env["MENDEL_LAKE"], "restored", BAD_DAY)
    assert restored is not None
    assert restored.metrics["records_rejected"] == 1


def test_a_days_feedback_is_collected(stack: AirflowStack, asked: Asked) -> None:
    run = stack.client.wait_run("collect_feedback", asked.judged["dag_run_id"], PATIENCE)
    assert run["state"] == "success", failure(stack, run)
    (record,) = collected.read(stack.env["MENDEL_LAKE"], FEEDBACK_DAY)
    assert [text.accepted() for text in record.texts] == ["the end"], "the last that a reader said counts"
    (event,) = events_of(stack, run)
    assert (event["name"], event["partition_key"]) == ("feedback", FEEDBACK_DAY)
    assert event["extra"]["metrics"] == {"files": 2, "answers": 1, "changes": 1, "accepted": 1}


def test_a_day_without_feedback_is_skipped_and_says_so(stack: AirflowStack, asked: Asked) -> None:
    run = stack.client.wait_run("collect_feedback", asked.silent["dag_run_id"], PATIENCE)
    assert run["state"] == "success", failure(stack, run)
    skipped = ("arrival_check", "feedback_collect", "emit_feedback")
    assert states(stack, run) == {"resolve_partition": "success", **dict.fromkeys(skipped, "skipped")}
    said = f"nothing to collect: feedback_inbox/dt={SILENT_DAY} of {stack.env['MENDEL_LAKE']} holds no files"
    assert said in log_of(stack, run, "arrival_check")
    assert manifest.current(stack.env["MENDEL_LAKE"], "feedback", SILENT_DAY) is None
    assert events_of(stack, run) == []


@pytest.mark.parametrize("answer", ["Reject", "Approve"])
def test_promotion_waits_for_a_person(stack: AirflowStack, ticks: Ticks, answer: str) -> None:
    # Given a promotion that asks a person
    run = stack.client.trigger("promote_restorer", TICKS[0], approval=True)

    waited = set()

    # When the person answers, and again should the task be tried again
    def reply() -> None:
        waited.add(state := states(stack, run).get("approval"))
        if state == "awaiting_input":
            time.sleep(SECONDS_TO_READ)
            stack.client.answer("promote_restorer", run["dag_run_id"], "approval", answer)

    done = stack.client.wait_run("promote_restorer", run["dag_run_id"], PATIENCE, tick=reply)
    # Then the answer reaches the ledger: a no is a decision of its own, a yes changes nothing about the champion
    assert done["state"] == "success", failure(stack, done)
    assert "awaiting_input" in waited, "the promotion waited for a person"
    decisions = lake.list_files(lake.join(stack.env["MENDEL_LAKE"], "ledger"))
    said = log_of(stack, run, "emit_champion")
    assert states(stack, done)["emit_champion"] == "skipped"
    if answer == "Reject":
        assert '"rejected_by": "admin"' in lake.read_text(decisions[-1])
        assert "declined: rejected by admin" in said
    else:
        assert "unchanged: this candidate has been version 1 since" in said


def test_bad_input_fails_at_once_with_the_stages_own_words(stack: AirflowStack, asked: Asked, webhook: Webhook) -> None:
    # Given a partition that has no corpus, when it was to be corrupted
    run = asked.without_corpus
    done = stack.client.wait_run("corrupt_corpus", run["dag_run_id"], PATIENCE)
    # Then the task has failed in its first try, and its log says what to change
    assert done["state"] == "failed"
    task = next(
        task for task in stack.client.tasks("corrupt_corpus", run["dag_run_id"]) if task["task_id"] == "corrupt"
    )
    assert (task["state"], task["try_number"], task["max_tries"]) == ("failed", 1, 2)
    assert "corpus has no version in partition 2001-01-01" in log_of(stack, run, "corrupt")

    # and people are told once, with where that log is
    def alerts() -> list[str]:
        return [body["text"] for _, body in webhook.posts if run["dag_run_id"] in body["text"]]

    stack.client.wait(alerts, PATIENCE, "the alert")
    (alert,) = alerts()
    assert alert.startswith("corrupt_corpus: corrupt failed\n")
    assert "corpus has no version in partition 2001-01-01" in alert
    assert f"\nlog: {stack.url}/dags/corrupt_corpus/runs/" in alert


def test_form_turns_down_nonsense(stack: AirflowStack) -> None:
    with pytest.raises(StackError, match="HTTP 400"):
        stack.client.trigger("corrupt_corpus", TICKS[0], target_cer=7)
