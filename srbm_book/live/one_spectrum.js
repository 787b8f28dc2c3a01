// One spectrum, two handles: what mu^2 and N_h leave of a free field on a ring. Twin: one_spectrum.py.
import { button, generator, hue, live, range, slider, sum } from "./base.js";

/** kappa = m^2 + 2 - 2 cos p of Eq. (78), ascending: the mode alpha has the momentum p = 2 pi k / N, k = ceil(alpha / 2). */
const spectrum = ({ n_sites, m2 }) =>
  range(n_sites).map((alpha) => m2 + 2 - 2 * Math.cos((2 * Math.PI * Math.ceil(alpha / 2)) / n_sites));

/** The plane wave of mode alpha at site x: cosine and sine in turn, normalised. */
function wave(alpha, x, n) {
  const k = Math.ceil(alpha / 2);
  const alone = alpha === 0 || 2 * k === n;
  const phase = (2 * Math.PI * k * x) / n;
  return Math.sqrt((alone ? 1 : 2) / n) * (alpha === 0 || alpha % 2 ? Math.cos(phase) : Math.sin(phase));
}

/** phi_x = sum_alpha z_alpha e_alpha(x) / sqrt(lambda_alpha): a sample of the Gaussian with these eigenvalues. */
const field = (eigenvalues, z) =>
  range(z.length).map((x) => sum(z.map((noise, alpha) => (noise * wave(alpha, x, z.length)) / Math.sqrt(eigenvalues[alpha]))));

function numbers(state) {
  const { mu2, n_hidden, n_sites, seed } = state;
  const target = spectrum(state);
  // Learnt are the N_h lightest modes, if they are below mu^2; every other one is left at mu^2.
  const learnt = target.map((kappa, alpha) => (alpha < n_hidden && kappa < mu2 ? kappa : mu2));
  // What a mode costs, Eq. (B8): (-1 + r - ln r) / 2 with r = mu^2 / kappa.
  const lost = target.map((kappa, alpha) => {
    const excess = (learnt[alpha] - kappa) / kappa;
    return (excess - Math.log1p(excess)) / 2;
  });
  const z = generator(seed).normals(n_sites);
  return { target, learnt, lost, nats: sum(lost), before: field(target, z), after: field(learnt, z) };
}

function describe({ target, nats }, { mu2, n_hidden, n_sites }) {
  const below = target.filter((kappa) => kappa < mu2).length;
  const kept = Math.min(below, n_hidden);
  const missed = [
    ...(below > kept ? [`${below - kept} more lie below μ² but find no hidden node`] : []),
    ...(below < n_sites ? [`${n_sites - below} lie above μ²`] : []),
  ].join(", ");
  return `${kept} of ${n_sites} modes are learnt, the infrared first${missed && `; ${missed}`}. ${nats.toFixed(3)} nats are lost.`;
}

function draw({ modes, ring }, { target, learnt, nats, before, after }, { mu2, n_hidden, n_sites }) {
  const colour = (alpha) => hue(Math.ceil(alpha / 2) / Math.floor(n_sites / 2));
  const [low, high] = modes.y.domain();
  modes.area("cut", [[n_hidden + 0.5, high], [n_sites + 0.5, low]]);
  modes.pieces("lost", target.map((kappa, alpha) => [[alpha + 1, kappa], [alpha + 1, learnt[alpha]]]), { hue: colour });
  modes.dots("target", target.map((kappa, alpha) => [alpha + 1, kappa]), { r: 4.5, hue: colour });
  modes.dots("learnt", learnt.map((lambda, alpha) => [alpha + 1, lambda]), { r: 3, hue: colour });
  // Above the frame, on the side where the knob of N_h is not.
  const left = 2 * n_hidden > n_sites;
  modes.text("nats", `${nats.toFixed(3)} nats lost`, [left ? 0.5 : n_sites + 0.5, high], { dy: -9, anchor: left ? "start" : "end" });
  modes.handle("mass", { y: mu2, label: "μ²" }, ([, y]) => ({ mu2: y }));
  modes.handle("nodes", { x: n_hidden + 0.5, label: "N_h" }, ([x]) => ({ n_hidden: Math.round(x - 0.5) }));
  const sites = (values) => [...values, values[0]].map((phi, x) => [x, phi]);
  ring.between("changed", sites(before).map(([x, phi]) => [x, phi, after[x % n_sites]]));
  ring.line("before", sites(before));
  ring.line("after", sites(after));
  ring.dots("sample", after.map((phi, x) => [x, phi]), { r: 2.5 });
}

export default live({
  title: "One spectrum, two handles",
  controls: {
    mu2: slider("Mass of the machine, μ²", { min: 0.2, max: 6.5, step: 0.05, digits: 2 }),
    n_hidden: slider("Hidden nodes, N_h", { min: 0, max: (state) => state.n_sites }),
    m2: slider("Mass of the field, m²", { min: 0.1, max: 2, step: 0.05, digits: 2 }),
    n_sites: slider("Sites of the ring, N_v", { min: 4, max: 32, step: 2 }),
    another: button("Another sample", ({ seed }) => ({ seed: seed + 1 })),
  },
  data: ["seed"],
  intro: { mu2: 6.5, n_hidden: 32 },
  numbers,
  describe,
  panels: {
    modes: {
      title: "Eigenvalues: of the field (rings) and of the machine (discs)",
      x: { label: "mode, from infrared to ultraviolet", domain: ({ n_sites }) => [0.5, n_sites + 0.5], ticks: 6 },
      y: { label: "eigenvalue", domain: [0, 6.5] },
      room: { right: 46, top: 28 },
    },
    ring: {
      title: "One sample: of the field (thin) and of the machine (thick)",
      x: { label: "site", domain: ({ n_sites }) => [0, n_sites], ticks: 6 },
      y: { label: "ϕ", domain: [-3.5, 3.5] },
      room: { top: 28 },
    },
  },
  draw,
});
