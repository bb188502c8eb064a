"""Settings for all unit tests."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("mendel", deadline=None, print_blob=True)
settings.load_profile("mendel")


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A test that runs the command line sends logs to its own captured stderr, which is closed when it ends."""
    yield
    structlog.reset_defaults()


NOBODY = 65534


@pytest.fixture
def without_privileges() -> Callable[[], AbstractContextManager[None]]:
    """As an ordinary user, also where the tests run as root, whom no file refuses."""

    @contextmanager
    def without() -> Iterator[None]:
        if os.geteuid():
            yield
            return
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return without


@pytest.fixture
def users_folder() -> Iterator[Path]:
    """A folder that every user may enter, whatever a test then forbids in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)
