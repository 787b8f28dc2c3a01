// What all live figures share: state, controls, panels with fixed axes, handles to drag, random numbers from a seed.
//
// A figure is `export default live({title, controls, numbers, describe, panels, draw})`; srbm_book/live/__init__.py says
// what each of these is. Everything is drawn as a function of the state, which lies in `model` (the contract of
// anywidget): the traits of a widget in a notebook, what is stored in the page elsewhere.
import * as d3 from "d3";

const REST = 700; // milliseconds without a change after which the figure is described aloud
const KNOB = 8; // radius of a handle in pixels
const OUTSIDE = 10; // how far beyond the axes the knob of a line lies
const REACH = 22; // radius around it that a finger hits
const GLIDE = 1500; // milliseconds that each control moves by itself at the beginning
let count = 0;

// ---------------------------------------------------------------------------------------------------- controls

/** A number that is moved: {min, max, step}, each also as a function of the state; `log` for a logarithmic scale, of
 *  which `step` is then that of the exponent; `digits` after the point, or `show(value)`; `play` for a button that moves
 *  it from end to end in so many seconds; `get(state)` and `put(state, value)`, which returns what changes, where the
 *  number is not one of the state by itself. */
export const slider = (label, options) => ({ kind: "slider", label, step: 1, digits: 0, ...options });

/** A choice between off and on, kept as false and true. */
export const toggle = (label) => ({ kind: "toggle", label });

/** A button; `change(state)` returns what it changes. */
export const button = (label, change) => ({ kind: "button", label, change });

const valueOf = (option, state) => (typeof option === "function" ? option(state) : option);

/** What a control is at, and what changes when it is moved. */
const readOf = (control, name, state) => (control.get ? control.get(state) : state[name]);
const changeOf = (control, name, state, value) =>
  control.put ? control.put(state, onGrid(control, value, state)) : { [name]: value };

/** The nearest value that a slider can take. */
function onGrid(control, value, state) {
  const [min, max] = [valueOf(control.min, state), valueOf(control.max, state)];
  const [place, low, high] = control.log ? [value, min, max].map(Math.log10) : [value, min, max];
  const steps = Math.round((Math.min(Math.max(place, low), high) - low) / control.step);
  const snapped = Math.min(low + steps * control.step, high);
  return Math.min(Math.max(control.log ? 10 ** snapped : snapped, min), max);
}

const shown = (control, value) => (control.show ? control.show(value) : value.toFixed(control.digits));

/** "κ_α" with the letter after each "_" lowered, for HTML and (with `svg`) for a text of SVG. */
function typeset(element, text, svg = false) {
  for (const [part, below, rest] of text.matchAll(/_(\p{L}|\d)|([^_]+)/gu)) {
    if (svg) {
      const span = element.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "tspan"));
      span.textContent = below ?? rest;
      if (below) span.setAttribute("font-size", "75%");
      if (below || element.dataset.lowered) span.setAttribute("dy", below ? "0.3em" : "-0.225em");
      below ? (element.dataset.lowered = "yes") : delete element.dataset.lowered;
    } else if (below) {
      element.appendChild(document.createElement("sub")).textContent = below;
    } else {
      element.append(rest ?? part);
    }
  }
}

const make = (parent, tag, className, text) => {
  const element = parent.appendChild(document.createElement(tag));
  if (className) element.className = className;
  if (text) typeset(element, text);
  return element;
};

/** The elements of one control; returns the function that shows the state in them. */
function addControl(parent, name, control, view) {
  const id = `live-${++count}`;
  const box = make(parent, "div", `live-control live-${control.kind}`);
  if (control.kind === "button") {
    const press = make(box, "button", "", control.label);
    press.type = "button";
    press.addEventListener("click", () => view.set(control.change(view.state())));
    return () => {};
  }
  const label = make(box, "label");
  const [words, symbol] = control.label.split(/(?<=,)(?= \S{1,9}$)/u); // where there is little room the words are cut short
  make(label, "span", "live-words", words);
  if (symbol) make(label, "span", "live-symbol", symbol);
  label.htmlFor = id;
  const input = make(box, "input");
  Object.assign(input, { id, name, type: control.kind === "toggle" ? "checkbox" : "range", autocomplete: "off" });
  if (control.kind === "toggle") {
    input.addEventListener("change", () => view.set({ [name]: input.checked }));
    return (state) => { input.checked = state[name]; };
  }
  const place = (value) => (control.log ? Math.log10(value) : value);
  input.step = "any"; // `set` finds the nearest value; so the arrow keys are ours
  const move = (to) => view.set(changeOf(control, name, view.state(), control.log ? 10 ** to : to));
  input.addEventListener("input", () => move(Number(input.value)));
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (!steps) return; // Home and End are the browser's
    event.preventDefault();
    move(place(readOf(control, name, view.state())) + steps * control.step);
  });
  const output = make(box, "output");
  output.htmlFor = id;
  output.setAttribute("aria-live", "off");
  const player = control.play && addPlayer(box, name, control, view);
  return (state) => {
    input.min = place(valueOf(control.min, state));
    input.max = place(valueOf(control.max, state));
    const value = readOf(control, name, state);
    input.value = place(value);
    output.textContent = shown(control, value);
    input.setAttribute("aria-valuetext", output.textContent);
    player?.();
  };
}

/** A button that moves a slider to its end in `play` seconds: smoothly, or in ten steps where motion is unwanted. */
function addPlayer(box, name, control, view) {
  const press = make(box, "button", "live-play");
  press.type = "button";
  let last = null;
  const place = (value) => (control.log ? Math.log10(value) : value);
  const ends = () => [control.min, control.max].map((end) => place(valueOf(end, view.state())));
  const step = (now) => {
    if (last === null || !press.isConnected) return;
    const [low, high] = ends();
    if (view.state()[name] !== player.put) player.at = place(view.state()[name]); // someone else has moved it
    const passed = view.still ? (now - last > 700 ? 0.1 * control.play : 0) : Math.min((now - last) / 1000, 0.1);
    const reached = player.at + (passed / control.play) * (high - low);
    if (passed || !view.still) last = now;
    if (passed) {
      player.at = Math.min(reached, high);
      view.set({ [name]: control.log ? 10 ** player.at : player.at });
      player.put = view.state()[name];
    }
    if (reached >= high) last = null;
    show();
    if (last !== null) requestAnimationFrame(step);
  };
  const player = { at: 0, put: null };
  const show = () => {
    press.textContent = last === null ? "▶" : "⏸";
    press.setAttribute("aria-label", `${last === null ? "Play" : "Pause"} ${control.label}`);
  };
  press.addEventListener("click", () => {
    const [low, high] = ends();
    if (last !== null) {
      last = null;
    } else {
      player.at = place(view.state()[name]);
      if (player.at >= high - control.step / 2) player.at = low;
      player.put = view.state()[name];
      last = performance.now();
      requestAnimationFrame(step);
    }
    show();
  });
  return show;
}

// ------------------------------------------------------------------------------------------------------- panels

/** Of a logarithmic axis only the powers of ten carry numbers. */
const powersOfTen = (value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9 ? `${value}` : "");

/** Axes with fixed ends and the marks on them. `options`: title, x and y as {label, domain, log, ticks, format}, each
 *  domain also as a function of the state; height in pixels or as a share of the width, or "equal" where a unit is to be as
 *  long along y as along x; `room` around the axes in pixels, as in {right: 40}, for knobs and labels; `tap`, what
 *  changes when an empty place [x, y] is clicked in this state; `pen`, for a panel to draw on; `part`, "third" for one of
 *  three in a row. */
class Panel {
  constructor(parent, options, view) {
    Object.assign(this, { options, view, groups: new Map(), moves: new Map() });
    const box = d3.select(parent).append("div").attr("class", "live-panel");
    if (options.part) box.classed(`live-${options.part}`, true);
    if (options.title) typeset(box.append("div").attr("class", "live-title").node(), options.title);
    this.svg = box.append("svg").attr("role", "img").attr("aria-label", options.title ?? view.figure.title);
    this.axes = this.svg.append("g").attr("class", "live-axes");
    this.marks = this.svg.append("g");
    this.box = box.node();
    this.clip = `live-clip-${++count}`;
    if (options.tap) {
      this.ground = this.svg.insert("rect", "g").attr("class", "live-ground").on("click", (event) =>
        view.set(options.tap(this.place(event), view.state())));
    }
    if (options.pen) this._drawOn(options.pen);
    this.window = this.svg.append("clipPath").attr("id", this.clip).append("rect");
  }

  /** Look how much room there is. (It forces a layout, so not with every drawing.) */
  measure() {
    this.width = Math.max(this.box.clientWidth, 200);
  }

  /** Scales and axes for the width that there is and the domains of this state. */
  frame(state) {
    const { x, y, height = 0.72, room = {} } = this.options;
    const width = this.width;
    const { left, right, top, bottom } = {
      left: y.label === undefined ? 34 : 52, right: 16, top: 12, bottom: x.label === undefined ? 26 : 46, ...room };
    const domains = [x, y].map((axis) => valueOf(axis.domain, state));
    const [across, along] = domains.map(([from, to]) => Math.abs(to - from));
    const tall = height === "equal" ? ((width - left - right) * along) / across + top + bottom
      : height > 5 ? height : Math.max(190, Math.min(width * height, 340));
    const key = JSON.stringify([width, tall, domains]);
    if (key === this.drawn) return;
    this.drawn = key;
    Object.assign(this, { left, top, right: width - right, bottom: tall - bottom });
    this.svg.attr("viewBox", `0 0 ${width} ${tall}`).attr("width", width).attr("height", tall);
    const scale = (axis, domain, range) => (axis.log ? d3.scaleLog : d3.scaleLinear)(domain, range);
    this.x = scale(x, domains[0], [this.left, this.right]);
    this.y = scale(y, domains[1], [this.bottom, this.top]);
    this.ground?.attr("x", left).attr("y", top).attr("width", this.right - left).attr("height", this.bottom - top);
    this.window.attr("x", this.left).attr("y", this.top - 1)
      .attr("width", this.right - this.left + 1).attr("height", this.bottom - this.top + 2);
    this.axes.selectAll("*").remove();
    const axes = [[x, this.x, "axisBottom", `translate(0,${this.bottom})`], [y, this.y, "axisLeft", `translate(${this.left},0)`]];
    for (const [axis, its, side, where] of axes) {
      const drawn = d3[side](its).tickSizeOuter(0);
      Array.isArray(axis.ticks) ? drawn.tickValues(axis.ticks) : drawn.ticks(axis.ticks ?? 5);
      if (axis.format ?? axis.log) drawn.tickFormat(axis.format ?? powersOfTen);
      this.axes.append("g").attr("transform", where).call(drawn);
    }
    const label = (text, transform) => text && typeset(
      this.axes.append("text").attr("class", "live-label").attr("transform", transform).attr("text-anchor", "middle").node(),
      text, true);
    label(x.label, `translate(${(this.left + this.right) / 2},${tall - 8})`);
    label(y.label, `translate(14,${(this.top + this.bottom) / 2}) rotate(-90)`);
  }

  group(key, clipped = true) {
    if (!this.groups.has(key)) {
      const group = this.marks.append("g").attr("class", `live-mark live-${key}`);
      this.groups.set(key, clipped ? group.attr("clip-path", `url(#${this.clip})`) : group);
    }
    return this.groups.get(key);
  }

  /** One mark of SVG (`tag`) for each entry of `data`; `attributes` are numbers, texts or functions of (entry, index). What lies
   *  beyond the axes is cut off, unless `clipped` is false. */
  each(key, tag, data, attributes, clipped = true) {
    const marks = this.group(key, clipped).selectAll(tag).data(data).join(tag);
    for (const [name, value] of Object.entries(attributes)) marks.attr(name, value);
    return marks;
  }

  /** Discs at [x, y], of the colours that `hue(index)` gives. */
  dots(key, points, { r = 4, hue, clipped = true } = {}) {
    return this.each(key, "circle", points, { cx: (p) => this.x(p[0]), cy: (p) => this.y(p[1]), r }, clipped)
      .style("--hue", hue && ((_, index) => hue(index)));
  }

  /** A line through [x, y]. */
  line(key, points, { curve = d3.curveLinear } = {}) {
    const path = d3.line((p) => this.x(p[0]), (p) => this.y(p[1])).defined((p) => Number.isFinite(p[1])).curve(curve);
    return this.each(key, "path", [points], { d: path });
  }

  /** Straight pieces, each from [x, y] to [x, y]. */
  pieces(key, ends, { hue } = {}) {
    return this.each(key, "line", ends, {
      x1: (e) => this.x(e[0][0]), y1: (e) => this.y(e[0][1]), x2: (e) => this.x(e[1][0]), y2: (e) => this.y(e[1][1]),
    }).style("--hue", hue && ((_, index) => hue(index)));
  }

  /** What lies between two lines, given as [x, y, y]. */
  between(key, points, { curve = d3.curveLinear } = {}) {
    const area = d3.area((p) => this.x(p[0]), (p) => this.y(p[1]), (p) => this.y(p[2])).curve(curve);
    return this.each(key, "path", [points], { d: area });
  }

  /** An image, row by row, on axes that count its pixels from the upper left corner: the more ink the larger a value, of
   *  another colour where it is negative. */
  pixels(key, values) {
    const group = this.group(key);
    if (group.attr("data-drawn") !== this.drawn) {
      const side = Math.sqrt(values.length);
      const edge = (scale, at) => Math.round(2 * scale(at)) / 2;
      this.each(key, "rect", values, {
        x: (_, i) => edge(this.x, i % side), y: (_, i) => edge(this.y, Math.floor(i / side)),
        width: (_, i) => edge(this.x, (i % side) + 1) - edge(this.x, i % side),
        height: (_, i) => edge(this.y, Math.floor(i / side) + 1) - edge(this.y, Math.floor(i / side)),
      });
      group.attr("data-drawn", this.drawn).classed("live-pixels", true);
      this.inks = [];
    }
    const rects = group.node().childNodes;
    values.forEach((value, i) => {
      const ink = Math.round(50 * Math.min(Math.max(value, -1), 1)) / 50;
      if (ink === this.inks[i]) return;
      this.inks[i] = ink;
      rects[i].setAttribute("fill-opacity", Math.abs(ink));
      rects[i].classList.toggle("live-negative", ink < 0);
    });
  }

  /** Values in rows on axes that count them, as tiles of `shades` colours on either side of zero, the fullest from `most`
   *  on. A colour is one path, and follows the style sheet. */
  tiles(key, values, most, shades = 6) {
    const side = Math.sqrt(values.length);
    const paths = Array.from({ length: 2 * shades + 1 }, () => "");
    const colour = (i) => Math.round(Math.min(Math.max(values[i] / most, -1), 1) * shades) + shades;
    const edge = (scale, at) => Math.round(2 * scale(at)) / 2;
    const [across, along] = [this.x, this.y].map((scale) => range(side + 1).map((at) => edge(scale, at)));
    for (let row = 0; row < side; row++) {
      for (let from = 0, to = 0; from < side; from = to) {
        const found = colour(row * side + from);
        for (to = from + 1; to < side && colour(row * side + to) === found; to++);
        paths[found] += `M${across[from]},${along[row]}H${across[to]}V${along[row + 1]}H${across[from]}z`;
      }
    }
    this.each(key, "path", paths, { d: (path) => path })
      .attr("fill-opacity", (_, level) => Math.abs(level - shades) / shades)
      .attr("class", (_, level) => (level < shades ? "live-negative" : null));
    this.group(key).classed("live-tiles", true);
  }

  /** A filled rectangle from [x, y] to [x, y]. */
  area(key, [from, to]) {
    const [x, y] = [[from[0], to[0]].map(this.x), [from[1], to[1]].map(this.y)];
    return this.each(key, "rect", [0], {
      x: Math.min(...x), y: Math.min(...y), width: Math.abs(x[1] - x[0]), height: Math.abs(y[1] - y[0]),
    });
  }

  /** A text at [x, y], moved by so many pixels. */
  text(key, content, [x, y], { dx = 0, dy = 0, anchor = "start" } = {}) {
    const group = this.group(key, false);
    const text = group.selectAll("text").data([content]).join("text").attr("text-anchor", anchor)
      .attr("x", this.x(x) + dx).attr("y", this.y(y) + dy);
    if (text.node().dataset.says !== content) {
      text.text("");
      typeset(text.node(), content, true);
      text.node().dataset.says = content;
    }
    return text;
  }

  /** Something to drag: the line at x (or at y) with a knob beyond its end, or a disc at [x, y]. `move` gets the place in
   *  the units of the axes and returns what changes. The keyboard has the controls for that. */
  handle(key, { x, y, label }, move) {
    const group = this.group(key, false);
    this.moves.set(key, move); // it may know the state, which has changed since the knob was made
    if (group.select(".live-knob").empty()) {
      if (x === undefined || y === undefined) {
        group.append("line").attr("class", "live-grip");
        group.append("line").attr("class", "live-rule");
      }
      group.append("circle").attr("class", "live-grip").attr("r", REACH);
      group.append("circle").attr("class", "live-knob").attr("r", KNOB);
      group.classed("live-handle", true).style("cursor", x === undefined ? "ns-resize" : y === undefined ? "ew-resize" : "move");
      this._follow(group, (place) => this.moves.get(key)(place));
    }
    const [px, py] = [x === undefined ? this.right + OUTSIDE : this.x(x), y === undefined ? this.top - OUTSIDE : this.y(y)];
    const [bx, by] = [x === undefined ? this.left : px, y === undefined ? this.bottom : py];
    group.selectAll("line").attr("x1", bx).attr("x2", px).attr("y1", by).attr("y2", py);
    group.selectAll("circle").attr("cx", px).attr("cy", py);
    if (label) {
      this.text(`${key}-name`, label, [this.x.invert(px), this.y.invert(py)], { dx: KNOB + 4, dy: 5 });
    }
    return group;
  }

  /** Discs to drag, one for each [x, y]; `move` gets which, and the place. */
  handles(key, points, move) {
    points.forEach(([x, y], index) => this.handle(`${key}-${index}`, { x, y }, (place) => move(index, place)));
    for (let index = points.length; this.groups.has(`${key}-${index}`); index++) {
      this.groups.get(`${key}-${index}`).remove();
      this.groups.delete(`${key}-${index}`);
    }
  }

  /** A ground to draw on with mouse or finger: `draw(place, first, state)` returns what changes, `first` where a stroke
   *  begins. When it has the focus, keys go to `keys(key, state)`, which returns what changes or null; `label` says so. */
  _drawOn({ draw, keys, label }) {
    const { view } = this;
    this.svg.classed("live-canvas", true).attr("role", "application").attr("aria-label", label).attr("tabindex", 0).on("keydown", (event) => {
      const changes = keys(event.key, view.state());
      if (!changes) return;
      event.preventDefault();
      view.set(changes);
    });
    this.ground = this.svg.append("rect").attr("class", "live-ground");
    const node = this.ground.node();
    node.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      node.setPointerCapture(event.pointerId);
      view.set(draw(this.place(event), true, view.state()));
    });
    node.addEventListener("pointermove", (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const each of passed.length ? passed : [event]) view.set(draw(this.place(each), false, view.state()));
    });
  }

  /** Where in the units of the axes an event is. */
  place(event) {
    const box = this.svg.node().getBoundingClientRect();
    const scale = this.svg.attr("width") / box.width;
    return [this.x.invert((event.clientX - box.left) * scale), this.y.invert((event.clientY - box.top) * scale)];
  }

  _follow(group, move) {
    const node = group.node();
    node.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      node.setPointerCapture(event.pointerId);
      group.classed("live-dragged", true);
    });
    node.addEventListener("pointermove", (event) => {
      if (node.hasPointerCapture(event.pointerId)) this.view.set(move(this.place(event)));
    });
    node.addEventListener("lostpointercapture", () => group.classed("live-dragged", false));
  }
}

/** The colour of a place on the scale from the infrared (0) to the ultraviolet (1). */
export const hue = (share) =>
  `color-mix(in oklab, var(--live-infrared), var(--live-ultraviolet) ${(100 * Math.min(Math.max(share, 0), 1)).toFixed(1)}%)`;

// ------------------------------------------------------------------------------------------------------- figure

/** The module of a figure: what `render` of anywidget is to be. */
export const live = (figure) => ({ load: figure.load, render: ({ model, el }) => new View(figure, model, el).start() });

class View {
  constructor(figure, model, el) {
    const motion = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");
    Object.assign(this, { figure, model, el, pending: 0, names: [...settable(figure), ...(figure.data ?? [])] });
    Object.defineProperty(this, "still", { get: () => motion?.matches ?? false });
  }

  start() {
    const { figure, el } = this;
    this.stage = make(el, "div", "live-stage");
    this.stage.setAttribute("role", "group");
    this.stage.setAttribute("aria-label", figure.title);
    const panels = make(this.stage, "div", "live-panels");
    this.panels = Object.fromEntries(
      Object.entries(figure.panels).map(([name, options]) => [name, new Panel(panels, options, this)]));
    this.says = make(this.stage, "p", "live-says");
    const controls = make(this.stage, "div", "live-controls");
    const actions = make(this.stage, "div", "live-actions");
    this.show = Object.entries(figure.controls).map(([name, control]) =>
      addControl(control.kind === "button" ? actions : controls, name, control, this));
    this.aloud = make(this.stage, "p", "live-aloud");
    this.aloud.setAttribute("role", "status");
    el.classList.add("is-live");
    el.live = {
      controls: figure.controls, state: () => this.state(), numbers: () => figure.numbers(this.state()),
      value: (name) => readOf(figure.controls[name], name, this.state()), set: (changes) => this.set(changes), view: this,
    };
    const again = () => this.soon();
    for (const name of this.names) this.model.on(`change:${name}`, again);
    const measure = () => Object.values(this.panels).forEach((panel) => panel.measure());
    const watch = new ResizeObserver(() => { measure(); this.soon(); });
    watch.observe(this.stage);
    measure();
    this.draw();
    return () => {
      watch.disconnect();
      cancelAnimationFrame(this.pending);
      clearTimeout(this.resting);
      for (const name of this.names) this.model.off(`change:${name}`, again);
    };
  }

  state() {
    return Object.fromEntries(this.names.map((name) => [name, this.model.get(name)]));
  }

  /** Bring the controls of `intro`, one after the other, from the places named there to where they are to start: what
   *  moves by itself shows what can be moved. Any touch ends it. */
  introduce() {
    const { intro = {} } = this.figure;
    if (this.still || !Object.keys(intro).length) return;
    const end = this.state();
    const names = Object.keys(intro);
    this.gliding = true;
    for (const event of ["pointerdown", "keydown"]) {
      this.el.addEventListener(event, () => { this.gliding = false; }, { once: true });
    }
    const begun = performance.now() + GLIDE / 2;
    const step = (now) => {
      if (!this.gliding) return;
      const passed = (now - begun) / GLIDE;
      this.put(Object.fromEntries(names.map((name, turn) => {
        const share = Math.min(Math.max(passed - turn, 0), 1);
        return [name, intro[name] + (end[name] - intro[name]) * share * share * (3 - 2 * share)];
      })));
      this.gliding = passed < names.length;
      requestAnimationFrame(step);
    };
    this.put(intro);
    this.draw();
    requestAnimationFrame(step);
  }

  /** Change some of the state by hand. */
  set(changes) {
    this.gliding = false;
    this.put(changes);
  }

  /** Change some of the state; what follows from it (N_h is at most N_v) is brought back into its range. */
  put(changes) {
    const state = { ...this.state(), ...changes };
    const sliders = settable(this.figure).filter((name) => this.figure.controls[name].kind === "slider");
    for (const name of [...sliders, ...sliders]) { // twice: the range of one may hang on another
      state[name] = onGrid(this.figure.controls[name], state[name], state);
    }
    let moved = false;
    for (const name of this.names) {
      if (state[name] === this.model.get(name)) continue;
      this.model.set(name, state[name]);
      moved = true;
    }
    if (moved) {
      this.unsaved = true;
      this.soon();
    }
  }

  soon() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      if (this.unsaved) this.model.save_changes();
      this.unsaved = false;
      this.draw();
    });
  }

  draw() {
    const state = this.state();
    const numbers = this.figure.numbers(state);
    for (const panel of Object.values(this.panels)) panel.frame(state);
    this.figure.draw(this.panels, numbers, state);
    for (const show of this.show) show(state);
    const sentence = this.figure.describe(numbers, state);
    if (this.says.dataset.says !== sentence) {
      this.says.dataset.says = sentence;
      this.says.textContent = "";
      typeset(this.says, sentence);
      clearTimeout(this.resting);
      if (this.el.isConnected && this.told) this.resting = setTimeout(() => { this.aloud.textContent = sentence.replaceAll("_", " "); }, REST);
      this.told = true;
    }
  }
}

const settable = ({ controls }) =>
  Object.keys(controls).filter((name) => controls[name].kind !== "button" && !controls[name].put);

// --------------------------------------------------------------------------------------------------------- page

/** The model of a figure that has no kernel: what is stored in the page. */
class Stored {
  constructor(state) { Object.assign(this, { values: { ...state }, heard: new Map() }); }
  get(name) { return this.values[name]; }
  set(name, value) {
    this.values[name] = value;
    for (const call of this.heard.get(`change:${name}`) ?? []) call();
  }
  on(event, call) { this.heard.set(event, [...(this.heard.get(event) ?? []), call]); }
  off(event, call) { this.heard.set(event, (this.heard.get(event) ?? []).filter((other) => other !== call)); }
  save_changes() {}
}

const awaited = {}; // by figure: what is done with its data

/** What the script of the data of a figure calls. */
export const arrived = (name, data) => awaited[name](data);

/** Bring the figures of this name in the page to life, each when it comes near the window. Where a figure has data, the
 *  script `apart`, beside the one that runs, is added then. If it does not come, the still figure stays. */
export function mount(name, module, apart) {
  const address = apart && new URL(apart, document.currentScript.src).href;
  let data = null;
  const fetched = () => (data ??= new Promise((done) => {
    awaited[name] = (given) => done(module.load(given));
    document.head.append(Object.assign(document.createElement("script"), { src: address }));
  }));
  const begin = (el) => {
    module.render({ model: new Stored(JSON.parse(el.querySelector("script").textContent)), el });
    el.live.view.introduce();
  };
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      address ? fetched().then(() => begin(target)) : begin(target);
    }
  }, { rootMargin: "400px" });
  for (const el of document.querySelectorAll(`.live[data-figure="${name}"]`)) watch.observe(el);
}

// --------------------------------------------------------------------------------------------- random numbers

/** ln x for 0 < x < 1 by sums and products alone, which all browsers, and Python, round alike. */
export function ln(x) {
  let m = x;
  let doubled = 0;
  for (; m < 0.75; m *= 2) doubled += 1;
  const z = (m - 1) / (m + 1);
  let series = 0;
  for (let k = 25; k > 0; k -= 2) series = series * (z * z) + 1 / k;
  return 2 * z * series - doubled * Math.LN2;
}

/** Random numbers from a seed, to the last bit the same in every browser and in srbm_book/live/generator.py, so that an
 *  orbit that doubles every error is the same one too: sfc32 of C. Doty-Humphrey, and Marsaglia's polar method. */
export function generator(seed) {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  const uniform = () => (next() + 0.5) / 2 ** 32;
  const normals = (n) => {
    const drawn = [];
    while (drawn.length < n) {
      const [x, y] = [2 * uniform() - 1, 2 * uniform() - 1];
      const square = x * x + y * y;
      if (square >= 1) continue;
      const stretch = Math.sqrt((-2 * ln(square)) / square);
      drawn.push(x * stretch, y * stretch);
    }
    return drawn.slice(0, n);
  };
  return { uniform, normals };
}

/** A generator for each of n sites, which may draw in any order: sfc32 again, as `Lanes` in generator.py. `words` is the
 *  state of them all; who keeps a copy of it can go back. */
export function lanes(seed, n) {
  const words = new Int32Array(4 * n);
  const next = (i) => {
    const [b, c, d] = [n + i, 2 * n + i, 3 * n + i];
    const drawn = (words[i] + words[b] + words[d]) | 0;
    const old = words[c];
    words[i] = words[b] ^ (words[b] >>> 9);
    words[b] = old + (old << 3);
    words[c] = ((old << 21) | (old >>> 11)) + drawn;
    words[d] += 1;
    return drawn >>> 0;
  };
  for (let i = 0; i < n; i++) {
    words[i] = 0x9e3779b9;
    words[n + i] = i;
    words[2 * n + i] = seed;
    words[3 * n + i] = 1;
    for (let k = 0; k < 15; k++) next(i);
  }
  const uniform = (i) => (next(i) + 0.5) / 2 ** 32;
  /** Two standard normal numbers of lane i, into `drawn`. */
  const pair = (i, drawn) => {
    for (;;) {
      const x = 2 * uniform(i) - 1;
      const y = 2 * uniform(i) - 1;
      const square = x * x + y * y;
      if (square >= 1) continue;
      const stretch = Math.sqrt((-2 * ln(square)) / square);
      drawn[0] = x * stretch;
      drawn[1] = y * stretch;
      return;
    }
  };
  return { words, uniform, pair };
}

// ------------------------------------------------------------------------------------------------------- flows

const STEPS = [2, 4, 6, 8, 10, 12];

/** The solution of y' = velocity(y) after the time h: midpoint rules of ever more steps, extrapolated to infinitely many
 *  (Gragg, Bulirsch and Stoer), in halves wherever the last extrapolation still changes y by more than `tolerance`. */
export function advance(velocity, y, h, tolerance = 1e-13, depth = 0) {
  const start = velocity(y);
  let [last, row] = [[], []];
  STEPS.forEach((n, j) => {
    const [step, move] = [h / n, (from, along, by) => from.map((value, i) => value + by * along[i])];
    let [before, now] = [y, move(y, start, step)];
    for (let k = 1; k < n; k++) [before, now] = [now, move(before, velocity(now), 2 * step)];
    row = [move(before, velocity(now), step).map((value, i) => (value + now[i]) / 2)];
    for (let k = 1; k <= j; k++) {
      const gain = (n / STEPS[j - k]) ** 2 - 1;
      row.push(row[k - 1].map((value, i) => value + (value - last[k - 1][i]) / gain));
    }
    [last, row] = [row, last];
  });
  const [rough, fine] = last.slice(-2);
  const change = Math.max(...fine.map((value, i) => Math.abs(value - rough[i])));
  if (change < tolerance || depth > 25) return fine;
  const halfway = advance(velocity, y, h / 2, tolerance, depth + 1);
  return advance(velocity, halfway, h / 2, tolerance, depth + 1);
}

// -------------------------------------------------------------------------------------------------------- lists

export const range = (n) => Array.from({ length: n }, (_, i) => i);
export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The function, which remembers its last value: what a moved control leaves alone is not computed again. */
export function remember(compute) {
  let [key, value] = [null, null];
  return (...given) => {
    const now = JSON.stringify(given);
    if (now !== key) [key, value] = [now, compute(...given)];
    return value;
  };
}
