"""The finder of a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from ..chromium import NAMES, executable


@pytest.mark.parametrize("there", [*NAMES, None])
def test_any_chromium_is_found(there: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sync_playwright() as playwright:
        # Given a machine with one browser, or none, and none of Playwright's own
        monkeypatch.setattr(type(playwright.chromium), "executable_path", str(tmp_path / "own"))
        monkeypatch.setenv("PATH", str(tmp_path))
        if there:
            (tmp_path / there).touch(mode=0o755)
            # Then it is found
            assert executable(playwright) == str(tmp_path / there)
        else:
            with pytest.raises(pytest.skip.Exception, match=r"chromium-headless-shell.*playwright install chromium"):
                executable(playwright)
