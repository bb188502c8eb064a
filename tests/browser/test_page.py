"""What a person does with the page."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from mendel.feedback.judged import Feedback

from ..unit.promotion.conftest import Store
from ..unit.serving.conftest import until
from .conftest import opened

CLEAN = "The people of our nation must work together for the future. 👍 The economy and the budget."
NOISY = "Our cuontry and 👍 the goverment of teh people."
LARGE = "The goverment of teh people. " * 1700
"""Takes the restorer seconds."""


def restored(page: Page, noisy: str = NOISY) -> None:
    page.get_by_label("Noisy text").fill(noisy)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("article", name="Restored")).to_be_visible()


def test_a_clean_text_is_corrupted_and_restored_with_its_error_rates(page: Page, service: str) -> None:
    # given
    page.get_by_label("Original").fill(CLEAN)
    page.get_by_label("with noise").select_option("heavy")
    page.get_by_label("seed").fill("7")
    # when
    page.get_by_role("button", name="Corrupt it").click()
    expect(page.get_by_label("Noisy text")).not_to_have_value("")
    noisy = page.get_by_label("Noisy text").input_value()
    page.get_by_role("button", name="Restore").click()
    # then
    result = page.get_by_role("article", name="Restored")
    expect(result).to_be_visible()
    assert (
        noisy == httpx.post(f"{service}/v1/corrupt", json={"text": CLEAN, "profile": "heavy", "seed": 7}).json()["text"]
    )
    answer = httpx.post(f"{service}/v1/restore", json={"text": noisy}).json()["results"][0]
    score = {"reference": CLEAN, "texts": [noisy, answer["text"]]}
    before, after = httpx.post(f"{service}/v1/score", json=score).json()["cer"]
    expect(result.get_by_role("definition").nth(0)).to_contain_text(f"{before:.1%}")
    expect(result.get_by_role("definition").nth(1)).to_contain_text(f"{after:.1%}")
    expect(result.locator(".original")).to_have_text(CLEAN)
    expect(page.get_by_role("status")).to_contain_text("Restored with")


def test_every_change_is_marked_in_its_place_with_its_confidence(page: Page, service: str) -> None:
    restored(page)

    answer = httpx.post(f"{service}/v1/restore", json={"text": NOISY}).json()["results"][0]
    assert answer["edits"], "nothing was restored"
    text = page.locator("#result .text").first
    marks = text.locator(".change")
    assert marks.count() == len(answer["edits"])
    for index, edit in enumerate(answer["edits"]):
        expect(marks.nth(index).locator("small")).to_have_text(f"{edit['confidence']:.0%}")
    assert without("del", text) == answer["text"], "without what went, it is the restored text"
    assert without("ins", text) == NOISY, "without what came, it is the input"


def without(tag: str, text: Locator) -> str:
    """What the text reads without the elements of a kind, and without the confidences."""
    read = """(element, tag) => {
        const copy = element.cloneNode(true);
        copy.querySelectorAll(`${tag}, small`).forEach(each => each.remove());
        return copy.textContent;
    }"""
    return str(text.evaluate(read, tag))


def test_the_history_lasts_the_session_and_opens_again(page: Page) -> None:
    # given
    restored(page, "The goverment.")
    restored(page, "Teh people.")
    # when
    page.reload()
    entries = page.get_by_role("region", name="Earlier in this session").get_by_role("listitem")
    expect(entries).to_have_count(2)
    entries.nth(1).get_by_role("button").click()
    # then
    expect(page.get_by_label("Noisy text")).to_have_value("The goverment.")
    expect(page.get_by_role("article", name="Restored")).to_be_focused()
    page.get_by_role("button", name="Forget all").click()
    expect(entries).to_have_count(0)


def test_a_threshold_leaves_out_what_is_less_sure(page: Page) -> None:
    page.get_by_label("confidence").fill("100")
    restored(page)
    expect(page.get_by_role("article", name="Restored")).to_contain_text("none was sure enough")


DOCUMENT = "# Page\n\nOur cuontry and the `goverment` of teh people.\n\n- The goverment.\n"


def test_changes_of_a_document_are_rejected_and_the_others_downloaded(page: Page) -> None:
    # given
    page.get_by_label("Document").set_input_files({"name": "page.md", "mimeType": "", "buffer": DOCUMENT.encode()})
    article = page.get_by_role("article", name="page.md")
    expect(article).to_be_focused()
    changes = article.get_by_role("button", name=re.compile("^change"))
    total = changes.count()
    assert total > 1, "there is nothing to choose from"
    everything = downloaded(page)
    assert "- The government" in everything, "an item was not restored"
    assert "`goverment`" in everything, "code was changed"
    # when the last change is rejected with the keyboard
    last = changes.last
    label = last.get_attribute("aria-label") or ""
    last.press("Space")
    # then
    expect(last).to_have_attribute("aria-pressed", "false")
    expect(article).to_contain_text(f"{total - 1} of {total} changes accepted.")
    original, replacement = re.findall("“(.*?)”", label)
    head, tail = everything.rsplit(replacement, 1)
    assert downloaded(page) == f"{head}{original}{tail}"
    # and all of them
    article.get_by_role("button", name="Reject all").click()
    assert downloaded(page) == DOCUMENT
    article.get_by_role("button", name="Accept all").click()
    assert downloaded(page) == everything


def test_choices_are_sent_where_feedback_is_kept(context: BrowserContext, keeping: str, lake: Store) -> None:
    # given a document, one of whose changes is rejected
    page = opened(context, keeping)
    page.get_by_label("Document").set_input_files({"name": "page.md", "mimeType": "", "buffer": DOCUMENT.encode()})
    changes = page.get_by_role("article", name="page.md").get_by_role("button", name=re.compile("^change"))
    changes.last.press("Space")
    total = changes.count()
    # when
    page.get_by_role("button", name="Send my choices").click()
    # then
    expect(page.locator("#status")).to_contain_text("Your choices are kept.")
    (path,) = (Path(lake.root.removeprefix("file://")) / "feedback_inbox").glob("dt=*/*.json")
    feedback = Feedback.model_validate_json(path.read_bytes())
    accepted = [change.accepted for text in feedback.texts for change in text.changes]
    assert accepted == [*[True] * (total - 1), False]


def test_where_no_feedback_is_kept_nothing_asks_for_it(page: Page) -> None:
    page.get_by_label("Document").set_input_files({"name": "page.md", "mimeType": "", "buffer": DOCUMENT.encode()})
    expect(page.get_by_role("article", name="page.md")).to_be_focused()
    expect(page.get_by_role("button", name="Send my choices")).to_have_count(0)


def test_a_dropped_document_is_restored(page: Page) -> None:
    page.evaluate(
        """text => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], "dropped.md"));
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        DOCUMENT,
    )
    expect(page.get_by_role("article", name="dropped.md")).to_contain_text("changes accepted")


def test_a_document_that_cannot_be_read_is_refused_in_words(page: Page) -> None:
    page.get_by_label("Document").set_input_files({"name": "a.docx", "mimeType": "", "buffer": b"PK"})
    expect(page.get_by_role("alert")).to_contain_text("it is not DOCX")


def downloaded(page: Page) -> str:
    with page.expect_download() as download:
        page.get_by_role("article").get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "page.restored.md"
    return download.value.path().read_text()


def test_a_refusal_is_told_in_the_services_words(page: Page) -> None:
    page.get_by_label("Noisy text").fill("a" * 60_000)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("alert")).to_contain_text("60000 characters; at most 50000 in one request")


def test_a_slow_answer_shows_progress_and_can_be_cancelled(page: Page, service: str) -> None:
    page.get_by_label("Noisy text").fill(LARGE)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("progressbar")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("status")).to_have_text("Cancelled.")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Restore")).to_be_focused()
    expect(page.get_by_role("article", name="Restored")).to_be_hidden()


def test_without_a_champion_it_says_when_to_try_again(context: BrowserContext, empty: str) -> None:
    page = opened(context, empty)
    page.get_by_label("Noisy text").fill(NOISY)
    page.get_by_role("button", name="Restore").click()

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("No champion is loaded yet.")
    again = alert.get_by_role("button")
    expect(again).to_have_text("Try again in 5 seconds")
    expect(again).to_be_disabled()
    expect(again).to_be_enabled()
    expect(page.locator("#version")).to_have_text("no champion yet")


def test_a_key_is_asked_for_kept_in_the_tab_and_a_full_queue_is_told(
    context: BrowserContext, guarded: tuple[str, str]
) -> None:
    # given
    url, key = guarded
    page = opened(context, url)
    form = page.get_by_role("form", name="This service asks for a key")
    field = form.get_by_label("API key")
    expect(field).to_be_focused()
    # when
    field.fill("wrong")
    field.press("Enter")
    expect(form).to_contain_text("does not know the key")
    field.fill(key)
    field.press("Enter")
    # then
    expect(form).to_be_hidden()
    expect(page.get_by_label("with noise").get_by_role("option", name="heavy")).to_be_attached()
    page.reload()
    restored(page)

    # and when another's large request fills the queue
    def fill() -> None:
        httpx.post(f"{url}/v1/restore", json={"text": [LARGE[:240]] * 200}, headers={"X-API-Key": key}, timeout=60)

    other = threading.Thread(target=fill)
    other.start()
    try:
        until(lambda: "mendel_queue_requests 1.0" in httpx.get(f"{url}/metrics").text)
        page.get_by_role("button", name="Restore").click()
        expect(page.get_by_role("alert")).to_contain_text("The service is busy: try again later.")
        again = page.get_by_role("alert").get_by_role("button")
        expect(again).to_have_text(re.compile(r"Try again( in \d+ seconds?)?"))
    finally:
        other.join()


def test_a_service_that_is_away_is_told_and_asked_again(page: Page, context: BrowserContext) -> None:
    page.get_by_label("Noisy text").fill(NOISY)
    context.set_offline(True)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")

    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("article", name="Restored")).to_be_visible()


def test_the_second_view_shows_the_champions_plots_and_the_ledger(page: Page, service: str) -> None:
    page.get_by_role("link", name="Champion", exact=True).click()

    plots = page.get_by_role("figure").get_by_role("img")
    expect(plots).to_have_count(3)
    for plot in plots.all():
        assert plot.evaluate("async image => { await image.decode(); return image.naturalWidth }") > 500
    ledger = page.get_by_role("region", name="Ledger of promotions").locator("ol > li")
    assert [line.split(" version")[0] for line in ledger.all_inner_texts()] == ["declined", "promoted"]
    report = httpx.get(f"{service}/v1/report").json()
    for check in report["checks"]:
        expect(page.get_by_text(check["reason"])).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if focused() == wanted:
                return
        pytest.fail(f"{wanted} cannot be reached by Tab")

    # the skip link comes first, then the fields in their order
    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to("noisy")
    page.keyboard.type(NOISY)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("article", name="Restored")).to_be_visible()
    for wanted in ("go", "threshold", "clean", "corrupt", "profile", "seed", "Copy"):
        tab_to(wanted)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus can be seen"
    tab_to("forget")
    page.keyboard.press("Enter")
    assert focused() == "noisy", "the focus does not fall off with the button"
