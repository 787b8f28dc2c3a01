// On a phone the panels of a wide figure would be too small to read: it keeps a width and scrolls, see book.css.
for (const image of document.querySelectorAll(".bd-article figure img")) {
  const mark = () => image.parentElement.classList.toggle("wide-figure", image.naturalWidth > 1000);
  image.complete ? mark() : image.addEventListener("load", mark);
}

// Whatever scrolls is reached by the Tab key. (The theme sees to it for code, outputs and tables, but before MathJax has
// made their formulas as wide as they are, and not for formulas.)
const boxes = [
  "pre", ".cell_output > .output", ".pst-scrollable-table-container", "mjx-container", "span.math.notranslate",
].map((box) => `.bd-article ${box}`).join(", ");

const reach = () => {
  for (const box of document.querySelectorAll(boxes)) {
    const scrolls = getComputedStyle(box).overflowX !== "visible" && box.scrollWidth > box.clientWidth;
    scrolls ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
  }
};

window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reach));
window.addEventListener("resize", reach);
