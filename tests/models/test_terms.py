"""Terms of an objective: values inside a network that `fit` lowers beside the loss."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, DataError
from pellucid.nn import Add, Basis, Dense, Input

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = X[:, :1] * 2


def made(terms=True, **options):
    x = Input((3,))
    h = Dense(4, "tanh")(x)
    inside = [Basis(lambda h: 0.3 * h**2)(h)] if terms else []
    model = pel.Model(x, Dense(1)(h), seed=0, dtype="float64", terms=inside)
    model.compile("sgd", "squared", **options)
    return model


def objective(weights, x=X, y=Y, rows=1.0):
    w, b, v, c = weights
    h = np.tanh(x @ w + b)
    return float(np.mean(rows * ((h @ v + c - y) ** 2)[:, 0]) + np.mean(0.3 * h**2))


def test_the_objective_has_the_mean_of_a_term():
    model = made()
    weights = model.get_weights()
    assert model.evaluate(X, Y)["loss"] == pytest.approx(objective(weights), rel=1e-12)
    rows = RNG.random(20)
    found = model.evaluate(X, Y, sample_weight=rows)["loss"]
    assert found == pytest.approx(objective(weights, rows=rows), rel=1e-12)  # terms have no weight
    assert float(model.objective(X, Y)(model.params)) == pytest.approx(objective(weights))


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_step_goes_down_the_slope_of_both(backend):
    model = made()
    model.compile(pel.optim.SGD(0.1), "squared")
    before = [one.copy() for one in model.get_weights()]
    model.fit(X, Y, batch_size=20, verbose=0, backend=backend, shuffle=False)
    for place, after in enumerate(model.get_weights()):
        for index in np.ndindex(after.shape):
            up, down = ([one.copy() for one in before] for _ in range(2))
            up[place][index] += 1e-6
            down[place][index] -= 1e-6
            slope = (objective(up) - objective(down)) / 2e-6
            assert after[index] == pytest.approx(before[place][index] - 0.1 * slope, abs=1e-8)


def test_predict_leaves_terms_alone():
    x = Input((3,))
    h = Dense(4)(x)
    model = pel.Model(x, Dense(1)(h), seed=0, terms=Dense(7)(h))
    assert model.count_params() == 4 * 4 + 5 + 5 * 7
    graph = model.graph()
    assert sum(node.op == "contract" for node in graph.nodes) == 2
    params, state = model.params, model.state
    out, _ = model.apply(params, state, X.astype(np.float32))
    assert out.shape == (20, 1)


def test_a_number_of_a_batch_is_a_term_of_each_batch():
    x = Input((3,))
    h = Dense(2, use_bias=False)(x)
    total = Basis(lambda h: pnp.sum(h, axis=1, keepdims=True))(h)
    model = pel.Model(x, Dense(1)(h), seed=0, dtype="float64", terms=[_Norm()(total)])
    model.compile("sgd", "squared", loss_weights=0.0)
    sums = (X @ model.get_weights()[0]).sum(axis=1)
    for size in (20, 5):
        want = np.mean([np.sum(sums[k : k + size] ** 2) for k in range(0, 20, size)])
        assert model.evaluate(X, Y, batch_size=size)["loss"] == pytest.approx(want, rel=1e-12)
    history = model.fit(X, Y, batch_size=5, verbose=0, validation_data=(X, Y))
    sums = (X @ model.get_weights()[0]).sum(axis=1)
    want = np.mean([np.sum(sums[k : k + 5] ** 2) for k in range(0, 20, 5)])
    assert history.epochs["val_loss"][0] == pytest.approx(want, rel=1e-12)


class _Norm(pel.nn.Layer):
    def apply(self, params, state, x, *, train, key):
        return pnp.sum(x**2), state


def test_a_model_inside_brings_its_terms():
    inner = made()
    x = Input((3,))
    outer = pel.Model(x, Dense(1)(inner(x)), seed=0, dtype="float64")
    row = pel.Sequential([made(), Dense(1)], seed=0, dtype="float64")
    for model in (outer, row):
        model.compile("sgd", "squared")
        w, b, *_ = model.get_weights()
        plain = np.mean((model.predict(X) - Y) ** 2)
        want = plain + np.mean(0.3 * np.tanh(X @ w + b) ** 2)
        assert model.evaluate(X, Y)["loss"] == pytest.approx(want, rel=1e-12)


def test_terms_stand_in_the_file(tmp_path):
    model = made()
    model.save(tmp_path / "a.pel")
    loaded = pel.load(tmp_path / "a.pel")
    assert loaded.evaluate(X, Y) == model.evaluate(X, Y)
    assert made(terms=False).evaluate(X, Y)["loss"] < model.evaluate(X, Y)["loss"]


def test_what_is_no_term_is_refused():
    x = Input((3,))
    with pytest.raises(ArgumentError, match="terms must be what layers returned"):
        pel.Model(x, Dense(1)(x), terms=[x])
    with pytest.raises(ArgumentError, match="terms must be what layers returned"):
        pel.Model(x, Dense(1)(x), terms=[0.5])
    joined = Add()([Dense(1)(x), Dense(1)(x)])
    assert pel.Model(x, joined, terms=[joined, joined]).architecture.terms == (3,)


def test_a_file_with_wrong_terms_is_refused(tmp_path):
    from pellucid.models.loading import model_of
    from pellucid.models.saving import file_of

    model = made()
    arrays, document = file_of(model, model.architecture.output_types)
    document["terms"] = [9]
    with pytest.raises(DataError, match="terms must be those of layers"):
        model_of(arrays, {**document, "format": 2})
