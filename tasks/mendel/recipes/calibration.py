"""How weights and threshold are fitted."""

from __future__ import annotations

from pydantic import Field

from mendel.core.frozen import Frozen


class Calibration(Frozen):
    """How the weights and the threshold are fitted on the validation split."""

    sentences: int = Field(600, ge=20, description="validation sentences, read with their noise")
    clean_sentences: int | None = Field(
        None, ge=20, description="and without; by default as many, the same ones. Most cost no second pass"
    )
    max_clean_altered: float = Field(0.004, ge=0, le=1, description="share of the clean ones that may be altered")
    foreign_per_kind: int = Field(
        40, ge=1, description="clean texts of each kind that is foreign to the corpus (channel-…)"
    )
    max_foreign_altered: float = Field(
        0.001, ge=0, le=1, description="share of the foreign ones that may be altered (channel-…)"
    )
    least_probability: float = Field(
        0.75, gt=0, lt=1, description="that a text is noisy text of the domain, to change it at all (channel-…)"
    )
    max_worse: float = Field(0.012, ge=0, le=1, description="share of the noisy ones that may get worse (channel-…)")
