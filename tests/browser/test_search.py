"""The search as readers use it: what they ask for, and the page that has to come first."""

import re

import pytest

from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = [needs_chromium, needs_book]
ASKED = {  # and where the first link of the page that comes first has to lead
    "MNIST": "09_mnist.html",
    "how many hidden nodes": "17_choosing.html",
    "phi4": "15_phi4.html",
    "eq 33": "04_learning_dynamics.html#equation-eq-33",
    "(B7)": "B_kullback_leibler.html#equation-eq-b7",
    "fig 12": "08_two_cutoffs.html#fig-12",
    "exercise 4.2": "04_learning_dynamics.html#ex-4-2",
    "sec-5c-cutoff": "08_two_cutoffs.html#check-sec-5c-cutoff",
    "learning rate too large": "13_exact_trajectories.html",
    "probabilistic PCA": "12_probabilistic_pca.html",
    "errors in the paper": "deviations.html",
    "install": "running.html",
    "contrastive divergence": "A_algorithm.html",
    "autocorrelation time": "07_two_dimensions.html",
    "ultraviolet cutoff": "08_two_cutoffs.html",
    "infrared modes first": "04_learning_dynamics.html",
    "recommend": "api_data.html#srbm.recommend",
    "KL divergence": "B_kullback_leibler.html",
    "diffusion model": "20_diffusion.html",
}


def first_of(page):
    """Where the page that was found first, and the first hit in it, lead to."""
    page.wait_for_selector(".search-page a")
    found = page.locator(".search-page").first
    links = [found.locator(".search-title"), *found.locator(".search-hit a").all()[:1]]
    return [re.sub(r".*/", "", link.evaluate("(link) => link.href")) for link in links]


def test_the_page_that_is_meant_comes_first(visit):
    page = visit((PAGES / "search.html").as_uri()).page
    wrong = {}
    for query, expected in ASKED.items():
        page.fill("#main-content input[type=search]", "")
        page.wait_for_function("!document.querySelector('.search-page')")
        page.fill("#main-content input[type=search]", query)
        found = first_of(page)
        if expected not in found or found[0] != expected.partition("#")[0]:
            wrong[query] = found
    assert wrong == {}


def test_the_order_of_a_query_can_be_wrong(visit):
    """A negative control: what one query finds first is not what another does."""
    page = visit(f"{(PAGES / 'search.html').as_uri()}?q=install").page
    assert ASKED["phi4"] not in first_of(page)


@pytest.mark.parametrize("where", ["disk", "server"])
def test_a_query_in_the_address_is_answered(visit, server, where):
    root, home = (PAGES.as_uri(), "file:") if where == "disk" else (server, server)
    visited = visit(f"{root}/search.html?q=ultraviolet", home=home)
    page = visited.page
    page.wait_for_selector(".search-page a")
    found = page.eval_on_selector_all(".search-page a", "(links) => links.map((link) => link.href)")
    assert any("08_two_cutoffs.html" in url for url in found)
    page.goto(found[0])
    assert re.search("ultraviolet", page.inner_text("main"), re.IGNORECASE)
    assert visited.complaints == visited.outside == []


@pytest.mark.parametrize("width", [390, 1280])
def test_search_starts_from_any_place_of_a_page(visit, width):
    """The button is in sight however far one has scrolled, and what is found can be reached by the keyboard."""
    page = visit((PAGES / "chapters" / "17_choosing.html").as_uri(), width=width).page
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    buttons = page.locator(".search-button__button:visible")
    assert any(0 <= button.bounding_box()["y"] < 860 for button in buttons.all())
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input").fill("eigenvalues")
    page.wait_for_selector("#pst-search-dialog .search-page a")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.search-page') !== null")


def test_no_excerpt_shows_tex(visit):
    page = visit(f"{(PAGES / 'search.html').as_uri()}?q=kappa").page
    page.wait_for_selector(".search-excerpt")
    texts = page.locator(".search-excerpt, .search-page a").all_inner_texts()
    assert len(texts) > 10
    assert not [text for text in texts if re.search(r"\\\\|\\$|\\{|\\}", text)]


def test_enter_leads_to_all_that_was_found(visit):
    page = visit((PAGES / pages[0]).as_uri()).page
    page.locator(".search-button__button:visible").first.click()
    page.locator("#pst-search-dialog input").fill("ultraviolet")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results .search-page a")
