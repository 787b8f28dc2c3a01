"""Chromium, and the pages opened in it."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.visits import CHROMIUM, PAGES, Visit

SUB_PATH = "/some/sub/path"


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


class _BookUnderSubPath(SimpleHTTPRequestHandler):
    """Serves the book under SUB_PATH and nothing anywhere else."""

    def translate_path(self, path):
        inside = path.startswith(SUB_PATH + "/")
        return super().translate_path(path.removeprefix(SUB_PATH)) if inside else "/nothing/is/here"

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def server():
    """The address of the book on a web server, in a folder below its root."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_BookUnderSubPath, directory=PAGES)) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}{SUB_PATH}"
        served.shutdown()
