"""Checkpoints of a training run, in the lake: safetensors and JSON, the newest one named by `latest.json`."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fsspec.core import url_to_fs

from mendel.core import lake

if TYPE_CHECKING:
    import torch


class Checkpoints:
    """Where one run's checkpoints lie. A checkpoint counts from the moment `latest.json` names it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Write a checkpoint whole, then name it, then remove the ones before it."""
        from safetensors.torch import save

        folder = f"step-{step:08d}"
        lake.write(lake.join(self.uri, folder, "tensors.safetensors"), save(tensors))
        lake.write(lake.join(self.uri, folder, "state.json"), json.dumps(state).encode())
        lake.write(lake.join(self.uri, "latest.json"), json.dumps({"folder": folder}).encode())
        fs, path = url_to_fs(self.uri)
        for name in lake.list_folders(self.uri):
            if name != folder:
                fs.rm(f"{path}/{name}", recursive=True)

    def load(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """The newest checkpoint, or None when there is none."""
        from safetensors.torch import load_file

        pointer = lake.join(self.uri, "latest.json")
        if not lake.exists(pointer):
            return None
        folder = lake.join(self.uri, json.loads(lake.read_text(pointer))["folder"])
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "tensors.safetensors"
            lake.download(lake.join(folder, "tensors.safetensors"), file)
            return load_file(file), json.loads(lake.read_text(lake.join(folder, "state.json")))

    def clear(self) -> None:
        fs, path = url_to_fs(self.uri)
        if fs.exists(path):
            fs.rm(path, recursive=True)
