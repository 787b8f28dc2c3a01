"""Redraw the picture of the front page and the README: python -m results.headline"""

from pathlib import Path

from srbm import FreeScalarField, figures, maximum_likelihood


def main() -> None:
    field = FreeScalarField(10, mass_squared=4.0)

    def learnt(n_hidden: int, mass_squared: float, title: str):
        rbm = maximum_likelihood(field.propagator, n_hidden, mass_squared)
        spectra = {r"target $\kappa_\alpha$": field.eigenvalues, r"RBM $\lambda_\alpha$": rbm.eigenvalues}
        return figures.spectrum(spectra, ylabel="eigenvalue", mass_squared=mass_squared, title=title, ylim=(3.7, 9.4))

    panel = learnt(10, 6.0, r"cut off by the mass: $\mu^2 = 6$, $N_h = N_v = 10$") | learnt(
        6, 9.0, r"cut off by the hidden nodes: $N_h = 6$, $\mu^2 = 9$"
    )
    panel.save(Path(__file__).parent.parent / "book" / "static" / "headline.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
