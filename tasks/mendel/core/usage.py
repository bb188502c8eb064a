"""What a stage has of machines while it runs, whether or not it uses it: what clusters and clouds bill."""

from __future__ import annotations

import sys

from pydantic import Field

from mendel.core import threads
from mendel.core.frozen import Frozen


class Usage(Frozen):
    """Time of cores and GPUs together."""

    core_seconds: float = Field(0.0, ge=0)
    gpu_seconds: float = Field(0.0, ge=0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            core_seconds=self.core_seconds + other.core_seconds, gpu_seconds=self.gpu_seconds + other.gpu_seconds
        )

    @classmethod
    def of(cls, seconds: float) -> Usage:
        """Of this process for so long: all cores that it may run on, and the GPUs that it sees where it works on them."""
        return cls(core_seconds=seconds * threads.available(), gpu_seconds=seconds * _gpus())


NONE = Usage()


def _gpus() -> int:
    """Asked only where torch works on one already: it takes seconds to load, and a GPU's memory to ask."""
    torch = sys.modules.get("torch")
    return torch.cuda.device_count() if torch is not None and torch.cuda.is_initialized() else 0
