// On a phone the panels of a wide figure would be too small to read: it keeps a width and scrolls, see book.css. With
// four panels in a row that is more than with two: letters of 14 pixels come out as 11.
for (const image of document.querySelectorAll(".bd-article figure img")) {
  const mark = () => {
    const width = parseFloat(image.style.width) || image.naturalWidth / 2; // as it is on a page with room for it
    image.parentElement.classList.toggle("wide-figure", width > 530);
    image.style.setProperty("--readable", `${Math.round(0.77 * width)}px`);
  };
  image.complete ? mark() : image.addEventListener("load", mark);
}

// Whatever scrolls is reached by the Tab key, and fades towards the side on which it goes on. (The theme sees to the former
// for code, outputs and tables, but before MathJax has made their formulas as wide as they are, and not for formulas.)
const boxes = [
  "pre", ".cell_output > .output", ".pst-scrollable-table-container", "mjx-container", "span.math.notranslate",
  ".wide-figure",
].map((box) => `.bd-article ${box}`).join(", ");

// A formula in a line has, beside what is seen, its copy for screen readers in it, which may be wider.
const widthOf = (box) => box.matches("span") && box.querySelector("mjx-math")?.getBoundingClientRect().width || box.scrollWidth;

const fade = (box) => {
  const rest = widthOf(box) - box.clientWidth - box.scrollLeft;
  box.classList.toggle("more-before", box.scrollLeft > 2);
  box.classList.toggle("more-after", rest > 2);
};

const reach = () => {
  const all = [...document.querySelectorAll(boxes)];
  const scrolls = all.map((box) => box.clientWidth && getComputedStyle(box).overflowX !== "visible"
    && widthOf(box) > box.clientWidth + 1);
  all.forEach((box, i) => {
    if (scrolls[i]) {
      box.setAttribute("tabindex", "0");
      fade(box);
    } else {
      box.removeAttribute("tabindex");
      box.classList.remove("more-before", "more-after");
    }
  });
};

window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reach));
window.addEventListener("resize", reach);
document.addEventListener("scroll", ({ target }) => target.matches?.("[tabindex]") && fade(target), {
  capture: true,
  passive: true,
});
