"""The page of Airflow's UI in a headless Chromium, before the real Airflow with a real champion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from airflow_stack import AirflowStack
from playwright.sync_api import Page, Route, expect, sync_playwright

from mendel.promotion import ledger

from ..chromium import executable, launched
from .conftest import PATIENCE, ended, failure

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]
PATIENCE_MS = 60_000
DAY = "2026-01-05"
"""Without feedback."""


@pytest.fixture
def page(stack: AirflowStack, ticks: dict[str, Any]) -> Iterator[Page]:
    """The page, opened by its entry in the navigation bar."""
    with sync_playwright() as playwright:
        executable(playwright)
        browser = launched(playwright)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(stack.url)
        page.fill("input[name=username]", stack.user)
        page.fill("input[name=password]", stack.password)
        page.click("button[type=submit]")
        page.get_by_role("link", name="Restorer", exact=True).click()
        yield page
        browser.close()


def test_it_shows_the_champion_and_starts_a_dag_for_a_day(stack: AirflowStack, page: Page) -> None:
    # Given the champion that the chain has made
    champion = ledger.state(ledger.read(stack.env["MENDEL_LAKE"])).champion
    assert champion is not None, "no champion to show"
    expect(page.get_by_text(f"Version {champion.version}", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="promoted").first).to_be_visible()

    # When somebody asks for a day's feedback
    since = datetime.now(UTC).isoformat()
    stack.client.unpause("collect_feedback")
    form = page.get_by_role("form", name="Collect a day's feedback")
    form.get_by_label("day").fill(DAY)
    form.get_by_role("button", name="Start").click()

    # Then the run is there, of that day and by that user, and the page leads to it
    link = form.get_by_role("link", name="manual__")
    expect(link).to_be_visible()
    run = stack.client.wait(partial(ended, stack, "collect_feedback", DAY, since), PATIENCE, "collect_feedback")
    assert (run["partition_key"], run["triggering_user_name"]) == (DAY, stack.user)
    assert run["state"] == "success", failure(stack, run)
    link.click()
    expect(
        page.get_by_role("heading", name="collect_feedback").or_(page.get_by_text(run["dag_run_id"])).first
    ).to_be_visible()


def test_what_is_chosen_is_asked_of_airflow_and_its_refusal_is_shown(page: Page) -> None:
    # Given an Airflow that refuses
    asked: list[dict[str, Any]] = []

    def refuse(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(status=403, json={"detail": "Forbidden"})

    page.route("**/api/v2/dags/corrupt_corpus/dagRuns", refuse)

    # When somebody asks for other noise
    form = page.get_by_role("form", name="Train on other noise")
    form.get_by_label("noise").select_option("heavy")
    form.get_by_role("button", name="Start").click()

    # Then Airflow was asked for it, and its answer stands there
    expect(form.get_by_text("Forbidden")).to_be_visible()
    assert asked == [{"logical_date": None, "conf": {"noise": "heavy"}}]
