"""The pipeline: all stages' configurations in one file, checked whole whichever stage runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator

from mendel.core import config, lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.core.lineage import run as lineage
from mendel.core.prices import Prices
from mendel.core.stage import Stage, explain
from mendel.forgetting.retention import Retention
from mendel.serving.settings import Serve
from mendel.stages.corrupt import Corrupt
from mendel.stages.drift import Drift
from mendel.stages.evaluate import Evaluate
from mendel.stages.finetune import Finetune
from mendel.stages.ingest import Ingest
from mendel.stages.promote import Promote
from mendel.stages.restore_plan import Restore
from mendel.stages.retrain import Retrain
from mendel.stages.validate import Quality
from mendel.stages.version import Version
from mendel.streaming.settings import Stream


class Pipeline(Frozen):
    """include/pipelines/*.yaml."""

    name: str
    lake: str = Field(description="URI of the lake; MENDEL_LAKE overrides it")
    tracking: str = Field("sqlite:///.mendel/mlflow.db", description="MLflow's URI; MLFLOW_TRACKING_URI overrides it")
    wandb: Literal["online", "offline"] | None = Field(
        None, description="Weights & Biases too, by its own variables; WANDB_MODE overrides it"
    )
    prices: Prices | None = Field(None, description="of machines, for what runs cost: !include ../prices.yaml")
    ingest: Ingest = Ingest()
    corrupt: Corrupt = Corrupt()
    quality: Quality = Quality()
    version: Version = Version()
    finetune: Finetune = Finetune()
    evaluate: Evaluate = Field(default_factory=Evaluate)  # its rules depend on the deployment
    promote: Promote = Promote()
    restore: Restore = Restore()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()
    stream: Stream = Stream()
    serve: Serve = Serve()
    retention: Retention = Retention()

    @model_validator(mode="after")
    def _what_a_promotion_shows_is_the_pipelines(self) -> Self:
        shown = {"registered_model": f"mendel-{self.name}", "prices": self.prices}
        own = {name: value for name, value in self.promote if value is not None}
        object.__setattr__(self, "promote", Promote.model_validate({**shown, **own}))
        return self


def load_section(uri: str, section: str, settings: Sequence[str] = (), *, reach: bool = True) -> tuple[str, Any]:
    """The lake's root and what `section` (as in `quality.corpus`) configures, `settings` over it.

    Raises InputError where the lake does not answer, unless `reach` is off: a service starts without it, and waits.
    """
    data = config.override(config.load(uri), [f"{section}.{setting}" for setting in settings])
    try:
        pipeline = Pipeline.model_validate(data)
    except ValidationError as error:
        raise explain(error, uri) from error
    lineage.PIPELINE.set(pipeline.name)
    os.environ.setdefault("MLFLOW_TRACKING_URI", pipeline.tracking)
    if pipeline.wandb:
        os.environ.setdefault("WANDB_MODE", pipeline.wandb)
    try:
        configured = attrgetter(section)(pipeline)
    except AttributeError:
        raise InputError(f"{uri} has no section {section}") from None
    root = config.lake_root(data)
    if reach:
        lake.reach(root)
    return root, configured


def load_stage(uri: str, section: str, settings: Sequence[str] = ()) -> tuple[str, Stage]:
    """The lake's root and the stage that a section configures."""
    root, stage = load_section(uri, section, settings)
    return root, cast(Stage, stage)
