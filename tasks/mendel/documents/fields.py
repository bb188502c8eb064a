"""Which columns or keys of a document hold the text that is restored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set

from mendel.core.errors import InputError

DEFAULT = "text"
WORDS = re.compile(r"[^\W\d_]\s+[^\W\d_]")


def chosen(names: Sequence[str], values: Callable[[int], Sequence[str]], fields: Sequence[str]) -> Set[int]:
    """The numbers of the columns to restore, of those with these names.

    They are the ones asked for, else `text`, else all that hold words with a space between: an id, a date and a number
    are no prose. Raises InputError where one that is asked for is not there.
    """
    if absent := [field for field in fields if field not in names]:
        raise InputError(f"there is no field {absent[0]!r}; there is: {', '.join(names) or 'nothing'}. Change --field")
    selection = fields or ((DEFAULT,) if DEFAULT in names else ())
    if selection:
        return {number for number, name in enumerate(names) if name in selection}
    return {number for number in range(len(names)) if any(WORDS.search(value) for value in values(number))}
