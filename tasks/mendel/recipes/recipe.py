"""What every recipe tells: how a restorer is made, and who makes and reads it. include/recipes/*.yaml hold recipes."""

from __future__ import annotations

from typing import ClassVar

from mendel.core.frozen import Frozen
from mendel.recipes.calibration import Calibration
from mendel.recipes.models import Domain
from mendel.recipes.training import Tuning


class Recipe(Frozen):
    """Settings of one kind of restorer. Its maker and its reader are named, not imported: a recipe loads nothing heavy."""

    maker: ClassVar[str]
    """`module:class` of a `mendel.restorers.candidate.CandidateMaker`."""
    restorer: ClassVar[str]
    """`module:class` of a `mendel.restorers.restorer.Restorer`, which reads the candidate's folder."""

    kind: str
    calibration: Calibration

    @property
    def tuning(self) -> Tuning | None:
        """How its language model is fine-tuned; None where it has none."""
        return None

    @property
    def domain(self) -> Domain | None:
        """Text that is learned besides the corpus."""
        return None
