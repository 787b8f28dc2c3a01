"""Displayed formulas on a phone and on a laptop: they fit, or they show that they go on."""

import pytest

from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = [needs_chromium, needs_book]
WITH_FORMULAS = [name for name in pages if 'class="math notranslate' in (PAGES / name).read_text(encoding="utf-8")]
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
LOOK = """() => [...document.querySelectorAll(".bd-article div.math mjx-container[display]")].filter((formula) =>
    formula.offsetParent).map((formula) => {
    const box = formula.closest("div.math"), number = box.querySelector(".eqno");
    const within = ({left, right}) => left >= 0 && right <= document.documentElement.clientWidth;
    return {
        name: box.id || formula.textContent.slice(0, 40),
        over: formula.scrollWidth - formula.clientWidth,
        cut: box.scrollWidth - box.clientWidth,
        fades: getComputedStyle(formula).maskImage.includes("gradient"),
        stop: formula.tabIndex === 0,
        letters: parseFloat(getComputedStyle(formula).fontSize) / parseFloat(getComputedStyle(box).fontSize),
        numbered: !number || within(number.getBoundingClientRect()),
    };
})"""


def problems_of(page):
    """(what is wrong with the displayed formulas of a page as it is, the names of those that scroll)."""
    page.evaluate(SETTLED)
    found, scrolling = [], []
    for seen in page.evaluate(LOOK):
        if seen["over"] > 1:
            scrolling.append(seen["name"])
            if not (seen["fades"] and seen["stop"]):
                found.append(f"{seen['name']} goes on for {seen['over']} pixels, and nothing says so")
        if seen["cut"] > 1:
            found.append(f"{seen['name']} is cut")
        if seen["letters"] < 0.79:
            found.append(f"{seen['name']} has letters of {seen['letters']:.2f} of the text's")
        if not seen["numbered"]:
            found.append(f"{seen['name']} has its number out of sight")
    return found, scrolling


@pytest.mark.parametrize("name", WITH_FORMULAS)
def test_formulas_fit_or_say_that_they_go_on(visit, name):
    page = visit((PAGES / name).as_uri(), width=390).page
    found, scrolling = problems_of(page)
    assert found == []
    assert len(scrolling) <= 1  # an array cannot be broken
    page.set_viewport_size({"width": 1280, "height": 900})
    assert problems_of(page) == ([], [])


def test_a_formula_that_scrolls_fades_where_it_goes_on(visit):
    page = visit((PAGES / "chapters" / "05_two_nodes.html").as_uri(), width=390).page
    page.evaluate(SETTLED)
    formula = page.locator("#equation-eq-52 mjx-container")
    assert "more-after" in formula.get_attribute("class")
    assert "more-before" not in formula.get_attribute("class")
    formula.evaluate("(formula) => { formula.scrollLeft = formula.scrollWidth; }")
    page.evaluate(SETTLED)
    assert "more-after" not in formula.get_attribute("class")
    assert "more-before" in formula.get_attribute("class")


def test_exponents_are_raised(visit):
    """MathJax measures the letters around a formula; where it finds none of them an exponent stands on the line."""
    page = visit((PAGES / "chapters" / "04_learning_dynamics.html").as_uri()).page
    shifts = page.evaluate("""[...document.querySelectorAll(".bd-article span.math mjx-msup > mjx-script")]
        .map((exponent) => parseFloat(exponent.style.verticalAlign))""")
    assert len(shifts) > 10
    assert min(shifts) > 0.1


def test_text_and_formulas_have_letters_of_one_design(visit):
    """Formulas are set at the size of their text, and at one size the letters of both are equally high."""
    page = visit((PAGES / "chapters" / "04_learning_dynamics.html").as_uri()).page
    sizes, heights = page.evaluate("""() => {
        const size = (element) => parseFloat(getComputedStyle(element).fontSize);
        const formulas = [...document.querySelectorAll(".bd-article p mjx-container")];
        const letter = document.querySelector(".bd-article p mjx-mi mjx-c");
        const pen = document.createElement("canvas").getContext("2d");
        const height = ([family, text]) => {
            pen.font = `100px ${family}`;
            return pen.measureText(text).actualBoundingBoxAscent;
        };
        const faces = [["'STIX Two Text'", "x"], [getComputedStyle(letter).fontFamily, "𝑥"], ["monospace", "x"]];
        return [formulas.map((formula) => size(formula) / size(formula.parentElement)), faces.map(height)];
    }""")
    assert set(sizes) == {1}
    text, formula, other = heights
    assert abs(formula / text - 1) < 0.06  # the italic letter has round ends
    assert abs(other / text - 1) > 0.06


def test_the_text_face_is_ours(visit):
    page = visit((PAGES / "chapters" / "index.html").as_uri()).page
    faces = page.evaluate("""[...document.fonts].filter((face) => face.status === "loaded")
        .map((face) => `${face.family.replaceAll('"', "")} ${face.weight}`)""")
    assert {"STIX Two Text 400", "STIX Two Text 600 700"} <= set(faces)
    assert not page.evaluate("document.documentElement.classList.contains('letters-to-come')")


# Negative controls: the page of Eq. (52), with each defect planted in it.
PLANTED = {
    "nothing says so": "formula.classList.remove('more-after')",
    "is cut": "formula.style.overflow = 'visible'",
    "letters of": "formula.style.fontSize = '10px'",
    "out of sight": "formula.closest('div.math').querySelector('.eqno').style.marginRight = '-5rem'",
}


@pytest.mark.parametrize("complaint", PLANTED)
def test_a_planted_defect_is_found(visit, complaint):
    page = visit((PAGES / "chapters" / "05_two_nodes.html").as_uri(), width=390).page
    page.evaluate(SETTLED)
    page.locator("#equation-eq-52 mjx-container").evaluate(f"(formula) => {{ {PLANTED[complaint]}; }}")
    assert any(complaint in problem for problem in problems_of(page)[0])


def test_a_screen_reader_has_a_copy_of_every_formula(visit):
    page = visit((PAGES / "chapters" / "ten_minutes.html").as_uri()).page
    formulas, copies = page.evaluate("""() => ["mjx-container", "mjx-container > mjx-assistive-mml > math"].map(
        (selector) => document.querySelectorAll(`.bd-article ${selector}`).length)""")
    assert copies == formulas > 10
