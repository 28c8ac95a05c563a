"""Rows in the order given; what a run counts; callbacks that do not look at the model."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(11, 3)), RNG.normal(size=11)


def linear(optimizer):
    model = pel.Sequential([pel.nn.Dense(1, input_shape=(3,))], seed=0, dtype="float64")
    model.compile(optimizer, "squared")
    return model


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_without_shuffling_rows_come_as_they_were_given(backend):
    model = linear(pel.optim.SGD(0.02))
    w, b = (one.ravel() for one in model.get_weights())
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, backend=backend, seed=7)
    for start in (0, 4, 8) * 2:
        x, wrong = X[start : start + 4], X[start : start + 4] @ w + b - Y[start : start + 4]
        w, b = w - 0.04 * x.T @ wrong / len(x), b - 0.04 * wrong.mean()
    np.testing.assert_allclose(model.get_weights()[0].ravel(), w, rtol=1e-12)
    np.testing.assert_allclose(model.get_weights()[1], b, rtol=1e-12)


def test_a_run_goes_on_in_the_order_that_it_began_with():
    model = linear(pel.optim.SGD(0.02))
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    with pytest.raises(pel.PellucidError, match="shuffle must be False as before, got True"):
        model.fit(X, Y, batch_size=4, epochs=2, resume=True, verbose=0)
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, resume=True, verbose=0)
    whole = linear(pel.optim.SGD(0.02))
    whole.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], whole.get_weights()[0])


def test_a_file_from_before_the_choice_goes_on_shuffled(tmp_path):
    model = linear(pel.optim.SGD(0.02))
    model.fit(X, Y, batch_size=4, verbose=0, seed=1)
    del model.training["shuffle"]
    model.save(tmp_path / "old.safetensors")
    old = pel.load(tmp_path / "old.safetensors")
    old.fit(X, Y, batch_size=4, epochs=2, resume=True, verbose=0)
    whole = linear(pel.optim.SGD(0.02))
    whole.fit(X, Y, batch_size=4, epochs=2, verbose=0, seed=1)
    np.testing.assert_array_equal(old.get_weights()[0], whole.get_weights()[0])


class Count(pel.Callback):
    every_step = False
    reads_model = False

    def __init__(self, model):
        self.model, self.counts, self.moved = model, [], []

    def on_epoch(self, run):
        before = self.model.get_weights()[0]
        self.counts.append(run.evaluations)
        run.publish()
        self.moved.append(bool((self.model.get_weights()[0] != before).any()))


def test_evaluations_of_the_objective_are_counted():
    for optimizer in (pel.optim.SGD(0.02), pel.optim.LBFGS()):
        model = linear(optimizer)
        count = Count(model)
        model.fit(X, Y, batch_size=11, epochs=3, verbose=0, callbacks=count)
        if isinstance(optimizer, pel.optim.SGD):
            assert count.counts == [1, 2, 3]
        else:
            assert count.counts[0] >= 2 and count.counts[2] >= 6  # a gradient and a line search
        assert count.moved == [True] * 3  # the weights come with publish alone
