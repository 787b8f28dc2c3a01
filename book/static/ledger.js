// The ledger as an instrument (book/pages.py): a mark for each entry, in the order of the paper, made from the tables that are
// the page without scripts. Filters dim what is not asked for; a mark opens its entry below its row.
"use strict";

for (const ledger of document.querySelectorAll(".ledger")) {
  const VERDICTS = { "✓": "holds", "◐": "with-condition", "✗": "fails" };
  const make = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const entries = [];
  const board = make("div", { className: "ledger-board" });
  const tables = [...ledger.querySelectorAll("table")];

  // Where the filters and the marks of each section stand.
  for (const table of tables) {
    const box = table.closest(".pst-scrollable-table-container") ?? table;
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const title = box.previousElementSibling;
    const marks = make("div", { className: "ledger-marks" });
    const row = make("div", { className: "ledger-row" }, make("p", { className: "ledger-title" }), marks);
    row.firstChild.append(...[...title.childNodes].map((node) => node.cloneNode(true)));
    for (const { cells } of table.tBodies[0].rows) {
      const of = (name) => cells[names.indexOf(name)];
      const sign = of("verdict").textContent.trim();
      const kind = of("kind").textContent.trim();
      const link = [...cells].map((cell) => cell.querySelector("a[href*='#check-']")).find(Boolean);
      const key = link.hash.replace("#check-", "");
      const statement = (of("claim") ?? of("statement")).textContent.trim();
      const mark = make("button", { type: "button", className: `ledger-mark ${VERDICTS[sign]} ${kind}`, tabIndex: -1 },
        make("span", { textContent: sign === "✓" ? "" : sign }));
      mark.setAttribute("aria-label", `${sign} ${key}, ${kind}: ${statement}`);
      mark.setAttribute("aria-expanded", "false");
      mark.title = statement;
      marks.append(mark);
      entries.push({ mark, row, names, cells, sign, kind, link, text: `${key} ${[...cells].map((cell) => cell.textContent).join(" ")}`.toLowerCase() });
    }
    board.append(row);
  }

  // Filters, with how many there are of each.
  const chosen = { sign: new Set(), kind: new Set() };
  const status = make("p", { className: "ledger-status" });
  status.setAttribute("role", "status");
  const find = make("input", { type: "search", placeholder: "key, word or number", className: "form-control" });
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of entries) {
      const fits = ["sign", "kind"].every((name) => !chosen[name].size || chosen[name].has(entry[name]))
        && words.every((word) => entry.text.includes(word));
      entry.mark.classList.toggle("dim", !fits);
      shown += fits;
    }
    status.textContent = `${shown} of ${entries.length} entries`;
  };
  const group = (name, title, labels) => make("fieldset", {}, make("legend", { textContent: title }), ...Object.entries(labels)
    .filter(([value]) => entries.some((entry) => entry[name] === value)).map(([value, label]) => {
      const box = make("input", { type: "checkbox" });
      box.addEventListener("change", () => {
        chosen[name][box.checked ? "add" : "delete"](value);
        filter();
      });
      const swatch = make("span", { className: `ledger-mark ${name === "kind" ? value : VERDICTS[value]}` },
        make("span", { textContent: name === "kind" || value === "✓" ? "" : value }));
      return make("label", {}, box, swatch, ` ${label} (${entries.filter((entry) => entry[name] === value).length})`);
    }));
  find.addEventListener("input", filter);
  const verdict = { "✓": "holds", "◐": "with a condition", "✗": "does not hold" };
  const kinds = { definition: "definition", identity: "identity", test: "numerical test", printed: "printed value" };
  board.prepend(make("div", { className: "ledger-filters" }, group("sign", "Verdict", verdict), group("kind", "Kind", kinds),
    make("label", { className: "ledger-find" }, "Find ", find), status));

  // One entry at a time is open.
  const panel = make("dl", { className: "ledger-entry" });
  let opened;
  const open = (entry) => {
    opened?.mark.setAttribute("aria-expanded", "false");
    if (opened === entry) {
      opened = undefined;
      panel.remove();
      return;
    }
    opened = entry;
    entry.mark.setAttribute("aria-expanded", "true");
    panel.replaceChildren();
    entry.names.forEach((name, i) => {
      const value = make("dd");
      value.append(...[...entry.cells[i].childNodes].map((node) => node.cloneNode(true)));
      panel.append(make("dt", { textContent: name }), value);
    });
    panel.append(make("dt", { textContent: "cell" }), make("dd", {}, make("a", { href: entry.link.href, textContent: "where it was decided" })));
    entry.row.append(panel);
  };
  entries.forEach((entry) => entry.mark.addEventListener("click", () => open(entry)));

  // One stop of the Tab key for all marks; arrows go from one to the next.
  entries[0].mark.tabIndex = 0;
  board.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    const at = entries.findIndex(({ mark }) => mark === event.target);
    if (step && at >= 0) {
      event.preventDefault();
      entries[at].mark.tabIndex = -1;
      const next = entries[Math.min(Math.max(at + step, 0), entries.length - 1)].mark;
      next.tabIndex = 0;
      next.focus();
    }
  });

  const plain = make("details", { className: "ledger-plain" }, make("summary", { textContent: "All entries as tables" }));
  plain.append(...ledger.childNodes);
  ledger.append(board, plain);
  filter();
}
