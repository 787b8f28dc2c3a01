"""How each stored result was made: scripts whose runs are too long for a chapter, ``python -m results.NAME``.

===================  ===================================  ==========================================================
script               writes                               what it is, and what it takes
===================  ===================================  ==========================================================
`accuracy`           chapters/accuracy.json               relative errors over all scales, against sixty digits
`accelerators`       srbm_book/data/accelerators.npz      the same trainings by PyTorch and JAX, which it needs
`bernoulli_mnist`    srbm_book/data/bernoulli_mnist.npz   binary hidden nodes trained on MNIST; its images
`bernoulli_seeds`    srbm_book/data/bernoulli_seeds.json  64 of them from five seeds; MNIST's images
`choosing`           srbm_book/data/choosing.json         ways to choose a machine for data, compared
`digit_modes`        srbm_book/live/your_digit.json       the lightest modes of MNIST in bytes, for a live figure
`freezing_scan`      srbm_book/data/freezing_scan.npz     where a decaying learning rate leaves a learnt mass
`mnist_scan`         srbm_book/data/mnist_scan.npz        spectra of parts of MNIST, and its recognition; its images
`over_relaxation`    srbm_book/data/over_relaxation.json  autocorrelation times on lattices up to 64 x 64
`patches`            srbm_book/data/patches.npz           tiles of a photograph that comes with scikit-learn
`phi4_dynamics`      srbm_book/data/phi4_dynamics.json    four samplers of phi^4 at its transition, timed
`phi4_scan`          srbm_book/data/phi4_scan.npz         lattice phi^4 theory across its transition
`two_rulers`         srbm_book/live/two_rulers.json       spectra of digits and of MNIST, for a live figure
`mnist_moments`      srbm/data/mnist_moments.npz          exact second moments of MNIST; its images
`headline`           book/static/headline.png             the picture of the front page and the README
===================  ===================================  ==========================================================

Seeds are fixed. They use the package alone (`accuracy` also mpmath); the tests take parts of them as independent
implementations.
"""
