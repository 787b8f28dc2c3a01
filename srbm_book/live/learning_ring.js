// Learning a ring: all modes against time, the steps of a learning rate, and chains. Twin: learning_ring.py.
//
// From an aligned start every mode learns by itself, with sigma_h = 1 and x = mu^2 - lambda = xi^2. The six levels kappa
// of the ring are data.
import { button, generator, hue, live, range, remember, slider, sum, toggle } from "./base.js";

const START = 0.1; // x at the start
const END = 120; // flow time
const TIMES = range(61).map((i) => (END * i) / 60);

/** lambda(t) of Eq. (81) in closed form, (x13.2). It gives t as a function of the way y = -ln |lambda - end| that lambda has gone
 *  to its end, min(kappa, mu^2), and y is found by halving. */
function trajectory(kappa, mu2, t) {
  const lambda0 = mu2 - START;
  const end = Math.min(kappa, mu2);
  const at = (y) => end + (lambda0 - end) * Math.exp(-y);
  const passed = (y) => {
    if (Math.abs(kappa - mu2) < 1e-10) return ((mu2 / START) * Math.expm1(y) - y) * (mu2 / 2); // the limit of the below
    const lambda = at(y);
    const [toMass, toTarget] = kappa < mu2
      ? [Math.log((mu2 - lambda) / START), -y]
      : [-y, Math.log((kappa - lambda) / (kappa - lambda0))];
    return ((mu2 * toMass - kappa * toTarget) * kappa) / (2 * (mu2 - kappa));
  };
  let [low, high] = [0, 700];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    passed(middle) < t ? (low = middle) : (high = middle);
  }
  return at(low);
}

/** One update, Eq. (20): xi -> xi (1 + eta (1/kappa - <phi^2>)), as a map of lambda. */
function update(lambda, kappa, mu2, eta, square) {
  const growth = 1 + eta * (1 / kappa - square);
  return mu2 - (mu2 - lambda) * growth * growth;
}

/** All updates up to the end, with exact averages <phi^2> = 1/lambda or with those of persistent chains: a Gibbs sweep
 *  takes phi to a phi + noise, a = 1 - lambda/mu^2, of variance (1 + a)/mu^2. A mode below the pole is lost: null. */
const orbits = remember((levels, mu2, eta, chains, seed) => {
  const random = generator(seed);
  const steps = Math.floor(END / eta);
  return levels.map((kappa) => {
    const orbit = [mu2 - START];
    let phi = random.normals(chains).map((z) => z / Math.sqrt(orbit[0]));
    for (let n = 0; n < steps; n++) {
      const lambda = orbit[n];
      if (!(lambda > 0)) {
        orbit.push(null);
        continue;
      }
      const a = (mu2 - lambda) / mu2;
      const width = Math.sqrt((1 + a) / mu2);
      const noise = random.normals(chains);
      phi = phi.map((field, chain) => a * field + width * noise[chain]);
      orbit.push(update(lambda, kappa, mu2, eta, chains ? sum(phi.map((field) => field * field)) / chains : 1 / lambda));
    }
    return orbit;
  });
});

/** Relative standard deviation of lambda where training has settled (x7.4): null beyond the limit of stability. */
function spread(kappa, mu2, eta, chains) {
  if (kappa >= mu2) return null;
  const step = (eta * 2 * (mu2 - kappa)) / (kappa * kappa);
  const memory = (1 - kappa / mu2) ** 2;
  const tau = (1 + memory) / (1 - memory);
  return step < 2 * tau ? Math.sqrt(((2 / chains) * step * tau * tau) / (2 * tau - step)) : null;
}

const lines = remember((levels, mu2) => levels.map((kappa) => TIMES.map((t) => trajectory(kappa, mu2, t))));

function numbers({ levels, mu2, eta, t, noisy, chains, seed }) {
  const [lightest] = levels;
  const places = range(96).map((i) => (mu2 * (i + 5)) / 100);
  return {
    lines: lines(levels, mu2),
    now: levels.map((kappa) => trajectory(kappa, mu2, t)),
    orbits: orbits(levels, mu2, eta, noisy ? chains : 0, seed),
    limit: (lightest * lightest) / (mu2 - lightest), // (x7.1)
    spread: levels.map((kappa) => (noisy ? spread(kappa, mu2, eta, chains) : 0)),
    places,
    next: places.map((lambda) => update(lambda, lightest, mu2, eta, 1 / lambda)),
  };
}

/** The epochs that have passed at the time t. */
const passed = (orbit, { eta, t }) => orbit.slice(0, Math.floor(t / eta + 1e-9) + 1);
const lostAt = (orbit) => orbit.findIndex((lambda) => !(lambda > 0));

function describe({ orbits, limit, spread }, state) {
  const { eta, levels, mu2, noisy, chains } = state;
  const share = `The learning rate is ${(eta / limit).toFixed(2)} of the limit ${limit.toFixed(2)}`;
  const lost = orbits.map(lostAt).findIndex((n) => n > 0);
  if (lost >= 0) {
    return `${share}. In epoch ${lostAt(orbits[lost])} the mode κ = ${levels[lost].toFixed(2)} is thrown across the pole and lost.`;
  }
  if (noisy) {
    const floor = spread[0] === null ? "never settles" : `scatters by ${(100 * spread[0]).toFixed(0)} % around its target`;
    return `${share}, but ${chains} chains have a memory and stand larger ones; by the formula the lightest mode ${floor}.`;
  }
  const above = levels.filter((kappa) => kappa > mu2).length;
  const rest = above ? ` Levels above μ² that are not learnt: ${above}.` : "";
  const late = orbits[0].slice(-8);
  const visits = new Set(late.map((lambda) => lambda.toFixed(2))).size;
  const fate = eta <= limit / 2 ? "every mode falls to its target and none overshoots"
    : eta <= limit ? "the lightest mode overshoots, and settles"
    : `the lightest mode does not settle; the last eight epochs visit ${visits} values`;
  return `${share}: ${fate}.${rest}`;
}

function draw({ time, map }, { lines, now, orbits, limit, spread, places, next }, state) {
  const { levels, mu2, eta, t, noisy } = state;
  const colour = (k) => hue(k / (levels.length - 1));
  time.pieces("levels", levels.map((kappa) => [[0, kappa], [END, kappa]]), { hue: colour });
  const bands = levels.map((kappa, k) => [kappa, noisy ? spread[k] ?? 0 : 0]);
  time.each("bands", "rect", bands, {
    x: time.left, width: time.right - time.left, y: ([kappa, share]) => time.y(kappa * (1 + share)),
    height: ([kappa, share]) => time.y(kappa * (1 - share)) - time.y(kappa * (1 + share)),
  }).style("--hue", (_, k) => colour(k));
  lines.forEach((line, k) => time.line(`line-${k}`, line.map((lambda, i) => [TIMES[i], lambda])).style("--hue", colour(k)));
  const dots = orbits.flatMap((orbit, k) => passed(orbit, state).map((lambda, n) => [n * eta, lambda ?? -1, k]));
  time.dots("steps", dots, { r: eta < 1 ? 1.5 : 2.5 }).style("--hue", (dot) => colour(dot[2]));
  const gone = orbits.flatMap((orbit, k) => (lostAt(passed(orbit, state)) > 0 ? [[lostAt(orbit) * eta, 0.25, k]] : []));
  time.each("gone", "path", gone, { d: (g) => cross(time.x(g[0]), time.y(g[1])) });
  time.dots("now", now.map((lambda) => [t, lambda]), { r: 4, hue: colour });
  time.handle("time", { x: t, label: "t" }, ([x]) => ({ t: x }));

  const lightest = passed(orbits[0], state).filter((lambda) => lambda > 0);
  map.line("diagonal", [[0, 0], [11, 11]]);
  map.line("one-step", places.map((lambda, i) => [lambda, next[i]]));
  map.line("stairs", lightest.flatMap((lambda, n) => (n + 1 < lightest.length ? [[lambda, lambda], [lambda, lightest[n + 1]]] : [])));
  map.dots("visited", lightest.map((lambda, n) => [lambda, lightest[n + 1] ?? lambda]).slice(0, -1), { r: 3, hue: () => colour(0) });
  map.text("share", `η = ${(eta / limit).toFixed(2)} of the limit`, [0, 10.5], { dx: 8, dy: 16 });
  map.dots("target", levels[0] < mu2 ? [[levels[0], levels[0]]] : [], { r: 5, hue: () => colour(0) });
}

const cross = (x, y) => `M${x - 6},${y - 6}l12,12m0,-12l-12,12`;

export default live({
  title: "Learning a ring of ten sites",
  controls: {
    eta: slider("Learning rate, η", { min: 0.4, max: 7, step: 0.1, digits: 1 }),
    t: slider("Time, t = n η", { min: 0, max: END, step: 0.5, digits: 1, play: 12 }),
    mu2: slider("Mass of the machine, μ²", { min: 5, max: 10, step: 0.1, digits: 1 }),
    noisy: toggle("Persistent chains in place of exact averages"),
    chains: slider("Chains, B", { min: 4, max: 128, step: 4 }),
    another: button("Other random numbers", ({ seed }) => ({ seed: seed + 1 })),
  },
  data: ["levels", "seed"],
  intro: { t: 0 },
  numbers,
  describe,
  panels: {
    time: {
      title: "All levels: in closed form (lines) and in steps of η (dots)",
      x: { label: "flow time t", domain: [0, END], ticks: 6 },
      y: { label: "λ_α", domain: [0, 10.5] },
      room: { top: 28, right: 30 },
    },
    map: {
      title: "The lightest level from one epoch to the next",
      x: { label: "λ_n", domain: [0, 10.5] },
      y: { label: "λ_n after one step", domain: [0, 10.5] },
      room: { top: 28 },
    },
  },
  draw,
});
