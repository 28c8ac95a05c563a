"""Arrays that go in stay as they are, and those that come out are the caller's own."""

import copy

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
Y = RNG.normal(size=(24, 2))
WEIGHTS = RNG.uniform(0.5, 1.5, 24)


def made(dtype="float64"):
    layers = [nn.Dense(4, "tanh"), nn.BatchNorm(), nn.Dense(2)]
    net = pel.Sequential(layers, seed=0, dtype=dtype)
    net.compile(optim.SGD(0.05, momentum=0.9), "squared", metrics=["absolute_error"])
    return net


def fitted(dtype="float64"):
    net = made(dtype)
    net.fit(X, Y, epochs=2, batch_size=8, verbose=0, seed=0)
    return net


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_what_goes_into_a_run_stays_as_it_is(dtype, backend):
    net = made(dtype)
    given = [X.astype(dtype), Y.astype(dtype), WEIGHTS.astype(dtype)]
    held = [array[:6].copy() for array in given]
    before = copy.deepcopy((given, held))
    options = {"verbose": 0, "seed": 0, "backend": backend}
    net.fit(
        *given[:2], sample_weight=given[2], validation_data=tuple(held), batch_size=8, **options
    )
    net.evaluate(*given[:2], sample_weight=given[2], backend=backend)
    net.predict(given[0], backend=backend)
    net(given[0])
    for now, then in zip(given + held, before[0] + before[1], strict=True):
        np.testing.assert_array_equal(now, then)
    options["batch_size"] = 8
    again = made(dtype)
    read_only = [array.copy() for array in given]
    for array in read_only:
        array.flags.writeable = False
    again.fit(*read_only[:2], sample_weight=read_only[2], **options)
    for one, other in zip(again.get_weights(), net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_comes_out_is_the_callers_own():
    net = fitted()
    predicted, losses = net.predict(X), copy.deepcopy(net.history.epochs)
    for array in (*net.get_weights(), *net.weights.values(), net.predict(X), net(X)):
        if array.flags.writeable:
            array[...] = 7.0
    np.testing.assert_array_equal(net.predict(X), predicted)
    assert net.history.epochs == losses


def test_weights_that_go_in_are_copied():
    net, weights = fitted(), fitted().get_weights()
    given = [array.copy() for array in weights]
    net.set_weights(given)
    for array in given:
        array += 1
    for one, other in zip(net.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    name, first = next(iter(net.weights.items()))
    change = np.array(first) + 1
    net.set_weights({name: change})
    change += 1
    np.testing.assert_array_equal(net.weights[name], np.array(first) + 1)


def test_a_copy_has_nothing_in_common_with_its_model():
    net = fitted()
    other = copy.deepcopy(net)
    before = [array.copy() for array in net.get_weights()], net.predict(X)
    other.fit(X, -Y, epochs=2, batch_size=8, verbose=0, seed=1)
    for one, then in zip(net.get_weights(), before[0], strict=True):
        np.testing.assert_array_equal(one, then)
    np.testing.assert_array_equal(net.predict(X), before[1])
    assert net.history.epochs["loss"] == fitted().history.epochs["loss"]
    assert other.history.epochs["loss"] != net.history.epochs["loss"]


def test_a_run_goes_on_from_the_slots_and_state_of_the_last_one():
    """Two runs of one epoch are one run of two: momentum, averages and order go on."""
    whole, parts = made(), made()
    whole.fit(X, Y, epochs=2, batch_size=8, verbose=0, seed=3)
    parts.fit(X, Y, epochs=1, batch_size=8, verbose=0, seed=3)
    middle = parts.get_weights()
    parts.fit(X, Y, epochs=2, batch_size=8, verbose=0, resume=True)
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(middle[0], parts.get_weights()[0])
    np.testing.assert_array_equal(
        whole.state["batch_norm_1"]["mean"], parts.state["batch_norm_1"]["mean"]
    )
