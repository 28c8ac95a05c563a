"""Metrics made of sums over rows, in training, validation and files, against NumPy."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, DataError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=90) > 0).astype("int64")
WEIGHTS = RNG.random(90)


def counts(target, predicted):
    chosen = predicted > 0.5
    return np.concatenate([chosen & (target > 0.5), chosen], axis=1)


def share(sums):
    return sums[0] / sums[1]


def model(*metrics, optimizer=None):
    made = pel.Sequential([pel.nn.Dense(1, "sigmoid", input_shape=(4,))], seed=0)
    made.compile(optimizer or pel.optim.SGD(0.5), "binary_cross_entropy", metrics=list(metrics))
    return made


PRECISION = pel.Metric("precise", counts, finish=share)
OPTIONS = {"batch_size": 20, "verbose": 0, "shuffle": False, "seed": 0}


class Seen(pel.Callback):
    """What the network said of each batch before the step on it."""

    def __init__(self):
        self.outputs, self.logs = [], []

    def on_step(self, run):
        rows = slice(20 * (run.batch - 1), 20 * run.batch)
        self.outputs.append(self.before.predict(X[rows])[:, 0])
        run.publish()
        self.before.set_weights(run.model.get_weights())
        self.logs.append(run.logs["precise"])


def precise(said, true, weights=None):
    weights = np.ones(len(said)) if weights is None else weights
    chosen = (said > 0.5) * weights
    return (chosen * true).sum() / chosen.sum()


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_an_epoch_counts_over_its_batches_while_weights_move(backend):
    trained, seen = model(PRECISION, "accuracy"), Seen()
    seen.before = model()
    seen.before.set_weights(trained.get_weights())
    history = trained.fit(X, Y, epochs=2, callbacks=[seen], backend=backend, **OPTIONS)
    for epoch in range(2):
        said = np.concatenate(seen.outputs[5 * epoch : 5 * epoch + 5])
        assert history.epochs["precise"][epoch] == pytest.approx(precise(said, Y), abs=1e-12)
        so_far = precise(np.concatenate(seen.outputs[5 * epoch : 5 * epoch + 2]), Y[:40])
        assert seen.logs[5 * epoch + 1] == pytest.approx(so_far, abs=1e-12)
    assert list(history.epochs) == ["loss", "precise", "accuracy"]
    assert list(history.steps) == ["step", "loss", "accuracy"]


def test_data_sets_and_weights_of_rows():
    weighted = pel.Metric("weighted", counts, finish=share, weighted=True)
    trained = model(PRECISION, weighted)
    history = trained.fit(X, Y, epochs=1, validation_data=(X, Y, WEIGHTS), **OPTIONS)
    said = trained.predict(X)[:, 0]
    assert history.epochs["val_precise"][0] == pytest.approx(precise(said, Y))
    assert history.epochs["val_weighted"][0] == pytest.approx(precise(said, Y, WEIGHTS), rel=1e-6)
    found = trained.evaluate(X, Y, sample_weight=WEIGHTS, batch_size=7)
    assert found["weighted"] == pytest.approx(precise(said, Y, WEIGHTS), rel=1e-6)
    assert found["precise"] == pytest.approx(precise(said, Y))


def test_epochs_in_one_go_and_minimizers_count_alike():
    alone = model(PRECISION).fit(X, Y, epochs=12, callbacks=[pel.Callback()], **OPTIONS)
    together = model(PRECISION).fit(X, Y, epochs=12, **OPTIONS)
    assert together.epochs == alone.epochs
    newton = model(PRECISION, optimizer=pel.optim.LBFGS())
    first = newton.predict(X)[:, 0]
    history = newton.fit(X, Y, epochs=1, verbose=0)
    assert history.epochs["precise"][0] == pytest.approx(precise(first, Y))


def test_a_run_that_is_stopped_inside_an_epoch_goes_on_with_its_sums(tmp_path):
    class Stop(pel.Callback):
        def on_step(self, run):
            run.stop = run.step == 7

    whole = model(PRECISION).fit(X, Y, epochs=3, **OPTIONS)
    part = model(PRECISION)
    part.fit(X, Y, epochs=3, callbacks=[Stop()], **OPTIONS)
    part.save(tmp_path / "m")
    loaded = pel.load(tmp_path / "m")
    history = loaded.fit(X, Y, epochs=3, resume=True, **OPTIONS)
    assert history.epochs == whole.epochs
    assert loaded.evaluate(X, Y)["precise"] == pytest.approx(precise(loaded.predict(X)[:, 0], Y))


def test_what_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="finish must be a function of sums"):
        pel.Metric("a", counts, finish=3)
    with pytest.raises(ArgumentError, match="weighted needs finish"):
        pel.Metric("a", counts, weighted=True)
    with pytest.raises(ShapeError, match=r"numbers of each row, \(N, K\), got \(N,\)"):
        model(pel.Metric("a", lambda t, p: p[:, 0], finish=share)).fit(X, Y, **OPTIONS)
    with pytest.raises(ShapeError, match="finish must return one number"):
        model(pel.Metric("a", counts, finish=lambda sums: sums)).fit(X, Y, **OPTIONS)
    trained = model(PRECISION)
    trained.fit(X, Y, epochs=1, **OPTIONS)
    trained.training["counted"] = ["1"]
    trained.save(tmp_path / "m")
    with pytest.raises(DataError, match="counted must be numbers"):
        pel.load(tmp_path / "m")
    with pytest.raises(ArgumentError, match="validation_batch_size"):
        trained.fit(X, Y, validation_split=0.5, validation_batch_size=0, **OPTIONS)
