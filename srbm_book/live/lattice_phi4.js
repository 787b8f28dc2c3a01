// Lattice phi^4 on 32 x 32 sites, while the machine samples it. Twin: lattice_phi4.py.
//
// The machine has mu^2 = kappa_max = m^2 + 8, sigma_h = 1 and a hidden node on each link, with W = 1 for its two ends:
// mu^2 - W W^T is then the kernel of the lattice. A run is a mass, a coupling and a number of sweeps; it begins with the
// field that the last one left. All is done by sums, products, quotients and roots, so that the chain is the same everywhere.
import { button, lanes, live, ln, range, slider } from "./base.js";

const SIDE = 32;
const SITES = SIDE * SIDE;
const LEAST = 100; // sweeps below which a run gets no point
const KEPT = 50; // sweeps between the fields that are kept, to go back
const BINS = 80; // of the magnetisation, from -2 to 2
const NEWTON = 8;
const CRITICAL = 0.6107; // U_4 at the transition of a large square

const neighbour = (across, along) => Int32Array.from(range(SITES), (x) =>
  ((Math.floor(x / SIDE) + along + SIDE) % SIDE) * SIDE + ((x + across + SIDE) % SIDE));
const [RIGHT, LEFT, BELOW, ABOVE] = [neighbour(1, 0), neighbour(-1, 0), neighbour(0, 1), neighbour(0, -1)];
const [across, along, pair] = [new Float64Array(SITES), new Float64Array(SITES), new Float64Array(2)];

/** The root x of mu^2 x + 4 lambda x^3 = s, by Newton's steps from s / mu^2. */
function mode(source, mu2, coupling) {
  let x = source / mu2;
  for (let k = 0; k < NEWTON; k++) {
    const square = x * x;
    x = (source + 8 * coupling * square * x) / (mu2 + 12 * coupling * square);
  }
  return x;
}

/** A block Gibbs sweep: the hidden nodes on all links given the field, then every site given its source, which is drawn by
 *  rejection from a Gaussian at its mode, (x15.4). */
function sweep(field, m2, coupling, random) {
  const mu2 = m2 + 8;
  for (let x = 0; x < SITES; x++) {
    random.pair(x, pair);
    across[x] = field[x] + field[RIGHT[x]] + pair[0];
    along[x] = field[x] + field[BELOW[x]] + pair[1];
  }
  for (let x = 0; x < SITES; x++) {
    const x0 = mode(across[x] + across[LEFT[x]] + along[x] + along[ABOVE[x]], mu2, coupling);
    const width = 1 / Math.sqrt(mu2 + 4 * coupling * x0 * x0);
    for (let k = 0; ; k = 1 - k) {
      if (k === 0) random.pair(x, pair);
      const y = width * pair[k];
      const both = y * (y + 2 * x0);
      if (-ln(random.uniform(x)) <= coupling * both * both) continue;
      field[x] = x0 + y;
      break;
    }
  }
}

function mean(values) {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}

/** A chain at one mass and coupling from a field and the words of its random numbers, swept as far as anyone has asked. */
class Run {
  constructor(m2, coupling, field, words) {
    Object.assign(this, { m2, coupling, random: lanes(0, SITES), series: [mean(field)], kept: [{ field, words }] });
    this.goTo(0);
  }

  /** Be at the last field that was kept before n sweeps. */
  goTo(n) {
    const { field, words } = this.kept[Math.floor(n / KEPT)];
    this.field = field.slice();
    this.random.words.set(words);
    this.at = Math.floor(n / KEPT) * KEPT;
  }

  after(n) {
    if (n < this.at) this.goTo(n);
    while (this.at < n) {
      sweep(this.field, this.m2, this.coupling, this.random);
      this.at += 1;
      this.series[this.at] ??= mean(this.field);
      if (this.at === KEPT * this.kept.length) this.kept.push(this.left());
    }
    return this;
  }

  left() {
    return { field: this.field.slice(), words: this.random.words.slice() };
  }
}

/** Field and random numbers from which the first run begins. */
function begin(seed) {
  const random = lanes(seed, SITES);
  const field = Float64Array.from(range(SITES), (x) => (random.pair(x, pair), pair[0]));
  return { field, words: random.words };
}

let known = { seed: null, runs: [], past: [] };

/** The runs of this state, of which those that are known already are not run again; the last one is the present. */
function runs({ seed, past, m2, coupling, sweeps }) {
  const wanted = [...past, [m2, coupling, sweeps]];
  const same = (i) => {
    const [one, other] = [known.past[i], wanted[i]];
    return one && one[0] === other[0] && one[1] === other[1] && (i === 0 || known.past[i - 1][2] === wanted[i - 1][2]);
  };
  let kept = 0;
  while (seed === known.seed && kept < wanted.length && same(kept)) kept += 1;
  const list = known.runs.slice(0, kept);
  for (let i = kept; i < wanted.length; i++) {
    const { field, words } = i ? list[i - 1].after(wanted[i - 1][2]).left() : begin(seed);
    if (i) list[i - 1].kept.length = 1;
    list.push(new Run(wanted[i][0], wanted[i][1], field, words));
  }
  known = { seed, runs: list, past: wanted };
  list.at(-1).after(sweeps);
  return list;
}

/** What a run of n sweeps says of M, the first fifth of it left out. */
function averages({ series }, n) {
  const counted = series.slice(Math.floor(n / 5), n + 1);
  const [second, fourth] = [2, 4].map((power) => mean(counted.map((M) => M ** power)));
  return { counted, order: mean(counted.map(Math.abs)), second, cumulant: 1 - fourth / (3 * second * second) }; // (x15.12)
}

/** S = sum of (m^2 + 4) phi^2 / 2 - phi (phi to the right + phi below) + lambda phi^4, (x15.2). */
function action(field, m2, coupling) {
  let total = 0;
  for (let x = 0; x < SITES; x++) {
    const phi = field[x];
    total += ((m2 + 4) / 2 + coupling * phi * phi) * phi * phi - phi * (field[RIGHT[x]] + field[BELOW[x]]);
  }
  return total;
}

function numbers(state) {
  const { m2, coupling, sweeps, past } = state;
  const all = runs(state);
  const now = all.at(-1);
  const { counted, order, second, cumulant } = averages(now, sweeps);
  const density = Array(BINS).fill(0);
  for (const M of counted) density[Math.floor(((M + 2) / 4) * BINS)] += BINS / 4 / counted.length;
  const before = past.map(([mass, strength, n], i) => [mass, strength, n, all[i]])
    .filter(([, strength, n]) => n >= LEAST && strength === coupling).map(([mass, , n, run]) => [mass, averages(run, n).cumulant, n]);
  const shown = [...before, [m2, cumulant, sweeps]];
  const chi = SITES * second;
  return {
    field: Array.from(now.field), action: action(now.field, m2, coupling) / SITES, series: now.series.slice(0, sweeps + 1),
    density, order, chi, cumulant, least: 2 * (m2 + 8) * chi - 1, // (x15.11)
    masses: shown.map(([mass]) => mass), cumulants: shown.map(([, value]) => value), lengths: shown.map(([, , n]) => n),
  };
}

const minus = (text) => text.replace("-", "−");

function describe({ series, order, chi, cumulant, least }, { m2, sweeps }) {
  const times = sweeps / least;
  const caution = times < 50 ? ", but one that is too short finds too small a χ" : "";
  return `At m² = ${minus(m2.toFixed(2))} the field has M = ${minus(series.at(-1).toFixed(2))}; on average |M| is ${order.toFixed(2)}, and U_4 = ${minus(cumulant.toFixed(2))}. ` +
    `By the χ = ${chi.toFixed(0)} of this run M takes at least 2μ²χ − 1 = ${least.toFixed(0)} sweeps to forget itself; the run is ${times.toFixed(1)} times as long${caution}.`;
}

function draw({ field, trace, histogram, binder }, found, state) {
  const { m2, coupling, sweeps, longest, scanned, smaller } = state;
  field.tiles("field", found.field, 1.6);
  const thinned = Math.max(Math.ceil(found.series.length / 800), 1);
  trace.line("series", found.series.map((M, n) => [n, M]).filter((_, n) => n % thinned === 0 || n === sweeps));
  trace.dots("present", [[sweeps, found.series.at(-1)]], { r: 4 });
  histogram.between("density", found.density.flatMap((height, i) => [i, i + 1].map((at) => [(4 * at) / BINS - 2, 0, height])));
  binder.pieces("universal", [[[-2.5, CRITICAL], [0.5, CRITICAL]], [[-2.5, 2 / 3], [0.5, 2 / 3]]]);
  smaller.forEach((curve, i) => {
    const shown = coupling === 0.25; // the only one of the stored scan
    binder.line(`smaller-${i}`, shown ? curve.map((value, j) => [scanned[j], value]) : []);
    binder.text(`size-${i}`, shown ? ["8²", "16²"][i] : "", [scanned.at(-1), curve.at(-1)], { dx: 5, dy: 5 });
  });
  const last = found.masses.length - 1;
  binder.dots("runs", found.masses.map((mass, i) => [mass, found.cumulants[i]]))
    .attr("r", (_, i) => (i === last ? 6 : 4)).attr("fill-opacity", (_, i) => (i === last ? 1 : 0.25 + found.lengths[i] / longest));
  binder.handle("mass", { x: m2, label: "m²" }, ([x]) => changed(state, { m2: rounded(Math.min(Math.max(x, -2.5), 0.5)) }));
}

const rounded = (value) => Math.round(100 * value) / 100;

/** Another mass or coupling, or the same ones again: what the present run has done belongs to the past. */
const changed = ({ past, m2, coupling, sweeps }, change) => ({
  ...change, sweeps: 0, past: sweeps ? [...past, [m2, coupling, sweeps]] : past,
});
const moved = (name) => ({
  get: (state) => state[name],
  put: (state, value) => (rounded(value) === state[name] ? {} : changed(state, { [name]: rounded(value) })),
});

export default live({
  title: "Lattice ϕ⁴ on 32 by 32 sites",
  controls: {
    mass: slider("Mass of the field, m²", { min: -2.5, max: 0.5, step: 0.01, show: (value) => minus(value.toFixed(2)), ...moved("m2") }),
    strength: slider("Coupling, λ", { min: 0.02, max: 0.5, step: 0.01, digits: 2, ...moved("coupling") }),
    sweeps: slider("Sweeps of this run", { min: 0, max: ({ longest }) => longest, play: 20 }),
    one: button("One sweep", ({ sweeps }) => ({ sweeps: sweeps + 1 })),
    anew: button("Measure anew", (state) => changed(state, {})),
    hot: button("Begin again with a hot field", () => ({ past: [], sweeps: 0 })),
    another: button("Other random numbers", ({ seed }) => ({ past: [], sweeps: 0, seed: seed + 1 })),
  },
  data: ["m2", "coupling", "seed", "past", "longest", "scanned", "smaller"],
  intro: { sweeps: 0 },
  numbers,
  describe,
  panels: {
    field: {
      title: "The field (blue: positive, red: negative)",
      x: { domain: [0, SIDE], ticks: [] },
      y: { domain: [SIDE, 0], ticks: [] },
      height: "equal",
      room: { left: 1, right: 1, top: 1, bottom: 1 },
    },
    trace: {
      title: "Its mean M, sweep by sweep",
      x: { label: "sweeps of this run", domain: ({ longest }) => [0, longest], ticks: 4 },
      y: { label: "M", domain: [-1.6, 1.6], ticks: 4 },
      room: { right: 26 },
    },
    histogram: {
      title: "Histogram of M, the first fifth of the run left out",
      x: { label: "M", domain: [-1.6, 1.6] },
      y: { label: "density", domain: [0, 8], ticks: 4 },
    },
    binder: {
      title: "Binder cumulant: of this run (large), of those before, and of smaller lattices",
      x: { label: "m²", domain: [-2.5, 0.5] },
      y: { label: "U_4", domain: [-0.3, 0.7], ticks: 5 },
      room: { top: 28, right: 26 },
    },
  },
  draw,
});
