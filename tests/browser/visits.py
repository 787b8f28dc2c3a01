"""Opening pages of the built book in Chromium, with the network cut off."""

import shutil
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pages = sorted(path.relative_to(PAGES).as_posix() for path in PAGES.glob("chapters/*.html"))

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
needs_book = pytest.mark.skipif(not pages, reason="there is no book in _build/html: run `make book`")


class Visit:
    """One opened page, with what it asked for, what of it from outside, and what it complained about.

    `home` is the one server that it may ask, as in "http://127.0.0.1:8000".
    """

    def __init__(self, browser, url, width=1280, scheme="light", home="file:"):
        self.outside, self.complaints, self.asked = [], [], []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(120_000)  # milliseconds: a busy machine is no reason to fail
        inside = (home, "data:", "blob:")
        self.page.route(lambda address: not address.startswith(inside), self._refuse)
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("response", lambda answer: answer.status >= 400 and self.complaints.append(
            f"{answer.status}: {answer.url}"))  # fmt: skip
        self.page.goto(url)
        failure = self.page.evaluate("window.MathJax?.startup.promise.then(() => null, (error) => error.message)")
        if failure:
            self.complaints.append(failure)

    def _refuse(self, route):
        self.outside.append(route.request.url)
        route.abort()
