// Formulas that scroll are reached by the Tab key. (The theme does the same for code, outputs and tables.)
const reach = () => {
  document.querySelectorAll("mjx-container, .bd-article span.math.notranslate").forEach((box) => {
    const scrolls = getComputedStyle(box).overflowX !== "visible" && box.scrollWidth > box.clientWidth;
    scrolls ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
  });
};
window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reach));
window.addEventListener("resize", reach);
