"""A lake with a champion and a folder that receives files, and what came out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.restorers.restorer import READERS
from mendel.streaming import batches

from ..inference.conftest import Lake

HERE = Path(__file__).parent
WORKERS = HERE / "workers"


@dataclass(frozen=True)
class StreamLake(Lake):
    """A lake whose champion, version 1, writes `the` for `teh`."""

    def drop(self, name: str, content: bytes | Sequence[Mapping[str, object]]) -> Path:
        """Let a file appear in the folder of the stream, whole at once."""
        path = self.folder / "inbox_stream" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, bytes) else "".join(json.dumps(row) + "\n" for row in content).encode()
        hidden = path.with_name(f".{path.name}")
        hidden.write_bytes(text)
        return hidden.rename(path)

    def committed(self) -> list[Manifest]:
        """The micro-batches in the lake, as any reader finds them."""
        found = (
            manifest.current(self.root, batches.DATASET, key) for key in manifest.partitions(self.root, batches.DATASET)
        )
        return [one for one in found if one is not None]

    def restored(self) -> list[dict[str, Any]]:
        """All restored records, by id."""
        uris = [lake.join(self.root, file.path) for one in self.committed() for file in one.files]
        tables = [pq.read_table(uri) for uri in uris if uri.endswith(".parquet")]
        return sorted((row for table in tables for row in table.to_pylist()), key=lambda row: str(row["id"]))

    def rejections(self) -> list[dict[str, Any]]:
        """All rejected records, by file and place."""
        uris = [lake.join(self.root, file.path) for one in self.committed() for file in one.files]
        lines = [line for uri in uris if "/rejected/" in uri for line in lake.read_text(uri).splitlines()]
        return sorted(map(json.loads, lines), key=lambda row: (row["file"], row["ordinal"] or 0))

    def times(self) -> Counter[str]:
        """How often each id came out."""
        return Counter(row["id"] for row in self.restored())

    def pipeline(self, **stream: object) -> Path:
        path = self.folder / "pipeline.yaml"
        path.write_text(json.dumps({"name": "test", "lake": self.root, "stream": stream}))
        return path


@pytest.fixture
def new_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], StreamLake]:
    monkeypatch.syspath_prepend(str(HERE.parent / "inference"))
    monkeypatch.setitem(READERS, "spelling", "spelling:SpellingRestorer")
    monkeypatch.delenv("MENDEL_LAKE", raising=False)

    def make(name: str) -> StreamLake:
        made = StreamLake(root=(tmp_path / name).as_uri(), folder=tmp_path / name)
        made.make_champion({"teh": "the"})
        return made

    return make


@pytest.fixture
def a_stream(new_stream: Callable[[str], StreamLake]) -> StreamLake:
    return new_stream("lake")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code to its end."""
    with running("-c", code, *arguments) as process:
        said, complained = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python as a process of its own, which knows the tests' restorer; killed at the end where it still runs."""
    path = [str(WORKERS), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    environment.pop("MENDEL_LAKE", None)
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
