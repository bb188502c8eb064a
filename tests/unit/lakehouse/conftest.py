"""A lake on a disk, one on a real S3 gateway, and questions to their tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from mendel.lakehouse import query
from mendel.lakehouse.query import NOW, Travel

from ... import s3_gateway

WRITER = Path(__file__).with_name("writer.py")
BUCKET = "lakehouse"


@pytest.fixture
def disk(tmp_path: Path) -> str:
    return (tmp_path / "lake").as_uri()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 gateway over a folder, with one bucket."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "data" / BUCKET).mkdir(parents=True)
    with s3_gateway.running(folder / "data") as address:
        yield address


@pytest.fixture
def store(gateway: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lake in a bucket."""
    import s3fs

    settings = {"ACCESS_KEY_ID": "owner", "SECRET_ACCESS_KEY": "owners", "ENDPOINT_URL": gateway}
    for name, value in {**settings, "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = Session().create_client("s3", endpoint_url=gateway)
    for _ in range(100):
        try:
            client.list_buckets()
            break
        except BotoCoreError:
            time.sleep(0.1)
    s3fs.S3FileSystem.clear_instance_cache()
    yield f"s3://{BUCKET}/{uuid.uuid4().hex}"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["disk", "store"])
def root(request: pytest.FixtureRequest) -> str:
    """A lake on a disk, then one on S3."""
    return str(request.getfixturevalue(request.param))


def ask(root: str, statement: str, travel: Travel = NOW) -> list[tuple[Any, ...]]:
    with query.answer(root, statement, travel) as answer:
        return list(answer.rows)


@pytest.fixture
def writer() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes of writer.py; each has said that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, program: str = str(WRITER)) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
