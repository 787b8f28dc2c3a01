"""Live figures in Firefox: from disk and from a web server, the numbers of their twins, mouse, finger and keyboard."""

import pytest

from srbm_book.live import figures, live
from tests.browser.firefox import FIREFOX, running
from tests.browser.server import serving
from tests.browser.test_live import POSITIONS, SETTLED, compare, page_of

pytestmark = pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox on the PATH (Debian: firefox-esr)")
UNDER = "/some/sub/path"
LIVES = """new Promise((done) => {
    const look = () => {
        const view = document.querySelector(".live.is-live")?.live.view;
        view && !view.gliding ? done(true) : setTimeout(look, 50);
    };
    look();
})"""
HOME, END, LEFT, RIGHT = "\ue011", "\ue010", "\ue012", "\ue014"


@pytest.fixture(scope="module")
def firefox():
    pytest.importorskip("websocket")
    with running() as session:
        yield session


@pytest.fixture
def opened(firefox, tmp_path):
    """The function that opens a page with one figure, from "disk" or "server"."""
    with serving(tmp_path, under=UNDER) as server:
        tabs = []

        def open_figure(figure, where="disk", width=1280):
            address = page_of(figure, tmp_path)
            tabs.append(tab := firefox.tab(width))
            tab.open(address if where == "disk" else f"{server}/page.html")
            tab.evaluate(LIVES)
            return tab

        yield open_figure
        for tab in tabs:
            tab.close()


def of_figure(tab):
    """As `compare` wants it: a function of the element of the figure."""
    return lambda function, argument: tab.call(
        f"(argument) => ({function})(document.querySelector('.live'), argument)", argument
    )


@pytest.mark.parametrize("where", ["disk", "server"])
@pytest.mark.parametrize("figure", figures())
def test_the_numbers_are_those_of_srbm(opened, figure, where):
    tab = opened(figure, where)
    compare(figure, of_figure(tab), POSITIONS if where == "disk" else 5)
    assert tab.complaints == []
    inside = "file:" if where == "disk" else "http://127.0.0.1:"
    assert [address for address in tab.asked if not address.startswith((inside, "data:"))] == []


def test_another_number_is_noticed(opened, monkeypatch):
    tab = opened("one_spectrum")
    twin = live("one_spectrum").twin
    theirs = twin.numbers
    monkeypatch.setattr(twin, "numbers", lambda **state: theirs(**state | {"mu2": state["mu2"] * (1 + 1e-8)}))
    with pytest.raises(AssertionError, match="mu2"):
        compare("one_spectrum", of_figure(tab))


@pytest.mark.parametrize("figure", figures())
def test_every_control_follows_the_keyboard(opened, figure):
    tab = opened(figure)
    value = "document.querySelector('.live').live.value(document.activeElement.name)"
    for name in tab.evaluate("[...document.querySelectorAll('.live input[type=range]')].map((input) => input.name)"):
        seen = []
        tab.evaluate(f"document.getElementsByName('{name}')[0].focus()")
        for key in (HOME, RIGHT, END, LEFT):
            tab.press(key)
            tab.evaluate(SETTLED)
            seen.append(tab.evaluate(value))
        home, right, end, left = seen
        assert home < right < end, name
        assert left < end


# Brings the knob of this number into the middle of the window; where it is.
KNOB = """(which) => {
    const knob = document.querySelectorAll(".live-knob")[which];
    knob.scrollIntoView({block: "center", behavior: "instant"});
    const box = knob.getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
}"""


@pytest.mark.parametrize("kind", ["mouse", "touch"])
@pytest.mark.parametrize("figure", figures())
def test_every_handle_can_be_dragged(opened, figure, kind):
    tab = opened(figure, width=390)
    state = "JSON.stringify(document.querySelector('.live').live.state())"
    for which in range(tab.evaluate("document.querySelectorAll('.live-knob').length")):
        before, changed = tab.evaluate(state), False
        for sideways in (-40, 40):  # one of them may be the way to the end of the range
            x, y = tab.call(KNOB, which)
            tab.drag((x, y), (x + sideways, y + 40), kind)
            tab.evaluate(SETTLED)
            changed |= tab.evaluate(state) != before
        assert changed, which
    assert tab.complaints == []
