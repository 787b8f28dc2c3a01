"""Trainings on a machine in trouble: signals, a full or read-only disk, little memory, and others at the same work."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from srbm import (
    BernoulliTraining,
    CheckpointError,
    GaussianBernoulliRBM,
    ScalarRBM,
    Training,
    TrainingInterrupted,
    train_bernoulli,
)
from srbm._support import files
from srbm._support.runtime import ended_as_by_ctrl_c
from srbm.training import loop
from tests.srbm.test_checkpoint import START, needs_posix, run
from tests.srbm.test_training import assert_same

DATA = np.random.default_rng(2).standard_normal((30, 4))


def run_binary(epochs=30, path=None, **options):
    start = GaussianBernoulliRBM.random(4, 3, 6.0, rng=0)
    return train_bernoulli(
        start, DATA, epochs, 0.05, 5, record_every=5, rng=1, checkpoint=path, checkpoint_every=4, **options
    )


def same(first, second):
    if isinstance(first, Training):
        assert_same(first, second)
        return
    np.testing.assert_array_equal(first.epochs, second.epochs)
    for one, other in zip(first.models, second.models, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)


BOTH = pytest.mark.parametrize(
    ("go", "kind"), [(run, Training), (run_binary, BernoulliTraining)], ids=["Gaussian", "binary"]
)


def at(epoch, do):
    """A callback that does something at one epoch."""
    return lambda now, model: do() if now == epoch else None


@needs_posix
@BOTH
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_process_loses_nothing(name, go, kind, tmp_path, request):
    path, number = tmp_path / "run.npz", getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP, and what is ignored stays so
    request.addfinalizer(lambda: signal.signal(number, before))
    with pytest.raises(TrainingInterrupted, match="running the same call again") as caught:
        go(path=path, callback=at(10, lambda: os.kill(os.getpid(), number)))
    assert str(caught.value.__cause__) == name
    assert kind.load(path).epochs[-1] == caught.value.last_good.epochs[-1] == 10
    same(go(path=path), go())
    assert signal.getsignal(number) is signal.SIG_DFL


@needs_posix
def test_a_batch_system_ends_a_process(tmp_path, monkeypatch):
    """From outside, anywhere between two lines of Python, and with no checkpoint for the next million of years."""
    path, reached = tmp_path / "run.npz", []
    reading, writing = os.pipe()

    def telling(*arguments):
        os.write(writing, b"an epoch")
        monkeypatch.undo()
        return loop.one_epoch(*arguments)

    monkeypatch.setattr(loop, "one_epoch", telling)
    for delay in (0.1, 0.23, 0.37):
        child = os.fork()
        if child == 0:
            try:
                run(10**9, path, checkpoint_every=10**9, record_every=10**9)
            except TrainingInterrupted:
                os._exit(7)
            os._exit(0)
        assert os.read(reading, 8) == b"an epoch"
        time.sleep(delay)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        reached.append(int(Training.load(path).epochs[-1]))
    assert reached == sorted(reached)
    assert reached[-1] > reached[0]
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
    monkeypatch.undo()
    whole = run(reached[-1], record_every=10**9)
    np.testing.assert_array_equal(Training.load(path).model.weights, whole.model.weights)


@needs_posix
def test_handlers_that_somebody_has_set_stay(tmp_path):
    path, seen = tmp_path / "run.npz", []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("ours"))
    try:
        same(run(path=path, callback=at(10, lambda: os.kill(os.getpid(), signal.SIGTERM))), run())
        assert seen == ["ours"]
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as nohup does for SIGHUP
        run(40, path=path, callback=at(35, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    finally:
        signal.signal(signal.SIGTERM, before)


@needs_posix
def test_without_a_checkpoint_no_signal_is_touched():
    found = []
    run(callback=at(10, lambda: found.append(signal.getsignal(signal.SIGTERM))))
    with ended_as_by_ctrl_c(True):
        found.append(signal.getsignal(signal.SIGTERM))
    assert found[0] is signal.SIG_DFL
    assert found[1] is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_while_the_last_checkpoint_is_written(tmp_path, monkeypatch):
    path, save, times = tmp_path / "run.npz", Training.save, []

    def interrupted(self, where):
        times.append(self.epochs[-1])
        if times.count(30) == 1:
            raise KeyboardInterrupt
        return save(self, where)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "save", interrupted)
        with pytest.raises(TrainingInterrupted) as caught:
            run(path=path)
    assert caught.value.last_good.epochs[-1] == Training.load(path).epochs[-1] == 30


@BOTH
@pytest.mark.parametrize("error", [MemoryError("all of it"), ValueError("a fault of the callback"), OSError(5, "I/O")])
def test_an_exception_loses_nothing(error, go, kind, tmp_path):
    path = tmp_path / "run.npz"

    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        go(path=path, callback=at(10, fail))
    assert caught.value is error
    assert error.__notes__ == [f"The training up to epoch 10 is in {path}"]
    del error.__notes__
    assert kind.load(path).epochs[-1] == 10
    same(go(path=path), go())
    with pytest.raises(type(error)):
        go(callback=at(10, fail))  # without a checkpoint it is what it was
    assert not hasattr(error, "__notes__")


class Full(io.FileIO):
    """A file on a disk that has room for some bytes more."""

    room = 0

    def write(self, content):
        if Full.room < len(content):
            raise OSError(28, "No space left on device")
        Full.room -= len(content)
        return super().write(content)


def opened(name, mode, **options):
    return Full(name, "x") if "x" in mode else open(name, mode, **options)


@BOTH
def test_a_disk_that_is_full_at_any_byte(go, kind, tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    go(8, path)
    before, whole = path.read_bytes(), go()
    for room in range(0, 3 * len(before), len(before) // 3):
        path.write_bytes(before)
        Full.room = room
        with monkeypatch.context() as patch:
            patch.setattr(files, "open", opened, raising=False)
            with pytest.raises(CheckpointError, match=r"No space left.*an earlier one is still there") as caught:
                go(path=path)
        last, kept = caught.value.last_good, kind.load(path)
        assert last.epochs[-1] >= kept.epochs[-1] >= 8
        same(last.resume(30 - int(last.epochs[-1])), whole)
        same(go(path=path), whole)
        assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    "thing",
    [START, GaussianBernoulliRBM.random(4, 3, 6.0, rng=0), run(8), run_binary(8)],
    ids=lambda x: type(x).__name__,
)
def test_a_full_disk_leaves_the_file_that_was_there(thing, tmp_path, monkeypatch):
    path = thing.save(tmp_path / "thing.npz")
    before = path.read_bytes()
    for room in range(0, len(before), len(before) // 7):
        Full.room = room
        with monkeypatch.context() as patch:
            patch.setattr(files, "open", opened, raising=False)
            with pytest.raises(OSError, match="No space left"):
                thing.save(path)
        assert path.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["thing.npz"]


def in_a_child(work, *, nobody=False):
    """What `work` returns in a forked process, as text; as `nobody`, who may not write everywhere as root may."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if nobody and os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            said = work()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, str(said).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@needs_posix
@BOTH
def test_a_folder_that_is_read_only(go, kind, tmp_path):
    tmp_path.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir(0o755)
    for parent in tmp_path.parents:  # pytest's folders are its user's alone
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o011)
    path, asked = folder / "run.npz", []
    folder.chmod(0o555)
    said = in_a_child(lambda: go(path=path, callback=lambda *_: asked.append(1)), nobody=True)
    assert said.startswith(f"CheckpointError: the checkpoint {path} could not be written after epoch 0")
    assert "Permission denied" in said
    assert "an earlier one" not in said
    said = in_a_child(lambda: START.save(path), nobody=True)
    assert said.startswith("PermissionError")
    folder.chmod(0o755)
    go(8, path)
    folder.chmod(0o555)

    def further():
        with pytest.raises(CheckpointError, match=r"Permission denied.*an earlier one is still there") as caught:
            go(path=path)
        return caught.value.last_good.epochs[-1]

    assert in_a_child(further, nobody=True) == "12"
    folder.chmod(0o755)
    same(go(path=path), go())
    assert [file.name for file in folder.iterdir()] == ["run.npz"]


@needs_posix
@BOTH
def test_two_trainings_on_one_checkpoint(go, kind, tmp_path):
    """The second is refused at once, whoever it is, and does not disturb the first."""
    path, said = tmp_path / "run.npz", []

    def second(**options):
        try:
            go(path=path, **options)
        except CheckpointError as error:
            return error

    def try_it():
        said.append(in_a_child(second))
        said.append(second())
        said.append(second(momentum=0.9))
        thread = threading.Thread(target=lambda: said.append(second()))
        thread.start()
        thread.join()

    first = go(path=path, callback=at(10, try_it))
    assert len(said) == 4
    for refused in said:
        assert f"another training writes the checkpoint {path} (it belongs to process {os.getpid()})" in str(refused)
    same(first, go())
    same(kind.load(path), first)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
    same(go(40, path=path), go(40))  # it is free again


@needs_posix
def test_a_checkpoint_is_free_when_its_owner_was_killed(tmp_path):
    path = tmp_path / "run.npz"
    child = os.fork()
    if child == 0:
        run(path=path, callback=at(10, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (tmp_path / ".run.npz.lock").exists()
    same(run(path=path), run())
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@needs_posix
def test_many_processes_begin_the_same_training(tmp_path):
    """One of them trains; whoever comes later finds it busy, or done."""
    path = tmp_path / "run.npz"
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                run(path=path, callback=lambda *_: time.sleep(0.01))
            except CheckpointError as error:
                os._exit(2 if "another training" in str(error) else 3)
            except BaseException:
                os._exit(4)
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(codes) <= {0, 2}
    assert 0 in codes
    same(Training.load(path), run())
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_without_locks_it_is_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    same(run(path=tmp_path / "run.npz"), run())


def test_a_disk_without_locks(tmp_path, monkeypatch):
    if files.fcntl is None:
        pytest.skip("there are no locks on this system")

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", unsupported)
    same(run(path=tmp_path / "run.npz"), run())


def test_threads_train_at_once(tmp_path):
    """Each with a checkpoint of its own; some are stopped by exceptions of their callbacks, and go on."""
    results = {}

    def work(seed):
        path = tmp_path / f"run{seed}.npz"
        if seed % 2:
            with pytest.raises(ZeroDivisionError):
                run(path=path, rng=seed, callback=at(10, lambda: 1 / 0))
        results[seed] = run(path=path, rng=seed)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 6
    for seed, training in results.items():
        same(training, run(rng=seed))
        same(Training.load(tmp_path / f"run{seed}.npz"), training)


LITTLE = """
import resource, sys
import numpy as np
from srbm import ScalarRBM, second_moment

def leave(megabytes):
    used = 4096 * int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))

folder, what = sys.argv[1:]
if what == "training":
    from tests.srbm.test_load import at, run

    np.ones((300, 300)) @ np.ones((300, 300))  # what BLAS takes for itself
    leave(60)
    try:
        run(path=folder + "/run.npz", callback=at(10, lambda: np.ones(10**8)))
    except MemoryError as error:
        print(*error.__notes__)
elif what == "file":
    leave(30)
    try:
        ScalarRBM.load(folder + "/large.npz")
    except MemoryError:
        print("MemoryError")
else:
    samples = np.load(folder + "/samples.npy", mmap_mode="r")
    np.ones((300, 300)) @ np.ones((300, 300))
    leave(200)
    print(second_moment(samples).trace())
"""


def with_little_memory(folder, what):
    result = subprocess.run(
        [sys.executable, "-c", LITTLE, str(folder), what], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


needs_limits = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's limits on memory")


@needs_limits
def test_a_training_that_runs_out_of_memory(tmp_path):
    path = tmp_path / "run.npz"
    assert with_little_memory(tmp_path, "training") == f"The training up to epoch 10 is in {path}"
    assert Training.load(path).epochs[-1] == 10
    same(run(path=path), run())


@needs_limits
def test_a_sound_file_is_not_called_damaged_where_memory_is_short(tmp_path):
    ScalarRBM(np.zeros((3000, 2000)), 4.0).save(tmp_path / "large.npz")  # 48 MB
    assert with_little_memory(tmp_path, "file") == "MemoryError"


@needs_limits
def test_data_larger_than_memory(tmp_path):
    shape = (3_000_000, 20)  # 240 MB in single precision, 480 MB in double
    samples = np.lib.format.open_memmap(tmp_path / "samples.npy", mode="w+", dtype=np.float32, shape=shape)
    samples[:] = 1
    samples.flush()
    assert with_little_memory(tmp_path, "data") == "20.0"
