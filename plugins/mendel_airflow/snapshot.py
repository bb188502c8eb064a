"""A snapshot of the source as the run's partition of the corpus: what the weekly DAG does, and the one that production asks."""

from __future__ import annotations

from airflow.sdk import BaseOperator

from mendel_airflow.assets import corpus
from mendel_airflow.emission import EmitAsset
from mendel_airflow.links import DataDocsLink
from mendel_airflow.policy import VERSIONING
from mendel_airflow.stage import FORCE, stage


def corpus_snapshot() -> list[BaseOperator]:
    """Its tasks in order; the last one emits the asset `corpus`."""
    return [
        stage("ingest", FORCE, doc="Read the source, split it by document, keep held-out text out of training."),
        stage("validate corpus", FORCE, links=[DataDocsLink()], doc="Check the corpus against its expectations."),
        stage(
            "register corpus",
            FORCE,
            task_id="version_corpus",
            pool=VERSIONING,
            doc="Put the corpus into the data registry.",
        ),
        EmitAsset(asset=corpus, covered_by=["corpus_validation", "corpus_version"]),
    ]
