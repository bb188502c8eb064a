"""Build Mendel's images with docker, podman or buildah, and say how long each took and how large it is.

    python scripts/images.py [tasks] [gpu] [serve] [mlflow] [airflow] [stack]

ENGINE chooses the program, PREFIX goes before the names, and BUILD_ARGS of the environment are handed on.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
IMAGES = {
    "tasks": ["--file", "docker/tasks.Dockerfile", "--target", "tasks"],
    "gpu": ["--file", "docker/tasks.Dockerfile", "--target", "gpu"],
    "serve": ["--file", "docker/tasks.Dockerfile", "--target", "serve"],
    "mlflow": ["--file", "docker/tasks.Dockerfile", "--target", "mlflow"],
    "airflow": ["--file", "docker/airflow.Dockerfile"],
    "stack": ["--file", "docker/tasks.Dockerfile", "--target", "stack"],
}
ENGINES = ("docker", "podman", "buildah")
BUILD_ARGS = ("PYTHON_IMAGE", "AIRFLOW_IMAGE", "TORCH_INDEX", "GPU_TORCH_INDEX", "MAVEN_REPOSITORY")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(IMAGES)}; all by default")
    names = parser.parse_args().images or list(IMAGES)
    if unknown := set(names) - set(IMAGES):
        parser.error(f"there is no image {', '.join(sorted(unknown))}; there are {', '.join(IMAGES)}")
    engine, images = find_engine(), []
    for name in names:
        tag = f"{os.environ.get('PREFIX', '')}mendel-{name}:{version()}"
        started = time.monotonic()
        build(engine, tag, IMAGES[name])
        seconds = round(time.monotonic() - started)
        images.append({"image": tag, "size": size(engine, tag), "seconds": seconds})
        print("{image}: {size}, built in {seconds} s".format(**images[-1]), flush=True)
    (REPO / ".mendel").mkdir(exist_ok=True)
    (REPO / ".mendel" / "images.json").write_text(json.dumps(images, indent=2))


def find_engine() -> str:
    choice = os.environ.get("ENGINE")
    if engine := next((name for name in ([choice] if choice else ENGINES) if shutil.which(name)), None):
        return engine
    sys.exit(
        f"no image builder: install one of {', '.join(ENGINES)}" if not choice else f"ENGINE={choice} is not on PATH"
    )


def build(engine: str, tag: str, options: list[str]) -> None:
    """Build one image; ends the program with the builder's own words when it fails."""
    describe = ["git", "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=.dirty"]
    revision = subprocess.run(describe, cwd=REPO, capture_output=True, text=True).stdout.strip()
    arguments = {"VERSION": version(), "REVISION": revision or "unknown"}
    arguments |= {name: os.environ[name] for name in BUILD_ARGS if name in os.environ}
    build_args = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}  # older docker engines build without it by default
    command = [engine, "build", "--tag", tag, *options, *build_args, "."]
    if subprocess.run(command, cwd=REPO, env=environment).returncode:
        sys.exit(f"mendel: `{' '.join(command)}` failed")


def size(engine: str, tag: str) -> str:
    """What an image takes when it is unpacked, as the engine says it."""
    listing = subprocess.run(
        [engine, "images", "--format", "{{.Size}}", tag], capture_output=True, text=True, check=True
    )
    return listing.stdout.strip()


def version() -> str:
    match = re.search(r'^version = "(.+)"', (REPO / "pyproject.toml").read_text(), re.MULTILINE)
    assert match is not None, "pyproject.toml has no version"
    return match[1]


if __name__ == "__main__":
    main()
