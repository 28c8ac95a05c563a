"""What stands behind the activation that makes probabilities: right against NumPy, or refused."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
CLASSES = np.arange(30) % 3
SIDES = np.arange(30) % 2
FAST = {"backend": "interpreter"}

BEHIND = {
    "nothing": lambda: [],
    "linear": lambda: [nn.Activation("linear")],
    "twice": lambda: [nn.Activation("linear"), nn.Activation(None)],
    "flatten": lambda: [nn.Flatten()],
    "reshape": lambda: [nn.Reshape((-1,))],
    "noise": lambda: [nn.GaussianNoise(0.1)],
    "dropout": lambda: [nn.Dropout(0.1)],
    "double": lambda: [nn.Rescale(2.0)],
    "as it is": lambda: [nn.Rescale(1.0)],
    "smoothed": lambda: [nn.Rescale(0.4, 0.2)],  # still sums to 1 over 3 classes
    "batch norm": lambda: [nn.BatchNorm()],
    "layer norm": lambda: [nn.LayerNorm()],
    "own": lambda: [nn.Basis(lambda v: 0.5 * v + 0.5 / v.shape[-1])],
    "the same again": lambda: ["again"],
    "the same behind linear": lambda: [nn.Activation("linear"), "again"],
}
CHANGED = {"double", "as it is", "smoothed", "batch norm", "layer norm", "own"}  # other numbers
ALLOWED = {
    ("softmax", "cross_entropy"): {"nothing", *CHANGED},  # what is changed counts as logits
    ("softmax", "probability_cross_entropy"): {"nothing", "as it is", "smoothed", "own"},
    ("sigmoid", "binary_cross_entropy"): {"nothing", *CHANGED},
    ("sigmoid", "probability_binary_cross_entropy"): {
        *("nothing", "linear", "twice", "flatten", "reshape", "as it is", "smoothed", "own"),
    },
}


def expected(loss, logits, p, y):
    """The mean loss and the probabilities that an output stands for."""
    if loss.endswith("binary_cross_entropy"):
        proba = 1 / (1 + np.exp(-p)) if logits else p
        right = np.where(y[:, None] == 1, proba, 1 - proba)
        return -np.log(right).mean(), proba, ((proba[:, 0] > 0.5) == y).mean()
    e = np.exp(p)
    proba = e / e.sum(1, keepdims=True) if logits else p
    return -np.log(proba[np.arange(30), y]).mean(), proba, (p.argmax(1) == y).mean()


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(("ends_in", "loss"), ALLOWED)
def test_it_is_right_or_refused(ends_in, loss, behind):
    units, y = (3, CLASSES) if ends_in == "softmax" else (1, SIDES)
    tail = [nn.Activation(ends_in) if one == "again" else one for one in BEHIND[behind]()]
    model = pel.Sequential([nn.Dense(units, ends_in), *tail], seed=0, dtype="float64")
    if behind not in ALLOWED[ends_in, loss]:
        with pytest.raises(ArgumentError, match="compile") as caught:
            model.compile("sgd", loss, ["accuracy"])
        assert caught.value.fix
        return
    model.compile(pel.optim.SGD(0.0), loss, ["accuracy"])
    history = model.fit(X, y, epochs=1, batch_size="all", seed=0, verbose=0, **FAST)
    p = model.predict(X, **FAST)
    logits = behind in CHANGED and not loss.startswith("probability")
    value, proba, right = expected(loss, logits, p, y)
    found = model.evaluate(X, y, **FAST)
    assert found["loss"] == pytest.approx(value, rel=1e-6)
    assert found["accuracy"] == pytest.approx(right)
    np.testing.assert_allclose(model.predict_proba(X, **FAST), proba, rtol=1e-6)
    if behind != "batch norm":  # whose training step has the statistics of the batch
        assert history.epochs["loss"][0] == pytest.approx(value, rel=1e-6)
    if ends_in == "softmax":
        np.testing.assert_allclose(model.predict_proba(X, **FAST).sum(1), 1, rtol=1e-6)
