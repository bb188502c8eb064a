"""Corrupt text the way DNA mutates, train a model to restore it, ship that model.

    from mendel import NoiseProfile, Restorer, corrupt

Each name is loaded when it is asked for: `import mendel` loads nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mendel.noise.corrupting import Corrupted, corrupt
    from mendel.noise.profile import NoiseProfile
    from mendel.restorers.restorer import Restoration, Restorer, Span

__all__ = ["Corrupted", "NoiseProfile", "Restoration", "Restorer", "Span", "corrupt"]

PLACES = {
    "Corrupted": "mendel.noise.corrupting",
    "corrupt": "mendel.noise.corrupting",
    "NoiseProfile": "mendel.noise.profile",
    "Restoration": "mendel.restorers.restorer",
    "Restorer": "mendel.restorers.restorer",
    "Span": "mendel.restorers.restorer",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'mendel' has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
