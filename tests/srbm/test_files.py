"""Files that are damaged or made to do harm: thousands of them, each refused or read as what it was."""

import errno
import io
import json
import os
import struct
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from srbm import (
    PCD,
    BernoulliTraining,
    DatasetError,
    GaussianBernoulliRBM,
    Phi4RBM,
    ScalarRBM,
    StepDecay,
    Training,
    train,
    train_bernoulli,
)
from srbm import datasets as mnist
from srbm._support.files import FORMAT, Stored, belonging, followed, load_arrays, remove_leftovers, save_arrays
from srbm.machine import Machine
from srbm.random import generator_from
from tests.srbm.helpers import correlation_with, needs_links

MODEL = ScalarRBM.random(5, 3, [6.0, 5.0, 7.0, 6.5, 8.0], hidden_variance=0.8, rng=0)
TRAINING = train(
    [ScalarRBM.random(4, 3, 6.0, rng=seed) for seed in (0, 1)],
    correlation_with([1.0, 2.0, 3.2, 4.0], 3),
    6,
    StepDecay(0.05, 0.9, 3),
    PCD(16, 2),
    momentum=0.3,
    learn_mass=True,
    record_every=2,
    rng=1,
)
DATA = np.random.default_rng(2).standard_normal((9, 4))
BINARY_TRAINING = train_bernoulli(
    [GaussianBernoulliRBM.random(4, 3, 6.0, rng=seed) for seed in (0, 1)],
    DATA,
    6,
    StepDecay(0.05, 0.9, 3),
    5,
    batch=4,
    momentum=0.3,
    learn_mass=True,
    record_every=2,
    rng=1,
)
SAVED = {
    "model": MODEL,
    "training": TRAINING,
    "binary training": BINARY_TRAINING,
    "quartic": Phi4RBM(MODEL.weights, 6.0, 0.3, 0.8),
    "binary": GaussianBernoulliRBM(MODEL.weights, 6.0, [1.0, 0.0, -1.0]),
}


@pytest.fixture(params=SAVED)
def saved(request, tmp_path):
    """A stored thing: its class, its path, its bytes."""
    thing = SAVED[request.param]
    path = thing.save(tmp_path / "stored.npz")
    return type(thing), path, path.read_bytes()


def same(first, second):
    """Whether two loaded things agree in every bit that matters."""
    if isinstance(first, Machine):
        return str(first.__getstate__()) == str(second.__getstate__())
    if isinstance(first, BernoulliTraining):
        return (
            np.array_equal(first.epochs, second.epochs)
            and np.array_equal(first.states, second.states)
            and all(
                same(one, other)
                for now, then in zip(first.models, second.models, strict=True)
                for one, other in zip(now, then, strict=True)
            )
        )
    names = ("epochs", "eigenvalues", "singular_values", "mass_squared", "log_likelihood")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names) and all(
        same(one, other) for one, other in zip(first.models, second.models, strict=True)
    )


ADVICE = "copy", "lacks", "fetch it again", "pip install"


def outcome(load, size):
    """What loading gives, None when it is refused; in little memory either way."""
    tracemalloc.start()
    try:
        return load()
    except DatasetError as error:
        if len(str(error)) > 2000 or not any(advice in str(error) for advice in ADVICE):
            raise
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 30 * size + 500_000  # NumPy 2.1 takes more than 2.4 to open any file


def damaged(content, rng):
    """`content` with one to three accidents."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        where, length = (int(n) for n in rng.integers(len(content) or 1, size=2))
        length = 1 + length // 8
        match rng.integers(7):
            case 0:
                content[where] ^= 1 << int(rng.integers(8))
            case 1:
                content[where : where + length] = rng.bytes(length)
            case 2:
                content[where : where + length] = bytes(length)
            case 3:
                del content[where:]
            case 4:
                del content[where : where + length]
            case 5:
                content[where:where] = content[where // 2 : where // 2 + length]
            case 6:
                content[where : where + 4] = b"\xff" * 4  # lengths that claim four gigabytes
        if not content:
            break
    return bytes(content)


@pytest.mark.parametrize("seed", range(2))
def test_thousands_of_damaged_files(saved, seed):
    kind, path, content = saved
    rng = np.random.default_rng(seed)
    whole = kind.load(path)
    refused = 0
    for _ in range(1000):
        path.write_bytes(damaged(content, rng))
        loaded = outcome(lambda: kind.load(path), len(content))
        refused += loaded is None
        assert loaded is None or same(loaded, whole)
    assert refused > 800  # some bytes of a zip file, such as time stamps, do not matter


def npy(array=None, *, descr="<f8", shape=(), order="False", body=b"", version=b"\1\0", header=None):
    """An .npy file, with any header."""
    if array is not None:
        stream = io.BytesIO()
        np.save(stream, array)
        return stream.getvalue()
    header = header or f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + body


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(files, path, compression=zipfile.ZIP_STORED):
    """A sound zip file (checksums are right) of (name, bytes) pairs."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)


HOSTILE = {
    "nothing": b"",
    "no array": b"text",
    "python": b"\x80\x04cos\nsystem\n.",
    "half a header": npy(0.0)[:20],
    "a claim of 8 exabytes": npy(shape=(2**60,)),
    "a claim of 8 terabytes": npy(shape=(10**6, 10**6), body=bytes(80)),
    "no entries, huge": npy(shape=(10**12, 0)),
    "a claim beyond integers": npy(shape=(10**30, 10**30)),
    "negative": npy(shape=(-1, 4)),
    "a bool": npy(shape=(True, 4)),
    "digits": npy(shape="(" + "9" * 5000 + ",)"),
    "objects": npy(descr="|O", body=b"\x80\x04K\1."),
    "fields": npy(header="{'descr': [('a', '<f8')], 'shape': ()}"),
    "long text": npy(descr="<U99999999"),
    "code": npy(header="__import__('os').mkdir('hit')\n"),
    "nested": npy(header="(" * 9000),
    "a long header": npy(header=" " * 60000),
    "another version": npy(0.0).replace(b"\1\0", b"\3\0", 1),
    "not a number": npy(np.array("a", dtype="<U1")[()]),
    "complex": npy(np.ones((4, 3), complex)),
    "single precision": npy(np.ones((5, 3), np.float32)),
    "many dimensions": npy(np.ones((1,) * 30)),
    "short by one byte": npy(np.ones((5, 3)))[:-1],
    "long by one byte": npy(np.ones((5, 3))) + b"\0",
    "text that is no text": npy(descr="<U1", body=b"\xff" * 4),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_arrays(saved, what):
    """Each array in turn is replaced by one that no `save` has written; the zip file itself is sound."""
    kind, path, content = saved
    files = members(content)
    for name in files:
        zipped((files | {name: HOSTILE[what]}).items(), path)
        assert outcome(lambda: kind.load(path), len(content) + len(HOSTILE[what])) is None, name
    assert not os.path.exists("hit")


WRONG = {
    "NaN": lambda a: np.full_like(a, np.nan),
    "infinite": lambda a: np.full_like(a, np.inf),
    "negative": lambda a: -1 - a,
    "zero": np.zeros_like,
    "huge": lambda a: np.full_like(a, 1e300),
    "tiny": lambda a: np.full_like(a, 1e-300),
    "transposed": lambda a: a.T,
    "longer": lambda a: np.concatenate([a, a]) if a.ndim else np.stack([a, a]),
    "empty": lambda a: a[:0] if a.ndim else np.empty(0),
    "reversed": lambda a: a[::-1] if a.ndim else a,
    "another dimension": lambda a: a[None],
    "Fortran": lambda a: np.array(a, order="F"),
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_numbers(saved, what):
    """An array with other numbers is refused, unless what it makes is a thing that could have been stored."""
    kind, path, content = saved
    files = members(content)
    usable = tried = 0
    for name, stored in files.items():
        array = np.load(io.BytesIO(stored))
        fractions = what in ("NaN", "infinite", "huge", "tiny")
        if array.dtype.kind == "U" or not array.size or (array.dtype.kind == "i" and fractions):
            continue
        tried += 1
        zipped((files | {name: npy(WRONG[what](array))}).items(), path)
        loaded = outcome(lambda: kind.load(path), 2 * len(content))
        if loaded is not None:
            usable += 1
            check_usable(loaded)
    more_nodes = what == "longer" and kind in (Phi4RBM, GaussianBernoulliRBM)  # whose mass does not count the nodes
    assert usable == more_nodes or what not in ("NaN", "infinite", "another dimension", "longer")
    assert usable == tried or what not in ("Fortran", "big endian")


def check_usable(thing):
    if isinstance(thing, Training):
        assert np.isfinite(thing.log_likelihood).all()
        try:
            thing = thing.resume(2).models[0]
        except ValueError:  # NotNormalizableError: the numbers are those of another training
            return
    if isinstance(thing, BernoulliTraining):
        assert np.isfinite(thing.singular_values).all()
        thing = thing.models[-1][0]
    assert np.isfinite(thing.action(np.ones(thing.n_visible)))


def test_missing_doubled_compressed_and_foreign_members(saved):
    kind, path, content = saved
    files = members(content)
    for name in files:
        zipped([(other, body) for other, body in files.items() if other != name], path)
        if name != "format.npy":
            with pytest.raises(DatasetError, match=f"lacks {name.removesuffix('.npy')}; it holds"):
                kind.load(path)
        with pytest.warns(UserWarning, match="Duplicate name"):
            zipped([*files.items(), (name, files[name])], path)
        with pytest.raises(DatasetError, match=f"holds {name.removesuffix('.npy')} more than once"):
            kind.load(path)
    zipped(files.items(), path, zipfile.ZIP_DEFLATED)
    with pytest.raises(DatasetError, match="is compressed"):
        kind.load(path)
    zipped([*files.items(), *((f"other{i}", b"") for i in range(2000))], path)
    with pytest.raises(DatasetError, match=r"holds other0, .*, \.\.\., which this version of srbm does not know"):
        kind.load(path)
    zipped([("x" * 60000, b""), *((f"other{i}", b"") for i in range(2000))], path)
    assert outcome(lambda: kind.load(path), path.stat().st_size) is None


def test_bombs(tmp_path):
    path = tmp_path / "bomb.npz"
    zeros = npy(shape=(4 * 10**6, 2), body=bytes(64 * 10**6))
    zipped({**members(MODEL.save(path).read_bytes()), "weights.npy": zeros}.items(), path, zipfile.ZIP_BZIP2)
    assert path.stat().st_size < 10_000
    assert outcome(lambda: ScalarRBM.load(path), 10_000) is None
    zipped([("n.npy", zeros)], path, zipfile.ZIP_DEFLATED)
    with pytest.raises(DatasetError, match="claims 64000"):
        load_arrays(path, {"n": Stored(("f8",), shape=())})
    # A lie: the directory of the file claims little, the stream goes on without end.
    content = path.read_bytes().replace((len(zeros)).to_bytes(4, "little"), (144).to_bytes(4, "little"))
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DatasetError):
        load_arrays(path, {"n": Stored(("f8",), shape=(2,))})
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def test_a_member_that_is_shorter_than_its_shape_says(tmp_path):
    path = tmp_path / "short.npz"
    zipped([("n.npy", npy(shape=(3,), body=bytes(16)))], path)
    with pytest.raises(DatasetError, match=r"n\.npy has 16 bytes for shape \(3,\)"):
        load_arrays(path, {"n": Stored(("f8",), shape=(3,))})


@needs_links
def test_links_in_a_circle(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(OSError, match="lead to each other") as caught:
        followed(one)
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, str(one))


def test_a_lock_whose_owner_has_not_said_who_it_is(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / ".run.npz.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = pytest.raises(BlockingIOError, match="it belongs to another process")
        with refused as caught, belonging(tmp_path / "run.npz"):
            pass
        assert caught.value.errno == errno.EWOULDBLOCK
    with belonging(tmp_path / "run.npz"):  # it is free again
        pass


def garbled(value, rng):
    """A JSON value with something wrong somewhere."""
    strange = [None, True, -1, 0, 1e400, float("nan"), "x", "seed", [], {}, 10**40, "9" * 50, [1, 2], {"a": 1}, -0.5]
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = list(value)[rng.integers(len(value))]
        if rng.random() < 0.15:
            return {name: item for name, item in value.items() if name != key}
        return value | {key: garbled(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = int(rng.integers(len(value)))
        return [*value[:at], garbled(value[at], rng), *value[at + 1 :]]
    return strange[rng.integers(len(strange))]


@pytest.mark.parametrize("training", [TRAINING, BINARY_TRAINING], ids=["Gaussian", "binary"])
def test_garbled_descriptions(training, tmp_path):
    path = training.save(tmp_path / "training.npz")
    files = members(path.read_bytes())
    text = str(np.load(io.BytesIO(files["description.npy"])))
    rng = np.random.default_rng(0)
    texts = ["", "null", "[]", "{", "[" * 100_000, '{"a":' * 5000, "1e999", text[:-1], text + "x", "\0", '"' * 99999]
    texts += [json.dumps(garbled(json.loads(text), rng)) for _ in range(400)]
    texts += ["".join(damaged(text.encode(), rng).decode("latin1")) for _ in range(300)]
    refused = 0
    for changed in texts:
        zipped((files | {"description.npy": npy(np.array(changed))}).items(), path)
        loaded = outcome(lambda: type(training).load(path), 5 * path.stat().st_size)
        refused += loaded is None
        if loaded is not None:
            assert same(loaded, training)  # at most how it goes on has changed
    assert refused > 400


@pytest.mark.parametrize("generator", ["seed", "Generator", "get_state", "PCG64", "__class__", 3, None])
def test_nothing_that_a_file_names_is_called(generator, tmp_path, monkeypatch):
    monkeypatch.setattr(np.random, "seed", None)
    path = TRAINING.save(tmp_path / "training.npz")
    files = members(path.read_bytes())
    described = json.loads(str(np.load(io.BytesIO(files["description.npy"]))))
    described["generator"] = {"bit_generator": generator, "state": {}}
    zipped((files | {"description.npy": npy(np.array(json.dumps(described)))}).items(), path)
    with pytest.raises(DatasetError, match="does not describe a training"):
        Training.load(path)


def test_what_is_not_a_file(tmp_path):
    os.mkdir(tmp_path / "folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    for name in ("folder", "pipe", "nothing"):
        with pytest.raises(FileNotFoundError, match="no file at"):
            ScalarRBM.load(tmp_path / name)


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    path = tmp_path / "run[1]*.npz"
    save_arrays(path, a=1.0)
    others = {".run[1]*.npz.partial", "run[1]*.npz.0123456789abcdef.partial", ".run1x.npz.0123456789abcdef.partial"}
    for name in {*others, ".run[1]*.npz.0123456789abcdef.partial"}:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    being_written = tmp_path / ".run[1]*.npz.fedcba9876543210.partial"
    being_written.write_bytes(b"")
    remove_leftovers(path)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, being_written.name, *others}


def rewritten(path, **changes):
    """The stored training with entries of its description changed; None leaves one out."""
    files = members(path.read_bytes())
    described = json.loads(str(np.load(io.BytesIO(files["description.npy"])))) | changes
    described = {name: value for name, value in described.items() if value is not None}
    zipped((files | {"description.npy": npy(np.array(json.dumps(described)))}).items(), path)


def generator_state(kind, **changes):
    """The state of a bit generator as JSON holds it, with entries changed wherever they are."""

    def listed(value):
        if isinstance(value, dict):
            return {name: changes.get(name, listed(item)) for name, item in value.items()}
        return value.tolist() if isinstance(value, np.ndarray) else value

    return listed(kind(3).state)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (np.random.MT19937, {"pos": 10**6}),
        (np.random.MT19937, {"pos": -1}),
        (np.random.MT19937, {"pos": 625}),
        (np.random.MT19937, {"pos": 3.5}),
        (np.random.MT19937, {"pos": True}),
        (np.random.MT19937, {"key": [1, 2]}),
        (np.random.Philox, {"buffer_pos": -(10**8)}),
        (np.random.Philox, {"buffer_pos": -1000}),
        (np.random.Philox, {"buffer_pos": 5}),
        (np.random.Philox, {"buffer": [1]}),
        (np.random.Philox, {"has_uint32": 7}),
        (np.random.PCG64, {"uinteger": 2**40}),
        (np.random.PCG64, {"inc": -1}),
        (np.random.SFC64, {"has_uint32": -3}),
    ],
)
def test_a_state_that_no_generator_can_have(kind, changes, tmp_path):
    path = TRAINING.save(tmp_path / "training.npz")
    rewritten(path, generator=generator_state(kind, **changes))
    with pytest.raises(DatasetError, match="does not describe a training"):
        Training.load(path)


@pytest.mark.parametrize(
    "kind", [np.random.MT19937, np.random.Philox, np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64]
)
@pytest.mark.parametrize("draws", [0, 1, 7])
def test_a_generator_goes_on_where_it_was(kind, draws):
    one = np.random.Generator(kind(3))
    one.integers(10, size=draws, dtype=np.uint32)  # an odd number of them leaves half a word behind
    state = json.loads(json.dumps(generator_state(lambda seed: one.bit_generator)))
    other = generator_from(state)
    np.testing.assert_array_equal(
        one.integers(2**32, size=9, dtype=np.uint32), other.integers(2**32, size=9, dtype=np.uint32)
    )
    np.testing.assert_array_equal(one.standard_normal(5), other.standard_normal(5))


def test_a_generator_of_a_library_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = TRAINING.save(tmp_path / "training.npz")
    rewritten(path, generator={"bit_generator": "torch", "device": "cpu", "state": [0]})
    with pytest.raises(DatasetError, match="generator of PyTorch, which is needed to read it: pip install torch"):
        Training.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"shortcuts": "no"},
        {"has_chains": 1},
        {"temperature": 2.0},
        {"momentum": None},
        {"momentum": 1.0},
        {"weight_decay": -0.1},
        {"record_every": 0},
        {"hidden_variance": 0.0},
    ],
)
def test_a_description_is_read_whole_and_literally(changes, tmp_path):
    path = TRAINING.save(tmp_path / "training.npz")
    rewritten(path, **changes)
    with pytest.raises(DatasetError, match="does not describe a training"):
        Training.load(path)


def test_a_file_of_a_later_version(saved):
    kind, path, content = saved
    files = members(content)
    zipped((files | {"format.npy": npy(np.int64(FORMAT + 1))}).items(), path)
    with pytest.raises(DatasetError, match=rf"later version of srbm \(format {FORMAT + 1}, .*pip install --upgrade"):
        kind.load(path)
    zipped((files | {"temperature.npy": npy(np.float64(1))}).items(), path)
    with pytest.raises(DatasetError, match="holds temperature, which this version of srbm does not know"):
        kind.load(path)


def test_a_file_of_the_time_before_versions(saved):
    kind, path, content = saved
    whole = kind.load(path)
    zipped(((name, item) for name, item in members(content).items() if name != "format.npy"), path)
    assert same(kind.load(path), whole)


@needs_links
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "model.npz"
    link.symlink_to(tmp_path / "disk" / "model.npz")
    for _ in range(2):  # to nothing, then to a file
        MODEL.save(link)
        assert link.is_symlink()
        assert same(ScalarRBM.load(tmp_path / "disk" / "model.npz"), MODEL)


def test_a_pipe_is_not_replaced(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes on this system")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="no regular file, and is not replaced"):
        MODEL.save(tmp_path / "pipe")


def test_only_numbers_are_written(tmp_path):
    with pytest.raises(TypeError, match="b cannot be stored without pickle"):
        save_arrays(tmp_path / "a.npz", a=1.0, b=[None])
    assert not list(tmp_path.iterdir())


def test_thousands_of_damaged_images():
    rng = np.random.default_rng(0)
    raw = struct.pack(">4i", 2051, 3, 28, 28) + rng.bytes(3 * 784)
    compress = zlib.compressobj(wbits=31)
    content = compress.compress(raw) + compress.flush()
    pixels = mnist.parse_idx_images(content, 3, "file")
    refused = 0
    for _ in range(3000):
        changed = damaged(content, rng)
        found = outcome(lambda changed=changed: mnist.parse_idx_images(changed, 3, "file"), len(content))
        refused += found is None
        assert found is None or np.array_equal(found, pixels)  # the time stamp of the header does not matter
    assert refused > 2900


def test_the_stored_moments_are_refused_when_damaged(tmp_path, monkeypatch):
    whole = mnist.files("srbm").joinpath("data/mnist_moments.npz").read_bytes()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(mnist, "files", lambda _: tmp_path)
    with pytest.raises(DatasetError, match=r"cannot be read .* install srbm again"):
        mnist.mnist_correlation()
    rng = np.random.default_rng(0)
    for _ in range(20):
        (tmp_path / "data" / "mnist_moments.npz").write_bytes(whole[: rng.integers(len(whole))])
        with pytest.raises(DatasetError, match=r"cannot be read .* install srbm again"):
            mnist.mnist_correlation()
    (tmp_path / "data" / "mnist_moments.npz").write_bytes(whole)
    assert mnist.mnist_correlation().shape == (784, 784)
