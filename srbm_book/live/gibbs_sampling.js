// Gibbs sampling of a ring, sweep by sweep: how long its modes remember. Twin: gibbs_sampling.py.
//
// The machine has mu^2 = kappa_max = m^2 + 4, sigma_h = 1 and a hidden node on each link, with W = 1 for its two ends:
// mu^2 - W W^T is then the kernel of the ring. Its levels are kappa = m^2 + 2 - 2 cos p, p = 2 pi k / 64, Eq. (78).
import { button, generator, hue, live, range, remember, slider, sum } from "./base.js";

const SITES = 64;
const SWEEPS = 600;
const PAST = 100; // sweeps that are shown of the two modes
const AGO = 10; // sweeps between the two fields
const LAGS = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400];
const MOMENTA = range(SITES / 2 + 1);

const level = (k, m2) => m2 + 2 - 2 * Math.cos((2 * Math.PI * k) / SITES);

/** The plane waves, cosine and sine of each momentum in turn, normalised. */
const WAVES = range(SITES).map((alpha) => {
  const k = Math.ceil(alpha / 2);
  const turn = alpha % 2 || !k ? Math.cos : Math.sin;
  return range(SITES).map((x) => Math.sqrt((k % (SITES / 2) ? 2 : 1) / SITES) * turn((2 * Math.PI * k * x) / SITES));
});
const wavesOf = (k) => [2 * k - 1, 2 * k].filter((alpha) => alpha >= 0 && alpha < SITES);

/** Sum of a_i b_(i + lag) over the first n. */
function products(a, b, lag = 0, n = a.length) {
  let total = 0;
  for (let i = 0; i + lag < n; i++) total += a[i] * b[i + lag];
  return total;
}

const noise = remember((seed) => {
  const random = generator(seed);
  return range(2 * SWEEPS + 1).map(() => random.normals(SITES));
});

/** The whole chain, from a field in equilibrium, and the amplitude of each wave along it. */
const chain = remember((m2, seed) => {
  const mu2 = m2 + 4;
  const [start, ...later] = noise(seed);
  const amplitudes = start.map((z, alpha) => z / Math.sqrt(level(Math.ceil(alpha / 2), m2)));
  let phi = range(SITES).map((x) => sum(WAVES.map((wave, alpha) => amplitudes[alpha] * wave[x])));
  const path = [phi];
  for (let n = 0; n < SWEEPS; n++) {
    const [above, below] = [later[2 * n], later[2 * n + 1]];
    const h = phi.map((value, x) => value + phi[(x + 1) % SITES] + above[x]);
    phi = h.map((value, x) => (value + h[(x + SITES - 1) % SITES]) / mu2 + below[x] / Math.sqrt(mu2));
    path.push(phi);
  }
  return { path, series: WAVES.map((wave) => path.map((field) => products(wave, field))) };
});

function numbers({ m2, mode, sweeps, seed }) {
  const { path, series } = chain(m2, seed);
  const n = sweeps + 1;
  const kappa = MOMENTA.map((k) => level(k, m2));
  const tau = kappa.map((value) => (2 * (m2 + 4) - value) / value); // (x14.1)
  const rho = (k, lag) => {
    const both = (at) => sum(wavesOf(k).map((alpha) => products(series[alpha], series[alpha], at, n)));
    return lag < n ? both(lag) / both(0) : null;
  };
  const upTo = (k) => range(Math.min(Math.round(5 * tau[k]), sweeps)).map((i) => i + 1);
  const first = Math.max(sweeps - PAST, 0);
  return {
    kappa, tau, field: path[sweeps], before: path[Math.max(sweeps - AGO, 0)],
    past: [0, mode].map((k) => series[wavesOf(k)[0]].slice(first, n).map((u) => u * Math.sqrt(kappa[k]))),
    remembered: [0, mode].map((k) => LAGS.map((lag) => (1 - kappa[k] / (m2 + 4)) ** lag)),
    measured: [0, mode].map((k) => LAGS.map((lag) => rho(k, lag))),
    times: MOMENTA.map((k) => 1 + 2 * sum(upTo(k).map((lag) => rho(k, lag)))),
  };
}

/** Light modes lie close together in momentum, and far apart in time. */
const hueOf = (k) => hue(Math.sqrt(k / MOMENTA.at(-1)));

function describe({ tau, times }, { m2, mode, sweeps }) {
  const said = (k) => `τ = ${tau[k].toFixed(1)} sweeps (measured: ${times[k].toFixed(1)})`;
  return `The correlation length is ${(1 / Math.sqrt(m2)).toFixed(1)} sites. The lightest mode remembers for ${said(0)}, ` +
    `the mode k = ${mode} for ${said(mode)}. Sweeps so far: ${sweeps}, or ${(sweeps / tau[0]).toFixed(1)} times the longer τ.`;
}

function draw({ ring, past, memory, times }, found, { mode, sweeps }) {
  const colours = [hueOf(0), hueOf(mode)];
  const colour = (i) => colours[i];
  const closed = (values) => [...values, values[0]].map((phi, x) => [x, phi]);
  ring.line("before", closed(found.before));
  ring.line("after", closed(found.field));
  ring.dots("sample", closed(found.field), { r: 2 });
  found.past.forEach((u, i) => {
    const points = u.map((value, j) => [j + 1 - u.length, value]);
    past.line(`past-${i}`, points).style("--hue", colours[i]);
    past.dots(`at-${i}`, points.slice(-1), { r: 4.5, hue: () => colours[i] });
  });
  found.remembered.forEach((rho, i) => {
    memory.line(`rho-${i}`, rho.map((value, j) => [LAGS[j], value])).style("--hue", colours[i]);
    const points = found.measured[i].map((value, j) => [LAGS[j], value]).filter(([, value]) => value !== null);
    memory.dots(`seen-${i}`, points, { r: 3, hue: () => colours[i] });
  });
  memory.pieces("times", [0, mode].map((k) => [[found.tau[k], -0.6], [found.tau[k], 1]]), { hue: colour });
  times.line("formula", found.tau.map((value, k) => [k, value]));
  times.dots("seen", found.times.map((value, k) => [k, Math.max(value, 0.5)]), { r: 3, hue: hueOf });
  times.handle("mode", { x: mode, label: "k" }, ([x]) => ({ mode: Math.round(x) }));
  times.text("count", `${sweeps} sweeps`, [32, 1000], { dx: -4, dy: 16, anchor: "end" });
}

export default live({
  title: "Gibbs sampling of a ring of 64 sites",
  controls: {
    sweeps: slider("Sweeps, ten a second", { min: 1, max: SWEEPS, play: (SWEEPS - 1) / 10 }),
    m2: slider("Mass of the field, m²", { min: 0.01, max: 2, log: true, step: 0.02, digits: 3 }),
    mode: slider("Heavier mode, k", { min: 1, max: SITES / 2 }),
    one: button("One sweep", ({ sweeps }) => ({ sweeps: sweeps + 1 })),
    another: button("Other random numbers", ({ seed }) => ({ seed: seed + 1 })),
  },
  data: ["seed"],
  intro: { sweeps: 1 },
  numbers,
  describe,
  panels: {
    ring: {
      title: `The field (thick), and ${AGO} sweeps before (thin)`,
      x: { label: "site", domain: [0, SITES], ticks: 6 },
      y: { label: "ϕ", domain: [-7, 7] },
      height: 0.55,
    },
    past: {
      title: "Its lightest mode and the mode k, in standard deviations",
      x: { label: "sweeps from now", domain: [-PAST, 2] },
      y: { label: "ϕ_α √κ_α", domain: [-4, 4] },
      height: 0.55,
    },
    memory: {
      title: "Their autocorrelation: measured (dots), formula (lines); dashed: τ",
      x: { label: "distance in sweeps, t", domain: [0.9, 1000], log: true },
      y: { label: "ρ(t)", domain: [-0.6, 1], ticks: 4 },
      height: 0.6,
      room: { top: 28, right: 26 },
    },
    times: {
      title: "Autocorrelation times of all modes: measured (dots), formula (line)",
      x: { label: "momentum, k = 64 p / 2π", domain: [-0.5, 32.5], ticks: 6 },
      y: { label: "τ in sweeps", domain: [0.5, 1000], log: true },
      height: 0.6,
      room: { top: 28, left: 62 },
    },
  },
  draw,
});
