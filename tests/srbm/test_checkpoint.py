"""Training that is stopped in every way there is, and goes on as if it had not been."""

import os
import subprocess
import sys

import numpy as np
import pytest

from srbm import (
    CD,
    PCD,
    CheckpointError,
    DatasetError,
    Exact,
    ScalarRBM,
    StepDecay,
    Training,
    TrainingInterrupted,
    train,
)
from tests.srbm.helpers import correlation_with, half_drawn, needs_links
from tests.srbm.test_training import assert_same

TARGET = correlation_with([1.0, 2.0, 3.2, 4.0], rng=3)
START = ScalarRBM.random(4, 3, 6.0, rng=0)
needs_posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork and kill")


def run(epochs=30, path=None, **changes):
    options = {"gradient": PCD(16, 2), "momentum": 0.5, "learn_mass": True, "record_every": 5, "rng": 1}
    return train(
        **{
            "rbm": START,
            "correlation": TARGET,
            "learning_rate": StepDecay(0.05, 0.8, 7),
            "epochs": epochs,
            "checkpoint": path,
            "checkpoint_every": 4,
        }
        | options
        | changes
    )


def stop_at(epoch):
    def callback(now, model):
        if now == epoch:
            raise KeyboardInterrupt

    return callback


KILLED = """
import os, signal, sys, time
import numpy as np
from srbm import *
path, seed = sys.argv[1], int(sys.argv[2])
target = FreeScalarField(6, 4.0).propagator
start = ScalarRBM.random(6, 5, 9.0, rng=0)
def work(checkpoint):
    return train(start, target, 6000, StepDecay(0.02, 0.9, 500), PCD(16, 2), momentum=0.3, learn_mass=True, runs=2,
                 record_every=35, rng=1, checkpoint=checkpoint, checkpoint_every=20)
began = time.monotonic()
whole = work(path + ".whole")
length = time.monotonic() - began
delays = np.random.default_rng(seed).uniform(0, length / 25, 50)
deaths, reached = 0, []
for delay in delays:
    child = os.fork()
    if child == 0:
        work(path)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    deaths += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    if os.path.exists(path):
        reached.append(Training.load(path).epochs[-1])
for name in os.listdir(os.path.dirname(path)):
    if name.startswith("."):
        os.utime(os.path.join(os.path.dirname(path), name), (0, 0))  # as if an hour had passed
continued = work(path)
same = all(np.array_equal(getattr(whole, name), getattr(continued, name))
           for name in ("epochs", "eigenvalues", "singular_values", "mass_squared", "log_likelihood"))
same = same and all(np.array_equal(a.weights, b.weights) for a, b in zip(whole.models, continued.models))
same = same and whole._state.generator == continued._state.generator
same = same and np.array_equal(whole._state.memory, continued._state.memory)
left = [name for name in os.listdir(os.path.dirname(path)) if name.startswith(".")]
print(same, deaths, sorted(reached) == reached, len(set(reached)), len(left))
"""


@needs_posix
def test_fifty_kills(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "run.npz"), "0"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    same, deaths, forwards, places, left = result.stdout.split()
    assert (same, forwards, left) == ("True", "True", "0")
    assert int(deaths) >= 20  # it may be done before the last of the fifty shots, on a busy machine earlier
    assert int(places) >= 10  # they hit in different places


@needs_posix
def test_a_full_disk(tmp_path):
    """The limit on the size of a file makes writing fail as a full disk does: in the middle."""
    path = tmp_path / "run.npz"
    code = """
import resource, signal, sys
from srbm import CheckpointError, Training
from tests.srbm.test_checkpoint import assert_same, run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run(8, sys.argv[1])
size = __import__("os").path.getsize(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, resource.RLIM_INFINITY))
try:
    run(3000, sys.argv[1])
except CheckpointError as error:
    print(error)
    reached, stored = error.last_good, Training.load(sys.argv[1])
    assert 8 <= stored.epochs[-1] == reached.epochs[-1] - 4
    for part in (reached, stored):
        assert_same(part.resume(200 - part.epochs[-1]), run(200))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False, cwd=os.getcwd()
    )
    assert result.returncode == 0, result.stderr
    assert "could not be written after epoch" in result.stdout
    assert "File too large" in result.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_previous_checkpoint(broken, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "run.npz"
    run(8, path)
    with monkeypatch.context() as patch:
        patch.setattr(os, broken, fail)
        with pytest.raises(CheckpointError, match="No space left on device") as caught:
            run(30, path)
    assert caught.value.last_good.epochs[-1] == 12
    assert Training.load(path).epochs[-1] == 8
    assert_same(run(30, path), run(30))
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient": Exact()},
        {"gradient": CD(5, 3)},
        {"gradient": PCD(5)},
        {"runs": 3},
        {"learn_mass": False},
        {"learn_mass": "mu"},
        {"rng": 7},
        {"record_every": 1},
        {"record_every": 100},
        {"learning_rate": 0.03},
        {"weight_decay": 1e-3},
    ],
    ids=str,
)
@pytest.mark.parametrize("stop", [0, 10])
def test_running_the_same_script_again(stop, options, tmp_path):
    path = tmp_path / "run.npz"
    if stop % options.get("record_every", 5):
        stop = 0
    with pytest.raises(TrainingInterrupted, match=r"running the same call again, which reads .*run\.npz") as caught:
        run(path=path, callback=stop_at(stop), **options)
    assert Training.load(path).epochs[-1] == caught.value.last_good.epochs[-1] == stop
    assert_same(run(path=path, **options), run(**options))
    modified = path.stat().st_mtime_ns, path.read_bytes()
    assert_same(run(path=path, **options), run(**options))  # it is done: nothing is left to do
    assert path.read_bytes() == modified[1]


@pytest.mark.parametrize(
    ("gradient", "n_hidden"),
    [(PCD(64), 8), (PCD(20), 8), (PCD(400), 70)],
    ids=["hidden space", "single precision", "Gram"],
)
def test_large_models_go_on_too(gradient, n_hidden, tmp_path):
    """Their chains have representations of their own, some in the eigenbasis of the target."""
    path = tmp_path / "run.npz"
    options = {
        "rbm": ScalarRBM.random(70, n_hidden, 6.0, scale=0.02, rng=0),
        "gradient": gradient,
        "learn_mass": False,
        "correlation": correlation_with(np.linspace(1, 4, 70), rng=0),
    }
    with pytest.raises(TrainingInterrupted):
        run(path=path, callback=stop_at(10), **options)
    assert_same(run(path=path, **options), run(**options))


def test_more_epochs_prolong_a_training(tmp_path):
    path = tmp_path / "run.npz"
    for epochs in (0, 3, 11, 12, 30):  # off the grid of records, too
        assert_same(run(epochs, path), run(epochs))
    with pytest.raises(CheckpointError, match="has reached epoch 30, beyond the 29 asked for"):
        run(29, path)


def test_resuming_off_the_grid_of_records():
    part = run(12)
    assert part.epochs.tolist() == [0, 5, 10, 12]
    assert_same(part.resume(18), run(30))


def test_a_resumed_training_writes_checkpoints_too(tmp_path):
    path = tmp_path / "run.npz"
    part = run(12, path)
    with pytest.raises(TrainingInterrupted):
        part.resume(18, checkpoint=path, callback=stop_at(25))
    assert Training.load(path).epochs[-1] == 25
    assert_same(run(30, path), run(30))


@pytest.mark.parametrize("begun", [np.random.default_rng, half_drawn])
def test_the_callers_generator_moves_as_it_would_have(begun, tmp_path):
    path = tmp_path / "run.npz"
    first, second = begun(5), begun(5)
    run(rng=first)
    with pytest.raises(TrainingInterrupted):
        run(path=path, rng=begun(5), callback=stop_at(10))
    run(path=path, rng=second)
    assert (
        first.integers(2**32, size=3, dtype=np.uint32).tolist()
        == second.integers(2**32, size=3, dtype=np.uint32).tolist()
    )
    assert first.random() == second.random()
    assert_same(run(path=path, rng=None), run(rng=begun(5)))  # who gives no seed gets the stored generator


def test_the_callback_sees_every_record_once(tmp_path):
    path, seen = tmp_path / "run.npz", []
    for epochs in (10, 20, 30):
        run(epochs, path, callback=lambda epoch, model: seen.append(epoch))
    assert seen == [0, 5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"rbm": ScalarRBM.random(4, 3, 6.0, rng=1)}, "rbm"),
        ({"rbm": ScalarRBM.random(4, 2, 6.0, rng=0)}, "rbm"),
        ({"rbm": ScalarRBM(START.weights, 6.0, 1.5)}, "rbm"),
        ({"rbm": ScalarRBM(START.weights, 6.5)}, "rbm"),
        ({"correlation": 1.01 * TARGET}, "correlation"),
        ({"learning_rate": 0.05}, "learning_rate"),
        ({"gradient": PCD(16, 3)}, "gradient"),
        ({"gradient": CD(16, 2)}, "gradient"),
        ({"momentum": 0.4}, "momentum"),
        ({"learn_mass": False}, "learn_mass"),
        ({"learn_mass": "mu"}, "learn_mass"),
        ({"record_every": 6}, "record_every"),
        ({"rng": 2}, "rng"),
        ({"rng": np.random.Generator(np.random.Philox(1))}, "rng"),
        ({"weight_decay": 0.1, "rng": 3}, "weight_decay, rng"),
        ({"runs": 2}, "rbm"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(changes, names, tmp_path):
    path = tmp_path / "run.npz"
    run(8, path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=f"it differs in {names}. Give each training a file of its own"):
        run(30, path, **changes)
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(8, path)
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(DatasetError, match=r"run\.npz .*restore it from a copy, or delete it to start again"):
            run(30, path)


def test_what_cannot_be_stored_is_refused_before_the_first_epoch(tmp_path):
    asked = []
    with pytest.raises(TypeError, match="only a number or a StepDecay can be stored"):
        run(path=tmp_path / "run.npz", learning_rate=lambda epoch: asked.append(epoch) or 0.1)
    assert not asked
    assert not list(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match=r"folder of the checkpoint .* does not exist"):
        run(path=tmp_path / "nowhere" / "run.npz")
    with pytest.raises(ValueError, match="checkpoint_every must be an integer of at least 1"):
        run(path=tmp_path / "run.npz", checkpoint_every=0)


def test_a_call_that_is_refused_leaves_the_others_file_alone(tmp_path):
    path = tmp_path / "run.npz"
    run(8, path)
    being_written = tmp_path / ".run.npz.0123456789abcdef.partial"
    being_written.write_bytes(b"half")
    with pytest.raises(CheckpointError, match="it differs in momentum"):
        run(30, path, momentum=0.4)
    assert being_written.read_bytes() == b"half"
    os.utime(being_written, (0, 0))
    with pytest.raises(CheckpointError, match="it differs in momentum"):
        run(30, path, momentum=0.4)
    assert being_written.exists()  # not even what is old, before it is clear whose file this is
    run(9, path)
    assert not being_written.exists()


def test_what_cannot_be_a_checkpoint(tmp_path):
    (tmp_path / "folder").mkdir()
    for path, what in (
        (tmp_path / "folder", "a folder: give"),
        (tmp_path / "no" / "run.npz", "does not exist: create"),
    ):
        with pytest.raises(CheckpointError, match=f"the checkpoint .*{what}") as caught:
            run(path=path)
        assert "cannot be reached" not in str(caught.value)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(CheckpointError, match="pipe is no regular file: give the name of a file"):
            run(path=tmp_path / "pipe")


@needs_links
def test_a_checkpoint_behind_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "run.npz"
    link.symlink_to(tmp_path / "disk" / "run.npz")
    run(8, link)
    assert_same(run(30, link), run(30))
    assert link.is_symlink()
    assert_same(Training.load(tmp_path / "disk" / "run.npz"), run(30))


@needs_links
def test_a_checkpoint_behind_a_link_to_nowhere(tmp_path):
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere" / "run.npz")
    (tmp_path / "round").symlink_to(tmp_path / "again")
    (tmp_path / "again").symlink_to(tmp_path / "round")
    with pytest.raises(CheckpointError, match=r"folder of the checkpoint .*lost does not exist"):
        run(path=tmp_path / "lost")
    with pytest.raises(CheckpointError, match=r"cannot be reached .*symbolic links"):
        run(path=tmp_path / "round")
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist: create it first"):
        START.save(tmp_path / "lost")
    with pytest.raises(OSError, match="symbolic links"):
        START.save(tmp_path / "round")
    for use in (lambda path: run(path=path), START.save, Training.load):
        with pytest.raises(ValueError, match="which has no zero byte"):
            use("a\0b")


def denied(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_a_checkpoint_that_may_not_be_reached_or_read(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.is_dir", denied)
        with pytest.raises(CheckpointError, match=r"cannot be reached .*Permission denied.* change its permissions"):
            run(path=path)
    run(8, path)
    with monkeypatch.context() as patch:
        patch.setattr("srbm._support.files.open", denied, raising=False)
        with pytest.raises(CheckpointError, match=r"cannot be read .*Permission denied"):
            run(path=path)


def test_an_earlier_checkpoint_is_promised_only_where_there_is_one(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", denied)
        with pytest.raises(CheckpointError, match="could not be written") as caught:
            run(path=path)
    assert "an earlier one" not in str(caught.value)
    run(8, path)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", denied)
        with pytest.raises(CheckpointError, match="; an earlier one is still there"):
            run(path=path)
    assert_same(run(30, path), run(30))
