"""The two layers of a chapter, the ledger as a board of marks, and what stands in the head of a page."""

import re

import pytest

from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = [needs_chromium, needs_book]
CHAPTER = (PAGES / "chapters" / "04_learning_dynamics.html").as_uri()
OPEN = "[...document.querySelectorAll('details.fold')].map((fold) => fold.open)"


def test_the_switch_opens_all_code_and_is_remembered(visit):
    visited = visit(CHAPTER)
    page = visited.page
    assert set(page.evaluate(OPEN)) == {False}
    button = page.locator(".btn-code-button")
    button.click()
    assert set(page.evaluate(OPEN)) == {True}
    assert button.get_attribute("aria-pressed") == "true"
    page.reload()
    assert set(page.evaluate(OPEN)) == {True}
    button.click()
    page.reload()
    assert set(page.evaluate(OPEN)) == {False}
    assert visited.complaints == []


def test_a_mark_at_an_equation_opens_its_check(visit):
    page = visit(CHAPTER).page
    mark = page.locator("#equation-eq-26 .verdict-mark")
    assert mark.inner_text() == "✓"
    mark.click()
    page.wait_for_function("document.getElementById('check-eq-26').closest('details').open")


@pytest.mark.parametrize("name", [name for name in pages if re.match(r"chapters/(\d|[AB])", name)])
def test_only_conditions_and_failures_stand_as_lines(name):
    body = (PAGES / name).read_text(encoding="utf-8")
    assert '<div class="verdict reproduced"' not in body
    assert body.count('<div class="verdict') <= 12
    ids = re.findall(r'id="(check-[^"]+)"', body)
    assert len(ids) == len(set(ids))


@pytest.fixture
def board(visit):
    return visit((PAGES / "chapters" / "11_conclusion.html").as_uri()).page


def test_the_ledger_has_a_mark_for_every_entry(board):
    rows = board.evaluate("document.querySelectorAll('.ledger-plain tbody tr').length")
    assert board.locator(".ledger-marks .ledger-mark").count() == rows > 200
    assert board.evaluate("document.body.scrollHeight") < 6000
    assert not board.locator(".ledger-plain table").first.is_visible()


def test_filters_dim_what_is_not_asked_for(board):
    board.get_by_label(re.compile("does not hold")).check()
    lit = board.locator(".ledger-marks .ledger-mark:not(.dim)")
    assert lit.count() == board.locator(".ledger-marks .ledger-mark.fails").count() > 0
    assert board.locator(".ledger-status").inner_text().startswith(f"{lit.count()} of ")


def test_a_mark_opens_its_entry_by_mouse_and_keyboard(board):
    board.locator(".ledger-mark[aria-label*='eq-33']").click()
    entry = board.locator(".ledger-entry")
    assert "The eigenvalues of K" in entry.inner_text()
    assert entry.locator("a[href$='#check-eq-33']").count() > 0
    board.keyboard.press("ArrowRight")
    board.keyboard.press("Enter")
    assert "The eigenvalues of K" not in entry.inner_text()
    assert board.locator(".ledger-mark[aria-expanded=true]").count() == 1


def test_without_scripts_the_ledger_is_tables(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((PAGES / "chapters" / "11_conclusion.html").as_uri())
    assert page.locator(".ledger table").first.is_visible()
    context.close()


@pytest.mark.parametrize("name", pages)
def test_the_head_says_what_the_page_is(name):
    head = (PAGES / name).read_text(encoding="utf-8").partition("</head>")[0]
    assert 'rel="icon"' in head
    if "genindex" in name or "references" in name or "api_" in name:
        return
    (description,) = re.findall(r'<meta name="description" content="([^"]*)"', head)
    assert 40 < len(description) <= 260
    assert "\\" not in description
    assert '<meta property="og:image" content="../_static/card.png"' in head


def test_pictures_take_their_space_before_they_are_there(visit):
    page = visit((PAGES / "chapters" / "06_lattice_fields.html").as_uri()).page
    assert page.evaluate(
        "[...document.querySelectorAll('figure img')].every((i) => i.width && i.getAttribute('height'))"
    )


@pytest.mark.parametrize("name", ["04_learning_dynamics", "09_mnist"])
def test_the_text_does_not_jump(browser, name):
    """The shift of the layout while a page loads, in the browser's own measure; 0.1 is what readers notice."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script("""window.shift = 0; new PerformanceObserver((list) => list.getEntries()
        .forEach((entry) => { window.shift += entry.value; })).observe({type: "layout-shift", buffered: true});""")
    page.goto((PAGES / "chapters" / f"{name}.html").as_uri())
    page.evaluate("window.MathJax.startup.promise.then(() => null)")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.shift") < 0.1
    page.close()


def test_colour_maps_keep_their_colours_in_the_dark(visit):
    page = visit((PAGES / "chapters" / "09_mnist.html").as_uri(), scheme="dark").page
    filters = page.evaluate(
        "[...document.querySelectorAll('.colour-map figure img')].map((image) => getComputedStyle(image).filter)"
    )
    assert filters
    assert not any("invert" in one for one in filters)


def test_a_wrong_address_has_a_page(visit):
    visited = visit((PAGES / "404.html").as_uri())
    assert visited.page.locator("h1").inner_text() == "There is no such page"
    assert visited.complaints == visited.outside == []
