"""Paths that every test may import from: Airflow puts plugins/ there by itself, scripts/ is no package."""

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(REPO / "plugins"), str(REPO / "scripts")]
