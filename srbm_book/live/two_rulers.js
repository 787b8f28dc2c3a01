// Two rulers: nats lost and variance lost by the best machines for three kinds of data, seen through a blur. Twin:
// two_rulers.py. The variances v of the modes of images are stored; those of a field of 28 x 28 sites are 1 / kappa.
import { button, live, range, remember, slider } from "./base.js";

const SIDE = 28;
const [LOWEST, HIGHEST] = [1e-4, 1];
const BLURS = range(41).map((i) => 10 ** ((i - 40) / 10));
const NAMES = ["lattice", "digits", "MNIST"];
const NODES = [SIDE * SIDE, 64, 784]; // N_v
const LABELS = [0.6, 0.8, 0.42]; // where along the spectra their names stand
let spectra = null;

/** The variances of all N_v modes, descending; where there are fewer that vary, the others are zero. */
function load({ digits, mnist }) {
  const step = (k) => 2 - 2 * Math.cos((2 * Math.PI * k) / SIDE);
  const lattice = range(SIDE * SIDE).map((i) => 1 / (4 + step(i % SIDE) + step(Math.floor(i / SIDE)))); // Eq. (78)
  spectra = [lattice.sort((a, b) => b - a), digits, mnist].map((v, i) =>
    Float64Array.from(range(NODES[i]), (alpha) => v[alpha] ?? 0));
}

/** Nats lost for N_h = 0, 1, ...: the sum of ln (mean / v) / 2 over the modes left out, (x17.1), their variances v + s^2. */
function curve(v, s) {
  const lost = Array(v.length);
  let [total, logs] = [0, 0];
  for (let n = v.length - 1; n >= 0; n--) {
    total += v[n] + s * s;
    logs += Math.log(v[n] + s * s);
    const left = v.length - n;
    lost[n] = Math.max((left * Math.log(total / left) - logs) / 2, 0);
  }
  return lost;
}

/** The share of the variance that N_h = 0, 1, ... nodes leave out. It knows of no blur. */
function shares(v) {
  const left = Array(v.length);
  let total = 0;
  for (let n = v.length - 1; n >= 0; n--) left[n] = total += v[n];
  return left.map((part) => part / total);
}

const sufficient = (lost, nats) => lost.findIndex((value) => value <= Math.max(nats, 1e-12));
const rulers = remember((s) => spectra.map((v) => curve(v, s)));
const fixed = remember(() => ({ shares: spectra.map(shares), curves: spectra.map((v) => BLURS.map((s) => curve(v, s))) }));
const needed = remember((nats) => fixed().curves.map((curves) => curves.map((lost) => sufficient(lost, nats))));

function numbers({ s, nats }) {
  const kl = rulers(s);
  const nodes = kl.map((lost) => sufficient(lost, nats));
  const left = fixed().shares;
  const rest = nodes.map((n, i) => {
    let total = 0;
    for (let alpha = spectra[i].length - 1; alpha >= n; alpha--) total += spectra[i][alpha];
    return total / (spectra[i].length - n);
  });
  return {
    kl: kl.flat(), shares: left.flat(), nodes, masses: rest.map((variance) => (variance > 1e-12 ? 1 / variance : null)),
    left: nodes.map((n, i) => left[i][n]), needed: needed(nats).flat(),
  };
}

/** The label of a power of ten; the ticks between have none. */
const power = (value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) > 1e-9 ? "" : value >= 0.01 && value < 1e4 ? `${value}`
  : `10${[...`${Math.round(Math.log10(value))}`].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`);

const grey = (s) => (255 * s < 9.95 ? (255 * s).toPrecision(2) : (255 * s).toFixed(0));
const rounded = (value) => Number(value.toPrecision(2)).toString();
const percent = (share) => `${(100 * share).toPrecision(2)}\u00a0%`;

function describe({ nodes, masses, left }, { s, nats }) {
  const of = (i) => `${nodes[i]} of ${NODES[i]}`;
  const machine = masses[2] === null ? "all modes that vary"
    : `μ² = ${Number(masses[2].toPrecision(2)).toLocaleString("en")} and leave out ${percent(left[2])} of the variance`;
  return `Seen through a blur of ${grey(s)} grey levels, ${rounded(nats)} nats are lost with ${of(2)} nodes for MNIST (they have ${machine}), ` +
    `${of(1)} for the digits and ${of(0)} for the lattice.`;
}

function draw({ spectrum, price, variance, nodes }, found, { s, nats }) {
  let from = 0;
  NAMES.forEach((name, i) => {
    const n = NODES[i];
    const slice = (values) => values.slice(from, from + n);
    const every = Math.ceil(n / 200); // points enough
    const along = (values, least) => Array.from(values, (value, alpha) => [alpha / n, Math.max(value, least)])
      .filter((_, alpha) => alpha % every === 0 || alpha === n - 1);
    const [kl, shares] = [slice(found.kl), slice(found.shares)];
    from += n;
    spectrum.line(`ruler-${name}`, along(spectra[i], 0).filter(([, v]) => v > 0));
    price.line(`ruler-${name}`, along(kl, 1e-3));
    variance.line(`ruler-${name}`, along(shares, 1e-9));
    nodes.line(`ruler-${name}`, found.needed.slice(i * BLURS.length, (i + 1) * BLURS.length).map((each, j) => [BLURS[j], each / n]));
    const place = found.nodes[i] / n;
    price.dots(`ruler-${name}-at`, [[place, Math.max(kl[found.nodes[i]], 0.05)]], { r: 4.5 });
    variance.dots(`ruler-${name}-at`, [[place, shares[found.nodes[i]]]], { r: 4.5 });
    nodes.dots(`ruler-${name}-at`, [[s, place]], { r: 4.5 });
    const at = Math.floor(LABELS[i] * n);
    spectrum.text(`ruler-${name}-label`, name, [at / n, spectra[i][at]],
      i < 2 ? { dx: 4, dy: -8 } : { dx: -6, dy: 16, anchor: "end" });
  });
  const blur = (at) => ({ s: Math.min(Math.max(at, LOWEST), HIGHEST) });
  spectrum.handle("blur", { y: s * s, label: "s²" }, ([, y]) => blur(Math.sqrt(Math.max(y, 0))));
  price.handle("nats", { y: nats, label: "nats" }, ([, y]) => ({ nats: y }));
  nodes.handle("width", { x: s, label: "s" }, ([x]) => blur(x));
}

export default live({
  title: "Two rulers: nats and variance, seen through a blur",
  load,
  controls: {
    s: slider("Blur of a node, s", { min: LOWEST, max: HIGHEST, log: true, step: 0.02, show: (s) => `${s.toPrecision(2)} (${grey(s)} grey levels)` }),
    nats: slider("Nats that may be lost", { min: 0.1, max: 1000, log: true, step: 0.05, show: (nats) => rounded(nats) }),
    rounding: button("The rounding of bytes", () => ({ s: 1 / 255 / Math.sqrt(12) })),
    paper: button("The paper's μ² = 100", () => ({ s: 0.1 })),
  },
  intro: { s: LOWEST },
  numbers,
  describe,
  panels: {
    spectrum: {
      title: "Variances of the modes; what lies below s² is not seen",
      x: { label: "mode / N_v", domain: [0, 1] },
      y: { label: "variance v", domain: [1e-9, 10], log: true, format: power },
      room: { right: 46, left: 62 },
    },
    price: {
      title: "One ruler: nats lost with N_h nodes",
      x: { label: "N_h / N_v", domain: [0, 1] },
      y: { label: "nats lost", domain: [0.05, 10000], log: true, format: power },
      room: { right: 56, left: 62 },
    },
    nodes: {
      title: "Nodes that are needed, against the blur",
      x: { label: "s", domain: [LOWEST, HIGHEST], log: true, format: power },
      y: { label: "N_h / N_v", domain: [0, 1] },
      room: { top: 28, right: 30 },
    },
    variance: {
      title: "The other ruler: share of the variance that is left out",
      x: { label: "N_h / N_v", domain: [0, 1] },
      y: { label: "share left out", domain: [1e-5, 1], log: true, format: power },
      room: { top: 28, left: 62 },
    },
  },
  draw,
});
