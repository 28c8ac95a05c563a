"""Advice followed: models, layers, losses and metrics. See advice_cases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid import numpy as pnp
from pellucid.ops.spec import NotDifferentiable, ZeroGradient
from pellucid.transform.custom import op
from tests.advice_cases import (
    CLASSES,
    ONES,
    SIDES,
    SIGNS,
    Followed,
    X,
    classified,
    compiled,
    fitted,
    other4,
    x4,
)

OWN = nn.NegativeLogLikelihood(lambda t, y: np.sum(-((t - y) ** 2), axis=-1))
ODD = np.array([0, 5, 9])[CLASSES]


def in_chunks(loss: Any = "squared", optimizer: Any = "sgd", **options: Any) -> None:
    """Trains in chunks of a batch."""
    given = {"chunks": 3, "seed": 0, "verbose": 0, "backend": "interpreter"} | options
    compiled(loss=loss, optimizer=optimizer).fit(X, X[:, :1], **given)


def ranked(t: Any, y: Any) -> Any:
    """A loss that brings rows together by sorting them."""
    return np.mean((t - y) ** 2, axis=-1) + 0.0 * np.argsort(np.transpose(t)[0])


def one_loss_each(**options: Any) -> Any:
    """A model of two outputs, price and size."""
    outputs = {"price": nn.Dense(1)(x4), "size": nn.Dense(2, activation="softmax")(x4)}
    model = pel.Model(x4, outputs, seed=0)
    model.compile("sgd", **{"loss": {"price": "squared", "size": "cross_entropy"}, **options})
    return model


def in_list() -> Any:
    """A model of two inputs in a list."""
    model = pel.Model([x4, other4], nn.Dense(1)(nn.Add()([x4, other4])), seed=0)
    model.compile("sgd", "squared")
    return model


def in_dict() -> Any:
    model = pel.Model({"old": x4, "new": other4}, nn.Dense(1)(nn.Add()([x4, other4])), seed=0)
    model.compile("sgd", "squared")
    return model


def nested(dtype: Any) -> Any:
    inside = pel.Sequential([nn.Dense(2, input_shape=(4,))], seed=0, dtype=dtype)
    return pel.Sequential([inside, nn.Dense(1)], seed=0, dtype="float64")


def of_another_width(width: int, after: int) -> Any:
    """A model whose own function reads a width, which is another one when the model predicts."""
    read = {"width": width}
    wide = nn.Basis(lambda x: np.concatenate([x] * read["width"], axis=-1), input_shape=(4,))
    model = pel.Sequential([wide, nn.Dense(1)], seed=0)
    model.predict(X)
    read["width"] = after
    return model.predict(X)


def with_decay(loss: Any, **options: Any) -> Any:
    """A fit with a loss that may look at the model."""
    model = pel.Sequential([nn.Dense(1, input_shape=(4,))], seed=0)
    model.compile("sgd", lambda t, y: np.sum((t - y) ** 2, axis=-1) + loss(model), **options)
    return model.fit(X, X[:, 0], verbose=0, backend="interpreter")


def with_slots(optimizer: Any) -> Any:
    """The slots of an optimizer for Adam's model."""
    models = [fitted(X, X[:, 0], optimizer=one) for one in (optimizer, "adam")]
    models[1].slots = models[0].slots
    return models[1]


def with_record(change: Any) -> Any:
    model = fitted(X, X[:, 0])
    change(model)
    return model


class Called(nn.Layer):
    """A layer as Keras has them."""

    def call(self, x: Any) -> Any:
        return 2 * x


class Applied(nn.Layer):
    def apply(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
        return 2 * x, state


def lateness(y_true: Any, y_pred: Any) -> Any:
    return (y_pred < y_true)[:, 0]


def two_heads(metric: Any) -> Any:
    """Outputs whose measures may take one name: a_b_accuracy is `accuracy` of a_b, or of a."""
    outputs = {"a": nn.Dense(1)(x4), "a_b": nn.Dense(1)(x4)}
    model = pel.Model(x4, outputs, seed=0)
    model.compile("sgd", "squared", metrics={"a": [metric], "a_b": ["squared_error"]})
    return model


def two_measures(name: str) -> Any:
    """a_squared_error is `squared_error` of a, and `error` of a_squared."""
    outputs = {"a": nn.Dense(1)(x4), name: nn.Dense(3)(x4)}
    model = pel.Model(x4, outputs, seed=0)
    losses = {"a": "squared", name: "cross_entropy"}
    model.compile("sgd", losses, metrics={"a": ["squared_error"], name: ["error"]})
    return model


def named(name: str) -> Any:
    def metric(y_true: Any, y_pred: Any) -> Any:
        return lateness(y_true, y_pred)

    metric.__name__ = name
    return metric


def grouped(rates: Any) -> Any:
    body = pel.Sequential([nn.Dense(2, name="a", input_shape=(4,))], seed=0, name="body")
    model = pel.Sequential([body, nn.Dense(1)], seed=0)
    model.compile("sgd", "squared", rates=rates)
    return model


def stored(p: Path, function: Any) -> Any:
    """A model with a function of a person's own, from its file."""
    fitted(X, X[:, 0], nn.Basis(function), nn.Dense(1)).save(p / "own.safetensors", overwrite=True)
    return pel.load(p / "own.safetensors")


def rough(derivative: Any, number: int) -> Any:
    """A function with an operation that has no gradient."""
    own = op(f"rough_{number}", lambda xp, x: xp.floor(x), derivative)
    return lambda x: pnp.stop_gradient(own(x))


def inside(grown: bool) -> Any:
    """A row of layers that stands in another model, or a longer one of its layers."""
    model = pel.Sequential([nn.Dense(2, input_shape=(4,))], seed=0)
    pel.Sequential([model, nn.Dense(1)])
    if grown:
        return pel.Sequential([*model.layers, nn.Dense(1)])
    return model.add(nn.Dense(1))


def fork() -> Any:
    return pel.Model(x4, [nn.Dense(1)(x4), nn.Dense(2)(x4)], seed=0)


def on_symbols(model: Any) -> Any:
    return pel.Model(x4, model(x4), seed=0)


def applied(params: Any, state: Any = None) -> Any:
    model = pel.Sequential([nn.Dense(2, input_shape=(4,)), nn.BatchNorm()], seed=0)
    model.build((4,))
    given = {"params": model.params, "state": model.state}
    found = {"params": params(given), "state": (state or (lambda g: g["state"]))(given)}
    return model.apply(found["params"], found["state"], X)


def shared(width: int) -> Any:
    layer = nn.Dense(2)
    pel.Sequential([layer]).build((4,))
    return pel.Sequential([layer if width == 4 else nn.Dense(2)]).build((width,))


def other_width(new: bool) -> Any:
    layer = nn.Dense(2)
    pel.Sequential([layer]).build((4,))
    return pel.Sequential([nn.Dense(2) if new else layer]).build((3,))


def dropped(key: Any) -> Any:
    model = pel.Sequential([nn.Dropout(0.5), nn.Dense(1)], seed=0)
    model.build((4,))
    return model.apply(model.params, model.state, X, train=True, key=key)


def called(build: bool) -> Any:
    layer = nn.Dense(2)
    if build:
        pel.Sequential([layer]).build((4,))
    return layer(X)


def predicting(model: Any) -> Any:
    return model.predict([X, X])


def shown(count: int) -> Any:
    model = fitted(X, X[:, 0])
    return pel.explain(model, *[X, X[:, 0]][:count])


def wide_inside(width: int) -> Any:
    """A model that was made for four features, called on others."""
    inside = pel.Model(x4, nn.Dense(2)(x4), seed=0)
    symbol = pel.Input((width,))
    return pel.Model(symbol, inside(symbol), seed=0)


def resumed(**options: Any) -> Any:
    model = compiled()
    model.fit(X, X[:, 0], epochs=1, seed=0, verbose=0)
    return model.fit(X, X[:, 0], epochs=2, verbose=0, resume=True, **options)


def doubled(part: Any) -> Any:
    model = pel.Sequential([nn.Dense(4, input_shape=(4,))], seed=0)
    model.add(part(model))
    return model


FOLLOWED = [
    Followed(
        "Train without chunks, or compute this of each row by itself.",
        lambda p: in_chunks(ranked),
        lambda p: (in_chunks(ranked, chunks=None), in_chunks(lambda t, y: (t - y)[:, 0] ** 2)),
    ),
    Followed(
        "Train without chunks, or pick along another axis: np.take_along_axis(x, i, axis=1).",
        lambda p: in_chunks(lambda t, y: np.take(y[:, 0], np.argmax(t, axis=1))),
        lambda p: (
            in_chunks(lambda t, y: np.take(y[:, 0], np.argmax(t, axis=1)), chunks=None),
            in_chunks(lambda t, y: np.take_along_axis(y, np.argsort(t, axis=1), axis=1)[:, 0] ** 2),
        ),
    ),
    Followed(
        "Use SGD or Adam, or leave chunks out.",
        lambda p: in_chunks(optimizer="lbfgs"),
        lambda p: (in_chunks(optimizer="adam"), in_chunks(optimizer="lbfgs", chunks=None)),
    ),
    Followed(
        "Pass batch_size= as a number.",
        lambda p: in_chunks(batch_size=pel.optim.GrowingBatch(4)),
        lambda p: in_chunks(batch_size=4),
    ),
    Followed(
        "Call it on symbols of these shapes.",
        lambda p: wide_inside(3),
        lambda p: wide_inside(4),
    ),
    Followed(
        "Only the first layer of a model needs an input_shape.",
        lambda p: pel.Sequential([nn.Dense(2, input_shape=(4,)), nn.Dense(1, input_shape=(3,))]),
        lambda p: pel.Sequential([nn.Dense(2, input_shape=(4,)), nn.Dense(1)]),
    ),
    Followed(
        "Leave history_points out.",
        lambda p: resumed(history_points=7),
        lambda p: resumed(),
    ),
    Followed(
        "Make a new model with seed=.",
        lambda p: setattr(compiled(), "seed", 3),
        lambda p: pel.Sequential([nn.Dense(1)], seed=3),
    ),
    Followed(
        "Give the array itself.",
        lambda p: compiled().fit({"x": X}, X[:, 0], verbose=0),
        lambda p: compiled().fit(X, X[:, 0], verbose=0),
    ),
    Followed(
        "Its layers share their weights: add(Sequential(model.layers)).",
        lambda p: doubled(lambda model: model),
        lambda p: doubled(lambda model: pel.Sequential(model.layers)),
    ),
    # models
    Followed(
        "Give it dtype='float64'.",
        lambda p: nested("float32"),
        lambda p: nested("float64"),
    ),
    Followed(
        "Write loss='squared'.",
        lambda p: compiled(loss=["squared"]),
        lambda p: compiled(loss="squared"),
    ),
    Followed(
        "Name the function: pel.Metric('own_b_squared_error', function).",
        lambda p: two_heads(pel.Metric("b_squared_error", lateness)),
        lambda p: two_heads(pel.Metric("own_b_squared_error", lateness)),
    ),
    Followed(
        "Name one of the outputs otherwise.",
        lambda p: two_measures("a_squared"),
        lambda p: two_measures("b"),
    ),
    Followed(
        "Write metrics={'price': ['accuracy']}.",
        lambda p: one_loss_each(metrics=["accuracy"]),
        lambda p: one_loss_each(metrics={"size": ["accuracy"]}),
    ),
    Followed(
        "Name it once.",
        lambda p: grouped({"body": 0.5, "body/a": 0.1}),
        lambda p: (grouped({"body": 0.5}), grouped({"body/a": 0.1})),
    ),
    Followed(
        "Take regularizer= off this layer.",
        lambda p: fitted(X, X[:, 0], nn.Dropout(0.1, regularizer=nn.L2(0.1)), nn.Dense(1)),
        lambda p: fitted(X, X[:, 0], nn.Dropout(0.1), nn.Dense(1, regularizer=nn.L2(0.1))),
    ),
    Followed(
        "Where the gradient is 0 on purpose, define it with ZeroGradient('…').",
        lambda p: stored(p, rough(NotDifferentiable("it jumps"), 1)),
        lambda p: stored(p, rough(ZeroGradient("it is flat"), 2)),
    ),
    Followed(
        "It was saved for these types; for others write the function anew, in Python.",
        lambda p: stored(p, np.sin).layers[0].function(ONES.astype(np.int64)),
        lambda p: np.sin(ONES.astype(np.int64)),
    ),
    Followed(
        "Make a new model.",
        lambda p: pel.Sequential([nn.Dense(1, input_shape=(4,))]).build((3,)),
        lambda p: pel.Sequential([nn.Dense(1)]).build((3,)),
    ),
    Followed(
        "Write pel.Key(0, step).",
        lambda p: dropped(key=0),
        lambda p: dropped(key=pel.Key(0, 3)),
    ),
    Followed(
        "Write apply(…, train=True, key=pel.Key(seed, step)).",
        lambda p: dropped(key=None),
        lambda p: dropped(key=pel.Key(7, 3)),
    ),
    Followed(
        "Write x = Input((4,)) for each array, and give the arrays to predict.",
        lambda p: in_list()([x4, X]),
        lambda p: in_list().predict([X, X]),
    ),
    Followed(
        "Write x = Input((4,)) for each array, and give the arrays to the Model's predict.",
        lambda p: nn.Add()([x4, X]),
        lambda p: pel.Model([x4, other4], nn.Add()([x4, other4])).predict([X, X]),
    ),
    Followed(
        "Write pel.explain(model, x, y).",
        lambda p: shown(1),
        lambda p: shown(2),
    ),
    Followed(
        "The inputs are input_1, input_2.",
        lambda p: in_list().predict(X),
        lambda p: (in_list().predict([X, X]), in_list().predict({"input_1": X, "input_2": X})),
    ),
    Followed(
        "Write {'old': …}.",
        lambda p: in_dict().predict([X, X]),
        lambda p: in_dict().predict({"old": X, "new": X}),
    ),
    Followed(
        "Make a longer one of its layers: Sequential([*model.layers, layer]).",
        lambda p: inside(grown=False),
        lambda p: inside(grown=True),
    ),
    Followed(
        "Write a Model and call it on symbols.",
        lambda p: pel.Sequential([fork()]),
        lambda p: on_symbols(fork()),
    ),
    Followed(
        "Write input_shape=(4,) in the first layer, or a Model for a graph.",
        lambda p: pel.Sequential([pel.Input((4,)), nn.Dense(1)]),
        lambda p: pel.Sequential([nn.Dense(1, input_shape=(4,))], seed=0).predict(X),
    ),
    Followed(
        "Write def apply(self, params, state, x, *, train, key): it returns (output, state).",
        lambda p: pel.Sequential([Called(), nn.Dense(1)], seed=0).predict(X),
        lambda p: pel.Sequential([Applied(), nn.Dense(1)], seed=0).predict(X),
    ),
    Followed(
        "Make a new one: Adam(learning_rate=…).",
        lambda p: setattr(optim.Adam(0.1), "learning_rate", 0.2),
        lambda p: optim.Adam(learning_rate=0.2),
    ),
    Followed(
        "Write BatchNorm(…), with brackets.",
        lambda p: pel.Sequential([nn.BatchNorm]),
        lambda p: pel.Sequential([nn.BatchNorm()]),
    ),
    Followed(
        "Write Adam(…), with brackets.",
        lambda p: compiled(optimizer=optim.Adam),
        lambda p: compiled(optimizer=optim.Adam()),
    ),
    Followed(
        "Write Activation('relu').",
        lambda p: pel.Sequential([nn.Dense(2), "relu"]),
        lambda p: pel.Sequential([nn.Dense(2), nn.Activation("relu")]),
    ),
    Followed(
        "Write Activation(function), which keeps the shape, or Basis(function).",
        lambda p: pel.Sequential([nn.Dense(2), np.sin]),
        lambda p: (
            fitted(X, X[:, 0], nn.Activation(np.sin), nn.Dense(1)),
            fitted(X, X[:, 0], nn.Basis(np.sin), nn.Dense(1)),
        ),
    ),
    Followed(
        "Write Concat()([x, y]).",
        lambda p: nn.Concat()(x4),
        lambda p: nn.Concat()([x4, other4]),
    ),
    Followed(
        "Start from model.params.",
        lambda p: applied(lambda given: {}),
        lambda p: applied(lambda given: {**given["params"]}),
    ),
    Followed(
        "Start from model.state.",
        lambda p: applied(lambda given: given["params"], lambda given: {}),
        lambda p: applied(lambda given: given["params"], lambda given: {**given["state"]}),
    ),
    Followed(
        "Use a new layer, or inputs of the same width and dtype.",
        lambda p: other_width(new=False),
        lambda p: (other_width(new=True), shared(4)),
    ),
    Followed(
        "Name the output, or the layer that makes it, otherwise: 'value'.",
        lambda p: pel.Model(x4, {"val_price": nn.Dense(1)(x4), "size": nn.Dense(1)(x4)}),
        lambda p: (
            pel.Model(x4, {"value": nn.Dense(1)(x4), "size": nn.Dense(1)(x4)}),
            pel.Model(x4, [nn.Dense(1, name="value")(x4), nn.Dense(1)(x4)]),
        ),
    ),
    Followed(
        "Write regularizer=L2(1e-4).",
        lambda p: nn.Dense(1, regularizer=1e-4),
        lambda p: nn.Dense(1, regularizer=nn.L2(1e-4)),
    ),
    Followed(
        "Build a model of it first: Sequential([layer]).build((4,)).",
        lambda p: called(build=False),
        lambda p: called(build=True),
    ),
    # labels
    Followed(
        "Classes count from 0: pass y - 1.",
        lambda p: classified(X, CLASSES + 1),
        lambda p: classified(X, CLASSES + 1 - 1),
    ),
    Followed(
        "Number the classes from 0: names, y = np.unique(y, return_inverse=True).",
        lambda p: classified(X, ODD),
        lambda p: classified(X, np.unique(ODD, return_inverse=True)[1]),
    ),
    Followed(
        "Labels are 1 and 2: pass y - 1.",
        lambda p: fitted(X, SIDES + 1, loss="binary_cross_entropy"),
        lambda p: fitted(X, SIDES + 1 - 1, loss="binary_cross_entropy"),
    ),
    Followed(
        "Labels are 1 and 2: pass 2*y - 3.",
        lambda p: fitted(X, SIDES + 1, loss="hinge"),
        lambda p: fitted(X, 2 * (SIDES + 1) - 3, loss="hinge"),
    ),
    # the end of a model and its loss
    Followed(
        "Take the sigmoid off the end of the model, or use loss='binary_cross_entropy' for labels "
        "of 0 and 1.",
        lambda p: classified(X, SIDES, nn.Dense(2, activation="sigmoid")),
        lambda p: (
            classified(X, SIDES, nn.Dense(2)),
            fitted(X, SIDES, nn.Dense(1, activation="sigmoid"), loss="binary_cross_entropy"),
        ),
    ),
    Followed(
        "End the model in a sigmoid, or use loss='cross_entropy' for classes.",
        lambda p: fitted(X, SIDES, nn.Dense(1, activation="softmax"), loss="binary_cross_entropy"),
        lambda p: (
            fitted(X, SIDES, nn.Dense(1, activation="sigmoid"), loss="binary_cross_entropy"),
            classified(X, SIDES, nn.Dense(2, activation="softmax")),
        ),
    ),
    Followed(
        "Take the relu off the end of the model, or end it in a sigmoid.",
        lambda p: fitted(X, SIDES, nn.Dense(1, activation="relu"), loss="binary_cross_entropy"),
        lambda p: (
            fitted(X, SIDES, nn.Dense(1), loss="binary_cross_entropy"),
            fitted(X, SIDES, nn.Dense(1, activation="sigmoid"), loss="binary_cross_entropy"),
        ),
    ),
    Followed(
        "Take the softmax off the end of the model: scores of classes may be any numbers.",
        lambda p: classified(
            X, CLASSES, nn.Dense(3, activation="softmax"), loss="multiclass_hinge"
        ),
        lambda p: classified(X, CLASSES, nn.Dense(3), loss="multiclass_hinge"),
    ),
    Followed(
        "Take the sigmoid off the end of the model, or end it in tanh.",
        lambda p: fitted(X, SIGNS, nn.Dense(1, activation="sigmoid"), loss="hinge"),
        lambda p: (
            fitted(X, SIGNS, nn.Dense(1), loss="hinge"),
            fitted(X, SIGNS, nn.Dense(1, activation="tanh"), loss="hinge"),
        ),
    ),
    Followed(
        "Take the relu off the end of the model; the rate is np.exp(model.predict(x)).",
        lambda p: fitted(X, CLASSES, nn.Dense(1, activation="relu"), loss="poisson"),
        lambda p: np.exp(fitted(X, CLASSES, nn.Dense(1), loss="poisson").predict(X)),
    ),
    Followed(
        "Take the tanh off the end of the model: the loss makes variances, precisions and weights "
        "of its numbers itself.",
        lambda p: fitted(X, X[:, 0], nn.Dense(2, activation="tanh"), loss="gaussian"),
        lambda p: fitted(X, X[:, 0], nn.Dense(2), loss="gaussian"),
    ),
    Followed(
        "End the model in a softmax, or in a function of your own that makes probabilities.",
        lambda p: classified(
            X, CLASSES, nn.Dense(3, activation="tanh"), loss="probability_cross_entropy"
        ),
        lambda p: (
            classified(
                X, CLASSES, nn.Dense(3, activation="softmax"), loss="probability_cross_entropy"
            ),
            classified(X, CLASSES, nn.Dense(3, halves), loss="probability_cross_entropy"),
        ),
    ),
    Followed(
        "End the model in a sigmoid, or in a function of your own that makes probabilities.",
        lambda p: fitted(X, SIDES, nn.Dense(1, "tanh"), loss="probability_binary_cross_entropy"),
        lambda p: (
            fitted(X, SIDES, nn.Dense(1, "sigmoid"), loss="probability_binary_cross_entropy"),
            fitted(X, SIDES, nn.Dense(1, half), loss="probability_binary_cross_entropy"),
        ),
    ),
    Followed(
        "Use loss='binary_cross_entropy', which takes logits.",
        lambda p: fitted(X, SIDES, loss="probability_binary_cross_entropy"),
        lambda p: fitted(X, SIDES, loss="binary_cross_entropy"),
    ),
    Followed(
        "Write a name such as 'squared', or a function (y_true, y_pred).",
        lambda p: compiled(loss=dict),
        lambda p: (compiled(loss="squared"), compiled(loss=lambda t, y: (t - y)[:, 0] ** 2)),
    ),
    # metrics
    Followed(
        "Use a loss for classes, or a function (y_true, y_pred) of your own.",
        lambda p: compiled(loss=OWN, metrics=["accuracy"]),
        lambda p: (
            classified(metrics=["accuracy"]),
            fitted(X, X[:, :1], loss=OWN, metrics=[lateness]),
        ),
    ),
    Followed(
        "Use loss='cross_entropy' and a softmax at the end of the model.",
        lambda p: fitted(X, SIDES, loss="binary_cross_entropy", metrics=["top_1_error"]),
        lambda p: classified(X, SIDES, nn.Dense(2, "softmax"), metrics=["top_1_error"]),
    ),
    Followed(
        "Use metrics=['top_2_error'].",
        lambda p: classified(metrics=["top_5_error"]),
        lambda p: classified(metrics=["top_2_error"]),
    ),
    Followed(
        "End the model in a softmax: it trains alike, and gives values.",
        lambda p: classified(metrics=["squared_error"]),
        lambda p: classified(X, CLASSES, nn.Dense(3, "softmax"), metrics=["squared_error"]),
    ),
    Followed(
        "End the model in a sigmoid: it trains alike, and gives values.",
        lambda p: fitted(X, SIDES, loss="binary_cross_entropy", metrics=["squared_error"]),
        lambda p: fitted(
            X, SIDES, nn.Dense(1, "sigmoid"), loss="binary_cross_entropy", metrics=["squared_error"]
        ),
    ),
    Followed(
        "Use loss='binary_cross_entropy' with labels 0 and 1 and a sigmoid at the end of the "
        "model.",
        lambda p: fitted(X, SIGNS, loss="hinge", metrics=["squared_error"]),
        lambda p: fitted(
            X, SIDES, nn.Dense(1, "sigmoid"), loss="binary_cross_entropy", metrics=["squared_error"]
        ),
    ),
    Followed(
        "Its mean is not known: use a function (y_true, y_pred) of your own.",
        lambda p: fitted(X, X[:, :1], loss=OWN, metrics=["squared_error"]),
        lambda p: fitted(X, X[:, :1], loss=OWN, metrics=[lateness]),
    ),
    Followed(
        "Names: accuracy, error, squared_error, absolute_error, f1, precision, recall, mean_iou, "
        "roc_auc, average_precision, r2, pearson, concordance, root_squared_error, gradient_norm, "
        "top_5_error, f_2, sensitivity_at_0.9_specificity (any number).",
        lambda p: compiled(metrics=[dict]),
        lambda p: compiled(metrics=["r2"]),
    ),
    Followed(
        "Name it: metrics=[pel.Metric('own_loss', function)].",
        lambda p: compiled(metrics=[named("loss")]),
        lambda p: fitted(X, X[:, 0], metrics=[pel.Metric("own_loss", named("loss"))]),
    ),
    Followed(
        "Leave one of them out.",
        lambda p: compiled(metrics=["r2", "r2"]),
        lambda p: compiled(metrics=["r2"]),
    ),
    Followed(
        "Name the function: metrics=[…, pel.Metric('lateness_2', function)].",
        lambda p: compiled(metrics=[lateness, named("lateness")]),
        lambda p: fitted(
            X, X[:, 0], metrics=[lateness, pel.Metric("lateness_2", named("lateness"))]
        ),
    ),
    Followed(
        "Set it back, or make a new model.",
        lambda p: of_another_width(1, 2),
        lambda p: (of_another_width(1, 1), of_another_width(2, 2)),
    ),
    Followed(
        "Use regularizer= for a penalty on weights, or write a training loop of your own: see "
        "docs/training-loops.md.",
        lambda p: with_decay(lambda model: np.sum(model.weights["dense_1.W"] ** 2)),
        lambda p: with_decay(lambda model: 0.0, regularizer=nn.L2(2.0)),
    ),
    Followed(
        "Give the slots of a model with these layers and this optimizer.",
        lambda p: with_slots(optim.SGD(0.1, momentum=0.9)),
        lambda p: with_slots(optim.Adam()),
    ),
    Followed(
        "To forget a run, call compile again.",
        lambda p: with_record(lambda model: setattr(model, "training", None)),
        lambda p: with_record(lambda model: model.compile("sgd", "squared")),
    ),
    Followed(
        "Give it a shorter one.",
        lambda p: nn.Dense(1, name="encoder_" * 9),
        lambda p: nn.Dense(1, name="encoder_9"),
    ),
    Followed(
        'Make the model with dtype="float64".',
        lambda p: compiled(nn.Dense(1, input_shape=(1,))).set_weights([[[2**24 + 1]], [0]]),
        lambda p: pel.Sequential(
            [nn.Dense(1, input_shape=(1,))], seed=0, dtype="float64"
        ).set_weights([[[2**24 + 1]], [0]]),
    ),
    Followed(
        "Metrics with a name of their own are given as text: metrics=['accuracy'].",
        lambda p: pel.Metric("accuracy_of_all", "accuracy"),
        lambda p: classified(metrics=["accuracy"]),
    ),
    Followed(
        "Classes count from 0: pass y_true - 1.",
        lambda p: pel.metrics.top_k_error(CLASSES + 1, np.eye(3)[CLASSES], 1),
        lambda p: pel.metrics.top_k_error(CLASSES + 1 - 1, np.eye(3)[CLASSES], 1),
    ),
    Followed(
        "Use squared_error as a metric of fit, or np.mean((y_true - y_pred) ** 2): R² compares "
        "with the spread of the targets.",
        lambda p: pel.metrics.r2(np.ones(24), X[:, 0]),
        lambda p: (
            fitted(X, np.ones(24), metrics=["squared_error"]),
            np.mean((np.ones(24) - X[:, 0]) ** 2),
        ),
    ),
    Followed(
        "Take the mean over the last axes only: np.mean(…, axis=-1).",
        lambda p: fitted(X, X[:, 0], metrics=[lambda t, y: np.abs(t - y)]),
        lambda p: fitted(X, X[:, 0], metrics=[lambda t, y: np.mean(np.abs(t - y), axis=-1)]),
    ),
]


def halves(x: Any) -> Any:
    """Probabilities of a person's own making."""
    return pnp.softmax(x, axis=-1) * 0.5 + 0.5 / 3


def half(x: Any) -> Any:
    return pnp.sigmoid(x) * 0.5 + 0.25


BY_NATURE = {
    "Use a function (y_true, y_pred) of your own.": "of losses that take targets of other shapes",
    "Compute with NumPy functions and operators of its inputs alone.": "fit refuses it earlier",
}
