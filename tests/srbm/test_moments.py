"""Second moments: exact against Python's integers, one pass over blocks, and no loss of digits at a large mean."""

import numpy as np
import pytest

from srbm import FreeScalarField, kernel_spectrum, second_moment, truncated_kl
from srbm.moments import FloatMoments, IntegerMoments, block_moments, integer_moments

EXTREMES = {
    np.uint8: (0, 255),
    np.int8: (-128, 127),
    np.int16: (-(2**15), 2**15 - 1),
    np.uint16: (0, 2**16 - 1),
    np.int32: (-(2**31), 2**31 - 1),
    np.int64: (-(2**26), 2**26),
    np.uint64: (0, 2**31),
    bool: (0, 1),
}


def exact(data):
    """Sums and products with Python's integers."""
    rows = [[int(x) for x in row] for row in data]
    columns = list(zip(*rows, strict=True))
    return (
        [sum(column) for column in columns],
        [[sum(x * y for x, y in zip(a, b, strict=True)) for b in columns] for a in columns],
    )


def integers(dtype, n, width=3, seed=0):
    """Half of the entries at the ends of the range, where sums are largest."""
    low, high = EXTREMES[dtype]
    rng = np.random.default_rng(seed)
    values = rng.integers(low, high, (n, width), dtype=np.int64, endpoint=True)
    ends = rng.integers(0, 2, (n, width)) * (high - low) + low
    return np.where(rng.random((n, width)) < 0.5, values, ends).astype(dtype)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1023, 1024, 1025])
@pytest.mark.parametrize("dtype", [dtype for dtype in EXTREMES if dtype not in (np.int32, np.uint64)])
def test_integers_are_summed_exactly(dtype, n):
    data = integers(dtype, n)
    moments = integer_moments(data)
    sums, products = exact(data)
    assert moments.n == n
    assert moments.sums.tolist() == sums
    assert moments.products.tolist() == products
    assert moments.products.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.int32, np.uint64])
def test_wide_integers_within_64_bits(dtype):
    data = integers(dtype, 1)
    assert integer_moments(data).products.tolist() == exact(data)[1]


@pytest.mark.parametrize("rows", [1023, 1024, 1025, 2500])
@pytest.mark.parametrize("value", [0, 255])
def test_bytes_at_the_ends_of_their_range(value, rows):
    """The largest partial sums that bytes can give, with the origin at 128: 1024 x 128^2 = 2^24."""
    data = np.full((rows, 3), value, dtype=np.uint8)
    data[:, 2] = 255 - value
    data[:3, 0] = 1  # an odd sum, which a float32 beyond 2^24 could not hold
    assert integer_moments(data).products.tolist() == exact(data)[1]


def test_integers_far_from_zero_that_single_precision_cannot_hold():
    data = 2**26 + integers(np.int8, 300).astype(np.int64)
    assert integer_moments(data).products.tolist() == exact(data)[1]


@pytest.mark.parametrize(
    "data",
    [integers(np.uint8, 1000), np.random.default_rng(1).standard_normal((1000, 3)) + 5],
    ids=["integers", "floats"],
)
@pytest.mark.parametrize("center", [False, True])
def test_blocks_are_one_sample(data, center):
    whole = second_moment(data, center)
    blocks = [data[:1], data[1:400], data[400:400], data[400:]]
    for chunks in (blocks, tuple(blocks), (block for block in blocks), data.tolist() and [data.tolist()]):
        np.testing.assert_allclose(second_moment(chunks, center), whole, rtol=1e-13)
    expected = np.cov(data.T, bias=True) if center else data.T.astype(float) @ data / len(data)
    np.testing.assert_allclose(whole, expected, rtol=1e-12)


def test_a_generator_is_read_one_block_at_a_time():
    alive = []

    def blocks():
        for _ in range(5):
            alive.append("made")
            yield np.ones((2, 2))
            alive.append("asked for the next")

    second_moment(blocks())
    assert alive == ["made", "asked for the next"] * 5


@pytest.mark.parametrize("kind", ["floats", "integers", "blocks of integers"])
def test_a_large_mean_costs_no_digits(kind):
    rng = np.random.default_rng(0)
    small = rng.integers(-3, 4, (5000, 3))
    data = small + np.array([10**7, -(10**7), 2 * 10**6])
    chunks = {
        "floats": [data[:99].astype(float), data[99:].astype(float)],
        "integers": data,
        "blocks of integers": [data[:99], data[99:]],
    }[kind]
    # Floats: each deviation is rounded at 1e-16 of the mean, 2e-9. Integers: not at all.
    tolerance = 1e-7 if kind == "floats" else 1e-13
    np.testing.assert_allclose(second_moment(chunks, center=True), np.cov(small.T, bias=True), rtol=0, atol=tolerance)


def test_centring_near_the_end_of_64_bits():
    blocks = [np.array([[3_000_000_000, -3_000_000_000]]), np.array([[1, 2]])]
    sums, products = exact(np.concatenate(blocks))
    expected = [[(2 * products[i][j] - sums[i] * sums[j]) / 4 for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(integer_moments(blocks).correlation(center=True), expected, rtol=1e-15)


def test_scale():
    data = integers(np.uint8, 100)
    scaled = integer_moments(data).correlation(True, 1 / 255)
    np.testing.assert_allclose(scaled, second_moment(data / 255, True), rtol=0, atol=1e-15)


@pytest.mark.parametrize("chunks", [[], np.empty((0, 3)), np.empty((0, 3), int), [np.empty((0, 3))] * 2, iter(())])
def test_no_samples(chunks):
    with pytest.raises(ValueError, match="needs at least one sample, got none"):
        second_moment(chunks)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (
            np.zeros(3),
            r"shape \(n, N\), a sample in each row, got shape \(3,\); wrap one sample as np.array\(sample\)\[None\]",
        ),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "agree in the number of columns, got 3 and 4"),
        (np.zeros((2, 2), complex), "real numbers, got type complex128"),
        (np.array([["a"]]), "real numbers, got type"),
        (np.array([[1.0, np.nan]]), "a block of samples must be finite, but 1 of its 2"),
        (
            np.full((2, 1), 2**62),
            "too large to be summed exactly over 2 samples in 64 bits; convert the blocks to float64",
        ),
        (np.full((1, 1), 2**63, dtype=np.uint64), "too large to be summed exactly"),
        ([np.array([[3_000_000_000]]), np.array([[2_000_000_000]])], "too large to be summed exactly over 2 samples"),
    ],
)
def test_wrong_blocks(chunks, message):
    with pytest.raises(ValueError, match=message):
        second_moment(chunks)


def test_moments_of_parts_add_up():
    """Integers: the same bits in any order and grouping. Floats: to rounding."""
    data = integers(np.uint8, 300)
    parts = [block_moments(block) for block in (data[:1], data[1:120], data[120:120], data[120:])]
    whole = integer_moments(data)
    for total in ((parts[0] + parts[1]) + (parts[2] + parts[3]), parts[3] + (parts[2] + (parts[1] + parts[0]))):
        assert (total.n, total.sums.tolist(), total.products.tolist()) == (
            whole.n,
            whole.sums.tolist(),
            whole.products.tolist(),
        )
    floats = data + np.random.default_rng(0).standard_normal(data.shape)
    parts = [block_moments(block) for block in (floats[:1], floats[1:120], floats[120:120], floats[120:])]
    in_order = parts[0] + parts[1] + parts[2] + parts[3]
    backwards = parts[3] + (parts[2] + (parts[1] + parts[0]))
    for center in (False, True):
        exact_order = second_moment([floats[:1], floats[1:120], floats[120:120], floats[120:]], center)
        np.testing.assert_array_equal(in_order.correlation(center), exact_order)
        np.testing.assert_allclose(backwards.correlation(center), exact_order, rtol=1e-13)
        np.testing.assert_allclose(in_order.correlation(center, 2.0), second_moment(2 * floats, center), rtol=1e-12)
    assert (in_order.scatter != backwards.scatter).any()


@pytest.mark.parametrize("center", [False, True])
def test_products_in_single_precision(center):
    """What is multiplied are deviations from the mean: a large one costs no more digits than it does in the data."""
    data = 100 + np.random.default_rng(0).standard_normal((3000, 4))
    double = second_moment(data, center)
    single = second_moment(data, center, dtype=np.float32)
    assert single.dtype == np.float64
    error = np.abs(single - double).max()
    assert 1e-12 < error < 1e-6  # single precision of numbers of order one, not of 10000
    np.testing.assert_array_equal(block_moments(data, np.float32).correlation(center), single)
    with pytest.raises(ValueError, match="dtype must be float64 or float32, got int64"):
        second_moment(data, dtype=np.int64)


def test_a_large_block_is_taken_in_pieces(monkeypatch):
    monkeypatch.setattr("srbm.moments._PIECE", 12)
    data = np.random.default_rng(0).standard_normal((50, 3))
    total = block_moments(data[:4])  # 12 numbers, more rows than columns
    for start in range(4, 50, 4):
        total = total + block_moments(data[start : start + 4])
    np.testing.assert_array_equal(block_moments(data).scatter, total.scatter)
    assert block_moments(data[:0]).n == 0
    monkeypatch.setattr("srbm.moments._PIECE", 2)
    wide = np.random.default_rng(0).standard_normal((50, 4))  # 8 * 2 numbers, as many rows as columns
    pieces = [block_moments(wide[start : start + 4]) for start in range(0, 50, 4)]
    np.testing.assert_array_equal(block_moments(wide).scatter, sum(pieces[1:], pieces[0]).scatter)


def test_moments_that_cannot_be_added():
    with pytest.raises(ValueError, match="moments of 2 and of 3 nodes cannot be added"):
        block_moments(np.ones((1, 2), int)) + block_moments(np.ones((1, 3), int))
    with pytest.raises(ValueError, match="moments of 2 and of 3 nodes cannot be added"):
        block_moments(np.ones((1, 2))) + block_moments(np.ones((1, 3)))
    for one, other in ((0.5, 1), (1, 0.5)):
        with pytest.raises(ValueError, match="moments of 2 and of 3 nodes cannot be added"):
            block_moments(np.full((1, 2), one)) + block_moments(np.full((1, 3), other))
        with pytest.raises(TypeError):
            block_moments(np.full((1, 2), one)) + 1.0
    half = IntegerMoments(1, np.array([2**31]), np.array([[2**62]]))
    with pytest.raises(ValueError, match="the sums over 2 samples are too large for 64 bits"):
        half + half
    assert isinstance(block_moments([[1.0, 2.0]]), FloatMoments)


@pytest.mark.parametrize("unit", [1e-120, 1.0, 1e120])
@pytest.mark.parametrize("seed", range(6))
def test_the_spectrum_of_dependent_data_does_not_depend_on_rounding(seed, unit):
    data = np.random.default_rng(seed).standard_normal((200, 6))
    data[:, 5] = data[:, 0] + data[:, 1]  # numpy gives its least variance either sign
    kappa = kernel_spectrum(unit * second_moment(data))
    assert np.isinf(kappa).tolist() == [False] * 5 + [True]
    assert (np.diff(kappa[:5]) > 0).all()
    np.testing.assert_allclose(1 / kappa[:5] / unit, np.linalg.eigvalsh(second_moment(data))[:0:-1], rtol=1e-12)
    assert truncated_kl(kappa, 3, kappa[3]) == np.inf


def test_the_spectrum_of_a_field_is_that_of_its_kernel():
    field = FreeScalarField((3, 2), 0.5)
    np.testing.assert_allclose(kernel_spectrum(field.propagator), field.eigenvalues, rtol=1e-13)
    assert (kernel_spectrum(np.zeros((2, 2))) == np.inf).all()
    with pytest.raises(ValueError, match="positive semidefinite"):
        kernel_spectrum(np.diag([1.0, -1.0]))
