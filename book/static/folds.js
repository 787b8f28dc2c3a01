// All code of the book open or folded (book/folds.py): one switch, which is remembered, and links that open what they lead to.
"use strict";

(() => {
  const KEY = "srbm-code", folds = [...document.querySelectorAll("details.fold, div.cell details.hide")];
  const button = document.querySelector(".btn-code-button");
  const remembered = () => {
    try {
      return localStorage.getItem(KEY) === "open";
    } catch {
      return false; // a browser may forbid it
    }
  };
  const set = (open) => {
    folds.forEach((fold) => { fold.open = open; });
    button?.setAttribute("aria-pressed", String(open));
  };

  window.srbmFolds = () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    set(open);
    try {
      localStorage.setItem(KEY, open ? "open" : "folded");
    } catch { /* then it holds for this page */ }
  };

  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) {
      fold.open = true;
      target.scrollIntoView();
    }
  };

  remembered() ? set(true) : button?.setAttribute("aria-pressed", "false");
  window.addEventListener("hashchange", reveal);
  window.addEventListener("load", reveal);
})();
