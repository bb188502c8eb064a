"""`mendel registry`: which version is champion and why, and the way back to the champion before."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from mendel.cli.options import Config
from mendel.core.errors import InputError
from mendel.promotion import ledger, rollback

app = typer.Typer(no_args_is_help=True, help="Show the ledger of promotions, and go back to the champion before.")


@app.command("list")
def list_decisions(config: Config) -> None:
    """Show every decision, oldest first, with its reasons, and who holds which alias now.

    Example: `mendel registry list -c include/pipelines/demo.yaml`
    """
    history = ledger.read(_root(config))
    for decision in history:
        print(f"{decision.number:06d}  {decision.decided:%Y-%m-%d %H:%M}  version {decision.version} {decision.action}")
        print(f"        {decision.candidate.path}")
        for reason in decision.reasons:
            print(f"        - {reason}")
        for reason in decision.trained_because:
            print(f"        trained because: {reason}")
    for alias, holder in ledger.state(history)._asdict().items():
        print(f"{alias}: {f'version {holder.version}' if holder else 'none'}")


@app.command("rollback")
def roll_back(
    config: Config, dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and stop.")] = False
) -> None:
    """Put the champion before the present one in force again: a new decision in the ledger, then the aliases.

    The present champion does not come back by itself: its evaluation has been decided on.

    Example: `mendel registry rollback -c include/pipelines/demo.yaml --dry-run`
    """
    root, run_id = _root(config), f"cli-{uuid.uuid4().hex[:8]}"
    if dry_run:
        planned = rollback.plan(root, run_id)
        print(
            f"would write decision {planned.number:06d}: champion version {planned.champion_before} → {planned.version}"
        )
        return
    decision = rollback.roll_back(root, run_id)
    follow(config)
    print(f"decision {decision.number:06d}: champion version {decision.champion_before} → {decision.version}")


@app.command("follow")
def follow_ledger(config: Config) -> None:
    """Let MLflow's aliases say what the ledger says: after MLflow was lost or edited, or a promotion was stopped.

    Example: `mendel registry follow -c include/pipelines/demo.yaml`
    """
    follow(config)


@app.command("verify")
def verify_all(config: Config) -> None:
    """Check the ledger's chain, the files of every model in it, the evaluations, and MLflow's aliases. Changes nothing.

    Example: `mendel registry verify -c include/pipelines/demo.yaml`
    """
    from mendel.promotion import verify

    findings = []
    for finding in verify.verify(*_lake_and_model(config)):
        print(f"{'ok ' if finding.problem is None else 'BAD'}  {finding.what}", flush=True)
        if finding.problem is not None:
            print(f"     {finding.problem}")
        findings.append(finding)
    if bad := sum(finding.problem is not None for finding in findings):
        raise InputError(f"{bad} of {len(findings)} checks failed; see above")


def follow(config: str) -> None:
    """Let MLflow's aliases say what the ledger says, whatever became of earlier attempts at it."""
    from mendel.promotion import model_registry

    model_registry.follow(*_lake_and_model(config))


def _root(config: str) -> str:
    return _lake_and_model(config)[0]


def _lake_and_model(config: str) -> tuple[str, str]:
    """The lake's root and the name of its registered model."""
    from mendel.pipeline import load_section

    root, promote = load_section(config, "promote")
    return root, promote.model_name
