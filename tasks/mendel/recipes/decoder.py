"""How hard the first pass searches."""

from __future__ import annotations

from pydantic import Field

from mendel.core.frozen import Frozen

LONGEST_JUMP = 15
"""Most characters of one DUPLICATE or REVERSE."""


class DecoderConfig(Frozen):
    """How hard to search. Beam and threshold trade speed for accuracy; the other defaults rarely need a change."""

    beam: int = Field(60, ge=1, le=4096, description="hypotheses kept at each input position")
    threshold: float = Field(11.0, gt=0, description="nats behind the best one at which a hypothesis is given up")
    lm_weight: float = Field(0.95, gt=0, description="weight of the n-gram's log-probability against the channel's")
    max_jump: int = Field(
        12, ge=1, le=LONGEST_JUMP, description="longest duplication or reversal undone, in characters"
    )
    max_deletion: int = Field(8, ge=0, description="longest deletion undone, in characters")
    surprise: float = Field(
        10.0, ge=0, description="nats that the next three characters must cost for an event to start; 0: none"
    )
    max_candidates: int = Field(8, ge=1, description="candidates per text, the input among them")
    margin: float = Field(15.0, gt=0, description="nats behind the best one at which a candidate is left out")
