"""Airflow's pages as a person uses them, in a real browser without a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

from ..chromium import launched
from .release import Release

SECONDS = 120_000  # of Playwright's milliseconds: a page of a busy cluster


@contextmanager
def signed_in(release: Release) -> Iterator[Page]:
    """A page of a release's Airflow, behind its login."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page()
        page.set_default_timeout(SECONDS)
        expect.set_options(timeout=SECONDS)
        page.goto(release.url)
        for name, value in release.credentials().items():
            page.locator(f"input[name={name}]").fill(value)
        page.locator("input[type=submit]").click()
        yield page
        browser.close()


def trigger(page: Page, release: Release, dag: str) -> None:
    """Start a run with the form as it comes up: no partition key, the DAG's own params."""
    page.goto(f"{release.url}/dags/{dag}")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    page.get_by_role("dialog").wait_for(state="hidden")


def expect_in_log(page: Page, release: Release, dag: str, run_id: str, task: str, text: str) -> None:
    page.goto(f"{release.url}/dags/{dag}/runs/{run_id}/tasks/{task}")
    expect(page.get_by_text(text).first).to_be_visible()
