"""`mendel restore text`: texts of a command line, restored by any model of the lake."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mendel.cli.client import lines, requests
from mendel.core.log import log
from mendel.inference.restored import restorations
from mendel.promotion import champions
from mendel.restorers.restorer import Restorer


def restore_texts(root: str, model: str, texts: Sequence[str] | None, threshold: float | None, as_json: bool) -> None:
    """Print each text restored; without texts, the lines of standard input, some at a time.

    Changes less sure (0 to 1) than `threshold` are left out. Raises InputError where there is no such model, or where a
    line is not UTF-8.
    """
    resolved = champions.resolve(root, model)
    log.info("model", version=resolved.version, candidate=resolved.fingerprint, standing=resolved.standing)
    restorer = Restorer.load(resolved.restorer_uri)
    for batch in requests(lines(sys.stdin.buffer) if texts is None else texts):
        for restored in restorations(restorer, batch, threshold):
            print(restored.model_dump_json() if as_json else restored.text)
        sys.stdout.flush()
