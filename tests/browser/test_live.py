"""Live figures in Chromium: the numbers of their twins, moved by mouse, finger and keyboard, from disk, offline.

Each figure stands on a page of its own, made here; what the book makes of it is seen on the pages of `_build/html`.
"""

import gzip
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from srbm_book.live import bundle, figures, live
from tests.browser.test_access import findings
from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = needs_chromium
POSITIONS = 50
ON_PAGES = [(name, figure) for name in pages
            for figure in re.findall('data-figure="([^"]+)"', (PAGES / name).read_text(encoding="utf-8"))]  # fmt: skip
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Puts every control to a random place, given as shares of its range, as a reader would; what is then shown.
MOVE = """(el, [places, data]) => places.map((shares, round) => {
    el.live.set(data[round]);
    for (const input of el.querySelectorAll("input")) {
        const share = shares[input.name];
        if (input.type === "checkbox") {
            if (input.checked !== share > 0.5) input.click();
            continue;
        }
        input.value = Number(input.min) + share * (Number(input.max) - Number(input.min));
        input.dispatchEvent(new Event("input"));
    }
    const values = Object.fromEntries(Object.keys(shares).map((name) => [name, el.live.value(name)]));
    return {values, state: el.live.state(), numbers: el.live.numbers()};
})"""


def page_of(figure, folder, change=("", "")):
    """The address of a page with one figure, its scripts beside it; `change` is made to them."""
    page = live(figure).save(folder, still="<p>The still figure.</p>")
    for script in folder.glob(f"{figure}*.js"):
        script.write_text(script.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    return page.as_uri()


@pytest.fixture
def opened(visit, tmp_path):
    """The function that opens a page with one figure; the figure on it and the `Visit`."""

    def open_figure(figure, change=("", ""), **options):
        visited = visit(page_of(figure, tmp_path, change), **options)
        visited.page.wait_for_selector(".live.is-live svg")
        visited.page.wait_for_function("!document.querySelector('.live').live.view.gliding")  # its introduction
        return visited.page.locator(".live"), visited

    return open_figure


NAMES = "(el) => [...el.querySelectorAll('input')].map((input) => input.name)"


def compare(figure, call, positions=POSITIONS):
    """Put all controls to random places, so often, and compare what the browser computes with what `srbm` does.

    `call(function, argument)` is what a function of JavaScript returns of the element of the figure and the argument.
    """
    rng = np.random.default_rng(0)
    names = call(NAMES, None)
    twin = live(figure).twin
    places = [{name: rng.random() for name in names} for _ in range(positions)]
    data = [twin.random_data(rng) if hasattr(twin, "random_data") else {} for _ in places]
    found = call(MOVE, [places, data])
    for name in names:
        assert len({str(each["values"][name]) for each in found}) > 1, f"{name} does not move"
    for each in found:
        expected = live(figure, **each["state"]).numbers()
        assert set(expected) == set(each["numbers"])
        for key, value in expected.items():
            ours = np.array(each["numbers"][key], dtype=float)  # what is infinite or no number is null in JSON
            value = np.where(np.isfinite(value), value, np.nan)
            scale = np.abs(value[np.isfinite(value)]).max(initial=1e-3)
            assert_allclose(ours, value, rtol=1e-9, atol=1e-10 * scale, err_msg=f"{key} at {each['state']}")


@pytest.mark.parametrize("figure", figures())
def test_the_numbers_are_those_of_srbm(opened, figure):
    element, visited = opened(figure)
    compare(figure, element.evaluate)
    assert visited.complaints == visited.outside == []


def test_another_formula_is_noticed(opened):
    element, _ = opened("one_spectrum", change=("excess - Math.log1p(excess)", "excess - Math.log1p(excess / 2)"))
    with pytest.raises(AssertionError, match="lost at"):
        compare("one_spectrum", element.evaluate)


@pytest.mark.parametrize("figure", figures())
def test_every_control_follows_the_keyboard(opened, figure):
    element, visited = opened(figure)
    page = visited.page
    for control in element.locator("input[type=range]").all():
        name = control.get_attribute("name")
        assert control.evaluate("(input) => input.labels[0].textContent.trim()")
        control.focus()
        assert control.evaluate("(input) => getComputedStyle(input).outlineStyle") != "none"
        seen = []
        for key in ("Home", "ArrowRight", "PageUp", "ArrowLeft", "End"):
            page.keyboard.press(key)
            page.evaluate(SETTLED)
            value, text, readout = control.evaluate(
                "(i) => [i.closest('.live').live.value(i.name), i.getAttribute('aria-valuetext'), "
                "i.parentElement.querySelector('output').textContent]"
            )
            assert text == readout
            seen.append(value)
        home, right, far, left, end = seen
        assert home < right < end, name
        assert right < far <= end
        assert left < far
    for press in element.locator("button").all():
        before = element.evaluate("(el) => JSON.stringify([el.live.state(), el.innerHTML])")
        press.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(200)
        assert element.evaluate("(el) => JSON.stringify([el.live.state(), el.innerHTML])") != before


@pytest.mark.parametrize("finger", [False, True], ids=["mouse", "finger"])
@pytest.mark.parametrize("figure", figures())
def test_every_handle_can_be_dragged(opened, figure, finger):
    element, visited = opened(figure, width=390)
    for knob in element.locator(".live-knob").all():
        knob.evaluate("(knob) => knob.scrollIntoView({block: 'center'})")  # not behind the controls
        before = element.evaluate("(el) => JSON.stringify(el.live.state())")
        changed, farthest = False, 0
        for sideways in (-40, 40):  # one of them may be the way to the end of the range
            x, y = middle_of(knob)
            (drag_by_touch if finger else drag_by_mouse)(visited.page, (x, y), (x + sideways, y + 40))
            visited.page.evaluate(SETTLED)
            changed |= element.evaluate("(el) => JSON.stringify(el.live.state())") != before
            moved = middle_of(knob)
            farthest = max(farthest, abs(moved[0] - x) + abs(moved[1] - y))
        assert changed
        assert farthest > 15, knob.evaluate("(e) => e.parentElement.outerHTML")  # the knob goes with the hand


def middle_of(knob):
    box = knob.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag_by_mouse(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def drag_by_touch(page, start, end):
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    places = np.linspace(start, end, 5)
    for number, (x, y) in enumerate(places):
        kind = "touchStart" if number == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_what_was_dragged_before_stays(opened):
    """A second point leaves the first one where it was put."""
    element, visited = opened("line_and_noise")
    points = "(el) => el.live.state().points"
    start = element.evaluate(points)
    knobs = element.locator('[class*="live-point-"] .live-knob')
    for which in (0, 5):
        x, y = middle_of(knobs.nth(which))
        drag_by_mouse(visited.page, (x, y), (x + 30, y - 30))
        visited.page.evaluate(SETTLED)
    moved = [i for i, (old, new) in enumerate(zip(start, element.evaluate(points), strict=True)) if old != new]
    assert moved == [0, 5]


def test_a_run_begins_where_the_mass_is_moved(opened):
    """Also while it is played: the sweeps begin anew, the field goes on."""
    element, visited = opened("lattice_phi4")
    start = element.evaluate("(el) => el.live.state()")
    element.get_by_label("Play Sweeps").click()
    visited.page.wait_for_function("(before) => document.querySelector('.live').live.state().sweeps > before",
                                   arg=start["sweeps"])  # fmt: skip
    mass = element.get_by_label("Mass")
    mass.focus()
    mass.press("PageDown")
    state = element.evaluate("(el) => el.live.state()")
    assert start["sweeps"] < state["past"][-1][2]
    assert state["past"][-1][:2] == [start["m2"], start["coupling"]]
    assert state["sweeps"] < state["past"][-1][2]
    visited.page.wait_for_function("() => document.querySelector('.live').live.state().sweeps > 20")
    assert element.evaluate("(el) => el.live.state().sweeps") < start["longest"] / 2
    element.get_by_label("Pause Sweeps").click()
    element.evaluate("(el) => { el.live.set({sweeps: 90}); el.live.numbers(); el.live.set({sweeps: 3}); }")
    found = element.evaluate("(el) => el.live.numbers().series")  # after going back
    assert_allclose(found, live("lattice_phi4", **element.evaluate("(el) => el.live.state()")).numbers()["series"],
                    rtol=0, atol=1e-12)  # fmt: skip


@pytest.mark.parametrize("figure", figures())
def test_what_is_seen_is_said(opened, figure):
    """In words, at once where they are read, and aloud when the figure rests."""
    element, visited = opened(figure)
    assert element.locator(".live-stage").get_attribute("aria-label")
    assert all(svg.get_attribute("aria-label") for svg in element.locator("svg").all())
    first = element.locator(".live-says").inner_text()
    control = element.locator("input[type=range]").first
    control.focus()
    visited.page.keyboard.press("Home")
    visited.page.keyboard.press("PageUp")
    visited.page.evaluate(SETTLED)
    said = element.locator(".live-says").inner_text()
    assert said not in ("", first)
    assert "NaN" not in said
    visited.page.wait_for_function("document.querySelector('[role=status]').textContent.length > 10")


@pytest.mark.parametrize("figure", figures())
def test_it_is_light(figure):
    """As sent by a web server; the one of the front page also as it lies on a disk."""
    texts = bundle.library(), bundle.script(figure), bundle.style(), live(figure).html()
    assert sum(len(gzip.compress(text.encode())) for text in texts) < 150_000
    if figure == "one_spectrum":
        assert sum(len(text.encode()) for text in texts) < 150_000


@pytest.mark.parametrize("figure", figures())
def test_it_fits_a_phone(opened, figure):
    element, visited = opened(figure, width=390)
    page = visited.page
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    for text in element.locator("svg text").all():
        if text.text_content():
            box = text.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 391
            assert text.evaluate("(text) => parseFloat(getComputedStyle(text).fontSize)") >= 12
    for control in element.locator("input, button").all():
        assert control.bounding_box()["height"] >= 24


# A panel goes to the upper edge; which inputs can then not be hit, and how far the panel is from the controls.
IN_SIGHT = """(el, which) => {
    const panel = el.querySelectorAll(".live-panel")[which];
    panel.scrollIntoView({block: "start"});
    const hidden = [...el.querySelectorAll(".live-controls input")].filter((input) => {
        const box = input.getBoundingClientRect();
        return document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2) !== input;
    });
    const [above, below] = [panel, el.querySelector(".live-controls")].map((each) => each.getBoundingClientRect());
    return {hidden: hidden.map((input) => input.name), room: below.top - Math.min(above.bottom, innerHeight)};
}"""


@pytest.mark.parametrize("figure", figures())
def test_on_a_phone_panels_and_controls_are_seen_together(opened, figure):
    element, visited = opened(figure, width=390)
    visited.page.set_viewport_size({"width": 390, "height": 844})
    visited.page.evaluate(SETTLED)
    for which in range(element.locator(".live-panel").count()):
        found = element.evaluate(IN_SIGHT, which)
        assert found["hidden"] == []
        assert found["room"] >= 0


@pytest.mark.parametrize("figure", [name for name in figures() if "intro:" in bundle.script(name)])
def test_an_introduction_ends_at_the_start(opened, figure):
    element, visited = opened(figure)
    assert element.evaluate("(el) => el.live.state()") == live(figure).state
    visited.page.emulate_media(reduced_motion="reduce")
    visited.page.reload()
    visited.page.wait_for_selector(".live.is-live svg")
    assert element.evaluate("(el) => el.live.view.gliding") is None  # where motion is unwanted there is none


def test_nothing_is_drawn_before_it_is_near(visit, tmp_path):
    address = page_of(figures()[0], tmp_path)
    file = tmp_path / "page.html"
    file.write_text(file.read_text().replace("</h1>", '</h1><div style="height: 5000px"></div>'))
    page = visit(address).page
    page.wait_for_timeout(300)
    assert not page.locator(".is-live").count()
    page.mouse.wheel(0, 5000)
    page.wait_for_selector(".live.is-live svg")


def test_data_come_when_the_figure_is_near(visit, tmp_path):
    """Not before; and where they are missing the still figure stays."""
    address, file, data = page_of("your_digit", tmp_path), tmp_path / "page.html", tmp_path / "your_digit.data.js"
    file.write_text(file.read_text().replace("</h1>", '</h1><div style="height: 5000px"></div>'))
    page = visit(address).page
    page.wait_for_timeout(300)
    added = page.locator('script[src*="data.js"]')
    assert not added.count()
    page.mouse.wheel(0, 5000)
    page.wait_for_selector(".live.is-live svg")
    assert added.count() == 1
    assert data.stat().st_size < 400_000
    data.unlink()
    page.reload()
    page.mouse.wheel(0, 5000)
    page.wait_for_timeout(500)
    assert page.get_by_text("The still figure.").is_visible()


@pytest.mark.parametrize("by", ["mouse", "finger", "keyboard"])
def test_a_digit_is_drawn(opened, by):
    element, visited = opened("your_digit", width=390)
    strokes = "(el) => el.live.state().strokes"
    element.get_by_text("Clear").click()
    canvas = element.locator(".live-canvas")
    canvas.scroll_into_view_if_needed()
    if by == "keyboard":
        canvas.focus()
        for key in (" ", *["ArrowRight"] * 5, "ArrowDown", "Enter", "ArrowDown"):
            visited.page.keyboard.press(key)
        steps = [(14, 14), (15, 14), (16, 14), (17, 14), (18, 14), (19, 14), (19, 15)]
        assert element.evaluate(strokes) == [[at for step in steps for at in step]]
    else:
        box = canvas.bounding_box()
        corners = [(box["x"] + share * box["width"], box["y"] + share * box["height"]) for share in (0.25, 0.75)]
        (drag_by_mouse if by == "mouse" else drag_by_touch)(visited.page, *corners)
        visited.page.evaluate(SETTLED)
        (stroke,) = element.evaluate(strokes)
        assert_allclose([*stroke[:2], *stroke[-2:]], [7, 7, 21, 21], rtol=0, atol=0.2)
    image = np.array(element.evaluate("(el) => el.live.numbers().image"))
    assert image.max() == 1
    visited.page.evaluate(SETTLED)
    shown = (
        element.locator(".live-ink")
        .first.locator("rect")
        .evaluate_all("(all) => all.map((e) => e.attributes['fill-opacity'].value)")
    )
    assert_allclose(np.array(shown, dtype=float), image, rtol=0, atol=0.01 + 1e-9)


def test_a_digit_fits_as_in_mnist(opened):
    """Within a square of 20 pixels, the centre of its ink in the middle."""
    element, _ = opened("your_digit")
    element.evaluate("(el) => el.live.set({strokes: [[2, 3, 5, 3, 3, 9], [1, 6, 6, 6]]})")
    element.get_by_text("Fit").click()
    ink = np.reshape(element.evaluate("(el) => el.live.numbers().image"), (28, 28))
    for along in (ink.sum(axis=0), ink.sum(axis=1)):
        assert_allclose(along @ (np.arange(28) + 0.5) / along.sum(), 14, rtol=0, atol=0.1)
    extent = max(np.ptp(np.flatnonzero(ink.max(axis=axis) > 0.5)) + 1 for axis in (0, 1))
    assert 19 <= extent <= 20


@needs_book
def test_every_figure_is_in_the_book():
    assert {figure for _, figure in ON_PAGES} == set(figures())


@needs_book
@pytest.mark.parametrize(("name", "figure"), ON_PAGES)
def test_on_its_page(visit, name, figure):
    """It lives, is accessible in both schemes, and its colours follow the switch at once."""
    visited = visit((PAGES / name).as_uri())
    element = visited.page.locator(f'.live[data-figure="{figure}"]').first
    element.scroll_into_view_if_needed()
    element.locator("svg").first.wait_for()
    assert visited.complaints == visited.outside == []
    visited.page.add_style_tag(content="* { transition: none !important; }")
    colours = set()
    for scheme in ("light", "dark"):
        visited.page.evaluate("(scheme) => { document.documentElement.dataset.theme = scheme; }", scheme)
        assert findings(visited.page, part=".live") == []
        text = element.locator("svg text").first
        colours.add(text.evaluate("(text) => getComputedStyle(text).fill"))
    assert len(colours) == 2


@needs_book
@pytest.mark.parametrize(("name", "figure"), ON_PAGES)
def test_on_its_page_the_controls_stay_in_sight(visit, name, figure):
    """On a phone: nothing around the figure keeps them from it."""
    page = visit((PAGES / name).as_uri(), width=390).page
    element = page.locator(f'.live[data-figure="{figure}"]').first
    element.scroll_into_view_if_needed()
    element.locator("svg").first.wait_for()
    for which in (1, 0, 0):  # scrolling up brings the button that leads to the top
        found = element.evaluate(IN_SIGHT, which)
        page.evaluate(SETTLED)
    assert found["hidden"] == []


@needs_book
@pytest.mark.parametrize("width", [1280, 390])
def test_what_follows_the_first_figure_does_not_jump(visit, width):
    """The figure of the front page is in the window when the page opens."""
    page = visit((PAGES / "chapters/index.html").as_uri(), width=width).page
    page.wait_for_selector(".live.is-live svg")
    shifts = page.evaluate("""() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()
        .filter((entry) => entry.sources.some(({node}) => node?.previousElementSibling?.matches?.(".live")
            || node?.matches?.(".live ~ *"))).map((entry) => entry.value)))
        .observe({type: "layout-shift", buffered: true}) || setTimeout(() => done([]), 500))""")
    assert sum(shifts) < 0.01


@pytest.mark.parametrize("figure", figures())
def test_axe_finds_nothing(opened, figure):
    _, visited = opened(figure)
    assert findings(visited.page) == []


@needs_book
@pytest.mark.parametrize(("name", "figure"), ON_PAGES)
def test_on_paper_there_is_the_still_figure(visit, name, figure):
    page = visit((PAGES / name).as_uri()).page
    element = page.locator(f'.live[data-figure="{figure}"]').first
    element.scroll_into_view_if_needed()
    element.locator("svg").first.wait_for()
    page.emulate_media(media="print")
    assert not element.locator(".live-stage").is_visible()
    assert element.locator("img").or_(element.locator("xpath=following::figure[1]")).first.is_visible()


@needs_book
@pytest.mark.parametrize(("name", "figure"), ON_PAGES)
def test_without_scripts_there_is_the_still_figure(browser, name, figure):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((PAGES / name).as_uri())
    element = page.locator(f'.live[data-figure="{figure}"]').first
    assert not element.locator("input").count()
    assert element.locator("img").or_(element.locator("xpath=following::figure[1]")).first.is_visible()
    context.close()


@needs_book
def test_only_pages_with_a_live_figure_load_its_scripts():
    loading = {name for name in pages if "_static/live/" in (PAGES / name).read_text(encoding="utf-8")}
    assert loading == {name for name, _ in ON_PAGES}
