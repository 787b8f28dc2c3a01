"""How each stored result was made: scripts whose runs are too long for a chapter, ``python -m results.NAME``.

===================  ==================================  ==========================================================
script               writes                              what it is, and what it takes
===================  ==================================  ==========================================================
`accelerators`       chapters/data/accelerators.npz      the same trainings by PyTorch and JAX, which it needs
`bernoulli_mnist`    chapters/data/bernoulli_mnist.npz   binary hidden nodes trained on MNIST; its images
`choosing`           chapters/data/choosing.json         ways to choose a machine for data, compared
`freezing_scan`      chapters/data/freezing_scan.npz     where a decaying learning rate leaves a learnt mass
`mnist_scan`         chapters/data/mnist_scan.npz        spectra of parts of MNIST, and its recognition; its images
`phi4_scan`          chapters/data/phi4_scan.npz         lattice phi^4 theory across its transition
`mnist_moments`      srbm/data/mnist_moments.npz         exact second moments of MNIST; its images
`headline`           book/static/headline.png            the picture of the front page and the README
===================  ==================================  ==========================================================

Seeds are fixed. They use the package alone; the tests take parts of them as independent implementations.
"""
