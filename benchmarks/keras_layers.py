"""Layers, activations, losses and metrics of the door beside Keras's, on the same arrays.

Run in an environment with Keras on JAX: `KERAS_BACKEND=jax python benchmarks/keras_layers.py`. It
prints the largest difference of each, relative to the largest number; all is float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
FLAT = RNG.normal(size=(6, 12)).astype("float32")
LONG = RNG.normal(size=(4, 11, 6)).astype("float32")
IMAGES = RNG.normal(size=(3, 9, 10, 4)).astype("float32")
CODES = RNG.integers(0, 9, (5, 7))
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("Dense", (5,), {"activation": "relu"}, FLAT),
    ("Dense", (5,), {"use_bias": False, "activation": "softplus"}, LONG),
    ("Conv1D", (5, 3), {"strides": 2, "padding": "same"}, LONG),
    ("Conv1D", (5, 3), {"dilation_rate": 2, "padding": "causal"}, LONG),
    ("Conv2D", (6, (2, 3)), {"strides": (2, 1), "padding": "same", "groups": 2}, IMAGES),
    ("Conv2D", (6, 3), {"dilation_rate": 2, "activation": "tanh"}, IMAGES),
    ("Conv1DTranspose", (5, 4), {"strides": 3}, LONG),
    ("Conv1DTranspose", (5, 3), {"strides": 2, "padding": "same"}, LONG),
    ("Conv2DTranspose", (5, 3), {"strides": 2, "padding": "same"}, IMAGES),
    ("Conv2DTranspose", (5, (3, 2)), {"strides": (2, 1)}, IMAGES),
    ("DepthwiseConv1D", (3,), {"depth_multiplier": 2}, LONG),
    ("DepthwiseConv2D", (3,), {"padding": "same", "depth_multiplier": 3}, IMAGES),
    ("SeparableConv1D", (7, 3), {"padding": "same"}, LONG),
    ("SeparableConv2D", (7, 3), {"depth_multiplier": 2, "activation": "elu"}, IMAGES),
    ("MaxPooling1D", (), {}, LONG),
    ("MaxPooling1D", (3,), {"strides": 2, "padding": "same"}, LONG),
    ("MaxPooling2D", ((3, 2),), {"padding": "same"}, IMAGES),
    ("AveragePooling1D", (3,), {"strides": 2, "padding": "same"}, LONG),
    ("AveragePooling2D", (3,), {"padding": "same", "strides": 2}, IMAGES),
    ("GlobalMaxPooling1D", (), {}, LONG),
    ("GlobalMaxPooling2D", (), {"keepdims": True}, IMAGES),
    ("GlobalAveragePooling1D", (), {"keepdims": True}, LONG),
    ("GlobalAveragePooling2D", (), {}, IMAGES),
    ("UpSampling1D", (3,), {}, LONG),
    ("UpSampling2D", ((2, 3),), {}, IMAGES),
    ("UpSampling2D", (2,), {"interpolation": "bilinear"}, IMAGES),
    ("ZeroPadding1D", ((1, 2),), {}, LONG),
    ("ZeroPadding1D", (2,), {}, LONG),
    ("ZeroPadding2D", (((1, 2), (0, 3)),), {}, IMAGES),
    ("ZeroPadding2D", ((1, 2),), {}, IMAGES),
    ("Cropping1D", ((1, 2),), {}, LONG),
    ("Cropping2D", (((1, 2), (0, 3)),), {}, IMAGES),
    ("CenterCrop", (4, 5), {}, IMAGES),
    ("Resizing", (5, 13), {}, IMAGES),
    ("Resizing", (14, 6), {"interpolation": "nearest"}, IMAGES),
    ("Rescaling", (0.3,), {"offset": 2.0}, IMAGES),
    ("BatchNormalization", (), {"epsilon": 0.01}, IMAGES),
    ("LayerNormalization", (), {"axis": [-2, -1]}, LONG),
    ("LayerNormalization", (), {"center": False}, FLAT),
    ("GroupNormalization", (2,), {}, IMAGES),
    ("GroupNormalization", (-1,), {}, IMAGES),
    ("RMSNormalization", (), {}, FLAT),
    ("UnitNormalization", (), {}, LONG),
    ("Embedding", (9, 3), {}, CODES),
    ("Flatten", (), {}, IMAGES),
    ("Reshape", ((3, -1),), {}, FLAT),
    ("Permute", ((2, 3, 1),), {}, IMAGES),
    ("RepeatVector", (3,), {}, FLAT),
    ("ReLU", (), {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, FLAT),
    ("LeakyReLU", (), {}, FLAT),
    ("ELU", (0.3,), {}, FLAT),
    ("Softmax", (), {"axis": 1}, LONG),
    ("PReLU", (), {"shared_axes": [1], "alpha_initializer": "ones"}, LONG),
    ("CategoryEncoding", (9,), {"output_mode": "count"}, CODES),
    ("CategoryEncoding", (9,), {}, CODES),
    ("Discretization", (), {"bin_boundaries": [-1.0, 0.0, 0.5]}, FLAT),
    ("Normalization", (), {"mean": 0.5, "variance": 2.0}, FLAT),
    ("Dropout", (0.5,), {}, FLAT),
    ("Identity", (), {}, FLAT),
    ("ActivityRegularization", (), {"l1": 0.1}, FLAT),
    ("EinsumDense", ("abc,cd->abd",), {"output_shape": (None, 5), "bias_axes": "d"}, LONG),
    ("EinsumDense", ("...x,xy->...y",), {"output_shape": 5, "activation": "relu"}, IMAGES),
    ("AdaptiveAveragePooling1D", (4,), {}, LONG),
    ("AdaptiveAveragePooling2D", ((3, 4),), {}, IMAGES),
    ("AdaptiveMaxPooling1D", (4,), {}, LONG),
    ("AdaptiveMaxPooling2D", (3,), {}, IMAGES),
]
MORE_OF_METRICS: dict[str, dict[str, Any]] = {
    "F1Score": {"average": "macro"}, "FBetaScore": {"average": "weighted", "beta": 2.0},
    "TopKCategoricalAccuracy": {"k": 2}, "SparseTopKCategoricalAccuracy": {"k": 2},
    "SensitivityAtSpecificity": {"specificity": 0.5}, "PrecisionAtRecall": {"recall": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "IoU": {"num_classes": 5, "target_class_ids": [0, 2], "sparse_y_true": False,
            "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 5, "sparse_y_true": False, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 5, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 5}, "BinaryIoU": {"threshold": 0.3},
}  # fmt: skip
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


def apart(theirs: Any, ours: Any) -> float:
    """The largest difference, relative to the largest number."""
    a, b = np.asarray(theirs, np.float64), np.asarray(ours, np.float64)
    assert a.shape == b.shape, f"{a.shape} is not {b.shape}"
    return float(np.abs(a - b).max(initial=0) / max(np.abs(a).max(initial=0), 1e-30))


def shown(name: str, call: Any) -> None:
    try:
        found = call()
        print(f"{name:60} {found:.1e}" + (" <<<" if found > 2e-6 else ""), flush=True)
    except Exception as error:
        print(f"{name:60} {type(error).__name__}: {str(error)[:160]} <<<", flush=True)


def main() -> None:
    import keras

    from pellucid import keras as door
    from pellucid.keras.activations import ROWS as ACTIVATIONS
    from pellucid.keras.formulas import ACCURACIES, LOSSES
    from pellucid.keras.losses import ROWS as LOSS_CLASSES
    from pellucid.keras.metrics import ROWS as METRICS

    def layer(name: str, args: Any, options: Any, x: Any) -> float:
        theirs, ours = (getattr(one.layers, name)(*args, **options) for one in (keras, door))
        first = theirs(x)
        ours(x)
        if ours.weights:
            values = [RNG.random(one.shape).astype("float32") for one in ours.weights]
            theirs.set_weights(values)
            ours.set_weights(values)
            first = theirs(x)
        return apart(first, ours(x))

    for name, args, options, x in LAYERS:
        shown(f"{name} {args} {options}", lambda: layer(name, args, options, x))  # noqa: B023
    for name in MERGES:
        pair = [LONG, LONG[::-1].copy()]
        shown(name, lambda: apart(*(getattr(k.layers, name)()(pair) for k in (keras, door))))  # noqa: B023
    shown("Dot", lambda: apart(*(k.layers.Dot(axes=(1, 1))([LONG, LONG]) for k in (keras, door))))
    for name in ACTIVATIONS:
        more = {"threshold": 0.3, "default_value": -1.0} if name == "threshold" else {}
        x = FLAT if name != "glu" else LONG
        shown(
            f"activations.{name}",
            lambda: apart(*(getattr(k.activations, name)(x, **more) for k in (keras, door))),  # noqa: B023
        )
    p = RNG.random((8, 5)).astype("float32")
    p /= p.sum(axis=1, keepdims=True)
    rows = np.eye(5, dtype="float32")[RNG.integers(0, 5, 8)]
    for name in {**LOSSES, **ACCURACIES}:
        whole = name.startswith("sparse") or "generalized" in name
        t = rows.argmax(axis=1) if whole else rows
        room, more = ("losses" if name in LOSSES else "metrics"), {}
        if "generalized" in name:
            more = {"q": 0.4}
        shown(
            f"{room}.{name}",
            lambda: apart(*(getattr(getattr(k, room), name)(t, p, **more) for k in (keras, door))),  # noqa: B023
        )

    def compiled(name: str, options: Any, kind: str) -> float:
        """The loss, or the metric, of a model that ends as it should."""
        end = {"Binary": "sigmoid", "Categorical": "softmax", "Sparse": "softmax", "KL": "softmax"}
        word = next((v for k, v in end.items() if name.startswith(k) and "Hinge" not in name), None)
        if name in ("Poisson", "MeanSquaredLogarithmicError"):
            word = "softplus"
        whole = name.startswith("Sparse") or "Generalized" in name
        t = rows.argmax(axis=1) if whole else rows
        plain = "sparse_categorical_crossentropy" if whole else "mse"
        found = []
        for library in (keras, door):
            model = library.Sequential(
                [library.layers.Input((12,)), library.layers.Dense(5, activation=word)]
            )
            model.set_weights([np.sin(np.arange(60)).reshape(12, 5), np.zeros(5)])
            room = getattr(library, kind)
            made = getattr(room, name)(**options)
            loss, metrics = (made, None) if kind == "losses" else (plain, [made])
            model.compile("sgd", loss, metrics=metrics)
            x = np.tile(FLAT, (2, 1))[:8]
            result = model.evaluate(x, t, verbose=0)
            found.append(result if kind == "losses" else result[1])
        return apart(*found)

    smooth = ("BinaryCrossentropy", "CategoricalCrossentropy")
    for name in LOSS_CLASSES:
        options = {"label_smoothing": 0.1} if name in smooth else {}
        options = {"q": 0.4} if "Generalized" in name else options
        shown(f"compile(losses.{name})", lambda: compiled(name, options, "losses"))  # noqa: B023
    for name in METRICS:
        options = MORE_OF_METRICS.get(name, {})
        shown(f"compile(metrics.{name})", lambda: compiled(name, options, "metrics"))  # noqa: B023


if __name__ == "__main__":
    main()
