"""Formulas of docstrings: what becomes of them, and what is left alone."""

import pytest

from book.formulas import pieces


def formulas(text):
    return [piece for piece, is_formula in pieces(text) if is_formula]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("the kernel K = mu^2 - sigma_h^2 W W^T, of", [r"K = \mu^{2} - \sigma_{h}^{2} W W^{T}"]),
        ("modes with kappa < mu^2 and kappa_max", [r"\kappa < \mu^{2}", r"\kappa_{\mathrm{max}}"]),
        ("array (N_v, N_v) or (..., N_v)", ["(N_{v}, N_{v})", r"(\ldots, N_{v})"]),
        ("shape (N_h,) or (2^N_h, N_v)", ["(N_{h},)", "(2^{N_{h}}, N_{v})"]),
        (
            "<phi phi^T> - <phi><phi>^T",
            [r"\langle \phi \phi^{T} \rangle - \langle \phi \rangle\langle \phi \rangle^{T}"],
        ),
        ("<phi phi^T>_target", [r"\langle \phi \phi^{T} \rangle_{\mathrm{target}}"]),
        ("<h | phi> = eta + sigma_h^2 W^T phi", [r"\langle h | \phi \rangle = \eta + \sigma_{h}^{2} W^{T} \phi"]),
        ("for B >= 2 N_v chains", [r"B \ge 2 N_{v}"]),
        ("must be > 0.", ["> 0"]),
        (
            "kappa^(-1/2), phi_{x+d}, W_ia, lambda_alpha",
            [r"\kappa^{(-1/2)}", r"\phi_{x+d}", "W_{ia}", r"\lambda_{\alpha}"],
        ),
    ],
)
def test_formulas(written, shown):
    assert formulas(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "n_hidden and noise_floor are names",
        "A model with 10 nodes. I = 3, 1e-6",
        "shape (n, N), array (T[, runs])",
        "muon, phial, a picture (2.5), from a to b",
        "Kullback-Leibler, well-known",
        'bool or "mu"',
    ],
)
def test_prose_and_names_are_left_alone(text):
    assert pieces(text) == [(text, False)]


def test_nothing_is_lost_between_formulas():
    text = "A mu^2 above kappa_max, or N_h = 3."
    assert [piece for piece, is_formula in pieces(text) if not is_formula] == ["A ", " above ", ", or ", "."]
    assert pieces("") == []
