"""`mendel inbox fill`: days of an inbox made of noised held-out text, for trying out `mendel restore`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.stage import Context
from mendel.inference import inbox
from mendel.noise import pairs

NAME = "heldout.jsonl"


def fill(context: Context, days: Sequence[str], records: int) -> list[str]:
    """Put test pairs' noisy texts into the inbox of each day; URIs of the files, those kept from before included.

    Each day gets a sample of its own, the same whenever it is asked for, from the pairs of the context's partition, and
    behind it one bad record of each common kind. A file that is there already is left as it is. Raises InputError where
    there are not enough pairs.
    """
    source = context.require("pairs")
    test = pairs.read(context.uris(source, ".parquet"), splits=["test"], columns=["id", "noisy"])
    texts = {row["id"]: row["noisy"] for row in test.to_pylist() if row["noisy"].strip()}
    if len(texts) < records:
        raise InputError(f"--records {records}: {source.uri} has {len(texts)} test pairs; ask for fewer")
    uris = []
    for day in days:
        uri = lake.join(context.root, manifest.partition_path(inbox.DATASET, day), NAME)
        if lake.create(uri, _content(day, texts, records)):
            log.info("filled", file=uri, records=records)
        else:
            log.info("kept as it is", file=uri)
        uris.append(uri)
    return uris


def _content(day: str, texts: dict[str, str], records: int) -> bytes:
    chosen = sorted(texts, key=lambda record: hashlib.sha256(f"{day}\n{record}".encode()).digest())[:records]
    good = [_line({"id": record, "text": texts[record]}) for record in chosen]
    return b"".join([*good, *_bad(good[0], chosen[-1])])


def _bad(a_line: bytes, an_id: str) -> list[bytes]:
    return [
        b'{"id": "cut-off", "text": "The line ends too e\n',
        _line({"id": "no-text", "body": "The text has another key here."}),
        _line({"id": "empty", "text": "  "}),
        _line({"id": "number", "text": 1863}),
        '{"id": "latin-1", "text": "Señor Presidente"}\n'.encode("latin-1"),
        _line({"id": an_id, "text": "This id is taken."}),
        a_line,
    ]


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
