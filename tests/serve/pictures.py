"""Takes the pictures of the page that docs/service.md shows: `make page-pictures` (needs Chromium)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from flows.services.environment import prepare_environment
from flows.services.shared import prefect_server
from medley.settings import load_settings
from tests.conftest import ROOT
from tests.serve.conftest import SECRET, make_files, serving
from tests.serve.test_page import CHROMIUM, until

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Makes an index, serves it and looks at its page."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        os.environ["MEDLEY_HOME"] = str(base / "prefect")
        settings = load_settings()
        prepare_environment(settings)
        make_files(base / "files")
        with prefect_server(settings) as url, serving(base, url) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 760})
            page.goto(f"{served.url}/login#{SECRET}")
            page.wait_for_url(f"{served.url}/")
            _look(page)
            browser.close()


def _look(page: Page) -> None:
    page.fill("#query", "an orange star")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / "page-search.png")
    page.fill("#query", "welcome to the museum")
    page.keyboard.press("Enter")
    page.locator(".hit", has_text="museum").first.locator(".open").click()
    until(page, "document.querySelector('video').currentTime > 0")
    page.screenshot(path=IMAGES / "page-play.png")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 760})
    page.emulate_media(color_scheme="dark")
    page.fill("#query", "migrating geese")
    page.keyboard.press("Enter")
    page.locator(".hit", has_text="geese").first.locator(".open").click()
    until(page, "document.querySelector('#viewer img.whole').naturalWidth > 300")
    page.screenshot(path=IMAGES / "page-phone.png")


if __name__ == "__main__":
    main()
