// Probabilistic PCA in two dimensions: the Gaussian that a machine with at most one hidden node makes of some points.
// Twin: line_and_noise.py.
import { button, live, range, remember, slider, sum, toggle } from "./base.js";

const SIDE = 3;
const MASSES = range(61).map((i) => 10 ** (-1 + i / 20));

/** The second moments about the mean, with their eigenvalues: the variances along and across a line at `angle`. */
function moments(points) {
  const mean = [0, 1].map((i) => sum(points.map((point) => point[i])) / points.length);
  const [a, b, c] = [[0, 0], [0, 1], [1, 1]].map(([i, j]) =>
    sum(points.map((point) => (point[i] - mean[i]) * (point[j] - mean[j]))) / points.length);
  const along = (a + c) / 2 + Math.hypot((a - c) / 2, b);
  const across = Math.max((a * c - b * b) / along, 0);
  return { mean, C: [a, b, c], along, across, angle: Math.atan2(2 * b, a - c) / 2 };
}

/** The kernel mu^2 - sigma_h^2 W W^T of Eq. (9) at the optimum: a node that is there takes the line, if kappa < mu^2. */
function machine({ along, angle }, mu2, node) {
  const excess = node ? Math.max(mu2 - 1 / along, 0) : 0;
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const kernel = [mu2 - excess * x * x, -excess * x * y, mu2 - excess * y * y];
  const det = mu2 * (mu2 - excess);
  return { kernel, propagator: [kernel[2] / det, -kernel[1] / det, kernel[0] / det] };
}

/** Nats lost, Eq. (B8): of each mode that is left at mu^2, (-1 + r - ln r) / 2 with r = mu^2 / kappa. */
const lost = ({ along, across }, mu2, node) =>
  sum([node && mu2 * along > 1 ? 1 : mu2 * along, mu2 * across].map((r) => (r - 1 - Math.log(r)) / 2));

/** The best mass: the mean of the variances that are left to it is 1/mu^2, above (x12.6). */
const best = ({ along, across }, node) => (node ? 1 / across : 2 / (along + across));

const summary = remember((points, node) => {
  const found = moments(points);
  return { found, curve: MASSES.map((mass) => lost(found, mass, node)) };
});

function numbers({ points, mu2, node }) {
  const { found, curve } = summary(points, node);
  const { mean, C, along, across } = found;
  return {
    mean, C, variances: [along, across], ...machine(found, mu2, node), curve,
    nats: lost(found, mu2, node), best: best(found, node),
  };
}

function describe({ variances: [along, across], nats, best }, { mu2, node, points }) {
  const used = node && mu2 * along > 1;
  const shape = used
    ? `The hidden node takes the line of largest variance, ${along.toFixed(2)}; around it is noise of variance 1/μ² = ${(1 / mu2).toFixed(2)}, where that of the points is ${across.toFixed(2)}.`
    : node ? `The mass lies below κ = ${(1 / along).toFixed(2)} of the line: the node is idle, and the Gaussian is a circle.`
    : "Without a hidden node the Gaussian is a circle.";
  const loss = across > 0 ? `${nats.toFixed(3)} nats per point are lost; the best mass is ${best.toFixed(2)}.`
    : `The ${points.length} points lie on a line: the larger the mass, the better.`;
  return `${shape} ${loss}`;
}

/** The points at one (or two) standard deviations of a Gaussian with this covariance. */
const ellipse = ([x, y], [a, b, c], size) => {
  const [root, det] = [Math.sqrt(a), Math.sqrt(Math.max(a * c - b * b, 0))];
  return range(65).map((i) => {
    const [p, q] = [Math.cos((2 * Math.PI * i) / 64), Math.sin((2 * Math.PI * i) / 64)];
    return [x + size * root * p, y + (size * (b * p + det * q)) / root];
  });
};

const put = (points, which, place) => points.map((point, i) =>
  i === which ? place.map((at) => Math.round(Math.min(Math.max(at, -SIDE), SIDE) * 100) / 100) : point);

function draw({ plane, price }, { mean, C, variances, propagator, curve, nats, best }, { points, mu2, node, chosen }) {
  const [x, y] = mean;
  for (const size of [2, 1]) plane.line(`machine-${size}`, ellipse(mean, propagator, size));
  for (const size of [2, 1]) plane.line(`data-${size}`, ellipse(mean, C, size));
  const used = node && mu2 * variances[0] > 1;
  const angle = Math.atan2(2 * C[1], C[0] - C[2]) / 2;
  const [dx, dy] = [9 * Math.cos(angle), 9 * Math.sin(angle)];
  plane.line("latent", used ? [[x - dx, y - dy], [x + dx, y + dy]] : []);
  plane.dots("chosen", [points[chosen - 1]], { r: 12 });
  plane.handles("point", points, (which, place) => ({ points: put(points, which, place), chosen: which + 1 }));
  const marks = [1 / variances[0], 1 / variances[1]].filter(Number.isFinite);
  price.pieces("kappa", marks.map((kappa) => [[kappa, 0], [kappa, 3]]), { hue: (i) => `var(--live-${i ? "ultraviolet" : "infrared"})` });
  price.line("curve", curve.map((value, i) => [MASSES[i], value]));
  price.dots("best", best <= 100 ? [[best, curveAt(variances, best, node)]] : [], { r: 5 });
  price.handle("mass", { x: mu2, label: "μ²" }, ([mass]) => ({ mu2: mass }));
  price.dots("here", [[mu2, nats]], { r: 4 });
}

const curveAt = ([along, across], mass, node) => lost({ along, across }, mass, node);
const coordinate = (i) => ({
  min: -SIDE, max: SIDE, step: 0.05, digits: 2, get: ({ points, chosen }) => points[chosen - 1][i],
  put: ({ points, chosen }, value) => ({
    points: put(points, chosen - 1, points[chosen - 1].map((old, j) => (j === i ? value : old))),
  }),
});
const added = (points, place) => ({ points: [...points, place.map((at) => Math.round(at * 100) / 100)], chosen: points.length + 1 });

export default live({
  title: "A line and noise: probabilistic PCA of points in the plane",
  controls: {
    mu2: slider("Mass of the machine, μ²", { min: 0.1, max: 100, log: true, step: 0.02, digits: 2 }),
    node: toggle("A hidden node"),
    chosen: slider("Point", { min: 1, max: ({ points }) => points.length }),
    x: slider("its first coordinate", coordinate(0)),
    y: slider("its second coordinate", coordinate(1)),
    learn: button("Learn the mass", ({ points, node }) => ({ mu2: best(moments(points), node) })),
    add: button("Add a point", ({ points }) => added(points, [1 - (points.length % 3), 1 - ((points.length * 7) % 5) / 2])),
    remove: button("Remove the point", ({ points, chosen }) =>
      points.length > 3 ? { points: points.filter((_, i) => i !== chosen - 1), chosen: 1 } : {}),
  },
  data: ["points"],
  numbers,
  describe,
  panels: {
    plane: {
      title: "Drag points, tap to add one. Gaussian of the machine (filled) and of the points (dashed)",
      x: { label: "ϕ_1", domain: [-SIDE, SIDE] },
      y: { label: "ϕ_2", domain: [-SIDE, SIDE] },
      height: "equal",
      room: { top: 28 },
      tap: (place, { points }) => (points.length < 60 ? added(points, place) : {}),
    },
    price: {
      title: "Nats lost at every mass; κ of the line (left) and across (right)",
      x: { label: "μ²", domain: [0.1, 100], log: true },
      y: { label: "nats lost per point", domain: [0, 3] },
      height: 1,
      room: { top: 28, right: 40 },
    },
  },
  draw,
});
