"""The dataset `retraining`: a day's verdict is one version, with the noise that was learned for the training that it wants."""

from __future__ import annotations

from mendel.core import manifest
from mendel.core.frozen import Frozen
from mendel.core.manifest import Manifest
from mendel.retraining.rule import RetrainingEvidence, RetrainingVerdict

DATASET = "retraining"
REPORT = "retraining.json"
NOISE = "noise.json"
"""A `NoiseProfile`; only where a training is wanted and feedback was enough to learn one."""


class RetrainingReport(Frozen):
    """What REPORT holds."""

    evidence: RetrainingEvidence
    verdict: RetrainingVerdict
    noise: str
    """What the learned noise rests on, or why none was learned."""


def asking(root: str, day: str) -> Manifest | None:
    """The version in force of a day, where it wants a training."""
    version = manifest.current(root, DATASET, day)
    return version if version and version.metrics["wanted"] else None


def newest_noise(root: str, day: str) -> Manifest | None:
    """The version of the newest day, up to this one, that wants a training and has learned noise for it."""
    days = (other for other in reversed(manifest.keys(root, DATASET)) if other <= day)
    versions = (asking(root, other) for other in days)
    return next((version for version in versions if version and version.metrics["learned_noise"]), None)
