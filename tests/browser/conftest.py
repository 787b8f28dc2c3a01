"""Chromium, and the pages opened in it."""

import pytest

from tests.browser.server import serving
from tests.browser.visits import CHROMIUM, PAGES, Visit


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """The function that opens a page; it is closed at the end of the test."""
    visits = []

    def open_page(url, width=1280, **options):
        visits.append(Visit(browser, url, width, **options))
        return visits[-1]

    yield open_page
    for each in visits:
        each.page.close()


@pytest.fixture(scope="session")
def server():
    """The address of the book on a web server, in a folder below its root."""
    with serving(PAGES, under="/some/sub/path") as address:
        yield address
