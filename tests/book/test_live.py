"""Live figures outside a browser: sources in one piece, their twins, and what notebooks and pages hold of them."""

import json
import re
from importlib import import_module

import numpy as np
import pytest
from nbformat import v4
from numpy.testing import assert_allclose

from commands.normalise import WIDGET_VIEW, WIDGETS, normalise
from results import digit_modes, two_rulers
from srbm import FreeScalarField, Phi4RBM, ScalarRBM, maximum_likelihood, mnist_correlation, train
from srbm.phi4 import _mode, quartic_mean
from srbm_book.live import bundle, figures, gibbs_sampling, lattice_phi4, learning_ring, live, your_digit
from srbm_book.live.generator import Generator, Lanes, _ln, _ln_each
from srbm_book.live.one_spectrum import waves


@pytest.mark.parametrize("figure", figures())
def test_a_figure_has_a_twin_that_starts(figure):
    numbers = live(figure).numbers()
    assert numbers
    assert all(np.asarray(value, dtype=float).size for value in numbers.values())


def test_every_twin_has_a_figure():
    modules = {path.stem for path in bundle.HERE.glob("*.py") if "START" in path.read_text(encoding="utf-8")}
    assert modules - {"figure", "__init__"} == set(figures())


def test_another_start():
    assert live("one_spectrum", mu2=3).state["mu2"] == 3
    assert import_module("srbm_book.live.one_spectrum").START["mu2"] != 3


@pytest.mark.parametrize(("name", "state", "said"), [
    ("two_spectra", {}, "there is no live figure 'two_spectra'; there are .*one_spectrum"),
    ("one_spectrum", {"mass": 3}, "one_spectrum has no mass; its state is mu2, "),
])  # fmt: skip
def test_what_there_is_not(name, state, said):
    with pytest.raises(ValueError, match=said):
        live(name, **state)


def test_waves_are_the_modes_of_the_ring():
    for n in (4, 7, 10):
        ring, basis = FreeScalarField(n, 1.0), waves(n)
        assert_allclose(basis.T @ ring.kernel @ basis, np.diag(ring.eigenvalues), rtol=0, atol=1e-13)


def test_random_numbers():
    """Uniform and normal ones have the right distribution; other seeds give others."""
    drawn = np.array([Generator(3).normals(4000), Generator(4).normals(4000)])
    assert abs(np.corrcoef(drawn)[0, 1]) < 5 / np.sqrt(4000)
    assert_allclose(drawn.mean(axis=1), 0, rtol=0, atol=5 / np.sqrt(4000))
    assert_allclose(drawn.var(axis=1), 1, rtol=0, atol=5 * np.sqrt(2 / 4000))
    x = np.geomspace(1e-18, 1, 1000, endpoint=False)
    assert_allclose([_ln(each) for each in x], np.log(x), rtol=1e-15, atol=1e-15)
    source = Generator(5)
    uniform = np.array([source.uniform() for _ in range(4000)])
    assert 0 < uniform.min() < uniform.max() < 1
    assert_allclose(np.histogram(uniform, 10, (0, 1))[0], 400, rtol=0, atol=5 * np.sqrt(400))


def test_a_step_of_the_ring_is_that_of_training():
    """From an aligned start `train` takes every level where `update` does"""
    kappa, mu2, eta = learning_ring.LEVELS, 9.0, 1.3
    start = ScalarRBM(np.diag(np.sqrt(np.linspace(0.1, 4.0, 6))), mu2)
    once = train(start, np.diag(1 / kappa), 1, eta).model
    lam = np.diag(start.kernel)
    stepped = [learning_ring.update(a, k, mu2, eta, 1 / a) for a, k in zip(lam, kappa, strict=True)]
    assert_allclose(np.diag(once.kernel), stepped, rtol=1e-12, atol=0)


def test_chains_of_the_ring_are_those_of_the_machine():
    """The law of a sweep: its mean and variance, and that it leaves the machine's own law alone."""
    rbm = ScalarRBM([[1.5]], 4.0)
    (lam,) = rbm.eigenvalues
    still, noise = np.array([0.7]), np.array([1.0])
    mean = learning_ring.sweep(still, lam, 4.0, 0 * noise)
    assert_allclose(mean, rbm.reconstruct(still), rtol=1e-14, atol=0)
    variance = learning_ring.sweep(0 * still, lam, 4.0, noise) ** 2
    a = 1 - lam / 4.0
    assert_allclose(a * a / lam + variance, 1 / lam, rtol=1e-14, atol=0)


def test_stored_modes_are_those_of_the_script():
    """Within what bytes resolve. The sign of a vector is a convention, so kernels are compared."""
    stored, again = json.loads(bundle.data("your_digit")), digit_modes.packed()
    assert stored["alive"] == again["alive"]
    assert_allclose(stored["kappa"], again["kappa"], rtol=1e-10, atol=0)
    assert_allclose(stored["trace"], mnist_correlation().trace(), rtol=1e-12, atol=0)
    vectors = your_digit.modes().vectors
    assert_allclose(vectors.T @ vectors, np.eye(300), rtol=0, atol=1e-12)
    _, exact, _ = digit_modes.lightest()
    for n in (1, 16, 64, 251, 300):
        assert np.linalg.norm(vectors[:, :n] @ vectors[:, :n].T - exact[:, :n] @ exact[:, :n].T, 2) < 0.015
    swapped = exact[:, [*range(15), 16]]
    assert np.linalg.norm(vectors[:, :16] @ vectors[:, :16].T - swapped @ swapped.T, 2) > 0.9


@pytest.mark.parametrize("n_hidden", [1, 16, 64, 300])
def test_bytes_suffice_for_a_digit(n_hidden):
    """No pixel of an example differs from that of `srbm` by more than half the step, 0.02, in which ink is drawn."""
    exact = maximum_likelihood(mnist_correlation(), n_hidden, 100.0)
    for strokes in your_digit.DIGITS:
        state = your_digit.START | {"strokes": strokes, "n_hidden": n_hidden}
        found = your_digit.numbers(**state)
        assert_allclose(found["returned"], exact.reconstruct(found["image"]), rtol=0, atol=0.01)


def test_an_average_image_is_mnist():
    """Averaged over images with the moments of MNIST, what is said of one is what is said of MNIST on average."""
    kappa, vectors = your_digit.modes().kappa, your_digit.modes().vectors
    n_hidden, mu2 = 40, 100.0
    missed = slice(n_hidden, int((kappa < mu2).sum()))
    found = your_digit.numbers(**your_digit.START | {"n_hidden": n_hidden})
    square = (found["image"] @ vectors[:, missed]) ** 2
    own = found["own"] + ((mu2 - kappa[missed]) * (1 / kappa[missed] - square)).sum() / 2
    assert_allclose(own, found["nats"], rtol=1e-10, atol=0)
    C = mnist_correlation()
    left = C - 2 * (R := maximum_likelihood(C, n_hidden, mu2).kernel / -mu2 + np.eye(784)) @ C + R @ C @ R
    assert_allclose(found["typical"][n_hidden], left.trace() / C.trace(), rtol=1e-9, atol=0)


def test_the_machine_on_links_is_the_ring_and_its_sweep_keeps_it():
    """The kernel, the mean of a sweep, and that it leaves the law of the ring alone."""
    for m2 in (0.01, 2.0):
        ring, rbm = FreeScalarField(gibbs_sampling.SITES, m2), gibbs_sampling.machine(m2)
        assert_allclose(rbm.kernel, ring.kernel, rtol=0, atol=1e-14)
        one, none = np.eye(len(ring.kernel)), np.zeros(ring.kernel.shape)
        mean = gibbs_sampling.sweep(rbm, one, none, none)
        assert_allclose(mean, rbm.reconstruct(one), rtol=0, atol=1e-14)
        above, below = (gibbs_sampling.sweep(rbm, none, *noise) for noise in ((one, none), (none, one)))
        after = mean.T @ ring.propagator @ mean + above.T @ above + below.T @ below
        assert_allclose(after, ring.propagator, rtol=1e-12, atol=1e-14)


def test_autocorrelation_of_the_chain_is_that_of_pairs():
    series = np.array([[1.0, 2.0, -1.0], [0.0, 3.0, 1.0]])
    assert_allclose(gibbs_sampling.autocorrelation(series), [1, 3 / 16, -1 / 16], rtol=0, atol=1e-14)


def test_lanes_are_generators():
    """Whatever they are drawn in, each lane has the numbers of a generator of its own, to the last bit."""
    x = np.geomspace(1e-18, 1, 1000, endpoint=False)
    assert (_ln_each(x) == [_ln(each) for each in x]).all()
    together, alone = Lanes(7, 5), [Generator(0) for _ in range(5)]
    for i, each in enumerate(alone):
        each._state = (0x9E3779B9, i, 7, 1)
        for _ in range(15):
            each._word()
    for lanes in ([0, 1, 2, 3, 4], [4, 1], [2]):
        assert (together.uniform(np.array(lanes)) == [alone[i].uniform() for i in lanes]).all()
        pairs, again = together.pairs(np.array(lanes)), np.array([alone[i].normals(2) for i in lanes])
        assert (again == pairs.T).all()


def on_links(shape):
    """W = 1 for the two ends of each link of a periodic lattice, shape (sites, links)."""
    sites = np.arange(np.prod(shape)).reshape(shape)
    one = np.eye(sites.size)
    return np.hstack([one + one[np.roll(sites, -1, axis).ravel()].T for axis in (1, 0)])


def test_the_machine_on_links_is_the_lattice():
    for m2 in (-2.5, 0.5):
        machine = Phi4RBM(on_links((4, 6)), m2 + 8, 0.25)
        assert_allclose(machine.kernel, FreeScalarField((4, 6), m2).kernel, rtol=0, atol=1e-14)


def test_a_site_has_its_mode():
    source = np.linspace(-60, 60, 1001)
    for m2, coupling in ((0.5, 0.02), (-2.5, 0.5), (-1.27, 0.25)):
        found = lattice_phi4.mode(source, m2 + 8, coupling)
        assert_allclose(found, _mode(source, m2 + 8, coupling), rtol=1e-14, atol=1e-15)


def test_a_sweep_of_the_lattice_is_that_of_the_machine():
    """From a constant field: the mean of a site, and the product of two neighbours, whose sources are correlated."""
    m2, coupling, value, shape = -1.27, 0.25, 0.4, (48, 48)
    random = Lanes(3, 48 * 48)
    fields = [lattice_phi4.sweep(np.full(shape, value), m2, coupling, random) for _ in range(40)]
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    # s = 8 phi + noise of G = mu^2 - K: of variance 4, and 1 between neighbours
    near, far = nodes, (nodes[:, None] / 4 + np.sqrt(15) / 4 * nodes).ravel()
    means = [quartic_mean(8 * value + 2 * noise, m2 + 8, coupling) for noise in (near, far)]
    mean = weights @ means[0]
    product = (weights * means[0]) @ means[1].reshape(40, 40) @ weights
    seen = np.array([[field.mean(), (field * np.roll(field, 1, 0)).mean(), (field * np.roll(field, 1, 1)).mean()]
                     for field in fields])  # fmt: skip
    deviation = (seen.mean(axis=0) - [mean, product, product]) / (seen.std(axis=0, ddof=1) / np.sqrt(len(seen)))
    assert (abs(deviation) < 4.5).all()
    apart = (seen[:, 1:].mean(axis=0) - mean**2) / (seen[:, 1:].std(axis=0, ddof=1) / np.sqrt(len(seen)))
    assert (apart > 6).all()  # what neighbours without a common node would have


def test_a_run_goes_on_where_the_last_one_ended():
    at = lattice_phi4.START | {"sweeps": 7}
    parted = lattice_phi4.numbers(**at | {"past": [[at["m2"], at["coupling"], 5]], "sweeps": 2})
    whole = lattice_phi4.numbers(**at)
    assert (parted["field"] == whole["field"]).all()
    assert (parted["series"] == whole["series"][5:]).all()
    assert len(parted["cumulants"]) == 1  # that of the present: the other is too short


def test_the_cumulant_of_a_series():
    assert_allclose(lattice_phi4.averages(np.tile([0.7, -0.7], 50)).cumulant, 2 / 3, rtol=1e-14, atol=0)
    normal = np.random.default_rng(1).standard_normal(100_000)
    assert_allclose(lattice_phi4.averages(normal).cumulant, 0, rtol=0, atol=4.5 * np.sqrt(8 / 3 / 80_000))
    started_high = np.concatenate([np.full(20, 9.0), np.tile([0.5, -0.5, 0.5], 27)])
    assert_allclose(lattice_phi4.averages(started_high).order, 0.5, rtol=1e-14, atol=0)


def test_stored_spectra_are_those_of_the_script():
    stored = json.loads(bundle.data("two_rulers"))
    again = two_rulers.spectra()
    assert set(stored) == set(again)
    for name, variances in again.items():
        assert_allclose(stored[name], variances, rtol=1e-8, atol=1e-13)


SOURCE = """import * as d3 from "d3";
import {
  a, b,
} from "./base.js";
export const c = 1;
export function f() { return a; }
export default live({});
"""


def test_modules_become_functions():
    text = bundle.inlined("x", SOURCE)
    assert text.startswith("modules.x = (() => {")
    assert "const {\na, b,\n} = modules.base;" in text
    assert "\nconst c = 1;\nfunction f() { return a; }\nconst module = live({});" in text
    assert "return { c, f, default: module };" in text


@pytest.mark.parametrize("line", [
    'import a from "./base.js";', 'import { a as b } from "./base.js";', "export { a };", "export class A {}",
    'import { line } from "d3";',
])  # fmt: skip
def test_other_forms_of_imports_are_refused(line):
    with pytest.raises(ValueError, match=r"x\.js: .* of no form"):
        bundle.inlined("x", line)


def test_a_text_over_several_lines_is_refused():
    """Lines lose their indentation on the way to the browser."""
    with pytest.raises(ValueError, match=r"x\.js: a text between backticks"):
        bundle.inlined("x", "export const a = `two\n  lines`;\n")


def test_the_style_sheet_loses_its_comments_only():
    def rules(text):
        return re.findall(r"[^\s{};]+", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))

    written = (bundle.HERE / "live.css").read_text(encoding="utf-8")
    assert "/*" in written
    assert "/*" not in bundle.style()
    assert rules(bundle.style()) == rules(written)


def test_nothing_is_imported_when_it_runs():
    for figure in figures():
        for text in (bundle.module(figure), bundle.library(), bundle.script(figure)):
            assert not re.search(r"^\s*import\b|\bimport\(|https?://(?!d3js\.org|github\.com|www\.w3\.org)", text, re.M)
        assert len(re.findall(r"^export ", bundle.module(figure), re.M)) == 1


def test_a_figure_is_saved_as_a_page(tmp_path):
    """All that it needs lies beside it."""
    page = live("your_digit", n_hidden=40).save(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert '"n_hidden": 40' in text
    for script in re.findall('src="([^"]+)"', text):
        assert (tmp_path / script).is_file()
    assert (tmp_path / "your_digit.data.js").is_file()


def test_the_state_cannot_end_its_element():
    figure = live("one_spectrum")
    figure.state["seed"] = "</script>"
    assert figure.html().count("</script>") == 1


def test_a_notebook_shows_a_widget_and_stores_none():
    pytest.importorskip("anywidget")
    from ipywidgets.embed import dependency_state

    figure = live("one_spectrum", mu2=3.0)
    shown = figure._repr_mimebundle_()
    widget = figure.widget()
    assert shown[WIDGET_VIEW]["model_id"] == widget.model_id
    assert (widget.mu2, widget.n_hidden) == (3.0, figure.state["n_hidden"])
    cell = v4.new_code_cell(
        "live()", execution_count=1, outputs=[v4.new_output("execute_result", shown, execution_count=1)]
    )
    notebook = v4.new_notebook(cells=[cell])
    state = json.loads(json.dumps(dependency_state(widget, drop_defaults=False)))
    notebook.metadata["widgets"] = {WIDGETS: {"state": state, "version_major": 2, "version_minor": 0}}
    stored = normalise(notebook)
    assert set(stored.cells[0].outputs[0].data) == {"text/html", "text/plain"}
    assert "widgets" not in stored.metadata
    assert "_esm" in json.dumps(notebook)


def test_a_page_loads_what_it_shows(build, tmp_path):
    plain = "# Plain\n\nNothing moves."
    page = "# Live\n\n````{live} one_spectrum\n:mu2: 3.5\n```{image} dot.png\n:alt: A dot.\n```\n````\n"
    _, warnings, html = build(tmp_path, **{"02_live": page, "03_plain": plain})
    assert warnings == ""
    assert '"mu2": 3.5' in html["02_live"]
    assert re.search(r'class="live-still"><img alt="A dot."[^>]*>\s*</div></div>', html["02_live"])
    for name in ("live.js", "one_spectrum.js", "live.css"):
        assert f"_static/live/{name}" in html["02_live"]
        assert f"_static/live/{name}" not in html["03_plain"]
    assert (tmp_path / "html/_static/live/your_digit.data.js").exists()
    assert "data.js" not in html["02_live"]
    assert (tmp_path / "html/_static/live/one_spectrum.js").read_text(encoding="utf-8") == bundle.script("one_spectrum")


@pytest.mark.parametrize(("text", "said"), [
    ("```{live} nothing\n```", "there is no live figure 'nothing'"),
    ("```{live} one_spectrum\n:mass: 3\n```", "mass"),
    ("```{live} one_spectrum\n:mu2: three\n```", "mu2"),
])  # fmt: skip
def test_a_page_that_asks_for_what_there_is_not(build, tmp_path, text, said):
    _, warnings, _ = build(tmp_path, **{"02_live": f"# Live\n\n{text}\n"})
    assert said in warnings
