"""Compile requirements/*.txt from pyproject.toml and requirements/*.in: every package with the hashes of its files.

Torch is in none of them. Its CPU build comes from an index of its own, or from a folder of wheels, where its files have other
hashes than PyPI's; requirements/torch.txt has its version, and it is installed apart.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parent.parent
OPTIONS = ["--quiet", "--no-header", "--generate-hashes", "--python-version", "3.11", "--annotation-style", "line"]
IN_IMAGES = ["--python-platform", "x86_64-manylinux_2_28"]

CUDA = r"nvidia-.*|cuda-.*|triton"
"""What PyPI's torch needs and the CPU build does not: 4 GB."""


class Lock(NamedTuple):
    """One file: what it is compiled from, and what is left out of it."""

    sources: list[str]
    extras: list[str] = []  # noqa: RUF012 (never changed)
    options: list[str] = []  # noqa: RUF012
    without: str = ""


def for_image(*sources: str, extras: str = "", cpus: bool = False) -> Lock:
    """The versions are those that the tests run with."""
    options = [*IN_IMAGES, "--constraint", "requirements/dev.txt"]
    return Lock(list(sources), extras.split(), options, f"torch|{CUDA}" if cpus else "torch")


LOCKS = {
    "dev": Lock(["pyproject.toml"], ["dev"], without=f"torch|{CUDA}"),
    "tasks": for_image(
        "pyproject.toml",
        "s3.in",
        extras="spark quality versioning lakehouse evaluate documents wandb lineage",
        cpus=True,
    ),
    "gpu": for_image("pyproject.toml", "s3.in", extras="evaluate qlora documents wandb lineage"),
    "serve": for_image("pyproject.toml", "s3.in", extras="serve traces llm client", cpus=True),
    "mlflow": for_image("mlflow.in"),
    "airflow": for_image("pyproject.toml", "airflow.in", extras="aws"),
    "marts": Lock(["pyproject.toml", "marts.in"], ["lakehouse"]),
    "model": Lock(["model.in"], options=["--no-deps"]),
    "sbom": Lock(["sbom.in"]),
    "uv": Lock(["uv.in"]),
}


def main() -> None:
    local_uv = REPO / ".mendel" / "tools" / "bin" / "uv"
    uv = str(local_uv) if local_uv.exists() else shutil.which("uv") or sys.exit("lock: no uv; run `make setup`")
    for name in sys.argv[1:] or LOCKS:
        lock, path = LOCKS[name], f"requirements/{name}.txt"
        sources = [source if source == "pyproject.toml" else f"requirements/{source}" for source in lock.sources]
        extras = [word for extra in lock.extras for word in ("--extra", extra)]
        # A folder of wheels has one build of a package, and would leave the hashes of all others out.
        environment = {key: value for key, value in os.environ.items() if key != "UV_FIND_LINKS"}
        command = [uv, "pip", "compile", *OPTIONS, *lock.options, *sources, *extras, "--output-file", path]
        if subprocess.run(command, cwd=REPO, env=environment).returncode:
            sys.exit(f"lock: `{' '.join(map(str, command))}` failed")
        if lock.without:
            (REPO / path).write_text(without((REPO / path).read_text(), lock.without))


def without(text: str, names: str) -> str:
    """A lock without the packages of these names: an entry is a line and the indented ones below it."""
    return re.sub(rf"^(?:{names})==.*\n(?:[ \t].*\n)*", "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
