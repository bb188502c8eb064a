"""The page in a headless Chromium, before the real service as a process with a real champion and its evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mendel.serving.keys import new

from ..chromium import executable, launched
from ..unit.promotion.conftest import (
    WEEK_1,
    WEEK_2,
    Store,
    candidates_template,
    decide_on,
    evaluate,
)
from ..unit.serving.conftest import process, status, until

__all__ = ["candidates_template"]

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> str:
    with sync_playwright() as playwright:
        return executable(playwright)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Not of the session: while Playwright's event loop is there, no other test can run one of its own."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lake(chromium: str, candidates_template: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Version 1 is champion on its evaluation, version 2 was declined. Made only where there is a browser to show it."""
    store = candidates_template.copied(tmp_path_factory.mktemp("page"))
    with store.in_use():
        decide_on(store.context(WEEK_1), "promoted", evaluate(store.context(WEEK_1)))
    decide_on(store.context(WEEK_2), "declined")
    return store


@pytest.fixture(scope="module")
def service(lake: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an open service."""
    with process(lake.root, tmp_path_factory.mktemp("open")) as (_, url):
        until(lambda: status(f"{url}/readyz") == 200)
        yield url


@pytest.fixture(scope="module")
def guarded(lake: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of a service that asks for a key and whose queue is full with one request; and the key."""
    folder = tmp_path_factory.mktemp("guarded")
    key, digest = new()
    (folder / "keys").write_text(f"page {digest}\n")
    with process(lake.root, folder, keys_file=str(folder / "keys"), queue_characters=1) as (_, url):
        until(lambda: status(f"{url}/readyz") == 200)
        yield url, key


@pytest.fixture(scope="module")
def keeping(lake: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that keeps feedback."""
    with process(lake.root, tmp_path_factory.mktemp("keeping"), feedback=True) as (_, url):
        until(lambda: status(f"{url}/readyz") == 200)
        yield url


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service without a champion."""
    folder = tmp_path_factory.mktemp("empty")
    with process(folder.as_uri(), folder) as (_, url):
        until(lambda: status(f"{url}/healthz") == 200)
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own. Whatever the page asks elsewhere for, or its own policy forbids, fails the test."""
    with browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        elsewhere: list[str] = []
        told: list[str] = []
        context.on("request", lambda request: elsewhere.append(request.url) if not _here(request.url) else None)
        context.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: told.append(str(error.error)))
        yield context
        assert elsewhere == [], "the page asks other addresses"
        expected = ("Failed to load resource",)  # Chromium's line for every answer that is a refusal
        assert [text for text in told if not text.startswith(expected)] == [], "errors in the console"


@pytest.fixture
def page(context: BrowserContext, service: str) -> Page:
    """The page of the open service, its profiles loaded."""
    return opened(context, service)


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return page


def _here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:"))
