"""The DAGs that can be started from the page, with some of their params; Airflow's own form has all of them."""

from __future__ import annotations

from mendel.core.frozen import Frozen
from mendel_airflow.included import names


class Choice(Frozen):
    """A param of a DAG. Without a choice the DAG's own default holds."""

    param: str
    label: str
    options: tuple[str, ...]


class Action(Frozen):
    dag_id: str
    title: str
    day: bool
    """Whether the run is asked for a day; without one the DAG takes the day that it would take by itself."""
    choices: tuple[Choice, ...] = ()


def actions() -> list[Action]:
    noise = Choice(param="noise", label="noise", options=tuple(names("noise")))
    recipe = Choice(param="recipe", label="recipe", options=tuple(names("recipes")))
    return [
        Action(dag_id="ingest_corpus", title="Train anew, from the source on", day=False),
        Action(dag_id="corrupt_corpus", title="Train on other noise", day=False, choices=(noise,)),
        Action(dag_id="finetune_restorer", title="Train by another recipe", day=False, choices=(recipe,)),
        Action(dag_id="restore_batches", title="Restore a day", day=True),
        Action(dag_id="watch_restorer", title="Compare a day", day=True),
        Action(dag_id="collect_feedback", title="Collect a day's feedback", day=True),
        Action(dag_id="retrain_restorer", title="Weigh a day: is a training wanted?", day=True),
    ]
