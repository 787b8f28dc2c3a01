// Search in the browser (book/search.py): the index is loaded with the first search, ranked here, and what is found stands
// under the field as one types, grouped by page, with equations, figures and entries of the ledger as hits of their own.
"use strict";

(() => {
  const ROOT = document.documentElement.dataset.content_root ?? "./";
  const PAGES_SHOWN = 12, HITS_SHOWN = 4, EXCERPT = 180;
  const KINDS = {
    page: [1, ""], section: [1, ""], name: [0.9, "srbm"], figure: [0.8, "figure"], check: [0.7, "check"],
    equation: [0.5, "equation"], exercise: [0.6, "exercise"],
  };
  const TITLE = 3, ASKED = 8; // how much more a word counts there than in a text
  const STOP = new Set(("a an and are at be by can did do does for from how i in is it its many much my of on or should "
    + "that the there this to we what when where which who why with you your").split(" "));
  const GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
  };

  // The words of a text: "ϕ⁴" and "phi^4" are both phi4, "N_h" is nh, nodes are one node.
  const words = (text) => (text.toLowerCase().normalize("NFKD").replace(/[α-ω]/g, (letter) => GREEK[letter] ?? letter)
    .replace(/[\^_{}\u0300-\u036f]/g, "").match(/[\p{L}\p{N}]+/gu) ?? [])
    .map((word) => word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word);

  let index;
  const load = () => index ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${ROOT}_static/search-index.js`;
    script.onload = () => done(prepare(window.srbmIndex));
    script.onerror = failed;
    document.head.append(script);
  });

  const prepare = (pages) => {
    const postings = new Map(), entries = [];
    for (const page of pages) {
      page.asked = words(page.asked);
      for (const [kind, anchor, title, text] of page.entries) {
        const entry = { page, kind, anchor, title, text, length: 0 };
        const add = (list, weight) => list.forEach((word) => {
          const found = postings.get(word) ?? postings.set(word, new Map()).get(word);
          found.set(entry, (found.get(entry) ?? 0) + weight);
          entry.length += 1;
        });
        add(words(title), TITLE);
        add(words(text), 1);
        kind === "page" && add(page.asked, ASKED);
        entries.push(entry);
      }
      page.title = page.entries.find(([kind]) => kind === "page")?.[2] ?? page.url;
    }
    const mean = entries.reduce((sum, { length }) => sum + length, 0) / entries.length;
    return { pages, entries, postings, mean };
  };

  // What a query names outright: "eq 33", "(33)", "figure 12", "exercise 4.2", "chapter 9", the key of an entry, a name.
  const named = (query, entries) => {
    const text = query.trim().toLowerCase();
    const [, kind = "", number] = text.match(/^(eqs?|equations?|figs?|figures?|exercises?|ex|chapters?)?[\s.-]*\(?(x?[ab]?\d*(?:\.\d+)?|[ab])\)?$/) ?? [];
    return entries.filter((entry) => {
      if (entry.kind === "name" && [entry.title, entry.title.split(".").pop()].some((name) => name.toLowerCase() === text)) {
        return true;
      }
      if (entry.kind !== "section" && [text, `check-${text}`, `equation-${text}`].includes(entry.anchor)) {
        return true;
      }
      if (!number) {
        return false;
      }
      return (entry.kind === "equation" && /^(eq|$)/.test(kind) && entry.title.toLowerCase() === `(${number})`)
        || (entry.kind === "check" && /^(eq|$)/.test(kind) && entry.anchor === `check-eq-${number.toUpperCase()}`)
        || (entry.kind === "figure" && /^fig/.test(kind) && entry.title.toLowerCase() === `fig. ${number}`)
        || (entry.kind === "check" && /^fig/.test(kind) && entry.anchor === `check-fig-${number}`)
        || (entry.kind === "exercise" && /^ex/.test(kind) && entry.title.toLowerCase() === `exercise ${number}`)
        || (entry.kind === "page" && /^chapter/.test(kind) && entry.page.chapter.toLowerCase() === number);
    });
  };

  // Pages with their hits, best first. A word is worth what it is rare; one that only begins alike counts for less.
  const search = ({ pages, entries, postings, mean }, query) => {
    const every = words(query), terms = every.filter((word) => !STOP.has(word));
    const asked = [...new Set(terms.length ? terms : every)];
    const scores = new Map(), covered = new Map();
    for (const term of asked) {
      const best = new Map(); // of this term, for each entry
      for (const [word, found] of postings) {
        const alike = word === term ? 1 : term.length > 2 && word.startsWith(term) ? 0.5 * term.length / word.length : 0;
        if (alike) {
          const rare = Math.log(1 + entries.length / found.size);
          for (const [entry, count] of found) {
            const often = count / (count + 1.2 * (0.4 + 0.6 * entry.length / mean));
            best.set(entry, Math.max(best.get(entry) ?? 0, alike * rare * often * (1 + Math.log(count) / 2)));
          }
        }
      }
      for (const [entry, score] of best) {
        scores.set(entry, (scores.get(entry) ?? 0) + score);
        covered.set(entry, (covered.get(entry) ?? 0) + 1);
        entry.page.terms = (entry.page.terms ?? new Set()).add(term);
      }
    }
    const groups = new Map();
    const groupOf = (page) => groups.get(page) ?? groups.set(page, { page, score: 0, hits: [] }).get(page);
    for (const entry of named(query, entries)) {
      scores.set(entry, (entry.kind === "equation" ? 1001 : 1000) / KINDS[entry.kind][0]);
      covered.set(entry, asked.length);
    }
    for (const [entry, score] of scores) {
      const worth = score * KINDS[entry.kind][0] * (covered.get(entry) / (asked.length || 1)) ** 2;
      groupOf(entry.page).hits.push({ entry, worth });
    }
    for (const group of groups.values()) {
      group.hits.sort((a, b) => b.worth - a.worth);
      const share = (group.page.terms?.size ?? 0) / (asked.length || 1);
      const [first, ...others] = group.hits;
      const own = group.hits.find(({ entry }) => entry.kind === "page");
      const meant = asked.filter((term) => group.page.asked.includes(term)).length / (asked.length || 1);
      group.score = (1 + 2 * meant) * (first.worth + (own?.worth ?? 0)
        + share * share * others.slice(0, 5).reduce((sum, { worth }) => sum + worth, 0) / 5);
    }
    pages.forEach((page) => delete page.terms);
    return { asked, groups: [...groups.values()].sort((a, b) => b.score - a.score).slice(0, PAGES_SHOWN) };
  };

  const element = (name, className, text = "") => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };

  // Some words around the first that was asked for, which are marked.
  const excerpt = (text, asked) => {
    const marked = (word) => words(word).some((one) => asked.some((term) => one === term || (term.length > 2 && one.startsWith(term))));
    const pieces = text.split(/(\s+)/);
    let from = pieces.findIndex(marked);
    from = from < 0 ? 0 : Math.max(0, from - 16);
    const shown = element("p", "search-excerpt", from ? "… " : "");
    let length = 0;
    for (const piece of pieces.slice(from)) {
      if ((length += piece.length) > EXCERPT) {
        shown.append("…");
        break;
      }
      shown.append(marked(piece) ? element("mark", "", piece) : piece);
    }
    return shown;
  };

  const show = (box, { asked, groups }) => {
    const list = element("ol", "search-pages");
    for (const { page, hits } of groups) {
      const item = element("li", "search-page");
      const heading = element("a", "search-title", page.chapter ? `${page.chapter} ${page.title}` : page.title);
      heading.href = ROOT + page.url;
      item.append(heading);
      const own = hits.find(({ entry }) => entry.kind === "page");
      own && item.append(excerpt(own.entry.text, asked));
      const inside = element("ul", "search-hits");
      for (const { entry } of hits.filter(({ entry }) => entry.kind !== "page").slice(0, HITS_SHOWN)) {
        const hit = element("li", `search-hit ${entry.kind}`);
        const link = element("a", "", entry.title);
        link.href = `${ROOT}${page.url}#${entry.anchor}`;
        KINDS[entry.kind][1] && hit.append(element("span", "search-kind", KINDS[entry.kind][1]));
        hit.append(link);
        entry.text && hit.append(excerpt(entry.text, asked));
        inside.append(hit);
      }
      inside.children.length && item.append(inside);
      list.append(item);
    }
    box.querySelector("[role=status]").textContent = groups.length
      ? `${groups.length} ${groups.length === 1 ? "page" : "pages"}` : "Nothing found. Try fewer or other words.";
    box.querySelector(".search-pages")?.remove();
    box.append(list);
  };

  for (const form of document.querySelectorAll("form.bd-search")) {
    const input = form.querySelector("input[type=search]");
    const box = document.querySelector("#search-results") ?? form.parentElement.appendChild(element("div", "search-results"));
    const status = box.appendChild(element("p", "search-status"));
    status.setAttribute("role", "status");
    const update = async () => {
      const query = input.value;
      if (!query.trim()) {
        status.textContent = "";
        box.querySelector(".search-pages")?.remove();
        return;
      }
      try {
        const found = search(await load(), query);
        query === input.value && show(box, found);
      } catch {
        status.textContent = "The index of the book could not be loaded.";
      }
    };
    input.addEventListener("focus", () => load().catch(() => {}), { once: true });
    input.addEventListener("input", update);
    box.addEventListener("click", ({ target }) => target.closest("a") && form.closest("dialog")?.close());
    form.addEventListener("keydown", (event) => {
      const first = box.querySelector("a");
      if (event.key === "ArrowDown" && first) {
        event.preventDefault();
        first.focus();
      }
    });
    if (box.id) {
      input.value = new URLSearchParams(location.search).get("q") ?? "";
      update();
    }
  }
})();
