"""How many threads a stage may use."""

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What a container may have of its machine's cores (cgroup v2), such as `400000 100000`: four."""


def available(quota: Path = QUOTA) -> int:
    """Cores that this process may run on; in a container whose limit is lower, that, rounded up.

    More threads than a container has cores take turns at what it has, and wait for each other.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        microseconds, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if microseconds == "max" else max(1, min(cores, math.ceil(int(microseconds) / int(period))))
