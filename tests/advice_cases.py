"""Advice followed: what a message says to do, the call that it refuses, and the call as advised.

tests/test_advice.py runs both, and checks that every advice has its row here, in one of the files
beside this one (advice_cases_data.py, advice_cases_models.py, advice_cases_training.py), or stands
in `BY_NATURE` with the reason why no test can follow it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid import numpy as pnp
from pellucid.core.dtypes import float32
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.ops.spec import ZeroGradient
from pellucid.transform.custom import op
from pellucid.transform.explainable import FunctionCall


class Followed(NamedTuple):
    """The advice as the message ends in it, the refused call, and the same as advised."""

    fix: str
    wrong: Callable[[Path], Any]
    mended: Callable[[Path], Any]


RNG = np.random.default_rng(4)
X = RNG.normal(size=(24, 4)).astype(np.float32)
IMAGES = RNG.normal(size=(24, 8, 8, 1)).astype(np.float32)
CLASSES = np.arange(24) % 3
SIDES = np.arange(24) % 2
SIGNS = 2 * SIDES - 1
ONES = np.ones((2, 3), np.float32)
MASKED = np.ma.masked_less(X, 0)
x4, other4 = pel.Input((4,)), pel.Input((4,))
HOLES, ENDLESS = np.where(X > 1, np.nan, X), np.where(X > 1, np.inf, X)
DENSE4 = nn.Dense(4)
DENSE, ROWS = nn.Dense(2), TensorType(float32, (N, 4))


def compiled(*layers: Any, loss: Any = "squared", optimizer: Any = "sgd", **options: Any) -> Any:
    """A model of these layers."""
    model = pel.Sequential(list(layers) or [nn.Dense(1)], seed=0)
    model.compile(optimizer, loss, **options)
    return model


def fitted(x: Any, y: Any, *layers: Any, loss: Any = "squared", **options: Any) -> Any:
    """The model after an epoch."""
    fit = {k: options.pop(k) for k in ("callbacks", "validation_data", "resume") if k in options}
    fit |= {k: options.pop(k) for k in ("sample_weight", "class_weight") if k in options}
    model = compiled(*layers, loss=loss, **options)
    model.fit(x, y, seed=0, verbose=0, backend="interpreter", **fit)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    return model


def classified(x: Any = X, y: Any = CLASSES, *layers: Any, **options: Any) -> Any:
    return fitted(x, y, *(layers or [nn.Dense(3)]), **{"loss": "cross_entropy", **options})


def images(x: Any, *layers: Any, **options: Any) -> Any:
    return classified(x, CLASSES, *layers, nn.Flatten(), nn.Dense(3), **options)


def traced(function: Callable[..., Any], *args: Any) -> Any:
    return pel.jit(function)(*args)


def rows(function: Callable[..., Any], *args: Any) -> Any:
    """The function over a batch of any number of rows."""
    return pel.jit(function, batch=0)(*args)


def gradient(function: Callable[..., Any], *args: Any) -> Any:
    return pel.grad(function)(*args)


def wide(x: Any, y: Any) -> Any:
    """A model of float64, its rate 0 so that numbers of any size can stand in it."""
    model = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    model.compile(optim.SGD(0.0), "absolute")
    return model.fit(x, y, seed=0, verbose=0, backend="interpreter")


def matrix() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(ONES)


def resumed(p: Path, x: Any, resume: bool = True) -> Any:
    """A run of two epochs, the second on `x`."""
    path = p / "resumed.safetensors"
    model = compiled()
    model.fit(X, X[:, 0], epochs=1, seed=0, verbose=0, checkpoint=path, overwrite=True)
    again = pel.load(path)
    return again.fit(x, x[:, 0], epochs=2, seed=0, verbose=0, resume=resume)


def diverged(rate: float) -> Any:
    model = compiled(optimizer=optim.SGD(rate))
    return model.fit(X, X[:, 0], epochs=60, seed=0, verbose=0, backend="interpreter")


def hills(w: Any) -> Any:
    return np.sum(np.arange(40.0) * w * w)


def shared_with_donated(x: Any, copied: bool) -> Any:
    return pel.jit(lambda w, v: w + v, donate=0)(x, x.copy() if copied else x)


def kept(stored: bool) -> Any:
    """A Tensor of a traced function, stored inside or returned."""
    inside: list[Any] = []
    result = traced(lambda x: inside.append(x) or x, ONES)
    return inside[0] if stored else result


class Slope:
    """The smallest thing that says which function it is, as a model does."""

    w = np.ones(3, np.float32)

    def __call__(self, x: Any) -> Any:
        return np.sum(self.w * x)

    def __pellucid_function__(self, where: str, x: Any) -> FunctionCall:
        return FunctionCall(lambda w, x: np.sum(w * x), (self.w, x), ("w", "x"), (0,))


def plain_model() -> Any:
    x = pel.Input((784,))
    return pel.Model(x, nn.Dense(10)(x))


def added() -> Any:
    model = pel.Sequential(seed=0)
    model.add(nn.Dense(1))
    model.compile("sgd", "squared")
    return model


def without_layers() -> Any:
    model = pel.Sequential(seed=0)
    model.compile("sgd", "squared")
    return model


def traced_layer(layer: Any, sample: tuple[int, ...]) -> Any:
    x = pel.Input(sample)
    return pel.Model(x, layer(x)).summary()


def built() -> Any:
    model = pel.Sequential([nn.Dense(2, input_shape=(4,))], seed=0)
    return model.summary()


def checkpointed(p: Path, load: bool) -> Any:
    path = p / "run.safetensors"
    layers = [nn.Dense(1)]
    model = compiled(*layers)
    model.fit(X, X[:, 0], epochs=1, seed=0, verbose=0, checkpoint=path, overwrite=True)
    again = pel.load(path) if load else compiled(*layers)
    return again.fit(X, X[:, 0], epochs=2, seed=0, verbose=0, resume=True)


def saved(p: Path, **options: Any) -> Any:
    model = fitted(X, X[:, 0])
    model.save(p / "m.safetensors", overwrite=True)
    return model.save(p / "m.safetensors", **options)


def traced_by_show(function: Any, *args: Any) -> Any:
    return pel.show(function, *args)


def strange(p: Path) -> Path:
    """Arrays that are no model."""
    from safetensors.numpy import save_file

    save_file({"a": ONES}, p / "strange.safetensors")
    return p / "strange.safetensors"


class Doubling:
    """A method made native in the two ways that a person may try."""

    def __init__(self, inside: bool):
        if inside:
            self.fast = pel.jit(self.plain)

    def plain(self, x: Any) -> Any:
        return 2 * x

    wrapped = pel.jit(plain)


def watched(change: bool) -> Any:
    """A loop that puts numbers into one array, or makes a new one at each step."""

    def total(x: Any) -> Any:
        step, result = np.zeros(3), x
        for n in range(3):
            if change:
                step[:] = n
            else:
                step = np.full(3, float(n))
            result = result + step
        return result

    return traced(total, np.ones(3))


def rate(schedule: Any) -> Any:
    return fitted(X, X[:, 0], optimizer=optim.SGD(schedule))


FOLLOWED = [
    # derivatives
    # Layers, losses and callbacks that are called by hand.
    Followed(
        "Start from params, state = layer.init(pel.Key(seed, 0), type).",
        lambda p: DENSE.apply([], {}, X, train=False, key=None),
        lambda p: DENSE.apply(*DENSE.init(pel.Key(0, 0), ROWS), X, train=False, key=None),
    ),
    Followed(
        "Write pel.Key(seed, step).",
        lambda p: DENSE.init(0, ROWS),
        lambda p: DENSE.init(pel.Key(0, 1), ROWS),
    ),
    Followed(
        "They never broadcast: reshape the target.",
        lambda p: nn.Squared().per_row(X[:, 0], X[:, :1]),
        lambda p: nn.Squared().per_row(X[:, 0].reshape(-1, 1), X[:, :1]),
    ),
    Followed(
        "Give the target in the form that loss.targets(y, type) returns.",
        lambda p: nn.CrossEntropy().per_row(CLASSES[:3], X),
        lambda p: nn.CrossEntropy().per_row(nn.CrossEntropy().targets(CLASSES, ROWS), X),
    ),
    Followed(
        "Give the callback to fit, which calls its hooks: fit(…, callbacks=[callback]).",
        lambda p: pel.StopBelow("loss", 0.1).on_epoch(None),
        lambda p: fitted(X, X[:, 0], callbacks=[pel.StopBelow("loss", 0.1)]),
    ),
    Followed(
        "Write def print_fn(line).",
        lambda p: fitted(X, X[:, 0]).summary(lambda: None),
        lambda p: fitted(X, X[:, 0]).summary(lambda line: None),
    ),
    Followed(
        "Wrap it in stop_gradient, or compute it outside the differentiated function.",
        lambda p: gradient(lambda x: np.argmax(x) * np.sum(x), np.ones(3)),
        lambda p: gradient(lambda x: np.argmax(pnp.stop_gradient(x)) * np.sum(x), np.ones(3)),
    ),
    Followed(
        "Pass floats (1.0 instead of 1), or choose other argnums.",
        lambda p: gradient(lambda x: x * x, 1),
        lambda p: gradient(lambda x: x * x, 1.0),
    ),
    Followed(
        "Sum or average the result, or use jacobian.",
        lambda p: gradient(np.sin, np.ones(3)),
        lambda p: (gradient(lambda x: np.sum(np.sin(x)), np.ones(3)), pel.jacobian(np.sin)(X[0])),
    ),
    Followed(
        "Sum it first, or pass the output gradient.",
        lambda p: pel.Tensor(ONES).backward(),
        lambda p: (pel.Tensor(ONES).sum().backward(), pel.Tensor(ONES).backward(ONES)),
    ),
    Followed(
        "Inside a traced function use pel.grad.",
        lambda p: traced(lambda x: x.sum().backward(), ONES),
        lambda p: traced(lambda x: pel.grad(np.sum)(x), ONES),
    ),
    # data
    Followed(
        "Leave out such rows, or fill in the means of the columns: np.where(np.isnan(x), "
        "np.nanmean(x, axis=0), x).",
        lambda p: fitted(HOLES, X[:, 0]),
        lambda p: (
            fitted(np.where(np.isnan(HOLES), np.nanmean(HOLES, axis=0), HOLES), X[:, 0]),
            fitted(HOLES[~np.isnan(HOLES).any(axis=1)], X[~np.isnan(HOLES).any(axis=1), 0]),
        ),
    ),
    Followed(
        "Leave out such rows: x[np.isfinite(x).all(axis=1)], and those of y.",
        lambda p: fitted(ENDLESS, X[:, 0]),
        lambda p: fitted(
            ENDLESS[np.isfinite(ENDLESS).all(axis=1)], X[np.isfinite(ENDLESS).all(axis=1), 0]
        ),
    ),
    Followed(
        "Leave out such rows: x[np.isfinite(y)], y[np.isfinite(y)].",
        lambda p: fitted(X, HOLES[:, 0]),
        lambda p: fitted(X[np.isfinite(HOLES[:, 0])], HOLES[np.isfinite(HOLES[:, 0]), 0]),
    ),
    Followed(
        "Leave out such rows.",
        lambda p: fitted(X, HOLES),
        lambda p: fitted(X[np.isfinite(HOLES).all(1)], HOLES[np.isfinite(HOLES).all(1)], DENSE4),
    ),
    Followed(
        "Fill it: x.filled(0).",
        lambda p: fitted(MASKED, X[:, 0]),
        lambda p: fitted(MASKED.filled(0), X[:, 0]),
    ),
    Followed(
        "Fill it first: x.filled(0).",
        lambda p: pel.Tensor(MASKED),
        lambda p: pel.Tensor(MASKED.filled(0)),
    ),
    Followed(
        "For one feature pass x.reshape(-1, 1), for one row x.reshape(1, -1).",
        lambda p: fitted(X[:, 0], X[:, 1]),
        lambda p: (
            fitted(X[:, 0].reshape(-1, 1), X[:, 1]),
            fitted(X[0].reshape(1, -1), X[:1, 1]),
        ),
    ),
    Followed(
        'Scale the data, or use Sequential(dtype="float64").',
        lambda p: fitted(X.astype(float) * 1e300, X[:, 0]),
        lambda p: (
            fitted(X.astype(float) * 1e300 / 1e300, X[:, 0]),
            wide(X.astype(float) * 1e100, X[:, 0]),
        ),
    ),
    Followed(
        "Use the real part or the magnitude: np.abs(x).",
        lambda p: fitted(X * 1j, X[:, 0]),
        lambda p: (fitted(np.abs(X * 1j), X[:, 0]), fitted((X * 1j).real, X[:, 0])),
    ),
    Followed(
        "Map text to numbers: names, y = np.unique(y, return_inverse=True).",
        lambda p: classified(y=np.array(["a", "b", "c"])[CLASSES]),
        lambda p: classified(
            y=np.unique(np.array(["a", "b", "c"])[CLASSES], return_inverse=True)[1]
        ),
    ),
    Followed(
        "Pass overwrite=True to replace it, or choose another name.",
        lambda p: saved(p),
        lambda p: (saved(p, overwrite=True), fitted(X, X[:, 0]).save(p / "other.safetensors")),
    ),
    Followed(
        "Load the checkpoint first: pel.load(path).",
        lambda p: checkpointed(p, load=False),
        lambda p: checkpointed(p, load=True),
    ),
    # models
    Followed(
        "Call compile(optimizer, loss).",
        lambda p: pel.Sequential([nn.Dense(1)], seed=0).fit(X, X[:, 0], verbose=0),
        lambda p: compiled().fit(X, X[:, 0], verbose=0, seed=0),
    ),
    Followed(
        "Write SGD(…), with brackets.",
        lambda p: compiled(optimizer=optim.SGD),
        lambda p: compiled(optimizer=optim.SGD()),
    ),
    Followed(
        "Write L2(1e-4).",
        lambda p: compiled(regularizer=1e-4),
        lambda p: compiled(regularizer=nn.L2(1e-4)),
    ),
    Followed(
        "Use metrics=['squared_error'], or a loss for classes.",
        lambda p: fitted(X, X[:, 0], metrics=["accuracy"]),
        lambda p: (
            fitted(X, X[:, 0], metrics=["squared_error"]),
            classified(metrics=["accuracy"]),
        ),
    ),
    Followed(
        "Use sample_weight.",
        lambda p: fitted(X, X[:, 0], class_weight={0: 2.0}),
        lambda p: fitted(X, X[:, 0], sample_weight=np.arange(24.0)),
    ),
    Followed(
        "Use add(layer).",
        lambda p: without_layers().fit(X, X[:, 0], verbose=0),
        lambda p: added().fit(X, X[:, 0], verbose=0, seed=0),
    ),
    Followed(
        "Write Sequential([layer]).",
        lambda p: pel.Sequential(nn.Dense(1)),
        lambda p: pel.Sequential([nn.Dense(1)]),
    ),
    Followed(
        "Write Dense(…), with brackets.",
        lambda p: pel.Sequential([nn.Dense]),
        lambda p: pel.Sequential([nn.Dense(2)]),
    ),
    Followed(
        "Write EarlyStopping(…), with brackets.",
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping]),
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping("loss")]),
    ),
    Followed(
        "Give fit validation_data.",
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping()]),
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping()], validation_data=(X, X[:, 0])),
    ),
    Followed(
        "Compile with metrics=['squared_error'].",
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping("squared_error")]),
        lambda p: fitted(
            X,
            X[:, 0],
            callbacks=[pel.EarlyStopping("squared_error")],
            metrics=["squared_error"],
        ),
    ),
    Followed(
        "Compile with metrics=['r2'] and give fit validation_data.",
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping("val_r2")]),
        lambda p: fitted(
            X,
            X[:, 0],
            callbacks=[pel.EarlyStopping("val_r2")],
            metrics=["r2"],
            validation_data=(X, X[:, 0]),
        ),
    ),
    Followed(
        "It is measured on validation data alone: compile with metrics=['r2'], give fit "
        "validation_data, monitor 'val_r2'.",
        lambda p: fitted(X, X[:, 0], callbacks=[pel.EarlyStopping("r2")]),
        lambda p: fitted(
            X,
            X[:, 0],
            callbacks=[pel.EarlyStopping("val_r2")],
            metrics=["r2"],
            validation_data=(X, X[:, 0]),
        ),
    ),
    Followed(
        "Give one of them another name=.",
        lambda p: pel.Sequential([nn.Dense(2, name="a"), nn.Dense(2, name="a")]),
        lambda p: pel.Sequential([nn.Dense(2, name="a"), nn.Dense(2, name="b")]),
    ),
    Followed(
        "Give the first layer input_shape=(…), or call fit first.",
        lambda p: pel.Sequential([nn.Dense(2)]).summary(),
        lambda p: (built(), fitted(X, X[:, 0]).summary()),
    ),
    Followed(
        "Add Flatten() before Dense.",
        lambda p: fitted(X, X[:, 0]).predict(X.reshape(24, 2, 2)),
        lambda p: fitted(X.reshape(24, 2, 2), X[:, 0], nn.Flatten(), nn.Dense(1)),
    ),
    Followed(
        "Channels come last: move them with np.moveaxis(x, 1, -1) if yours come first.",
        lambda p: images(IMAGES, nn.Conv2D(2, 3)).predict(np.moveaxis(IMAGES, -1, 1)),
        lambda p: images(IMAGES, nn.Conv2D(2, 3)).predict(
            np.moveaxis(np.moveaxis(IMAGES, -1, 1), 1, -1)
        ),
    ),
    Followed(
        "Write a Model: x = Input((4,)); Model(x, Add()([x, Dense(4)(x)])).",
        lambda p: pel.Sequential([nn.Dense(4), nn.Add()]),
        lambda p: pel.Model(x4, nn.Add()([x4, nn.Dense(4)(x4)])),
    ),
    Followed(
        "Write x = Input((784,)); Model(x, Dense(10)(x)).",
        lambda p: pel.Model(X, nn.Dense(10)),
        lambda p: plain_model(),
    ),
    Followed(
        "Name it too: Model([x1, x2], …).",
        lambda p: pel.Model(x4, nn.Add()([x4, other4])),
        lambda p: pel.Model([x4, other4], nn.Add()([x4, other4])),
    ),
    Followed("Write Add()([x, y]).", lambda p: nn.Add()(x4), lambda p: nn.Add()([x4, other4])),
    Followed(
        "Join them first: Concat()([x, y]).",
        lambda p: nn.Dense(2)([x4, other4]),
        lambda p: nn.Dense(2)(nn.Concat()([x4, other4])),
    ),
    # layers and losses
    Followed(
        "Use loss='cross_entropy', which takes logits.",
        lambda p: classified(loss="probability_cross_entropy"),
        lambda p: classified(loss="cross_entropy"),
    ),
    Followed(
        "Compile with loss='cross_entropy' or 'binary_cross_entropy'.",
        lambda p: fitted(X, X[:, 0]).predict_proba(X),
        lambda p: classified().predict_proba(X),
    ),
    Followed(
        "Give each sample its features as a vector: x.reshape(-1, 1) for one feature.",
        lambda p: traced_layer(nn.Dense(2), ()),
        lambda p: traced_layer(nn.Dense(2), (1,)),
    ),
    Followed(
        'Scale the targets, or use Sequential(dtype="float64").',
        lambda p: fitted(X, X[:, 0].astype(float) * 1e300),
        lambda p: (
            fitted(X, X[:, 0].astype(float) * 1e300 / 1e300),
            wide(X, X[:, 0].astype(float) * 1e100),
        ),
    ),
    Followed(
        "Add Flatten() before the last Dense.",
        lambda p: classified(X.reshape(24, 2, 2)),
        lambda p: classified(X.reshape(24, 2, 2), CLASSES, nn.Flatten(), nn.Dense(3)),
    ),
    Followed(
        "Use Dense(2), or loss='binary_cross_entropy' with one output.",
        lambda p: classified(X, SIDES, nn.Dense(1)),
        lambda p: (
            classified(X, SIDES, nn.Dense(2)),
            fitted(X, SIDES, nn.Dense(1), loss="binary_cross_entropy"),
        ),
    ),
    Followed(
        "For several labels at once use loss='binary_cross_entropy'.",
        lambda p: classified(y=np.ones((24, 3))),
        lambda p: classified(y=np.ones((24, 3)), loss="binary_cross_entropy"),
    ),
    Followed(
        "For probabilities use loss='cross_entropy'.",
        lambda p: classified(y=np.full((24, 3), 1 / 3), loss="multiclass_hinge"),
        lambda p: classified(y=np.full((24, 3), 1 / 3), loss="cross_entropy"),
    ),
    Followed(
        "For a regression use loss='squared'.",
        lambda p: classified(y=CLASSES + 0.5),
        lambda p: fitted(X, CLASSES + 0.5, loss="squared"),
    ),
    Followed(
        "For targets of either sign use loss='squared'.",
        lambda p: fitted(X, X[:, 0], loss="poisson"),
        lambda p: fitted(X, X[:, 0], loss="squared"),
    ),
    Followed(
        "Pass y.ravel().",
        lambda p: classified(y=CLASSES.reshape(-1, 1)),
        lambda p: classified(y=CLASSES.reshape(-1, 1).ravel()),
    ),
    Followed(
        "Labels are -1 and 1: pass (y + 1) // 2, or use loss='hinge' with one output.",
        lambda p: classified(X, SIGNS, nn.Dense(2)),
        lambda p: (
            classified(X, (SIGNS + 1) // 2, nn.Dense(2)),
            fitted(X, SIGNS, nn.Dense(1), loss="hinge"),
        ),
    ),
    Followed(
        "Labels are -1 and 1: pass (y + 1) / 2, or use loss='hinge'.",
        lambda p: fitted(X, SIGNS, loss="binary_cross_entropy"),
        lambda p: (
            fitted(X, (SIGNS + 1) / 2, loss="binary_cross_entropy"),
            fitted(X, SIGNS, loss="hinge"),
        ),
    ),
    Followed(
        "Labels are 0 and 1: pass 2*y - 1, or use loss='binary_cross_entropy'.",
        lambda p: fitted(X, SIDES, loss="hinge"),
        lambda p: (
            fitted(X, 2 * SIDES - 1, loss="hinge"),
            fitted(X, SIDES, loss="binary_cross_entropy"),
        ),
    ),
    Followed(
        "For targets (N, 1) the last layer is Dense(6).",
        lambda p: fitted(X, X[:, :1], nn.Dense(1), loss=nn.GaussianMixture(2)),
        lambda p: fitted(X, X[:, :1], nn.Dense(6), loss=nn.GaussianMixture(2)),
    ),
    Followed(
        "Sum over the last axes: np.sum(…, axis=-1).",
        lambda p: fitted(X, X[:, :1], loss=nn.NegativeLogLikelihood(lambda t, y: -((t - y) ** 2))),
        lambda p: fitted(
            X,
            X[:, :1],
            loss=nn.NegativeLogLikelihood(lambda t, y: np.sum(-((t - y) ** 2), axis=-1)),
        ),
    ),
    Followed(
        "Reduce over the last axes only: np.sum((y_pred - y_true)**2, axis=-1).",
        lambda p: fitted(X, X[:, :1], loss=lambda y_true, y_pred: (y_pred - y_true) ** 2),
        lambda p: fitted(
            X, X[:, :1], loss=lambda y_true, y_pred: np.sum((y_pred - y_true) ** 2, axis=-1)
        ),
    ),
    Followed(
        "Put it before Flatten().",
        lambda p: classified(IMAGES, CLASSES, nn.Flatten(), nn.GlobalMaxPool(), nn.Dense(3)),
        lambda p: classified(IMAGES, CLASSES, nn.GlobalMaxPool(), nn.Flatten(), nn.Dense(3)),
    ),
    Followed(
        "Add Flatten() before it.",
        lambda p: classified(IMAGES, CLASSES, nn.Maxout(3)),
        lambda p: classified(IMAGES, CLASSES, nn.Flatten(), nn.Maxout(3)),
    ),
    Followed(
        "Give it one channel: add Reshape((8, 8, 1)) before, or use x[..., None].",
        lambda p: images(IMAGES[..., 0], nn.Conv2D(2, 3)),
        lambda p: (
            images(IMAGES[..., 0], nn.Reshape((8, 8, 1)), nn.Conv2D(2, 3)),
            images(IMAGES[..., 0][..., None], nn.Conv2D(2, 3)),
        ),
    ),
    Followed(
        "Use padding='same' or a smaller kernel. Channels come last: move them with "
        "np.moveaxis(x, 1, -1) if yours come first.",
        lambda p: images(np.moveaxis(IMAGES, -1, 1), nn.Conv2D(2, 3)),
        lambda p: (
            images(np.moveaxis(np.moveaxis(IMAGES, -1, 1), 1, -1), nn.Conv2D(2, 3)),
            images(np.moveaxis(IMAGES, -1, 1), nn.Conv2D(2, 3, padding="same")),
            images(np.moveaxis(IMAGES, -1, 1), nn.Conv2D(2, 1)),
        ),
    ),
    Followed(
        "An entry is a number or a pair (before, behind): padding=((1, 2), (1, 2)).",
        lambda p: images(IMAGES, nn.Conv2D(2, 3, padding=((1, 2),))),
        lambda p: images(IMAGES, nn.Conv2D(2, 3, padding=((1, 2), (1, 2)))),
    ),
    Followed(
        "An entry is a number or a pair (before, behind): padding=((1, 2),).",
        lambda p: nn.Conv1D(2, 3, padding=((1, 2), (1, 2))),
        lambda p: nn.Conv1D(2, 3, padding=((1, 2),)),
    ),
    Followed(
        "For two filters of which the first sees maps 0 and 1: ((0, 1), (0, 1, 2)).",
        lambda p: nn.Conv2D(2, 3, connections=((0,),)),
        lambda p: nn.Conv2D(2, 3, connections=((0, 1), (0, 1, 2))),
    ),
    Followed(
        "Two centers of three features: ((0, 0, 0), (1, 1, 1)).",
        lambda p: nn.RBF(((0, 0), (1,))),
        lambda p: nn.RBF(((0, 0, 0), (1, 1, 1))),
    ),
    # optimizers
    Followed(
        "Use an optimizer that takes one step along the gradient, such as Adam().",
        lambda p: compiled(optimizer=optim.LBFGS(), regularizer=nn.L1(0.1, proximal=True)),
        lambda p: compiled(optimizer=optim.Adam(), regularizer=nn.L1(0.1, proximal=True)),
    ),
    Followed(
        "Write Piecewise((100,), (0.1, 0.01)).",
        lambda p: optim.Piecewise(100, (0.1, 0.01)),
        lambda p: rate(optim.Piecewise((100,), (0.1, 0.01))),
    ),
    Followed(
        "Write Cosine(…), with brackets.",
        lambda p: rate(optim.Cosine),
        lambda p: rate(optim.Cosine(0.1, 10)),
    ),
    # scores
    Followed(
        "Give the chosen classes: model.predict(x).argmax(axis=1).",
        lambda p: pel.metrics.accuracy(CLASSES, classified().predict(X)),
        lambda p: pel.metrics.accuracy(CLASSES, classified().predict(X).argmax(axis=1)),
    ),
    Followed(
        "Give the chosen classes: p > 0.5, or model.predict(x).argmax(axis=1).",
        lambda p: pel.metrics.accuracy(SIDES, SIDES * 0.6 + 0.2),
        lambda p: pel.metrics.accuracy(SIDES, SIDES * 0.6 + 0.2 > 0.5),
    ),
    # tracing
    Followed(
        "Use where(mask, x, 0) and keep the shape.",
        lambda p: traced(lambda x: x[x > 0], X),
        lambda p: traced(lambda x: np.where(x > 0, x, 0), X),
    ),
    Followed(
        "How many elements hold depends on values; keep the shape: where(condition, x, 0).",
        lambda p: traced(lambda x: np.where(x > 0), X),
        lambda p: traced(lambda x: np.where(x > 0, x, 0), X),
    ),
    Followed(
        "Write where(condition, x, y) instead of Python control flow on values.",
        lambda p: gradient(lambda x: x if x > 0 else -x, 1.0),
        lambda p: gradient(lambda x: np.where(x > 0, x, -x), 1.0),
    ),
    Followed(
        "Return the Tensor and look at the result.",
        lambda p: traced(lambda x: x.item(), 1.0),
        lambda p: traced(lambda x: x, 1.0),
    ),
    Followed(
        "Use .all() or .any() of a NumPy array.",
        lambda p: bool(pel.Tensor(ONES) > 0),
        lambda p: (
            bool((pel.Tensor(ONES) > 0).numpy().all()),
            (pel.Tensor(ONES).numpy() > 0).any(),
        ),
    ),
    Followed(
        "Write x.shape[0] in arithmetic; a loop over rows becomes an operation on x.",
        lambda p: rows(lambda x: np.sum(x) / len(x), X),
        lambda p: rows(lambda x: np.sum(x) / x.shape[0], X),
    ),
    Followed(
        "range() over rows becomes an operation on the whole tensor, or arange under jit without "
        "batch=.",
        lambda p: rows(lambda x: sum(i for i in range(x.shape[0])) + x, X),
        lambda p: traced(lambda x: np.arange(x.shape[0])[:, None] + x, X),
    ),
    Followed(
        "Build a new one: where(mask, new, old), concat, or scatter_add.",
        lambda p: pel.Tensor(ONES).__setitem__(0, 1.0),
        lambda p: np.where(np.arange(2)[:, None] == 0, 1.0, pel.Tensor(ONES)),
    ),
    Followed(
        "Put it together from its parts: np.stack, np.concatenate or np.where.",
        lambda p: traced(lambda x: np.zeros(2).__setitem__(0, x), 1.0),
        lambda p: traced(lambda x: np.stack([x, 0 * x]), 1.0),
    ),
    Followed(
        "Make a new array at each step, or hand on array.copy().",
        lambda p: watched(change=True),
        lambda p: watched(change=False),
    ),
    Followed(
        "Use np.array_split, or say where to cut.",
        lambda p: np.split(pel.Tensor(X), 5),
        lambda p: (np.array_split(pel.Tensor(X), 5), np.split(pel.Tensor(X), [5, 10])),
    ),
    Followed(
        "What is none of these is set inside: lambda x: f(x, other).",
        lambda p: traced_by_show(np.sum, X, "rows"),
        lambda p: traced_by_show(lambda x: np.sum(x, 0), X),
    ),
    Followed(
        "Use np.asarray(x), and @.",
        lambda p: pel.Tensor(matrix()),
        lambda p: pel.Tensor(np.asarray(matrix())) @ ONES.T,
    ),
    Followed(
        "Convert x with astype(np.float32) first.",
        lambda p: pel.Tensor([1, 2]) ** -1,
        lambda p: pel.Tensor([1, 2]).astype(np.float32) ** -1,
    ),
    Followed(
        "Write 1 / x.",
        lambda p: np.reciprocal(pel.Tensor([1, 2])),
        lambda p: 1 / pel.Tensor([1, 2]),
    ),
    Followed(
        "Use * for a product with a number.",
        lambda p: pel.Tensor(ONES) @ 2.0,
        lambda p: pel.Tensor(ONES) * 2.0,
    ),
    Followed(
        "Give it one channel: x[..., None].",
        lambda p: pnp.max_pool(X, 2),
        lambda p: pnp.max_pool(X[..., None], 2),
    ),
    Followed(
        "Channels come last here: move them with np.moveaxis(x, 1, -1).",
        lambda p: pnp.conv(np.ones((2, 3, 8, 8), "f4"), np.ones((3, 3, 3, 2), "f4")),
        lambda p: pnp.conv(
            np.moveaxis(np.ones((2, 3, 8, 8), "f4"), 1, -1), np.ones((3, 3, 3, 2), "f4")
        ),
    ),
    Followed(
        "Use np.add(…) itself, or a reduction such as np.sum.",
        lambda p: np.add.reduceat(pel.Tensor(X), [0, 2]),
        lambda p: (np.add(pel.Tensor(X), 1), np.sum(pel.Tensor(X))),
    ),
    Followed(
        "Write self.plain = pel.jit(self.plain) in __init__, under another name.",
        lambda p: Doubling(inside=False).wrapped(ONES),
        lambda p: Doubling(inside=True).fast(ONES),
    ),
    Followed(
        "Hand over a copy: np.array(…, order='C').",
        lambda p: pel.jit(lambda w: w + 1, donate=0)(np.asfortranarray(X)),
        lambda p: pel.jit(lambda w: w + 1, donate=0)(np.array(np.asfortranarray(X), order="C")),
    ),
    Followed(
        "Where there is no gradient on purpose, say why: ZeroGradient('…').",
        lambda p: op("quiet_1", lambda xp, x: xp.floor(x), [None]),
        lambda p: op("quiet_2", lambda xp, x: xp.floor(x), ZeroGradient("it is flat")),
    ),
    Followed(
        "Give the interval where it is defined: samples=(low, high).",
        lambda p: op("logarithm_1", lambda xp, x: xp.log(x), lambda x, out: 1 / x),
        lambda p: op(
            "logarithm_2", lambda xp, x: xp.log(x), lambda x, out: 1 / x, samples=(0.5, 2.0)
        ),
    ),
    Followed(
        "They take operators and functions of xp (forward) or pellucid.numpy (derivative).",
        lambda p: op("sine_1", lambda xp, x: xp.sine(x), lambda x, out: pnp.cos(x)),
        lambda p: op("sine_2", lambda xp, x: xp.sin(x), lambda x, out: pnp.cos(x)),
    ),
    # what is looked at
    Followed(
        "Write pel.show(tensor), or give the function that computed it.",
        lambda p: pel.show(pel.Tensor(1.0), 2.0),
        lambda p: (pel.show(pel.Tensor(1.0)), pel.show(np.sin, 2.0)),
    ),
    Followed(
        "Write pel.show(np.mean, a).", lambda p: pel.show(np.mean), lambda p: pel.show(np.mean, X)
    ),
    Followed(
        "Call it outside, on the function that is traced: pel.show(f, x).",
        lambda p: gradient(lambda x: pel.show(x), 1.0),
        lambda p: pel.show(np.sin, 1.0),
    ),
    Followed(
        "Give a function and its arguments: pel.show(f, x).",
        lambda p: pel.show(3),
        lambda p: pel.show(np.sin, 3.0),
    ),
    Followed(
        "print(graph) prints a graph.",
        lambda p: pel.show(pel.show(np.sin, 1.0).graph),
        lambda p: str(pel.show(np.sin, 1.0).graph),
    ),
    Followed(
        "pel.show(tensor) shows how a Tensor was computed.",
        lambda p: pel.explain(pel.Tensor(1.0)),
        lambda p: pel.show(pel.Tensor(1.0)),
    ),
    Followed(
        "explain(f, x) derives the gradient of f by x.",
        lambda p: pel.explain(lambda: 1.0),
        lambda p: pel.explain(lambda x: x, 1.0),
    ),
    Followed(
        "For images twice as large at most: (-0.5, 0).",
        lambda p: nn.RandomZoom((-3, 0)),
        lambda p: nn.RandomZoom((-0.5, 0)),
    ),
    Followed(
        "Write curvature(f, (w,)).",
        lambda p: pel.curvature(lambda w: np.sum(w * w), np.ones(3)),
        lambda p: pel.curvature(lambda w: np.sum(w * w), (np.ones(3),)),
    ),
    Followed(
        "Use pellucid.numpy, or return the Tensor first.",
        lambda p: traced(lambda x: np.linalg.svd(np.asarray(x)), X),
        lambda p: (traced(lambda x: pnp.sum(x), X), np.asarray(traced(lambda x: x, X))),
    ),
    Followed(
        "Use stop_gradient inside a traced function.",
        lambda p: gradient(lambda x: x.detach() * x, 1.0),
        lambda p: gradient(lambda x: pnp.stop_gradient(x) * x, 1.0),
    ),
    Followed(
        "Write np.isinf(x) & (x > 0). On numbers alone, call it with x.numpy().",
        lambda p: np.isposinf(pel.Tensor(X)),
        lambda p: (np.isinf(pel.Tensor(X)) & (pel.Tensor(X) > 0), np.isposinf(X)),
    ),
    Followed(
        "On numbers alone, call it with x.numpy().",
        lambda p: np.unique(pel.Tensor(X)),
        lambda p: np.unique(pel.Tensor(X).numpy()),
    ),
    Followed(
        "NumPy's own takes Tensors: np.average.",
        lambda p: pnp.average,
        lambda p: np.average(pel.Tensor(X)),
    ),
    Followed(
        "For arrays use np.unique; it does not take Tensors.",
        lambda p: pnp.unique,
        lambda p: np.unique(X),
    ),
    Followed(
        "Pass x.reshape(-1, 1).",
        lambda p: traced_layer(nn.Maxout(2), ()),
        lambda p: traced_layer(nn.Maxout(2), (1,)),
    ),
    Followed(
        "Save one with model.save(path).",
        lambda p: pel.load(strange(p)),
        lambda p: (saved(p, overwrite=True), pel.load(p / "m.safetensors")),
    ),
    # advice in words
    Followed(
        "Cast one of them with astype first.",
        lambda p: pel.Tensor(np.ones(2, np.uint64)) + pel.Tensor(np.ones(2, np.int64)),
        lambda p: pel.Tensor(np.ones(2, np.uint64)).astype("int64") + np.ones(2, np.int64),
    ),
    Followed(
        "Create it first.",
        lambda p: fitted(X, X[:, 0]).save(p / "new" / "m.safetensors"),
        lambda p: ((p / "new").mkdir(), fitted(X, X[:, 0]).save(p / "new" / "m.safetensors")),
    ),
    Followed(
        "Each pair of dimensions, counted from the right, must be equal or hold a 1.",
        lambda p: pel.Tensor(np.ones((2, 3))) + np.ones((3, 2)),
        lambda p: pel.Tensor(np.ones((2, 3))) + np.ones((2, 1)),
    ),
    Followed(
        "(2, 3) holds 6 elements.",
        lambda p: pel.Tensor(ONES).reshape(4, 2),
        lambda p: pel.Tensor(ONES).reshape(3, 2),
    ),
    Followed(
        "(6,) holds 6 elements.",
        lambda p: pel.Tensor(ONES.ravel()).reshape(4, 2),
        lambda p: pel.Tensor(ONES.ravel()).reshape(3, 2),
    ),
    Followed(
        "Give every row as many numbers as the first.",
        lambda p: fitted([[1.0, 2.0], [3.0]], [0.0, 1.0]),
        lambda p: fitted([[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0]),
    ),
    Followed(
        "It moves all weights together; 0 freezes a layer.",
        lambda p: compiled(nn.Dense(2, name="a"), optimizer=optim.LBFGS(), rates={"a": 0.5}),
        lambda p: compiled(nn.Dense(2, name="a"), optimizer=optim.LBFGS(), rates={"a": 0}),
    ),
    Followed(
        "Compile with other rates, or add a layer.",
        lambda p: fitted(X, X[:, 0], nn.Dense(1, name="a"), rates={"a": 0}),
        lambda p: (
            fitted(X, X[:, 0], nn.Dense(1, name="a"), rates={"a": 0.1}),
            fitted(X, X[:, 0], nn.Dense(2, name="a"), nn.Dense(1), rates={"a": 0}),
        ),
    ),
    Followed(
        "Call layers on symbols instead.",
        lambda p: plain_model().add(nn.Dense(1)),
        lambda p: pel.Model(x4, nn.Dense(1)(nn.Dense(2)(x4))),
    ),
    Followed(
        "Move dropout_1 before it.",
        lambda p: classified(X, CLASSES, nn.Dense(3, activation="softmax"), nn.Dropout(0.1)),
        lambda p: classified(X, CLASSES, nn.Dropout(0.1), nn.Dense(3, activation="softmax")),
    ),
    Followed(
        "Move batch_norm_1 before the activation that ends the model.",
        lambda p: classified(
            X,
            CLASSES,
            nn.Dense(3, activation="softmax"),
            nn.BatchNorm(),
            loss="probability_cross_entropy",
        ),
        lambda p: classified(
            X,
            CLASSES,
            nn.Dense(3),
            nn.BatchNorm(),
            nn.Activation("softmax"),
            loss="probability_cross_entropy",
        ),
    ),
    Followed(
        "Remove one of them.",
        lambda p: classified(
            X, CLASSES, nn.Dense(3, activation="softmax"), nn.Activation("softmax")
        ),
        lambda p: classified(X, CLASSES, nn.Dense(3, activation="softmax")),
    ),
    Followed(
        "Reshape the data.",
        lambda p: images(IMAGES, nn.Conv2D(2, 3)).predict(IMAGES.reshape(24, 64)),
        lambda p: images(IMAGES, nn.Conv2D(2, 3)).predict(
            IMAGES.reshape(24, 64).reshape(24, 8, 8, 1)
        ),
    ),
    Followed(
        "Give the same data and options, or train without resume.",
        lambda p: resumed(p, X[:20]),
        lambda p: (resumed(p, X), resumed(p, X[:20], resume=False)),
    ),
    Followed(
        "For 15 degrees write 15 / 360.",
        lambda p: nn.RandomRotation(15),
        lambda p: nn.RandomRotation(15 / 360),
    ),
    Followed(
        "For 2 pixels of 28 write 2 / 28.",
        lambda p: nn.RandomShift(2, 0),
        lambda p: nn.RandomShift(2 / 28, 0),
    ),
    Followed(
        "Groups are a table of connections: write them there.",
        lambda p: nn.Conv2D(2, 3, groups=2, connections=((0,), (1,))),
        lambda p: nn.Conv2D(2, 3, connections=((0,), (1,))),
    ),
    Followed(
        "End it with return.",
        lambda p: fitted(X, X[:, 0], nn.Basis(lambda x: None), nn.Dense(1)),
        lambda p: fitted(X, X[:, 0], nn.Basis(lambda x: x), nn.Dense(1)),
    ),
    Followed(
        "Give the last layer as many units as y has columns.",
        lambda p: fitted(X, X[:, :2], nn.Dense(3)),
        lambda p: fitted(X, X[:, :2], nn.Dense(2)),
    ),
    Followed(
        "The last layer has 2·(T + 2) units for T columns of y.",
        lambda p: fitted(X, X[:, :2], nn.Dense(6), loss=nn.GaussianMixture(2)),
        lambda p: fitted(X, X[:, :2], nn.Dense(8), loss=nn.GaussianMixture(2)),
    ),
    Followed(
        "Give the last layer two units for each column of y.",
        lambda p: fitted(X, X[:, :2], nn.Dense(2), loss="gaussian"),
        lambda p: fitted(X, X[:, :2], nn.Dense(4), loss="gaussian"),
    ),
    Followed(
        "Smoothed labels are probabilities: use CrossEntropy.",
        lambda p: nn.MulticlassHinge(label_smoothing=0.1),
        lambda p: classified(loss=nn.CrossEntropy(label_smoothing=0.1)),
    ),
    Followed(
        "Check the units of the last layer.",
        lambda p: classified(X, np.eye(3)[CLASSES], nn.Dense(4)),
        lambda p: classified(X, np.eye(3)[CLASSES], nn.Dense(3)),
    ),
    Followed(
        "The model has 2 outputs: give the last layer one unit a class.",
        lambda p: classified(X, CLASSES, nn.Dense(2)),
        lambda p: classified(X, CLASSES, nn.Dense(3)),
    ),
    Followed(
        "Labels must be 0 or 1.",
        lambda p: fitted(X, CLASSES, loss="binary_cross_entropy"),
        lambda p: fitted(X, SIDES, loss="binary_cross_entropy"),
    ),
    Followed(
        "Labels must be -1 or 1.",
        lambda p: fitted(X, CLASSES, loss="hinge"),
        lambda p: fitted(X, SIGNS, loss="hinge"),
    ),
    Followed(
        "A matrix of full rank is Dense.",
        lambda p: fitted(X, X[:, 0], nn.LowRankDense(3, rank=9), nn.Dense(1)),
        lambda p: fitted(X, X[:, 0], nn.Dense(3), nn.Dense(1)),
    ),
    Followed(
        "Give a branch a Dense layer that ends in the other's width.",
        lambda p: pel.Model(x4, nn.Add()([x4, nn.Dense(3)(x4)])).summary(),
        lambda p: pel.Model(x4, nn.Add()([x4, nn.Dense(4)(nn.Dense(3)(x4))])).summary(),
    ),
    Followed(
        "The rows of a batch have no order; choose another axis.",
        lambda p: rows(lambda x: np.cumsum(x, axis=0), X),
        lambda p: rows(lambda x: np.cumsum(x, axis=1), X),
    ),
    Followed(
        "Write it as a comparison.",
        lambda p: np.where(pel.Tensor(ONES), 1.0, 0.0),
        lambda p: np.where(pel.Tensor(ONES) != 0, 1.0, 0.0),
    ),
    Followed(
        "Take the rows before the call instead.",
        lambda p: rows(lambda x: x[:3], X),
        lambda p: rows(lambda x: x, X[:3]),
    ),
    Followed(
        "Reduce it instead.",
        lambda p: rows(lambda x: x[0], X),
        lambda p: rows(lambda x: np.mean(x, axis=0), X),
    ),
    Followed(
        "Check the order of the operands, or transpose one.",
        lambda p: pel.Tensor(ONES) @ np.ones((2, 5)),
        lambda p: (pel.Tensor(ONES).T @ np.ones((2, 5)), np.ones((5, 2)) @ pel.Tensor(ONES)),
    ),
    Followed(
        "Pass its numbers: q.numpy().",
        lambda p: np.quantile(pel.Tensor(X), pel.Tensor(0.5)),
        lambda p: (np.quantile(pel.Tensor(X), pel.Tensor(0.5).numpy()), np.quantile(X, 0.5)),
    ),
    Followed(
        "Put a 0 behind vectors of the plane.",
        lambda p: np.cross(pel.Tensor(X[:, :2]), X[:, :2]),
        lambda p: np.cross(np.pad(pel.Tensor(X[:, :2]), ((0, 0), (0, 1))), np.eye(3)[0]),
    ),
    Followed(
        "On numbers alone, NumPy has singular values: np.linalg.norm(x.numpy(), ord).",
        lambda p: np.linalg.norm(pel.Tensor(X), 2),
        lambda p: np.linalg.norm(pel.Tensor(X).numpy(), 2),
    ),
    Followed(
        "Pad by less than the window.",
        lambda p: images(IMAGES, nn.MaxPool2D(2, 1, padding=2)),
        lambda p: images(IMAGES, nn.MaxPool2D(2, 1, padding=1)),
    ),
    Followed(
        "The model keeps its last finite weights. Lower the learning rate (1e+06) or scale the "
        "data.",
        lambda p: diverged(1e6),
        lambda p: diverged(1e-3),
    ),
    Followed(
        "Both must occur among the rows.",
        lambda p: pel.metrics.roc_auc(np.ones(24), X[:, 0]),
        lambda p: pel.metrics.roc_auc(SIDES, X[:, 0]),
    ),
    Followed(
        "Convert the data to numbers first.",
        lambda p: pel.Tensor(np.array(["1", "2"])),
        lambda p: pel.Tensor(np.array(["1", "2"]).astype(np.float32)),
    ),
    Followed(
        "Allow more products, or tolerance.",
        lambda p: pel.curvature(hills, (np.ones(40),), products=3),
        lambda p: (
            pel.curvature(hills, (np.ones(40),), products=40),
            pel.curvature(hills, (np.ones(40),), products=3, tolerance=0.9),
        ),
    ),
    Followed(
        "Put constants into the body, or make one operation for each of their values.",
        lambda p: op("scaled_1", lambda xp, x, k=2.0: k * x, lambda x, out: 2.0),
        lambda p: op("scaled_2", lambda xp, x: 2.0 * x, lambda x, out: 2.0),
    ),
    Followed(
        "Use xp functions and plain numbers; they keep the dtype.",
        lambda p: op("wide_1", lambda xp, x: x * np.float64(2).reshape(1), lambda x, out: 2.0),
        lambda p: op("wide_2", lambda xp, x: x * 2.0, lambda x, out: 2.0),
    ),
    Followed(
        "The derivative does not belong to the forward.",
        lambda p: op("square_1", lambda xp, x: x * x, lambda x, out: x),
        lambda p: op("square_2", lambda xp, x: x * x, lambda x, out: 2 * x),
    ),
    Followed(
        "Hand over a copy of one of them.",
        lambda p: shared_with_donated(X.copy(), copied=False),
        lambda p: shared_with_donated(X.copy(), copied=True),
    ),
    Followed(
        "Donate only what the function returns anew, such as the weights of a step.",
        lambda p: pel.jit(np.sum, donate=0)(X.copy()),
        lambda p: pel.jit(lambda w: 0.9 * w, donate=0)(X.copy()),
    ),
    Followed(
        "Hand it over by position.",
        lambda p: pel.jit(lambda w: w + 1, donate=0)(w=X.copy()),
        lambda p: pel.jit(lambda w: w + 1, donate=0)(X.copy()),
    ),
    Followed(
        "Compare them first.",
        lambda p: np.bitwise_and(pel.Tensor(ONES), pel.Tensor(ONES)),
        lambda p: np.bitwise_and(pel.Tensor(ONES) > 0, pel.Tensor(ONES) > 1),
    ),
    Followed(
        "Use astype to drop fractions.",
        lambda p: np.concatenate([pel.Tensor(ONES), ONES], dtype="int64"),
        lambda p: np.concatenate([pel.Tensor(ONES), ONES]).astype("int64"),
    ),
    Followed(
        "Return it from that function instead of storing it.",
        lambda p: kept(stored=True) + 1,
        lambda p: kept(stored=False) + 1,
    ),
    Followed(
        "Use where.",
        lambda p: traced(lambda x: 1.0 in x, X),
        lambda p: traced(lambda x: np.where(x == 1.0, 1, 0), X),
    ),
    Followed(
        "Return other things as auxiliary output of an untraced wrapper.",
        lambda p: traced(lambda x: (x, "name"), X),
        lambda p: (traced(lambda x: x, X), "name"),
    ),
    Followed(
        "Leave argnums out. Other gradients are those of a function that calls the model.",
        lambda p: pel.explain(Slope(), ONES[0], argnums=1),
        lambda p: (
            pel.explain(Slope(), ONES[0]),
            pel.explain(lambda x: Slope()(x), ONES[0]),
        ),
    ),
]

BY_NATURE = {
    "Keep the weights alone: np.savez(path, **model.weights).": "takes thousands of layers",
    "Start without --resume.": "of the command line: tests/cli",
    "Give the same options, or start anew with --overwrite.": "of the command line: tests/cli",
    "Run it with backend='interpreter'.": "for graphs that no test should know how to write",
    "This is a mistake of the engine's. Run it with backend='interpreter'.": "not to be reached",
    "Import pellucid, not pellucid.ops.": "in a process of its own: tests/ops",
    "If you trust the file, pass read_idx(…, max_bytes=…).": "256 MB at least: tests/data, slow",
    "Ask for fewer: threads=1 needs none.": "the system must run out of threads",
    "Update Pellucid: pip install --upgrade pellucid.": "changes the environment",
    "Install it with: pip install llvmlite. The interpreter needs none.": "changes the environment",
    "pip install 'pellucid[explain]'.": "changes the environment",
    "Run pip install 'pellucid[web]'.": "changes the environment",
    "pip install 'pellucid[sklearn]'.": "changes the environment",
    "Wait until fit has ended, or change a copy: copy.deepcopy(model).": "two threads",
    "Number them anew: names, y = np.unique(y, return_inverse=True).": "IDX files: tests/data",
    "Pass a float array, or cast with astype(np.float32).": "grad, vjp and jvp refuse it earlier",
    "Look at the sizes that summary() prints.": "says where to look",
    # what is wrong is said, and there is one thing alone to do about it
    "Check the path.": "of the command line: tests/cli",
    "Known: fit, x.": "a list of names",
    "Keep the rows of a batch in one axis.": "tests/core: no public call makes two of them",
    "Convert it to a NumPy array first.": "an object of another library",
    "Put the four MNIST files there: train and t10k, images and labels.": "tests/data",
    "The file is longer than its header says.": "a file to be copied again",
    "Do not trust this file.": "a file to be copied again",
    "Copy the file again.": "a file to be copied again",
    "The file is truncated: copy it again.": "a file to be copied again",
    "The file is truncated, or is not a safetensors file.": "a file to be copied again",
    "The file is truncated or was changed.": "a file to be copied again",
    "Fill it first.": "of IDX files: tests/data",
    "The columns of the left operand must be as many as the rows of the right one.": "rows alone",
    "The rows of a batch stay together; choose another axis.": "rows alone: tests/ops",
    "Convert it with astype first.": "rows alone: tests/ops",
    "Give fit copies.": "data that change while they are trained on: tests/train",
    "Choose a wider dtype.": "tests/transform",
    "Pass a float64 array.": "until Python floats are float64",
    "Check inside the domain, away from jumps and kinks, and draw nothing at random.": "a reason",
    "Convert with astype.": "rows alone",
}
