"""Models that cannot be, for their names or their size; probabilities without `compile`; starts."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError
from pellucid.models import variables

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
HERE = {"backend": "interpreter"}


def test_names_of_inputs_differ():
    one, other = pel.Input((2,), name="age"), pel.Input((2,), name="age")
    with pytest.raises(ArgumentError, match="names of inputs must differ, got age, age"):
        pel.Model([one, other], nn.Add()([one, other]))


def test_the_size_of_the_weights_is_looked_at_before_they_are_made(monkeypatch):
    needed = 4 * (3 * 5 + 5)  # float32
    monkeypatch.setattr(variables, "_ADDRESSES", needed)
    with pytest.raises(ArgumentError, match=r"weights must fit the memory, got 80 bytes of them"):
        pel.Sequential([nn.Dense(5)], seed=0).build((3,))
    monkeypatch.setattr(variables, "_ADDRESSES", needed + 1)
    pel.Sequential([nn.Dense(5)], seed=0).build((3,))


def test_probabilities_of_a_model_that_is_not_compiled():
    net = pel.Sequential([nn.Dense(3), nn.Activation("softmax")], seed=0)
    found = net.predict_proba(X, **HERE)
    np.testing.assert_array_equal(found, net.predict(X, **HERE))
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    plain = pel.Sequential([nn.Dense(3)], seed=0)
    with pytest.raises(ArgumentError, match="must be compiled first"):
        plain.predict_proba(X, **HERE)
    plain.compile("sgd", "cross_entropy")
    assert plain.predict_proba(X, **HERE).sum(1) == pytest.approx(1)


def test_the_network_of_1989_starts_within_2_4_over_its_inputs():
    net = pel.models.lecun1989(seed=0)
    limits = {layer.name: layer.kernel_initializer.limit for layer in net.layers if layer.name}
    assert limits == {"H1": 2.4 / 25, "H2": 2.4 / 200, "H3": 2.4 / 192, "output": 2.4 / 30}
