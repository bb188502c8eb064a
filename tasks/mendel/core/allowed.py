"""Settings of other programs that a pipeline may give: by an allow-list, since some of them name code to run."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

PLAIN = re.compile(r"[\w.,:*\[\]%-]+")
"""What a number, a size, a word or a list of them is written with: no space, path or control character."""


def only(keys: Collection[str], settings: Mapping[str, str], elsewhere: str) -> dict[str, str]:
    """The settings, each key one of `keys` (`*` stands for anything), each value plain.

    Raises ValueError naming the key, what is allowed, and `elsewhere`: where all others go.
    """
    for key, value in settings.items():
        if not any(fnmatchcase(key, allowed) for allowed in keys):
            raise ValueError(f"{key} may not be set by a pipeline. Allowed are {', '.join(keys)}; {elsewhere}")
        if not PLAIN.fullmatch(value):
            raise ValueError(f"{key} must be a plain number, size or word; {elsewhere}")
    return dict(settings)
