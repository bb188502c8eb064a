"""What machines cost: section `prices` of a pipeline, `include/prices.yaml`."""

from __future__ import annotations

from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.core.usage import Usage

HOUR = 3600


class Prices(Frozen):
    """Of an hour of one core and of one GPU: money, and power in watts."""

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="code of ISO 4217")
    core_hour: float = Field(ge=0)
    gpu_hour: float = Field(ge=0)
    core_watts: float = Field(ge=0, description="that a core draws at work, its share of the machine's")
    gpu_watts: float = Field(ge=0)

    def cost(self, usage: Usage) -> float:
        """In `currency`."""
        return (usage.core_seconds * self.core_hour + usage.gpu_seconds * self.gpu_hour) / HOUR

    def watt_hours(self, usage: Usage) -> float:
        """An estimate of the energy: nothing is metered."""
        return (usage.core_seconds * self.core_watts + usage.gpu_seconds * self.gpu_watts) / HOUR
