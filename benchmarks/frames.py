"""How smoothly the live figures of the book move: frames while each slider is dragged, by the browser's own clock.

A browser shows sixty frames a second at most, so 16.7 ms is the least that there is. What a figure itself needs of it,
to compute and to draw, is measured too. Without Chromium and `playwright` there are no rows.
"""

import shutil
import tempfile
from importlib.util import find_spec

import numpy as np

from srbm_book.live import figures, live

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FRAMES = 90
"""For each slider: there and back."""
READY = "document.querySelector('.live.is-live svg') && !document.querySelector('.live').live.view.gliding"
DRAG = """async (frames) => {
    const el = document.querySelector(".live"), view = el.live.view, found = {frames: [], work: []};
    const draw = view.draw.bind(view);
    view.draw = () => {
        const begun = performance.now();
        draw();
        found.work.push(performance.now() - begun);
    };
    const next = () => new Promise((done) => requestAnimationFrame(done));
    for (const input of el.querySelectorAll("input[type=range]")) {
        let last = await next();
        for (let i = 0; i < frames; i++) {
            const share = (1 - Math.cos((2 * Math.PI * i) / frames)) / 2;
            input.value = Number(input.min) + share * (Number(input.max) - Number(input.min));
            input.dispatchEvent(new Event("input"));
            const now = await next();
            found.frames.push(now - last);
            last = now;
        }
    }
    return found;
}"""


def run():
    """Per figure: seconds of its frames, and of its own work in them, median and worst."""
    if CHROMIUM is None or not find_spec("playwright"):
        return []
    from playwright.sync_api import sync_playwright

    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in figures():
            with tempfile.TemporaryDirectory() as folder:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(600_000)
                page.goto(live(name).save(folder).as_uri())
                page.wait_for_function(READY)
                found = page.evaluate(DRAG, FRAMES)
                page.close()
            both = {what: [float(np.median(times)) / 1000, max(times) / 1000] for what, times in found.items()}
            rows.append({"figure": name, **both})
        browser.close()
    return rows
