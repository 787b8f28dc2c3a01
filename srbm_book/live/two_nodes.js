// Two nodes: the flow of W, Eq. (26), and of mu^2, Eq. (27), from a start that is dragged. Twin: two_nodes.py.
//
// All is in the eigenbasis of the target, with sigma_h = 1 and V = 1: W = R(Delta theta) diag(xi).
import { advance, live, range, remember, slider, toggle } from "./base.js";

const KAPPA = 0.4; // kappa_1
const [END, PARTS] = [8, 160];
const DEGREE = Math.PI / 180;

/** K^-1 = (mu^2 - W W^T)^-1 as (11, 12, 22), for W as (11, 12, 21, 22). */
function propagator([a, b, c, d, mu2]) {
  const [p, q, r] = [mu2 - a * a - b * b, -(a * c + b * d), mu2 - c * c - d * d];
  const det = p * r - q * q;
  return [r / det, -q / det, p / det];
}

/** Eqs. (26) and (27). */
const velocity = (kappa_2, learn) => (state) => {
  const [a, b, c, d] = state;
  const [p, q, r] = propagator(state);
  const [x, y] = [1 / KAPPA - p, 1 / kappa_2 - r];
  return [x * a - q * c, x * b - q * d, y * c - q * a, y * d - q * b, learn ? -(x + y) / 2 : 0];
};

/** Singular values, and W W^T as the point (p, q) = r (cos, sin)(2 Delta theta) of (x5.2). */
function measured([a, b, c, d, mu2]) {
  const [m, p, q] = [(a * a + b * b + c * c + d * d) / 2, (a * a + b * b - c * c - d * d) / 2, a * c + b * d];
  const xi_1 = Math.sqrt(m + Math.hypot(p, q));
  const xi_2 = Math.abs(a * d - b * c) / xi_1;
  return { mu2, p, q, xi_1, xi_2, lambda_1: mu2 - xi_1 * xi_1, lambda_2: mu2 - xi_2 * xi_2 };
}

const flow = remember((xi_1, xi_2, degrees, kappa_2, mu2, learn) => {
  const [c, s] = [Math.cos(degrees * DEGREE), Math.sin(degrees * DEGREE)];
  const states = [[c * xi_1, -s * xi_2, s * xi_1, c * xi_2, mu2]];
  for (let i = 0; i < PARTS; i++) states.push(advance(velocity(kappa_2, learn), states[i], END / PARTS));
  return states;
});

/** The fixed points at this mu^2: which modes are learnt, and the rate of the slowest way in or the fastest way out. */
function rest(kappa_2, mu2) {
  const kappa = [KAPPA, kappa_2];
  const grow = (i, at) => 1 / kappa[i] - 1 / at;
  const settle = (i, j) => -(2 * mu2 - kappa[i] - kappa[j]) / (kappa[i] * kappa[j]);
  return [[], [0], [1], [0, 1]].filter((learnt) => learnt.every((i) => kappa[i] < mu2)).map((learnt) => {
    const [a, b] = learnt;
    const rate = learnt.length === 2 ? Math.max(settle(0, 0), settle(1, 1), settle(0, 1))
      : learnt.length ? Math.max(settle(a, a), grow(1 - a, mu2), grow(1 - a, kappa[a]))
      : Math.max(grow(0, mu2), grow(1, mu2));
    const xi = [a, b].map((i) => (i === undefined ? 0 : Math.sqrt(mu2 - kappa[i]))).sort((one, other) => other - one);
    return { xi, rate };
  });
}

function numbers({ xi_1, xi_2, angle, kappa_2, mu2, learn, t }) {
  const states = flow(xi_1, xi_2, angle, kappa_2, mu2, learn);
  const found = states.map(measured);
  const series = (name) => found.map((each) => each[name]);
  const now = states[Math.round((t / END) * PARTS)];
  const points = rest(kappa_2, now[4]);
  return {
    ...Object.fromEntries(["mu2", "p", "q", "xi_1", "xi_2", "lambda_1", "lambda_2"].map((name) => [name, series(name)])),
    propagator: propagator(now), rest: points.map(({ xi }) => xi), rates: points.map(({ rate }) => rate),
  };
}

/** Delta theta in degrees against time: the half of a polar angle, followed where it turns. */
function angles({ p, q, xi_1, xi_2 }) {
  let last = null;
  return p.map((_, i) => {
    if (xi_1[i] - xi_2[i] < 1e-6) return NaN; // no angle is left
    let degrees = Math.atan2(q[i], p[i]) / 2 / DEGREE;
    if (last !== null) degrees -= 180 * Math.round((degrees - last) / 180);
    return (last = degrees);
  });
}

function describe(found, { kappa_2, angle, learn, t }) {
  const at = Math.round((t / END) * PARTS);
  const theta = angles(found)[at];
  const gap = Math.min(...found.xi_1.map((xi, i) => xi - found.xi_2[i]));
  const crossing = gap < 0.05 && found.xi_1[0] - found.xi_2[0] > 0.1 ? ` On the way the singular values avoid each other by ${gap.toFixed(3)}.` : "";
  const mass = learn ? ` The mass is ${found.mu2[at].toFixed(3)}.` : "";
  return `From ξ = (${found.xi_1[0].toFixed(2)}, ${found.xi_2[0].toFixed(2)}) at ${angle}°: at t = ${t.toFixed(2)} the eigenvalues are ${found.lambda_1[at].toFixed(3)} and ${found.lambda_2[at].toFixed(3)}, `
    + `those of the target ${Math.min(KAPPA, kappa_2).toFixed(2)} and ${Math.max(KAPPA, kappa_2).toFixed(2)}. `
    + `The angle is ${Number.isFinite(theta) ? `${theta.toFixed(0)}°` : "lost"}.${mass}${crossing}`;
}

function draw({ plane, gauss, levels, turn }, found, state) {
  const { xi_1, xi_2, angle, kappa_2, mu2, t } = state;
  const at = Math.round((t / END) * PARTS);
  const time = (i) => (i * END) / PARTS;
  const upTo = (values) => values.slice(0, at + 1).map((value, i) => [time(i), value]);
  plane.line("equal", [[0, 0], [2, 2]]);
  plane.line("way", found.xi_1.slice(0, at + 1).map((xi, i) => [xi, found.xi_2[i]]));
  plane.dots("rest", found.rest, { r: 6, clipped: false }).classed("live-stable", (_, i) => found.rates[i] < 0);
  plane.each("rate", "text", found.rest, {
    x: ([x]) => plane.x(x) + 9, y: ([, y], i) => plane.y(y) - 8 - 14 * (i % 2),
  })
    .text((_, i) => `${found.rates[i] > 0 ? "+" : "−"}${Math.abs(found.rates[i]).toFixed(2)}`);
  plane.dots("place", [[found.xi_1[at], found.xi_2[at]]], { r: 4 });
  plane.handle("start", { x: xi_1, y: xi_2 }, ([x, y]) => ({ xi_1: Math.max(x, y), xi_2: Math.min(x, y) }));

  gauss.line("machine-2", ellipse(found.propagator));
  gauss.line("data-2", ellipse([1 / KAPPA, 0, 1 / kappa_2]));
  const [c, s] = [Math.cos(angle * DEGREE), Math.sin(angle * DEGREE)];
  gauss.line("axis", [[-4 * c, -4 * s], [4 * c, 4 * s]]);
  gauss.handle("dial", { x: 4 * c, y: 4 * s }, ([x, y]) => ({ angle: Math.atan2(Math.max(y, 0), Math.max(x, 0)) / DEGREE }));

  const aims = [KAPPA, kappa_2].map((kappa) => [[0, kappa], [END, kappa]]);
  levels.pieces("aims", aims, { hue: (i) => colour(i === (kappa_2 < KAPPA ? 1 : 0)) });
  levels.line("mass", upTo(found.mu2));
  levels.line("first", upTo(found.lambda_1)).style("--hue", colour(true));
  levels.line("second", upTo(found.lambda_2)).style("--hue", colour(false));
  levels.text("mu", "μ²", [0, found.mu2[0]], { dx: 6, dy: -6 });
  levels.handle("time", { x: t, label: "t" }, ([x]) => ({ t: x }));
  turn.pieces("aims", [[[0, 0], [END, 0]], [[0, 90], [END, 90]]]);
  turn.line("angle", upTo(angles(found)));
}

const colour = (light) => (light ? "var(--live-infrared)" : "var(--live-ultraviolet)");

/** Two standard deviations. */
const ellipse = ([a, b, c]) => range(65).map((i) => {
  const [p, q] = [Math.cos((2 * Math.PI * i) / 64), Math.sin((2 * Math.PI * i) / 64)];
  return [2 * Math.sqrt(a) * p, (2 * (b * p + Math.sqrt(a * c - b * b) * q)) / Math.sqrt(a)];
});

export default live({
  title: "Two nodes: the flow of the weights",
  controls: {
    xi_1: slider("Singular value, ξ_1(0)", { min: 0.02, max: ({ mu2 }) => Math.sqrt(mu2) - 0.01, step: 0.01, digits: 2 }),
    xi_2: slider("Singular value, ξ_2(0)", { min: 0.01, max: ({ xi_1 }) => xi_1 - 0.005, step: 0.01, digits: 2 }),
    angle: slider("Angle to the target, Δθ(0)", { min: 0, max: 90, show: (value) => `${value}°` }),
    kappa_2: slider("Eigenvalue of the target, κ_2", { min: 0.15, max: 1.2, step: 0.05, digits: 2 }),
    mu2: slider("Mass of the machine, μ²(0)", { min: 0.3, max: 1.5, step: 0.05, digits: 2 }),
    t: slider("Time, t", { min: 0, max: END, step: END / PARTS, digits: 2, play: 8 }),
    learn: toggle("The mass is learnt"),
  },
  intro: { t: 0 },
  numbers,
  describe,
  panels: {
    plane: {
      title: "Singular values: drag the start. Fixed points with the rate that decides",
      x: { label: "ξ_1", domain: [0, 1.25] },
      y: { label: "ξ_2", domain: [0, 1.25] },
      room: { top: 28, right: 30 },
    },
    gauss: {
      title: "Gaussian of the machine (filled) and of the data (dashed): turn the start",
      x: { label: "ϕ along the first mode", domain: [-8, 8] },
      y: { label: "ϕ along the second", domain: [-5.5, 5.5] },
      height: "equal",
      room: { top: 28, right: 30 },
    },
    levels: {
      title: "Eigenvalues of the kernel",
      x: { label: "flow time t", domain: [0, END] },
      y: { label: "λ_1, λ_2", domain: [0, 1.6] },
      room: { top: 28, right: 30 },
    },
    turn: {
      title: "The angle between the bases",
      x: { label: "flow time t", domain: [0, END] },
      y: { label: "Δθ in degrees", domain: [-10, 100], ticks: [0, 30, 60, 90] },
      room: { top: 28, right: 30 },
    },
  },
  draw,
});
