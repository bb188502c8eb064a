"""Which code is running: the release, and the commit that it was taken from."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

DIGITS = 12
"""Of a commit."""
DIRTY = ".dirty"
"""Behind a commit from which files have been changed since."""


@cache
def code_version() -> str:
    """`0.2.0+g1a2b3c4d5e6f`; `.dirty` behind it where files differ from the commit; the release alone where none is known.

    The commit is MENDEL_REVISION, which the images carry, else the one of the checkout that this file lies in.
    """
    revision = os.environ.get("MENDEL_REVISION") or _checked_out(Path(__file__).parents[3])
    if revision in (None, "unknown"):
        return version("mendel")
    commit = revision.removesuffix(DIRTY)[:DIGITS]
    return f"{version('mendel')}+g{commit}{DIRTY if revision.endswith(DIRTY) else ''}"


def _checked_out(repository: Path) -> str | None:
    if not (repository / ".git").exists():  # an installed package may lie inside somebody else's
        return None
    command = ["git", "describe", "--always", "--exclude=*", f"--abbrev={DIGITS}", f"--dirty={DIRTY}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    except OSError:  # no Git here
        return None
    return process.stdout.strip() or None
