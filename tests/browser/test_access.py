"""Every page examined with axe-core: nothing serious or critical, light, dark and on a phone."""

import itertools
from pathlib import Path

import pytest

from tests.browser.visits import PAGES, needs_book, needs_chromium, pages

pytestmark = [needs_chromium, needs_book]
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
RUN = """([rules, part]) => axe.run(part ?? document,
    {resultTypes: ["violations"], ...(rules ? {runOnly: {type: "rule", values: rules}} : {})})"""
# axe needs seconds for ten thousand elements. Formulas become empty boxes of the same size, and of the spans of code
# that are coloured alike one is left.
THIN = """() => {
    for (const formula of document.querySelectorAll("mjx-container")) {
        const box = document.createElement("span");
        box.style.cssText = `display: inline-block; height: 1em; width: ${formula.scrollWidth}px`;
        formula.replaceChildren(box);
    }
    const seen = new Set();
    for (const span of document.querySelectorAll("pre span[class]")) {
        const kind = `${span.closest("div[class]")?.className} ${span.className}`;
        seen.has(kind) && !span.children.length ? span.replaceWith(span.textContent) : seen.add(kind);
    }
    document.querySelectorAll("pre").forEach((code) => code.normalize());
}"""


def findings(page, rules=None, part=None):
    """What axe finds on the page, as sentences; `rules` names the only ones to try, `part` selects what is seen."""
    page.evaluate("() => 'axe' in window") or page.evaluate(AXE.read_text(encoding="utf-8"))
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:120]} {node.get('failureSummary', '')[:160]}"
        for found in page.evaluate(RUN, [rules, part])["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"][:3]
    ]


@pytest.mark.parametrize("name", pages)
def test_page_is_accessible(visit, name):
    page = visit((PAGES / name).as_uri()).page
    levels = page.evaluate(
        "[...document.querySelectorAll('article :is(h1, h2, h3, h4, h5, h6)')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.evaluate(THIN)
    page.add_style_tag(content="* { transition: none !important; }")  # axe would see colours half-way to the dark
    assert findings(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert findings(page, ["color-contrast"]) == []
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert findings(page, ["scrollable-region-focusable"]) == []


def test_the_keyboard_reaches_the_text(visit):
    """The first stop is the link that skips the navigation, and following it leads into the text."""
    page = visit((PAGES / pages[0]).as_uri()).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


# Negative controls: a page with each defect planted in it.
PLANTED = {
    "color-contrast": '<p style="color: #aaa; background: #fff">too pale</p>',
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=">',
    "scrollable-region-focusable":
        '<div style="overflow: auto; height: 20px"><p style="height: 900px">far down</p></div>',
}  # fmt: skip


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_defect_is_found(visit, tmp_path, rule):
    file = tmp_path / "page.html"
    file.write_text(f'<!doctype html><html lang="en"><title>t</title><body><main>{PLANTED[rule]}</main></body>')
    assert any(finding.startswith(rule) for finding in findings(visit(file.as_uri()).page))
