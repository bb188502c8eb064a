"""What a run may choose from include/: a file that is put there is in the form when the DAG is read again."""

from __future__ import annotations

from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "include"


def names(folder: str) -> list[str]:
    """The files of a folder of include/, without their ending: `names("noise")` has `heavy`."""
    return sorted(file.stem for file in (INCLUDE / folder).glob("*.yaml"))
