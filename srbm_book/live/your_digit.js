// Your own digit: a drawing, forward and backward through the machine that has learnt MNIST. Twin: your_digit.py.
import { button, live, range, remember, slider, sum } from "./base.js";

const SIDE = 28;
const PEN = 1.6; // distance from the line of the pen at which nothing is left of its ink
const HIGHEST = 139; // mu^2, below the last kappa that is stored
let modes = null;

/** The stored modes, whose components are whole numbers, made orthonormal in their order. */
function load({ kappa, trace, alive, vectors }) {
  const bytes = Int8Array.from(atob(vectors), (letter) => letter.charCodeAt(0));
  const basis = [];
  for (const alpha of range(kappa.length)) {
    const vector = Float64Array.from(bytes.subarray(alpha * alive.length, (alpha + 1) * alive.length));
    for (const other of basis) add(vector, -dot(vector, other), other);
    const length = Math.sqrt(dot(vector, vector));
    basis.push(vector.map((component) => component / length));
  }
  modes = { kappa, trace, alive, basis };
}

function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function add(to, share, vector) {
  for (let i = 0; i < to.length; i++) to[i] += share * vector[i];
}

/** The ink of each pixel, by its distance to the nearest stroke. */
function drawn(strokes) {
  const nearest = new Float64Array(SIDE * SIDE).fill(Infinity);
  for (const stroke of strokes) {
    for (let k = 0; k < stroke.length; k += 2) {
      const [x, y] = [stroke[Math.max(k - 2, 0)], stroke[Math.max(k - 1, 1)]];
      const [dx, dy] = [stroke[k] - x, stroke[k + 1] - y];
      const square = dx * dx + dy * dy || 1;
      for (let i = 0; i < nearest.length; i++) {
        const [px, py] = [(i % SIDE) + 0.5 - x, Math.floor(i / SIDE) + 0.5 - y];
        const share = Math.min(Math.max((px * dx + py * dy) / square, 0), 1);
        const distance = (px - share * dx) ** 2 + (py - share * dy) ** 2;
        if (distance < nearest[i]) nearest[i] = distance;
      }
    }
  }
  return Array.from(nearest, (distance) => Math.min(Math.max(PEN - Math.sqrt(distance), 0), 1));
}

/** A drawing as an image, its square, and how much of each mode is in it. */
const seen = remember((strokes) => {
  const image = drawn(strokes);
  const alive = modes.alive.map((pixel) => image[pixel]);
  return { image, square: dot(image, image), amplitudes: modes.basis.map((vector) => dot(vector, alive)) };
});

function numbers({ strokes, n_hidden, mu2 }) {
  const { kappa, trace, alive, basis } = modes;
  const { image, square, amplitudes } = seen(strokes);
  const below = kappa.filter((level) => level < mu2).length;
  // One pass forward and backward, (x9.5): of a learnt mode the share 1 - kappa / mu^2 returns, of the others nothing.
  const passed = kappa.map((level) => Math.max(1 - level / mu2, 0));
  const living = new Float64Array(alive.length);
  for (const alpha of range(Math.min(n_hidden, below))) add(living, passed[alpha] * amplitudes[alpha], basis[alpha]);
  const returned = Array(SIDE * SIDE).fill(0);
  alive.forEach((pixel, i) => { returned[pixel] = living[i]; });
  // What is left out with N_h = 0, 1, ... nodes: of this image, and of MNIST on average, (x9.6).
  const [shares, typical] = [[square / (square || 1)], [1]];
  kappa.forEach((level, alpha) => {
    const gone = 1 - (1 - passed[alpha]) ** 2;
    shares.push(shares[alpha] - (gone * amplitudes[alpha] ** 2) / (square || 1));
    typical.push(typical[alpha] - gone / level / trace);
  });
  // Of the modes that lie below mu^2 and find no node: (x9.7), and Eq. (86) for this image alone.
  const missed = range(below).slice(n_hidden);
  const ratio = (alpha) => mu2 / kappa[alpha];
  return {
    image, returned, left: image.map((ink, pixel) => ink - returned[pixel]), shares, typical, below,
    nats: sum(missed.map((alpha) => ratio(alpha) - 1 - Math.log(ratio(alpha)))) / 2,
    own: sum(missed.map((alpha) => (mu2 - kappa[alpha]) * amplitudes[alpha] ** 2 - Math.log(ratio(alpha)))) / 2,
  };
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;

function describe({ shares, typical, below, nats, own }, { n_hidden, strokes, pen, down }) {
  const used = Math.min(n_hidden, below);
  const hand = down ? ` The pen is down in column ${Math.ceil(pen[0])}, row ${Math.ceil(pen[1])}.` : "";
  if (!strokes.length) return `Draw a digit.${hand}`;
  const nodes = below > n_hidden ? `${below} modes lie below μ², and ${used} of them have a node`
    : `All ${below} modes below μ² have a node`;
  const loss = below > n_hidden
    ? `The missing nodes cost ${nats.toFixed(1)} nats for an image of MNIST on average, and ${own.toFixed(1).replace("-", "−")} for yours.`
    : "More nodes would not help: no nats are lost to them.";
  return `${nodes}. Of your digit ${percent(shares[n_hidden])} is left out, of MNIST ${percent(typical[n_hidden])}. ${loss}${hand}`;
}

function draw({ canvas, back, out, price }, { image, returned, left, shares, typical }, { n_hidden, pen, strokes }) {
  canvas.pixels("ink", image);
  canvas.dots("pen", [pen], { r: 6 });
  back.pixels("ink", returned);
  out.pixels("ink", left);
  price.line("typical", typical.map((share, n) => [n, share]));
  price.line("yours", strokes.length ? shares.map((share, n) => [n, share]) : []);
  price.dots("here", strokes.length ? [[n_hidden, shares[n_hidden]]] : [], { r: 4 });
  price.handle("nodes", { x: n_hidden, label: "N_h" }, ([x]) => ({ n_hidden: Math.round(x) }));
}

const onCanvas = (at) => Math.round(Math.min(Math.max(at, 0), SIDE) * 10) / 10;

/** The strokes with the pen drawn on to a place; `first` begins another one. */
function drawnOn(strokes, place, first) {
  const [x, y] = place.map(onCanvas);
  const last = strokes.at(-1);
  if (first || !last) return [...strokes, [x, y]];
  const [dx, dy] = [x - last.at(-2), y - last.at(-1)];
  return Math.hypot(dx, dy) < 0.4 ? strokes : [...strokes.slice(0, -1), [...last, x, y]];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Arrows move the pen, the space bar puts it down and lifts it. */
function keys(key, { strokes, pen, down }) {
  if (key === " " || key === "Enter") return { down: !down, ...(!down && { strokes: drawnOn(strokes, pen, true) }) };
  if (!ARROWS[key]) return null;
  const to = pen.map((at, i) => onCanvas(at + ARROWS[key][i]));
  return { pen: to, ...(down && { strokes: drawnOn(strokes, to, false) }) };
}

/** As MNIST was made: the digit fills a square of 20 pixels, and the centre of its ink lies in the middle. */
function fitted({ strokes }) {
  if (!strokes.length) return {};
  const along = [0, 1].map((axis) => strokes.flatMap((stroke) => stroke.filter((_, k) => k % 2 === axis)));
  const [lows, highs] = [along.map((at) => Math.min(...at)), along.map((at) => Math.max(...at))];
  const size = Math.max(highs[0] - lows[0], highs[1] - lows[1], 1);
  const moved = (scale, from) =>
    strokes.map((stroke) => stroke.map((at, k) => (at - from[k % 2]) * scale + SIDE / 2));
  const scale = Math.min((21 - 2 * PEN) / size, 4); // beyond the ends of a line there is ink, half of it up to PEN - 1/2
  const centre = lows.map((low, axis) => (low + highs[axis]) / 2);
  const ink = drawn(moved(scale, centre));
  const weight = sum(ink) || 1;
  const middle = [sum(ink.map((value, i) => value * ((i % SIDE) + 0.5))) / weight,
    sum(ink.map((value, i) => value * (Math.floor(i / SIDE) + 0.5))) / weight];
  const from = centre.map((at, axis) => at + (middle[axis] - SIDE / 2) / scale);
  return { strokes: moved(scale, from).map((stroke) => stroke.map(onCanvas)) };
}

const square = (title) => ({
  title, part: "third", height: "equal", room: { left: 1, right: 1, top: 1, bottom: 1 },
  x: { domain: [0, SIDE], ticks: [] }, y: { domain: [SIDE, 0], ticks: [] },
});

export default live({
  title: "Your own digit, forward and backward through the machine",
  load,
  controls: {
    n_hidden: slider("Hidden nodes, N_h", { min: 1, max: 300 }),
    mu2: slider("Mass of the machine, μ²", { min: 0.1, max: HIGHEST, log: true, step: 0.02, show: (mu2) => mu2.toPrecision(3) }),
    another: button("Another digit", ({ digits, example }) => {
      const next = (example + 1) % digits.length;
      return { example: next, strokes: digits[next] };
    }),
    fit: button("Fit it as in MNIST", fitted),
    undo: button("Take back a stroke", ({ strokes }) => ({ strokes: strokes.slice(0, -1), down: false })),
    clear: button("Clear", () => ({ strokes: [], down: false })),
  },
  data: ["strokes", "digits", "example", "pen", "down"],
  numbers,
  describe,
  panels: {
    canvas: {
      ...square("Draw here"),
      pen: {
        label: "A canvas of 28 by 28 pixels. The arrow keys move a pen; the space bar puts it down and lifts it.",
        draw: (place, first, { strokes }) => ({ strokes: drawnOn(strokes, place, first), pen: place.map(onCanvas), down: false }),
        keys,
      },
    },
    back: square("Returned"),
    out: square("Left out (red: negative)"),
    price: {
      title: "Share that is left out: of your digit (line), of MNIST on average (dashed)",
      x: { label: "N_h", domain: [0, 300] },
      y: { label: "share left out", domain: [0.003, 1], log: true },
      height: 230,
      room: { top: 28, right: 40, left: 60 },
    },
  },
  draw,
});
