"""How hard the second pass searches."""

from __future__ import annotations

from pydantic import Field

from mendel.core.frozen import Frozen


class SecondPassConfig(Frozen):
    """How hard the second pass searches. `rounds` trades speed for accuracy; with none it only reads candidates."""

    rounds: int = Field(2, ge=0, description="rounds of proposals")
    proposals: int = Field(
        6,
        ge=1,
        description="changes that are read with the next tokens in a round, at most; those that gain are read whole",
    )
    openings: int = Field(
        0,
        ge=0,
        description="passages of several tokens that are pursued in a round, at most; with none, changes have one",
    )
    slack: float = Field(3.0, description="nats that a change may seem to lose and still be read with the next tokens")
    margin: float = Field(
        5.0, gt=0, description="nats behind the first pass's best at which a candidate is not plausible"
    )
    ngram_weight: float = Field(0.5, ge=0, description="of the n-gram's log-probability, in the search")
    llm_weight: float = Field(0.5, ge=0, description="of the language model's, in the search")

    def reading(self) -> SecondPassConfig:
        """The same without proposals."""
        return self.model_copy(update={"rounds": 0})
