"""Formulas of the ledger: what becomes of them, and what is left alone."""

import pytest

from srbm_book.typeset import typeset


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("mu^2 >= kappa_max", "μ<sup>2</sup> ≥ κ<sub>max</sub>"),
        ("1/mu^2 - 2 pi sigma_h^2", "1/μ<sup>2</sup> − 2 π σ<sub>h</sub><sup>2</sup>"),
        ("K_phi^-1, W -> W O_R^T.", "K<sub>ϕ</sub><sup>−1</sup>, W → W O<sub>R</sub><sup>T</sup>."),
        ("theta_{n+1}, V^(4/(d+4))", "θ<sub>n+1</sub>, V<sup>4/(d+4)</sup>"),
        ("(a_i a_j)^k", "(a<sub>i</sub> a<sub>j</sub>)<sup>k</sup>"),
        ("dL/dmu^2 and sqrt(gamma)", "dL/dμ<sup>2</sup> and √(γ)"),
        ("tan(Delta theta) at gamma_Dtheta", "tan(Δθ) at γ<sub>Δθ</sub>"),
        ("<phi phi^T> = <h h^T>", "⟨ϕ ϕ<sup>T</sup>⟩ = ⟨h h<sup>T</sup>⟩"),
        ("N_h < N_v", "N<sub>h</sub> &lt; N<sub>v</sub>"),
    ],
)
def test_formulas(written, shown):
    assert typeset(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "noise_floor and noise_variance_ are names",
        "1e-12, 4 x 4, epsilon and multiply",
        "a picture (2.5)",
        "Kullback-Leibler, well-known",
    ],
)
def test_prose_and_names_are_left_alone(text):
    assert typeset(text) == text


def test_what_is_not_a_tag_is_escaped():
    assert typeset("a & b_1 < c") == "a &amp; b<sub>1</sub> &lt; c"
    assert typeset("x_1 * y", lambda text: text.replace("*", "\\*")) == "x<sub>1</sub> \\* y"
