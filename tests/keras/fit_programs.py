"""Programs of fit, evaluate and predict, and what Keras returns of each.

Each is a function of Keras, ours or theirs, from the same start weights on the rows in their order.
`KERAS_BACKEND=jax python tests/keras/fit_programs.py`, where Keras is, writes fit_values.json.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

VALUES = Path(__file__).parent / "fit_values.json"
PROGRAMS = {}
ROWS = 21
X = np.sin(np.arange(ROWS * 4.0)).reshape(ROWS, 4).astype("float32")
Y = X.sum(1, keepdims=True)
LABELS = np.arange(ROWS) % 3
PLACES = np.cos(np.arange(ROWS * 20.0)).reshape(ROWS, 5, 4).astype("float32")
CLASSES = (np.arange(ROWS * 5) * 7 % 3).reshape(ROWS, 5)
UP = np.linspace(0, 2, ROWS).astype("float32")
DOWN = np.linspace(1, 0, ROWS).astype("float32")
BY_PLACE = np.maximum(np.sin(np.arange(ROWS * 5.0)), 0).reshape(ROWS, 5).astype("float32")
OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def started(model):
    """The model with start weights that need no generator."""
    model.set_weights(
        [
            0.4 * np.sin(np.arange(one.size) + one.ndim).reshape(one.shape)
            for one in model.get_weights()
        ]
    )
    return model


def dense(keras, *layers, shape=(4,), **options):
    options.setdefault("optimizer", "sgd")
    model = started(keras.Sequential([keras.Input(shape), *layers]))
    model.compile(**{"loss": "mse", **options})
    return model


def two(keras, **options):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, "tanh")(inputs)
    ends = [
        keras.layers.Dense(1, name="b")(hidden),
        keras.layers.Dense(3, "softmax", name="a")(hidden),
    ]
    model = started(keras.Model(inputs, ends))
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"], **options)
    return model


# -- weights ------------------------------------------------------------------------------------


@program
def weights_of_each_output(keras):
    model = two(keras, metrics=[["mae"], []], weighted_metrics=[["mae"], ["accuracy"]])
    data, own = (X, [Y, LABELS]), [UP, DOWN]
    history = model.fit(
        *data, sample_weight=own, epochs=2, validation_data=(*data, [DOWN, UP]), **OPTIONS
    )
    return [
        history.history,
        model.evaluate(*data, sample_weight=own, verbose=0),
        model.train_on_batch(*data, sample_weight=own, return_dict=True),
        model.test_on_batch(*data, sample_weight=own),
        model.get_weights(),
    ]


@program
def weights_of_rows_for_all_outputs(keras):
    model = two(keras, weighted_metrics=[["mae"], ["accuracy"]])
    history = model.fit(X, [Y, LABELS], sample_weight=UP, validation_split=0.25, **OPTIONS)
    return [history.history, model.evaluate(X, [Y, LABELS], sample_weight=UP, verbose=0)]


@program
def weights_by_output_in_batches(keras):
    def batches():
        for first in range(0, 16, 8):
            rows = slice(first, first + 8)
            yield X[rows], (Y[rows], LABELS[rows]), (UP[rows], DOWN[rows])

    model = two(keras, weighted_metrics=[["mae"], ["accuracy"]])
    return [model.fit(batches(), verbose=0).history, model.evaluate(batches(), verbose=0)]


@program
def weights_of_places(keras):
    model = dense(
        keras, keras.layers.Dense(3, "softmax"), shape=(5, 4),
        loss="sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["accuracy", "sparse_categorical_crossentropy"],
    )  # fmt: skip
    history = model.fit(PLACES, CLASSES, sample_weight=BY_PLACE, epochs=2, **OPTIONS)
    return [history.history, model.evaluate(PLACES, CLASSES, sample_weight=BY_PLACE, verbose=0)]


@program
def weights_of_places_under_other_losses(keras):
    def own(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    found = []
    target = 0.5 + 0.4 * PLACES[..., :2]
    for loss in ("mse", own, "cosine_similarity"):
        model = dense(keras, keras.layers.Dense(2, "sigmoid"), shape=(5, 4), loss=loss)
        found.append(model.fit(PLACES, target, sample_weight=BY_PLACE, **OPTIONS).history)
        found.append(model.get_weights())
    return found


# -- losses and metrics -------------------------------------------------------------------------


@program
def ignored_classes(keras):
    entropy, seen = keras.losses.SparseCategoricalCrossentropy, np.where(CLASSES == 1, -1, CLASSES)
    iou = keras.metrics.MeanIoU(num_classes=3, ignore_class=-1, sparse_y_pred=False)
    model = dense(
        keras, keras.layers.Dense(3), shape=(5, 4), metrics=[iou],
        loss=entropy(from_logits=True, ignore_class=-1),
    )  # fmt: skip
    history = model.fit(PLACES, seen, epochs=2, **OPTIONS)
    found = [history.history, model.evaluate(PLACES, seen, batch_size=5, verbose=0)]
    chances = np.exp(PLACES[..., :3]) / np.exp(PLACES[..., :3]).sum(-1, keepdims=True)
    for reduction in ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight"):
        loss = entropy(ignore_class=-1, reduction=reduction)
        found += [loss(seen, chances), loss(seen, chances, sample_weight=BY_PLACE)]
    found.append(entropy(ignore_class=-1)(np.full((2, 5), -1), chances[:2]))
    measure = keras.metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    measure.update_state(seen[:, 0], chances[:, 0], sample_weight=UP)
    return [*found, measure.result()]


@program
def functions_of_one_number_a_batch(keras):
    def root(y_true, y_pred):
        return keras.ops.sqrt(keras.ops.mean(keras.ops.square(y_true - y_pred)))

    def each(y_true, y_pred):
        return keras.ops.abs(y_true - y_pred)

    model = dense(keras, keras.layers.Dense(1), metrics=[root, each])
    history = model.fit(X, Y, epochs=2, validation_data=(X, Y), **OPTIONS)
    return [history.history, model.evaluate(X, Y, batch_size=10, verbose=0)]


@program
def measures_in_their_order(keras):
    model = dense(
        keras, keras.layers.Dense(1), metrics=["mae"], weighted_metrics=["mae", "mse"]
    )  # fmt: skip
    history = model.fit(X, Y, sample_weight=UP, validation_data=(X, Y, UP), **OPTIONS)
    return [list(history.history), model.evaluate(X, Y, sample_weight=UP, verbose=0)]


@program
def validation_behind_some_epochs(keras):
    model = dense(keras, keras.layers.Dense(1))
    options = {"validation_data": (X, Y), "validation_freq": [1, 4], **OPTIONS}
    return model.fit(X, Y, epochs=4, **options).history


# -- compile again, and files -------------------------------------------------------------------


@program
def compiled_again(keras):
    model = dense(keras, keras.layers.Dense(1), metrics=["mae"])
    found = []
    for again in ({"loss": "mae"}, {}, {"metrics": ["mse"]}, {"loss": "mse", "metrics": []}):
        model.compile("sgd", **again)
        found.append(model.fit(X, Y, **OPTIONS).history)
    return found


def reloaded(keras, model):
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        return keras.models.load_model(f"{folder}/model.keras")


def penalized(keras):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, "relu", kernel_regularizer="l2"),
            keras.layers.Dense(1),
        ]
    )


@program
def frozen_layers_of_a_file(keras):
    model = started(penalized(keras))
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    model.fit(X, Y, **OPTIONS)
    again = reloaded(keras, model)
    start = again.get_weights()
    found = [again.evaluate(X, Y, verbose=0), len(again.trainable_weights)]
    found.append(again.fit(X, Y, **OPTIONS).history)
    again.compile("sgd", "mse")
    found.append(again.fit(X, Y, **OPTIONS).history)
    return [
        *found,
        [np.array_equal(*pair) for pair in zip(start, again.get_weights(), strict=True)],
    ]


@program
def layers_of_a_file_that_are_frozen_later(keras):
    model = started(penalized(keras))
    model.compile("adam", "mse")
    again = reloaded(keras, model)
    found = [again.evaluate(X, Y, verbose=0)]
    again.layers[0].trainable = False
    found.append(again.evaluate(X, Y, verbose=0))
    for train in (lambda: again.fit(X, Y, verbose=0), lambda: again.train_on_batch(X, Y)):
        try:
            found.append(train() and "trained")
        except (ValueError, TypeError):  # Keras's error, and ours
            found.append("refused")
    return found


# -- callbacks ----------------------------------------------------------------------------------

_KINDS = ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
_HOOKS = [f"on_{kind}_{end}" for kind in _KINDS for end in ("begin", "end")]


def watcher(keras):
    """A callback that writes down each call."""
    calls = []

    def hook(name):
        return lambda self, *given, **named: calls.append([name, *given, *named.values()])

    kind = type("All", (keras.callbacks.Callback,), {name: hook(name) for name in _HOOKS})
    return kind(), calls


@program
def hooks_of_fit(keras):
    model = dense(keras, keras.layers.Dense(1), metrics=["mae"])
    one, calls = watcher(keras)
    model.fit(X, Y, epochs=2, validation_data=(X[:10], Y[:10]), callbacks=[one], **OPTIONS)
    return [calls, one.params]


@program
def hooks_of_evaluate(keras):
    model = dense(keras, keras.layers.Dense(1), metrics=["mae"])
    one, calls = watcher(keras)
    found = model.evaluate(X, Y, batch_size=8, sample_weight=UP, verbose=0, callbacks=[one])
    return [found, calls, one.params]


@program
def hooks_of_predict(keras):
    inputs, layers = keras.Input((4,)), keras.layers
    ends = {"b": layers.Dense(2, name="b")(inputs), "a": layers.Dense(1, name="a")(inputs)}
    found = []
    for model in (keras.Model(inputs, ends), keras.Model(inputs, ends["a"])):
        started(model)
        one, calls = watcher(keras)
        found += [model.predict(X[:5], batch_size=3, verbose=0, callbacks=[one]), calls, one.params]
    return found


@program
def hooks_that_stop(keras):
    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = True

    model, options = dense(keras, keras.layers.Dense(1)), {"batch_size": 5, "verbose": 0}
    return [
        model.evaluate(X, Y, callbacks=[Stop()], **options),
        model.predict(X, callbacks=[Stop()], **options).shape,
    ]


# -- what is printed ----------------------------------------------------------------------------


@program
def words_and_shapes(keras):
    layers, found = keras.layers, []
    for data in (X, PLACES):
        for axis in (-1, None):
            layer = layers.Normalization(axis=axis)
            layer.adapt(data)
            found += [np.asarray(layer.mean), np.asarray(layer.variance)]
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu"), layers.Dense(1)])
    found += [model.loss, model.metrics_names]
    found += [layer.activation.__name__ for layer in model.layers]
    found += [type(layer.kernel_initializer).__name__ for layer in model.layers]
    found += [keras.optimizers.get(word).name for word in ("rmsprop", "adamw", "adam", "sgd")]
    model.compile("sgd", "mse")
    history = model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return [*found, history.params, model.loss]


def plain(found):
    """Numbers, text and lists alone."""
    if isinstance(found, dict):
        return {name: plain(one) for name, one in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain(one) for one in found]
    if isinstance(found, (str, bool, int, type(None))):
        return found
    return np.asarray(found).astype(float).round(7).tolist()


if __name__ == "__main__":
    import keras

    made = {}
    for name, function in PROGRAMS.items():
        keras.utils.clear_session()
        made[name] = plain(function(keras))
    VALUES.write_text(json.dumps(made, separators=(",", ":")) + "\n")
