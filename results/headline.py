"""Redraw the picture of the front page and the README, and the card of a link: python -m results.headline"""

from pathlib import Path

from matplotlib.figure import Figure

from srbm import FreeScalarField, figures, maximum_likelihood

STATIC = Path(__file__).parent.parent / "book" / "static"


def main() -> None:
    field = FreeScalarField(10, mass_squared=4.0)

    def learnt(n_hidden: int, mass_squared: float, title: str):
        rbm = maximum_likelihood(field.propagator, n_hidden, mass_squared)
        spectra = {r"target $\kappa_\alpha$": field.eigenvalues, r"RBM $\lambda_\alpha$": rbm.eigenvalues}
        return figures.spectrum(spectra, ylabel="eigenvalue", mass_squared=mass_squared, title=title, ylim=(3.7, 9.4))

    panel = learnt(10, 6.0, r"cut off by the mass: $\mu^2 = 6$, $N_h = N_v = 10$") | learnt(
        6, 9.0, r"cut off by the hidden nodes: $N_h = 6$, $\mu^2 = 9$"
    )
    panel.save(STATIC / "headline.png", metadata={"Software": None})
    card(field, STATIC / "card.png")


def card(field: FreeScalarField, file: Path) -> None:
    """Title and one spectrum, in the 1200 x 630 pixels that messengers show beside a link."""
    target, learnt = field.eigenvalues, maximum_likelihood(field.propagator, 10, 6.0).eigenvalues
    figure = Figure((12, 6.3), dpi=100, facecolor="#101418")
    title = "A scalar field RBM\nas an ultraviolet regulator"
    below = "The executable edition of one paper: every equation\nchecked, every figure drawn, every claim decided"
    figure.text(0.06, 0.78, title, color="w", size=38, weight="bold", va="center")
    figure.text(0.06, 0.58, below, color="#c9d1d9", size=20, va="center")
    axes = figure.add_axes((0.06, 0.06, 0.88, 0.4))
    axes.plot(target, "o:", color="#ffb703", ms=13, lw=2)
    axes.plot(learnt, "o-", color="#6ea8fe", ms=9, lw=3)
    axes.axis("off")
    figure.savefig(file, metadata={"Software": None})


if __name__ == "__main__":
    main()
