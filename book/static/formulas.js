// Displayed formulas on a narrow page. MathJax sets a formula on one line. Where that is too long it is broken as one
// would by hand: between statements and before relations, and if that is not enough before sums as well. What cannot be
// broken (a fraction, an array) is set a little smaller. What is still too wide scrolls, and reach.js says so.
"use strict";

const SMALLEST = 0.8; // of the letters of the page
const BINARY = 2, RELATION = 3; // TeX's classes of what stands between two parts, as MathJax numbers them

// The nodes of a formula in MathJax's tree, and their elements on the page: one for each.
const rowOf = (item) => {
  let node = item.root.childNodes[0];
  let shown = [...item.typesetRoot.querySelector("mjx-math").children];
  while (node.childNodes.length === 1 && /^(inferredMrow|mrow|mstyle|TeXAtom)$/.test(node.childNodes[0].kind)) {
    node = node.childNodes[0];
    shown = node.isInferred ? shown : [...shown[0].children];
  }
  return { nodes: node.childNodes, shown };
};

// Whether it is \quad or more, which divides statements.
const isSpace = (node) => node.kind === "mspace"
  ? parseFloat(node.attributes.get("width")) >= 1
  : /^(mstyle|inferredMrow)$/.test(node.kind) && node.childNodes.length === 1 && isSpace(node.childNodes[0]);

// Elements of a row in groups that the browser keeps together: a list of lists.
const grouped = (row, startsAt) => {
  const groups = [[]];
  row.forEach((entry, index) => {
    if (index && startsAt(entry, row[index - 1], row[index + 1])) {
      groups.push([]);
    }
    groups[groups.length - 1].push(entry);
  });
  return groups.filter((group) => group.length);
};

const wrap = (elements, name) => {
  const box = document.createElement("span");
  box.className = name;
  elements[0].before(box);
  box.append(...elements);
  return box;
};

const makeBreakable = (item) => {
  const { nodes, shown } = rowOf(item);
  if (nodes.length !== shown.length || nodes.length < 3) {
    return;
  }
  const row = nodes.map((node, i) => ({ node, element: shown[i] }));
  for (const statement of grouped(row, (_, before) => isSpace(before.node))) {
    const relations = grouped(statement, ({ node }, before) => node.texClass === RELATION && before.node.texClass !== RELATION);
    wrap(relations.map((relation) => {
      const sums = grouped(relation, ({ node }, before) => node.texClass === BINARY && before.node.texClass !== RELATION);
      return wrap(sums.map((sum) => wrap(sum.map(({ element }) => element), "whole")), "part");
    }), "part");
  }
  for (const { element } of row.filter(({ node }) => isSpace(node))) {
    const gap = document.createElement("span"); // which, unlike the element, vanishes where a line ends
    gap.className = "gap";
    gap.textContent = " ";
    gap.style.wordSpacing = `${element.getBoundingClientRect().width}px`;
    element.closest(".whole").parentElement.parentElement.after(gap);
    element.remove();
  }
};

const fit = () => {
  const formulas = [...document.querySelectorAll(".bd-article div.math mjx-container[display]")];
  formulas.forEach((formula) => formula.style.removeProperty("font-size"));
  const letters = (element) => parseFloat(getComputedStyle(element).fontSize);
  const wide = formulas.filter((formula) => formula.scrollWidth > formula.clientWidth + 1);
  const sizes = wide.map((formula) => {
    const scale = (0.99 * formula.clientWidth) / formula.scrollWidth;
    return Math.max(scale * letters(formula), SMALLEST * letters(formula.parentElement));
  });
  wide.forEach((formula, i) => {
    formula.style.fontSize = `${sizes[i]}px`;
  });
};

// MathJax's copy of a formula for screen readers sets an option of MathJax's menu, which no page loads: the console would
// be told that there is no such option. It is taken away before MathJax reads its options; the copies are made by default.
if (window.MathJax) {
  window.MathJax.startup = {
    ready() {
      delete window.MathJax.config.options.menuOptions;
      window.MathJax.startup.defaultReady();
    },
  };
}

window.addEventListener("load", () => window.MathJax?.startup?.promise.then(() => {
  for (const item of window.MathJax.startup.document.math) {
    item.display && makeBreakable(item);
  }
  fit();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (width !== window.innerWidth) {
      width = window.innerWidth;
      fit();
    }
  });
}));
