"""Every slider of the built book, moved with the keyboard in Chromium, with the network cut off."""

from pathlib import Path

import pytest

from tests.browser.visits import CHROMIUM, PAGES

SCRIPT = Path(__file__).parents[2] / "book" / "static" / "sliders.js"
pages = sorted(path.relative_to(PAGES).as_posix() for path in PAGES.glob("chapters/*.html")
               if 'class="slider"' in path.read_text(encoding="utf-8"))  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
with_book = pytest.mark.skipif(not pages, reason="there is no book with sliders in _build/html: run `make book`")

# One slider as it is seen: the frames shown, and of each control what it says about itself.
LOOK = """(slider) => ({
    shown: [...slider.querySelectorAll("img")].filter((frame) => frame.offsetParent && frame.naturalWidth)
        .map((frame) => frame.currentSrc + frame.alt),
    texts: [...slider.querySelectorAll("input")].map((input) => input.getAttribute("aria-valuetext")),
    readouts: [...slider.querySelectorAll("output")].map((output) => output.textContent),
})"""


@pytest.fixture
def opened(browser):
    """The function that opens a page, and the list of what it asked for from outside or complained about."""
    contexts = []

    def open_page(url, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page, complaints = contexts[-1].new_page(), []
        page.route(
            lambda address: not address.startswith(("file:", "data:")),
            lambda route: (complaints.append(f"asks for {route.request.url}"), route.abort()),
        )
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page, complaints

    yield open_page
    for context in contexts:
        context.close()


def problems_of(page):
    """What is wrong with the sliders of a page, as a list of sentences; each is moved to both of its ends."""
    found = []
    for number in range(page.locator(".slider").count()):
        slider = page.locator(".slider").nth(number)
        slider.scroll_into_view_if_needed()
        inputs = slider.locator("input[type=range]")
        usable = slider.get_by_role("slider").count()  # without those that are hidden
        if inputs.count() == 0 or usable != inputs.count():
            found.append(f"slider {number}: {inputs.count()} controls, {usable} that can be used")
            continue
        for which in range(inputs.count()):
            control = inputs.nth(which)
            where = f"slider {number}, control {which}"
            if not control.evaluate("(input) => input.labels[0]?.textContent.trim()"):
                found.append(f"{where}: no label")
            control.focus()
            page.keyboard.press("Home")
            found += [f"{where}: {problem}" for problem in _walk(page, slider, control, which)]
    return found


def _walk(page, slider, control, which):
    """Go from the first value to the last with the arrow key; what does not follow."""
    outline = control.evaluate("(input) => getComputedStyle(input).outlineStyle")
    if outline == "none":
        yield "no visible focus"
    seen = []
    for _ in range(int(control.get_attribute("max")) + 1):
        page.wait_for_function(
            "(slider) => [...slider.querySelectorAll('img')].every((f) => !f.offsetParent || f.complete)",
            arg=slider.element_handle(),
        )
        state = slider.evaluate(LOOK)
        if len(state["shown"]) != 1:
            yield f"{len(state['shown'])} frames shown"
            return
        if state["texts"] != state["readouts"]:
            yield f"says {state['texts']}, shows {state['readouts']}"
        seen.append((state["texts"][which], *state["shown"]))
        page.keyboard.press("ArrowRight")
    texts, frames = zip(*seen, strict=True)
    if len(set(texts)) < len(texts):
        yield "values that are announced alike"
    if len(set(frames)) < len(frames):
        yield "the picture does not change"


@with_book
def test_there_are_four_sliders_and_more():
    assert sum((PAGES / name).read_text(encoding="utf-8").count('class="slider"') for name in pages) >= 4


@with_book
@pytest.mark.parametrize("name", pages)
def test_every_slider_moves_with_the_keyboard(opened, name):
    page, complaints = opened((PAGES / name).as_uri())
    assert problems_of(page) == []
    assert complaints == []


@with_book
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", pages)
def test_fits_a_phone_and_can_be_read(opened, name, scheme):
    page, _ = opened((PAGES / name).as_uri(), width=390, color_scheme=scheme)
    for slider in page.locator(".slider").all():
        slider.scroll_into_view_if_needed()
        for part in slider.locator("input, output, img:not([hidden])").all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        for text in slider.locator("label, output").all():
            assert contrast_of(text) >= 4.5
        assert min(control.bounding_box()["height"] for control in slider.locator("input").all()) >= 24


def contrast_of(element):
    """The contrast ratio (WCAG) of a text with the page."""
    return element.evaluate("""(element) => {
        const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255)
                .map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const pair = [getComputedStyle(element).color, getComputedStyle(document.body).backgroundColor].map(light);
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    }""")


@with_book
@pytest.mark.parametrize("name", pages)
def test_on_paper_there_is_the_figure(opened, name):
    page, _ = opened((PAGES / name).as_uri())
    page.emulate_media(media="print")
    for slider in page.locator(".slider").all():
        assert not slider.is_visible()
        assert slider.locator("xpath=following::figure[1]").is_visible()


@with_book
@pytest.mark.parametrize("name", pages)
def test_without_scripts_there_is_one_frame_and_no_dead_control(opened, name):
    page, _ = opened((PAGES / name).as_uri(), java_script_enabled=False)
    for slider in page.locator(".slider").all():
        assert [frame.is_visible() for frame in slider.locator("img").all()].count(True) == 1
        assert not slider.locator(".controls").is_visible()


# Negative controls: a small page with one slider, and each defect planted in it.
PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='{}' height='9'/%3E"
SLIDER = """<!doctype html><body><div class="slider"><div class="controls" hidden>
<div><label for="a">a</label> <input type="range" id="a" min="0" max="2" step="1" value="0" aria-valuetext="1"
data-texts='["1","2","3"]'> <output>1</output></div></div><div class="frames">
<img alt="one" src="{0}"><img alt="two" src="{1}" hidden><img alt="three" src="{2}" hidden>
</div><p role="status"></p></div><script src="{3}"></script>"""
SOUND = SLIDER.format(*(PICTURE.format(width) for width in (10, 20, 30)), SCRIPT.as_uri())
PLANTED = {
    "that can be used": ("<script", "<!--script"),
    "no label": ('for="a"', 'for="b"'),
    "no visible focus": ("<body>", "<style>input { outline: none !important }</style><body>"),
    "0 frames shown": ("width='20'", "<"),
    "2 frames shown": ("<img ", "<img style='display: inline !important' "),
    "shows": ("<output>1</output>", "<output>9</output>"),
    "announced alike": ('["1","2","3"]', '["1","1","3"]'),
    "the picture does not change": ('alt="two" src="' + PICTURE.format(20), 'alt="one" src="' + PICTURE.format(10)),
}


def test_a_sound_slider_passes(opened, tmp_path):
    page, complaints = _open(opened, tmp_path, SOUND)
    assert problems_of(page) == complaints == []
    page.wait_for_function("document.querySelector('[role=status]').textContent === 'three'")


@pytest.mark.parametrize("complaint", PLANTED)
def test_a_planted_defect_is_found(opened, tmp_path, complaint):
    page, _ = _open(opened, tmp_path, SOUND.replace(*PLANTED[complaint], 2 if complaint[0] == "2" else 1))
    assert any(complaint in problem for problem in problems_of(page))


def test_a_request_is_found(opened, tmp_path):
    _, complaints = _open(opened, tmp_path, SOUND + '<img alt="x" src="https://example.org/x.png">')
    assert any("asks for https://example.org/x.png" in complaint for complaint in complaints)


def _open(opened, folder, text):
    file = folder / "page.html"
    file.write_text(text)
    return opened(file.as_uri())
