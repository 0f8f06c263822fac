"""The page, in a real browser: search, play, pages, likeness, uploads, files, by keyboard and on a phone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.serve.conftest import PAGE_TWO, SECRET, Served

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page that is logged in; the test fails where it asked a foreign origin, or a script of it broke."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    opened, told = context.new_page(), list[str]()

    def asked(request: Any) -> None:
        if not request.url.startswith((served.url, "blob:", "data:")):
            told.append(request.url)

    def said(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            told.append(message.text)

    opened.on("request", asked)
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("console", said)
    opened.goto(f"{served.url}/login#{SECRET}")
    opened.wait_for_url(f"{served.url}/")
    yield opened
    context.close()
    assert told == []


def search(page: Page, words: str) -> Any:
    page.fill("#query", words)
    page.keyboard.press("Enter")
    hits = page.locator(".hit")
    expect(hits.first).to_be_visible()
    expect(page.locator("#results[aria-busy]")).to_have_count(0)
    return hits


def until(page: Page, condition: str) -> None:
    """Waits for a condition; the page's policy forbids the browser's own way to."""
    for _ in range(WAIT_MS // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(condition)


def test_without_the_secret_there_is_the_way_in_and_nothing_else(browser: Browser, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.url)
    assert page.url == f"{served.url}/login"
    page.fill("#secret", "wrong")
    page.click("button")
    expect(page.locator("#wrong")).to_have_text("the secret is wrong")
    page.fill("#secret", SECRET)
    page.click("button")
    page.wait_for_url(f"{served.url}/")
    context.close()


def test_a_click_plays_from_that_second_with_the_transcript_running_along(page: Page) -> None:
    hit = search(page, "welcome to the museum").first
    expect(hit.locator("mark").first).to_have_text(re.compile("welcome|museum"))
    hit.locator(".open").click()
    until(page, "document.querySelector('video').currentTime > 0 && !document.querySelector('video').paused")
    line = page.locator(".transcript li", has_text="museum").first
    expect(line).to_have_attribute("aria-current", "true")
    other = page.locator(".transcript li").last
    other.locator("button").click()
    expect(other).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()


def test_what_the_browser_cannot_play_is_cut_around_the_moment(page: Page) -> None:
    page.route(re.compile(r"/media$"), lambda route: route.fulfill(body=b"no video", content_type="video/x-matroska"))
    search(page, "welcome to the museum").first.locator(".open").click()

    playing = "v.currentSrc.includes('?at=') && v.currentTime > 0"
    until(page, f"(() => {{ const v = document.querySelector('video'); return {playing}; }})()")


def test_a_page_opens_with_its_box_and_a_picture_as_it_is(page: Page) -> None:
    search(page, "migrating geese").first.locator(".open").click()
    drawn = page.locator("#viewer img.whole")
    until(page, "document.querySelector('#viewer img.whole').naturalWidth > 300")
    assert "pages/2.png?box=" in str(drawn.get_attribute("src"))
    assert PAGE_TWO in str(drawn.get_attribute("alt"))
    page.get_by_text("Where this comes from").click()
    expect(page.locator("#viewer-stages li").first).to_contain_text("birds.pdf (there)")
    expect(page.locator("#viewer-stages b")).to_have_text(["parse", "ocr", "chunk", "embed_text", "write_pages"])
    page.click("text=Previous page")
    expect(page.locator(".pager [role=status]")).to_have_text("Page 1")
    page.click("#viewer-close")
    search(page, "a red circle").locator(".open", has=page.locator("img")).first.click()
    page.wait_for_selector("#viewer[open]")


def test_weak_matches_stand_behind_a_border_and_filters_are_named(page: Page) -> None:
    search(page, "how to tie a bow tie")
    expect(page.locator("#results > .weak")).to_have_text(re.compile("Weak matches"))
    assert page.locator("#results > :first-child").get_attribute("class") == "weak"
    page.click("summary")
    page.fill("[name=until]", "2020-01-01")
    page.click("text=Apply")
    expect(page.locator(".note").first).to_contain_text("until 2020-01-01 leaves nothing")
    page.fill("[name=until]", "asdf")
    page.click("text=Apply")
    expect(page.locator("#results .error")).to_contain_text("is no date")


def test_more_like_this_and_links_that_can_be_sent(page: Page, served: Served) -> None:
    first = search(page, "a red circle").first
    first.locator("text=More like this").click()
    page.wait_for_url(re.compile("like=[0-9a-f]{40}"))
    expect(page.locator(".hit").first).to_be_visible()
    page.goto(f"{served.url}/?q=an+orange+star&kind=video")
    expect(page.locator(".hit h2").first).to_have_text("sample.mp4")
    record = served.hits("migrating geese")[0]["record_id"]
    page.goto(f"{served.url}/?record={record}")
    page.wait_for_selector("#viewer[open]")
    expect(page.locator("#viewer-title")).to_have_text("birds.pdf")


def test_a_dropped_file_is_sent_and_watched(page: Page, served: Served) -> None:
    picture = Path(served.hits("a red circle", kind="image")[0]["path"])
    script = """bytes => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "dropped.png"));
        window.dispatchEvent(new DragEvent("dragenter", { dataTransfer: data, bubbles: true }));
        window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(script, list(picture.read_bytes()))
    line = page.locator("#upload-list li", has_text="dropped.png")
    expect(line.locator(".state")).to_have_text("landing")
    landed = served.home / "uploads" / "dropped.png"
    assert landed.read_bytes() == picture.read_bytes()
    page.set_input_files("#upload", [{"name": "big.bin", "mimeType": "x/y", "buffer": b"x" * (4 << 20)}])
    expect(page.locator("#upload-list li.failed")).to_contain_text("larger than 3 MB")


def test_what_failed_and_why_is_shown_and_can_be_tried_again(page: Page) -> None:
    page.click("nav >> text=Files")
    page.select_option("[name=status]", "failed")
    page.click("text=Show")
    item = page.locator(".item")
    expect(item).to_have_count(1)
    expect(item.locator(".error")).to_contain_text("broken.pdf")
    item.locator("text=Try again").click()
    expect(item).to_contain_text("A run is on its way")
    page.click("nav >> text=Runs")
    row = page.locator("#runs tbody tr").first
    expect(row).to_be_visible()
    assert "/runs/flow-run/" in str(page.locator("#runs a").first.get_attribute("href"))


def test_by_keyboard_alone(page: Page) -> None:
    page.locator("body").press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("welcome to the museum")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('open')"):
            break
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") != first
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_in_the_dark_and_without_barriers(page: Page, theme: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 760})
    page.emulate_media(color_scheme=theme)
    search(page, "a red circle")
    wide = "[...document.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
    assert page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 100))") == [], "nothing sticks out"
    for view in ("search", "files", "runs"):
        page.goto(f"{page.url.partition('#')[0]}#{view}")
        expect(page.locator(f"#view-{view}")).to_be_visible()
        assert serious(page) == []
    page.goto(f"{page.url.partition('#')[0]}#search")
    page.locator(".open").first.click()
    expect(page.locator("#viewer")).to_be_visible()
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out."""
    found = Axe().run(page).response["violations"]
    told = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in told]


def test_the_service_is_still_well(served: Served) -> None:
    assert httpx.get(f"{served.url}/healthz").text == "ok\n"
