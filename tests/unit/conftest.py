"""Settings for all unit tests."""

from collections.abc import Iterator

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
