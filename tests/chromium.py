"""The one way to a browser without a window: Playwright's own Chromium, else the machine's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome-headless-shell",
)


def executable(playwright: Playwright) -> str:
    """The program. Skips, and says what would bring one, where there is none."""
    own = playwright.chromium.executable_path
    path = own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} on the PATH; `playwright install chromium` brings one")
    return path


def launched(playwright: Playwright) -> Browser:
    """It runs, a container's root included, whom its sandbox refuses."""
    return playwright.chromium.launch(executable_path=executable(playwright), args=["--no-sandbox"])
