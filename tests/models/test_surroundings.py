"""What functions of a person's own read: a change is seen by the next call, as if made anew."""

import copy
import dataclasses
import threading
from typing import ClassVar

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core import notices
from pellucid.core.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(10, 3)).astype("f4")
Y = RNG.normal(size=(10, 1)).astype("f4")
FIT = {"epochs": 1, "batch_size": 6, "seed": 1, "verbose": 0}
FAST = {"backend": "interpreter"}


class Read:
    """Where the functions below read from, each in another way."""

    scale = 1.0
    table: ClassVar = {"by": 1.0}
    array = np.ones(3, np.float32)
    large = np.ones((3, 20000), np.float32)


LEVEL = 1.0


def by_global(v):
    return v * LEVEL


def helper():
    return Read.scale


def by_helper(v):
    return np.tanh(v) * helper()


def loss_by_table(y_true, y_pred):
    return ((y_true - y_pred) ** 2).sum(axis=-1) * Read.table["by"]


def metric_by_global(y_true, y_pred):
    return abs(y_true - y_pred).mean(axis=-1) * LEVEL


@dataclasses.dataclass(frozen=True)
class Scaled(nn.Layer):
    """A layer of one's own."""

    def apply(self, params, state, x, *, train, key):
        return x * (LEVEL if train else 1.0), state


class Heavy(nn.regularizers.Regularizer):
    strength, biases = 0.1, False

    def penalty(self, strength, weight):
        return (weight**2).sum() * strength * LEVEL


class Slow(optim.SGD):
    def step(self, gradients, slots, weights, step, rate):
        return super().step(gradients, slots, weights, step, rate * LEVEL)


def small(*layers, loss="squared", **how):
    model = pel.Sequential([*layers, nn.Dense(1)], seed=0)
    model.build((3,))
    model.compile(how.pop("optimizer", optim.Adam(0.01)), loss, **how)
    return model


def nested():
    inside = pel.Sequential([nn.Dense(3, by_global)], seed=0)
    x = pel.Input((3,))
    model = pel.Model(x, nn.Dense(1)(nn.Add()([inside(x), x])), seed=0)
    model.compile(optim.Adam(0.01), "squared")
    return model


def level(value):
    global LEVEL
    LEVEL = value


def number(value):
    Read.scale = value


def item(value):
    Read.table["by"] = value


def contents(value):
    Read.array[1] = value
    Read.large[1, 7] = value


def code(value):
    global helper
    helper = lambda: value  # noqa: E731


CASES = {
    "an activation and a global": (lambda: small(nn.Dense(4, by_global)), level),
    "a basis": (lambda: small(nn.Basis(by_global)), level),
    "a layer": (lambda: small(Scaled()), level),
    "a function that it calls": (lambda: small(nn.Dense(4, by_helper)), number),
    "a function put in its place": (lambda: small(nn.Dense(4, by_helper)), code),
    "a loss and an item": (lambda: small(loss=loss_by_table), item),
    "a metric": (lambda: small(metrics=[metric_by_global]), level),
    "a metric with a name": (lambda: small(metrics=[pel.Metric("own", metric_by_global)]), level),
    "a penalty": (lambda: small(regularizer=Heavy()), level),
    "a penalty of a layer": (lambda: small(nn.Dense(3, regularizer=Heavy())), level),
    "an optimizer": (lambda: small(optimizer=Slow(0.1)), level),
    "a minimizer's loss": (lambda: small(loss=loss_by_table, optimizer=optim.LBFGS()), item),
    "the elements of an array": (lambda: small(nn.Activation(lambda v: v * Read.array)), contents),
    "those of a large one": (
        lambda: small(nn.Activation(lambda v: v * Read.large[:, 7])),
        contents,
    ),
    "those that NumPy computed with": (
        lambda: small(nn.Activation(lambda v: v * np.exp(Read.array).sum())),
        contents,
    ),
    "a model inside": (nested, level),
}


@pytest.fixture(autouse=True)
def as_it_was():
    held = {
        name: copy.deepcopy(getattr(Read, name)) for name in ("scale", "table", "array", "large")
    }
    function = helper
    yield
    level(1.0)
    globals()["helper"] = function
    for name, value in held.items():
        setattr(Read, name, value)


def used(model):
    """All doors, twice each so that what was kept is met."""
    for _ in range(2):
        model.predict(X, **FAST)
        model.evaluate(X, Y, **FAST)
    model.fit(X, Y, **FIT, **FAST, resume="seed" in model.training)
    return model


def anew(make, model):
    """A new model where `model` stands."""
    fresh = make()
    fresh.built((X,))
    fresh.set_weights(model.get_weights())
    fresh.slots, fresh.training = copy.deepcopy((model.slots, model.training))
    return fresh


def outcome(model, **how):
    how = {**FIT, **FAST, **how}
    found = [model.predict(X, **FAST), *model.evaluate(X, Y, **FAST).values()]
    model.fit(X, Y, **how)
    return [*found, *model.get_weights(), *(np.asarray(v) for v in model.history.epochs.values())]


@pytest.mark.parametrize("name", CASES)
def test_after_a_change_the_model_is_as_if_made_anew(name):
    make, change = CASES[name]
    model, still = used(make()), used(make())
    change(2.5)
    fresh = anew(make, model)
    found, wanted = outcome(model), outcome(fresh)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    change(1.0)
    fresh = outcome(still)
    assert any(not np.array_equal(a, b) for a, b in zip(found, fresh, strict=True))


def test_machine_code_is_made_anew_too():
    make, change = CASES["a loss and an item"]
    model = make()
    model.fit(X, Y, **FIT)
    model.predict(X)
    change(2.5)
    fresh = anew(make, model)
    for one in (model, fresh):
        one.fit(X, Y, **FIT)
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))
    assert model.evaluate(X, Y) == fresh.evaluate(X, Y)


def test_slots_and_the_state_of_a_run_stay():
    """A resumed run goes on with the new value from the weights and the slots that it has."""
    model = used(small(nn.Dense(4, by_global)))
    file_of = copy.deepcopy(model)  # a copy traces for itself
    slots = copy.deepcopy(model.slots)
    level(2.5)
    model.predict(X, **FAST)
    for name, kept in slots.items():
        for one, other in zip(kept, model.slots[name], strict=True):
            np.testing.assert_array_equal(one, other)
    for one in (model, file_of):
        one.fit(X, Y, **{**FIT, "epochs": 2}, **FAST, resume=True)
    assert model.training["step"] == 4
    for one, other in zip(model.get_weights(), file_of.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_a_change_nothing_is_traced_again():
    calls = []

    def counted(v):
        calls.append(1)  # a change of what it reads itself is none
        return v * Read.scale

    model = small(nn.Dense(4, counted), loss=lambda y, p: counted((y - p) ** 2).sum(axis=-1))
    used(model)
    count = len(calls)
    for _ in range(3):
        model.fit(X, Y, **FIT, **FAST)
        model.predict(X, **FAST)
        model.evaluate(X, Y, **FAST)
    assert len(calls) == count
    number(2.0)
    model.predict(X, **FAST)
    assert len(calls) > count


def test_what_belongs_to_the_model_is_no_surroundings():
    """A method's object often holds the model whose weights and history change all the time."""

    class Experiment:
        def __init__(self):
            self.traces, self.scale = 0, 1.0
            self.model = small(nn.Dense(4, self.activation))

        def activation(self, v):
            self.traces += 1
            return v * self.scale

    mine = Experiment()
    used(mine.model)
    count, once = mine.traces, mine.model.predict(X, **FAST)
    for _ in range(3):
        used(mine.model)
    assert mine.traces == count
    mine.scale = 0.0
    assert not np.array_equal(mine.model.predict(X, **FAST), once)


def test_another_model_that_a_loss_calls_is_watched():
    other = pel.Sequential([nn.Dense(1, input_shape=(1,))], seed=1)
    other.build((1,))
    traces = []

    def seen(y_true, y_pred):
        traces.append(1)
        return ((other(y_true) - other(y_pred)) ** 2).sum(axis=-1)

    model = small(loss=seen)
    before, count = model.evaluate(X, Y, **FAST), len(traces)
    other.predict(Y, **FAST)
    assert model.evaluate(X, Y, **FAST) == before
    assert len(traces) == count
    other.set_weights([2 * w for w in other.get_weights()])
    assert model.evaluate(X, Y, **FAST)["loss"] == pytest.approx(4 * before["loss"])


def test_weights_of_the_model_itself_are_no_constants():
    model = small(
        loss=lambda y, p: ((y - p) ** 2).sum(axis=-1) + (model.params["dense_1"]["W"] ** 2).sum()
    )
    with pytest.raises(ArgumentError, match="must not read the model's weights") as caught:
        model.fit(X, Y, **FIT)
    assert "regularizer=" in caught.value.fix


def test_a_model_without_own_functions_has_nothing_to_look_at():
    model = used(small(nn.Dense(4, "tanh"), nn.Dropout(0.1)))
    assert model.programs.own.parts == ()


def test_a_saved_function_has_no_surroundings(tmp_path):
    model = used(small(nn.Dense(4, by_global)))
    level(2.5)
    changed = model.predict(X, **FAST)
    model.save(tmp_path / "m")
    level(7.0)
    back = pel.load(tmp_path / "m")
    np.testing.assert_array_equal(back.predict(X, **FAST), changed)
    assert back.programs.own.parts == ()


WIDTH = 1


def wide(v):
    return np.concatenate([v] * WIDTH, axis=-1)


def test_another_width_is_seen_where_the_weights_fit_and_refused_where_not():
    global WIDTH
    last = pel.Sequential([nn.Dense(2, input_shape=(3,)), nn.Basis(wide)], seed=0)
    first = pel.Sequential([nn.Basis(wide, input_shape=(3,)), nn.Dense(2)], seed=0)
    for model in (last, first):
        model.compile("sgd", "squared")
        assert model.predict(X, **FAST).shape == (10, 2)
    try:
        WIDTH = 2
        assert last.predict(X, **FAST).shape == (10, 4)
        assert last.evaluate(X, np.zeros((10, 4)), **FAST)["loss"] > 0
        with pytest.raises(ShapeError, match="made before a value changed") as caught:
            first.predict(X, **FAST)
        assert "Set it back" in caught.value.fix
    finally:
        WIDTH = 1
    assert first.predict(X, **FAST).shape == (10, 2)


def test_a_change_during_a_run_is_said():
    class Anneal(pel.Callback):
        def on_epoch(self, run):
            level(LEVEL / 2)

    model, still = small(nn.Dense(4, by_global)), small(nn.Dense(4, by_global))
    with pytest.warns(UserWarning, match="may read LEVEL, which changed during the run"):
        model.fit(X, Y, **FIT, **FAST, callbacks=Anneal())
    level(1.0)
    still.fit(X, Y, **FIT, **FAST)
    for one, other in zip(model.get_weights(), still.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_threads_that_predict_see_the_old_value_or_the_new_one():
    model = small(nn.Dense(4, by_global))
    low = model.predict(X, **FAST)
    level(2.0)
    high = model.predict(X, **FAST)
    found, failed = [], []

    def work():
        try:
            for _ in range(20):
                found.append(model.predict(X, **FAST))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for n in range(10):
        level(1.0 + n % 2)
    for one in threads:
        one.join()
    assert not failed
    assert all(np.array_equal(one, low) or np.array_equal(one, high) for one in found)


def test_a_jitted_function_of_a_model_is_traced_for_its_weights_alone():
    model = small(nn.Dense(4, "tanh"))
    function, x = pel.jit(lambda x: model(x), backend="interpreter"), pel.Tensor(X)
    np.testing.assert_array_equal(function(x), model.predict(X, **FAST))
    model.evaluate(X, Y, **FAST)
    function(x)
    assert function.cache_info().traces == 1
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(function(x), model.predict(X, **FAST))


def test_what_is_too_large_to_be_watched_is_traced_at_each_call(monkeypatch):
    monkeypatch.setattr(notices, "_said", set())
    held = [1.0] * 5000
    model = small(nn.Dense(4, lambda v: v * held[17]))
    with pytest.warns(UserWarning, match="too large to be watched"):
        once = model.predict(X, **FAST)
    held[17] = 2.0
    assert not np.array_equal(model.predict(X, **FAST), once)
    fresh = anew(lambda: small(nn.Dense(4, lambda v: v * 2.0)), model)
    for one in (model, fresh):
        one.fit(X, Y, **FIT, **FAST)
    np.testing.assert_array_equal(model.predict(X, **FAST), fresh.predict(X, **FAST))
