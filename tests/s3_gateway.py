"""A real S3 gateway over a folder, for tests of what a store does: versitygw, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import free_port

OWNER = {"ROOT_ACCESS_KEY": "owner", "ROOT_SECRET_KEY": "owners"}


@contextmanager
def running(buckets: Path, *options: str) -> Iterator[str]:
    """The gateway's address, while it runs; each folder in `buckets` is a bucket. It may not answer yet.

    Skips the test where the program is not there.
    """
    program = shutil.which("versitygw")
    if program is None:
        pytest.skip("versitygw is not on the PATH (github.com/versity/versitygw)")
    port = free_port()
    command = [program, "--quiet", "--port", f"127.0.0.1:{port}", *options, "posix", str(buckets)]
    process = subprocess.Popen(command, env=OWNER, cwd=buckets.parent)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
