"""How the page looks: on narrow screens, in both colour schemes, and to assistive technology."""

from __future__ import annotations

from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE_MS

NOISY = "Our cuontry and the goverment of teh people. " * 3
VIEWS = ("restore", "report")


def shown(page: Page, url: str, view: str) -> None:
    """Each view with all that it can hold."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/#{view}")
    if view == "report":
        expect(page.get_by_role("heading", name="Ledger of promotions")).to_be_visible()
        return
    page.get_by_label("Noisy text").fill(NOISY)
    page.get_by_label("Original").fill("Our country and the government of the people. ")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("article", name="Restored")).to_be_visible()
    page.locator("#result summary").click()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, service: str, scheme: Literal["light", "dark"], view: str) -> None:
    # without the page's own policy, which keeps axe out as well
    with browser.new_context(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True) as context:
        page = context.new_page()
        shown(page, service, view)
        found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_screen_scrolls_one_way_only(browser: Browser, service: str, view: str) -> None:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        page = context.new_page()
        shown(page, service, view)
        width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320, "the page is wider than the screen"


def test_the_scheme_is_the_readers(browser: Browser, service: str) -> None:
    lightness = {}
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(service)
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            lightness[scheme] = sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))
    assert lightness["dark"] < 150 < 600 < lightness["light"]


def test_the_policy_forbids_all_but_the_services_own_files(service: str) -> None:
    for path in ("/", "/static/app.js", "/static/style.css"):
        answer = httpx.get(f"{service}{path}")
        assert answer.status_code == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
        assert "unsafe" not in policy, path
