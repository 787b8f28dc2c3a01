"""The training of binary hidden nodes that is stopped, stored, continued and repeated, as if it had not been."""

import numpy as np
import pytest

from srbm import (
    BernoulliTraining,
    CheckpointError,
    DatasetError,
    GaussianBernoulliRBM,
    NotNormalizableError,
    StepDecay,
    TrainingInterrupted,
    bernoulli_gradient,
    train_bernoulli,
)

DATA = np.random.default_rng(0).standard_normal((30, 4))
START = GaussianBernoulliRBM.random(4, 3, 3.0, 0.5, rng=1)
OTHER = GaussianBernoulliRBM.random(4, 3, 2.0, 0.5, rng=2)
STATES = np.random.default_rng(3).standard_normal((8, 4))


def run(epochs=20, path=None, **changes):
    options = {"chains": 8, "steps": 2, "batch": 7, "momentum": 0.5, "learn_mass": True, "record_every": 5, "rng": 1}
    return train_bernoulli(
        **{
            "rbm": START,
            "data": DATA,
            "learning_rate": StepDecay(0.05, 0.8, 7),
            "epochs": epochs,
            "checkpoint": path,
            "checkpoint_every": 4,
        }
        | options
        | changes
    )


def parts(model):
    return [*model.weights.ravel(), *model.hidden_bias, model.mass_squared]


def assert_same(first, second):
    """Equal to the last bit, with all that decides how they go on."""
    assert first.epochs.tolist() == second.epochs.tolist()
    for one, other in zip(first._records(), second._records(), strict=True):
        assert [parts(model) for model in one.models] == [parts(model) for model in other.models]
    np.testing.assert_array_equal(first.states, second.states)
    assert first._state.generator == second._state.generator
    for one, other in zip(first._state.velocity, second._state.velocity, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def stop_at(epoch):
    def callback(now, model):
        if now == epoch:
            raise KeyboardInterrupt

    return callback


WAYS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"chains": None, "rng": None},
        {"chains": None},
        {"batch": None},
        {"momentum": 0.0},
        {"learn_mass": False},
        {"learn_bias": False},
        {"record_every": None},
        {"record_every": 1},
        {"runs": 3},
        {"rbm": [START, OTHER]},
        {"chains": None, "start": STATES},
        {"learning_rate": 0.03},
        {"runs": 2, "chains": None, "batch": None},
    ],
    ids=lambda options: "-".join(options) or "plain",
)


@WAYS
def test_resuming_is_going_on(options, tmp_path):
    generator = options.get("rng", 1) is None
    whole, part = (run(epochs, **options | {"rng": 5 if generator else 1}) for epochs in (20, 12))
    assert part.epochs[-1] == 12
    assert_same(part.resume(8), whole)
    path = part.save(tmp_path / "training.npz")
    again = BernoulliTraining.load(path, DATA)
    assert_same(again, part)
    assert_same(again.resume(8), whole)
    assert parts(whole._state.models[0]) != parts(part._state.models[0])


@WAYS
@pytest.mark.parametrize("stop", [0, 10])
def test_running_the_same_script_again(stop, options, tmp_path):
    path = tmp_path / "run.npz"
    if stop % (options.get("record_every", 5) or 100):
        stop = 0
    seeds = options | {"rng": 1}
    with pytest.raises(TrainingInterrupted, match=r"running the same call again, which reads .*run\.npz") as caught:
        run(path=path, callback=stop_at(stop), **seeds)
    assert BernoulliTraining.load(path).epochs[-1] == caught.value.last_good.epochs[-1] == stop
    assert_same(run(path=path, **seeds), run(**seeds))
    assert_same(run(path=path, **seeds | {"rng": None}), run(**seeds))  # it is done
    assert_same(run(24, path, **seeds), run(24, **seeds))


def test_a_resumed_training_writes_checkpoints_too(tmp_path):
    path = tmp_path / "run.npz"
    part = run(12, path)
    with pytest.raises(TrainingInterrupted):
        part.resume(8, checkpoint=path, callback=stop_at(15))
    assert BernoulliTraining.load(path).epochs.tolist() == [0, 5, 10, 15]
    assert_same(run(20, path), run(20))


def test_the_callers_generator_moves_as_it_would_have(tmp_path):
    path = tmp_path / "run.npz"
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    run(rng=first)
    with pytest.raises(TrainingInterrupted):
        run(path=path, rng=np.random.default_rng(5), callback=stop_at(10))
    run(path=path, rng=second)
    assert first.random() == second.random()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"rbm": OTHER}, "rbm"),
        ({"data": 1.01 * DATA}, "data"),
        ({"learning_rate": 0.05}, "learning_rate"),
        ({"chains": 9}, "chains"),
        ({"chains": None}, "chains"),
        ({"steps": 3}, "steps"),
        ({"batch": None}, "batch"),
        ({"learn_bias": False}, "learn_bias"),
        ({"learn_mass": False}, "learn_mass"),
        ({"momentum": 0.4}, "momentum"),
        ({"record_every": 6}, "record_every"),
        ({"start": STATES}, "start"),
        ({"runs": 2}, "rbm"),
        ({"rng": 2}, "rng"),
        ({"momentum": 0.4, "rng": 2}, "momentum, rng"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(changes, names, tmp_path):
    path = tmp_path / "run.npz"
    run(8, path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=f"it differs in {names}. Give each training a file of its own"):
        run(20, path, **changes)
    with pytest.raises(CheckpointError, match=r"has reached epoch 8, beyond the 7 .*BernoulliTraining\.load"):
        run(7, path)
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(8, path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DatasetError, match=r"restore it from a copy, or delete it to start again"):
        run(20, path)


def test_records_of_another_start_are_refused(tmp_path):
    path = run(8).save(tmp_path / "training.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["weights"][0, 0, 0, 0] += 1e-9
    np.savez(path, **arrays)
    with pytest.raises(DatasetError, match=r"\bthe first record is not that of the initial models\b"):
        BernoulliTraining.load(path)


def test_what_cannot_be_stored_is_refused_before_the_first_epoch(tmp_path):
    asked = []
    with pytest.raises(TypeError, match="only a number or a StepDecay can be stored"):
        run(path=tmp_path / "run.npz", learning_rate=lambda epoch: asked.append(epoch) or 0.1)
    assert not asked
    assert not list(tmp_path.iterdir())


def test_a_file_without_the_data_can_be_looked_at_but_not_continued(tmp_path):
    path = run().save(tmp_path / "training.npz")
    seen = BernoulliTraining.load(path)
    assert_same(seen, run())
    assert repr(seen) == repr(run()) == "<BernoulliTraining: 20 epochs, 5 records, 8 persistent chains>"
    assert_same(BernoulliTraining.load(seen.save(tmp_path / "again.npz"), DATA).resume(3), run(23))
    with pytest.raises(ValueError, match=r"does not hold the data.*BernoulliTraining\.load\(path, data\)"):
        seen.resume(1)
    for wrong, message in ((DATA[:-1], "not those"), (2 * DATA, "not those"), (DATA[:, 1:], "must have shape")):
        with pytest.raises(ValueError, match=message):
            BernoulliTraining.load(path, wrong)


def test_a_file_of_data_of_the_same_bytes_in_another_shape_is_another(tmp_path):
    square = DATA[:4]
    path = run(3, data=square, batch=None).save(tmp_path / "training.npz")
    with pytest.raises(ValueError, match="not those"):
        BernoulliTraining.load(path, square.T)


@pytest.mark.parametrize("options", [{}, {"rbm": [START, OTHER]}], ids=["one", "two runs"])
def test_until_stops_at_the_first_record_that_is_good_enough(options, tmp_path):
    asked = []

    def enough(epoch, model):
        asked.append((epoch, model))
        return epoch >= 8

    stopped = run(until=enough, **options)
    assert [epoch for epoch, _ in asked] == [0, 5, 10]
    assert_same(stopped, run(10, **options))
    assert asked[-1][1] == (stopped.models[-1] if options else stopped.model)
    path = tmp_path / "run.npz"
    for _ in range(2):  # the second finds it done
        assert_same(run(path=path, until=enough, **options), stopped)
    assert_same(stopped.resume(5, until=enough), stopped)
    assert_same(stopped.resume(10), run(**options))
    assert_same(run(path=path, **options), run(**options))  # without it the file goes on
    assert_same(run(7, **options).resume(20, until=enough), stopped)


def test_until_cannot_be_a_number_of_nats(tmp_path):
    with pytest.raises(ValueError, match=r"until must be a function .* not known, .* 0\.01 nats"):
        run(path=tmp_path / "run.npz", until=0.01)
    assert not list(tmp_path.iterdir())


def test_the_callback_sees_every_record_once(tmp_path):
    seen = []
    for epochs in (10, 20):
        run(epochs, tmp_path / "run.npz", callback=lambda epoch, model: seen.append((epoch, model)))
    assert [epoch for epoch, _ in seen] == [0, 5, 10, 15, 20]
    assert [parts(model) for _, model in seen] == [parts(model) for model in run().models]
    run(5, runs=2, callback=lambda epoch, models: seen.append(models))
    assert [len(models) for models in seen[-2:]] == [2, 2]


def test_several_runs():
    alone = [run(rbm=rbm, chains=None, batch=None) for rbm in (START, OTHER)]
    both = run(rbm=[START, OTHER], chains=None, batch=None)
    assert both.mass_squared.shape == (5, 2)
    assert both.singular_values.shape == (5, 2, 3)
    for i, one in enumerate(alone):  # nothing is drawn: each run is the one of its own
        assert [parts(models[i]) for models in both.models] == [parts(model) for model in one.models]
        np.testing.assert_array_equal(both.mass_squared[:, i], one.mass_squared)
        np.testing.assert_array_equal(both.singular_values[:, i], one.singular_values)
    noisy = run(runs=2)
    assert noisy.states.shape == (2, 8, 4)
    assert parts(noisy.models[-1][0]) != parts(noisy.models[-1][1])
    assert "2 runs of 20 epochs" in repr(noisy)
    with pytest.raises(ValueError, match=r"there are 2 runs: use \.models\[-1\]"):
        _ = noisy.model
    with pytest.raises(ValueError, match="must agree in N_v and N_h, but run 1 has N_h = 2, run 0 has N_h = 3"):
        run(rbm=[START, GaussianBernoulliRBM.random(4, 2, 3.0)])
    with pytest.raises(ValueError, match="runs = 3 does not match the 2 models"):
        run(rbm=[START, OTHER], runs=3)


def test_the_run_that_diverges_is_named():
    heavy = GaussianBernoulliRBM(START.weights, 50.0)  # whose mass falls as fast, but from higher up
    with pytest.raises(NotNormalizableError, match=r"run 1 of 2 \(counted from 0\) diverged at epoch 1") as caught:
        run(rbm=[heavy, START], chains=None, batch=None, learning_rate=10.0)
    assert caught.value.last_good.epochs.tolist() == [0]


def test_where_the_chains_start():
    given = run(chains=None, start=STATES)
    assert_same(given, run(start=STATES))
    assert_same(given, run(chains=STATES))  # as it used to be called
    np.testing.assert_array_equal(run(0, chains=None, start=STATES).states, STATES)
    stacked = np.stack([STATES, STATES[::-1]])
    np.testing.assert_array_equal(run(0, chains=None, start=stacked, runs=2).states, stacked)
    np.testing.assert_array_equal(run(0, chains=None, start=STATES, runs=2).states, [STATES, STATES])
    for wrong, message in (
        ({"chains": 9, "start": STATES}, "chains = 9 does not match the 8 states in start"),
        ({"start": STATES[:, 1:]}, "start must have shape"),
        ({"start": stacked}, r"or \(1, B, 4\)"),
        ({"start": STATES[:0]}, "start must have shape"),
        ({"chains": 0}, "chains must be an int"),
    ):
        with pytest.raises(ValueError, match=message):
            run(**wrong)


def test_old_names_of_the_states():
    np.testing.assert_array_equal(run().chains, run().states)
    for one, other in zip(
        bernoulli_gradient(START, DATA, STATES), bernoulli_gradient(START, DATA, chains=STATES), strict=True
    ):
        np.testing.assert_array_equal(one, other)
