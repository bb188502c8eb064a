"""Foreign texts that are composed: templates, whose fields are filled by chance.

`templates/<part>/<kind>.txt` holds a part's templates of a kind, with a line `%` between two of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from importlib import resources

from mendel.corpus.foreign.fields import Fields, Template
from mendel.corpus.foreign.parts import PARTS, Part

FOLDER = resources.files("mendel.corpus.foreign") / "templates"
KINDS = tuple(sorted(path.name.removesuffix(".txt") for path in (FOLDER / PARTS[0]).iterdir()))


@cache
def templates(part: Part, kind: str) -> tuple[Template, ...]:
    """The part's templates of a kind; the parts have none in common."""
    text = (FOLDER / part / f"{kind}.txt").read_text(encoding="utf-8")
    return tuple(Template(entry) for entry in text.removesuffix("\n").split("\n%\n"))


def texts(part: Part, kind: str, chance: random.Random) -> Iterator[str]:
    """Texts without end, each template in its turn; a text may come twice."""
    while True:
        for template in templates(part, kind):
            yield template.substitute(Fields(part, chance))
