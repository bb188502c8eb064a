"""What Weights & Biases wrote of an offline run: its file is a log of LevelDB's form, and holds its own messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]  # made when it is loaded

FILE_HEADER, CHUNK_HEADER = 7, 7
BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def of_runs(folder: Path) -> list[list[Any]]:
    """For each run in a folder (WANDB_DIR) its records, in the order of their writing."""
    return [list(_records(file.read_bytes())) for file in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def _records(log: bytes) -> Iterator[Any]:
    place, parts = FILE_HEADER, b""
    while place < len(log):
        if BLOCK - place % BLOCK < CHUNK_HEADER:  # what is left of a block is padding
            place += BLOCK - place % BLOCK
            continue
        size, kind = struct.unpack_from("<HB", log, place + 4)
        parts += log[place + CHUNK_HEADER : place + CHUNK_HEADER + size]
        place += CHUNK_HEADER + size
        if kind in (FULL, LAST):
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""
