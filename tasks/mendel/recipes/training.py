"""How a language model is fine-tuned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mendel.core.frozen import Frozen


class Tuning(Frozen):
    """LoRA fine-tuning of a language model [Hu et al., 2021, arXiv:2106.09685]. Its budget is in steps:
    the same machine makes the same model, however busy it is."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the budget in which the learning rate rises")
    tokens_per_batch: int = Field(1024, ge=16, description="of one process and step, padding included")
    budget_steps: int = Field(ge=0, description="steps of the optimiser; 0: the language model stays untuned")
    max_seconds: float | None = Field(
        None,
        gt=0,
        description="a cap on training time, resumed runs added up: a run that reaches it ends early, and says so",
    )
    checkpoint_seconds: float = Field(30, gt=0, description="how often a checkpoint is written")
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    quantise: Literal["nf4"] | None = Field(
        None,
        description="keep the frozen weights in four bits while training: QLoRA [Dettmers et al., 2023], extra qlora",
    )
    compile: bool = Field(False, description="torch.compile each layer: pays in long trainings on a GPU")
    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="data-parallel processes by torchrun; auto: one for each GPU, without GPUs one"
    )
    since_year: int | None = Field(None, description="train on texts from this year on; empty: on all")
    seed: int = 0


class Lora(Tuning):
    """Fine-tuning of a language model that weighs candidates."""

    objective: Literal["text", "conditional"] = Field(
        "text",
        description="text: a language model of clean text; conditional: of clean text that follows its noisy form",
    )
