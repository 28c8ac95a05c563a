"""Every public name and argument of Keras: here with an effect, or refused by its name.

What Keras offers stands in names.json, which benchmarks/keras_names.py writes from Keras itself.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, PellucidError, UnknownNameError
from pellucid.keras import (
    arguments,
    constraints,
    initializers,
    losses,
    mapped,
    metrics,
    optimizers,
    regularizers,
)
from pellucid.keras.optimizers import schedules

X = np.ones((6, 4), np.float32)
ROOMS = [room for room in arguments.table()["rooms"] if room != "keras"]
REQUIRED = {
    "units": 3, "filters": 4, "kernel_size": 3, "rate": 0.3, "stddev": 0.3, "pool_size": 2,
    "input_dim": 9, "output_dim": 3, "target_shape": (2, 2), "dims": (2, 1), "n": 2,
    "activation": "relu", "scale": 0.5, "height": 4, "width": 4, "factor": 0.2,
    "height_factor": 0.2, "width_factor": 0.2, "learning_rate": 0.1, "q": 0.5,
    "initial_learning_rate": 0.1, "decay_steps": 10, "first_decay_steps": 10, "decay_rate": 0.5,
    "boundaries": (3,), "values": (0.1, 0.01),
}  # fmt: skip
OTHER = {
    "strides": 2, "padding": "same", "cropping": 2, "size": 3, "dilation_rate": 2, "groups": 2,
    "kernel_size": 2, "activation": "tanh", "data_format": "channels_first",
    "kernel_regularizer": "l1", "embeddings_regularizer": "l1", "depthwise_regularizer": "l1",
    "kernel_constraint": "non_neg", "pointwise_constraint": "non_neg",
    "bias_constraint": "non_neg", "beta_constraint": "non_neg", "gamma_constraint": "non_neg",
    "alpha_constraint": "non_neg", "depthwise_constraint": "non_neg",
    "embeddings_constraint": "non_neg", "output_padding": 1,
    "target_shape": (4,), "dims": (1, 2), "axis": 1, "mode": "horizontal",
    "interpolation": "nearest", "fill_mode": "wrap", "shared_axes": (1,), "max_value": 6.0,
    "bin_boundaries": (1.0,), "distribution": "uniform", "input_axes": (0,),
    "output_axes": (0,), "learning_rate": 0.2, "clipnorm": 1.0, "clipvalue": 1.0,
    "global_clipnorm": 1.0, "weight_decay": 0.1, "beta_2_decay": -0.7, "value_range": (0, 1),
    "reduction": "sum", "label_smoothing": 0.1, "from_logits": True, "values": (0.1, 0.02),
    "boundaries": (4,), "warmup_target": 0.2, "ignore_class": 1, "output_mode": "one_hot",
    "nesterov": True, "min_value": 0.1, "gradient_accumulation_steps": 2, "seed": 3,
    "ema_overwrite_frequency": 2, "loss_scale_factor": 2.0, "weights": [1], "noise_shape": (1,),
}  # fmt: skip
SPECIAL = {
    ("MaxNorm", "axis"): -1, ("MinMaxNorm", "axis"): -1, ("UnitNorm", "axis"): -1,
    ("UpSampling2D", "interpolation"): "bilinear", ("LayerNormalization", "axis"): [-2, -1],
    ("RandomUniform", "minval"): 0.01, ("RandomTranslation", "height_factor"): 0.3,
    ("RandomTranslation", "width_factor"): 0.3, ("RandomZoom", "height_factor"): 0.3,
    ("VarianceScaling", "mode"): "fan_out", ("SGD", "nesterov"): True, ("L1L2", "l1"): 0.2,
    ("Muon", "nesterov"): False,
    ("OrthogonalRegularizer", "mode"): "columns",
}  # fmt: skip
ALONGSIDE = {
    ("SGD", "nesterov"): {"momentum": 0.5},
    ("CosineDecay", "warmup_steps"): {"warmup_target": 0.3},
    ("Conv1DTranspose", "output_padding"): {"strides": 2},
    ("Conv2DTranspose", "output_padding"): {"strides": 2},
    ("BinaryFocalCrossentropy", "alpha"): {"apply_class_balancing": True},
}
# What has its effect elsewhere: where weights are bounded, in shapes, in the names of curves, where
# the weights are known.
NOT_INNER = ("name", "axis", "exclude_embeddings")


def other(kind: str, name: str, default: Any) -> Any:
    """A value of an argument that is not Keras's default."""
    if (kind, name) in SPECIAL:
        return SPECIAL[kind, name]
    if name in OTHER:
        return OTHER[name]
    if name.endswith("_initializer"):
        return "ones" if default != "ones" else "zeros"
    if isinstance(default, bool):
        return not default
    if isinstance(default, (int, float)) and default is not None:
        return default + 1 if isinstance(default, int) else default * 0.5 + 0.1
    return REQUIRED.get(name, "l2")


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call returns, and the words of its error."""
    try:
        return call(), ""
    except PellucidError as error:
        return None, str(error)


def inner_of(room: str, kind: type, values: dict[str, Any]) -> Any:
    """What is made of arguments."""
    made = kind(**values)
    if room == "losses":
        ends = {"Binary": "sigmoid", "Catego": "softmax", "Sparse": "softmax", "KLDive": "softmax"}
        return made.inner(ends.get(kind.__name__[:6], "linear")), made.name
    if room == "constraints":
        return made.make, made.axis
    return (made.inner, made._activity) if room == "layers" else made.inner


CASES = [
    (room, name)
    for room, rows in (
        ("layers", mapped.ROWS), ("optimizers", optimizers.ROWS), ("losses", losses.ROWS),
        ("initializers", initializers.ROWS), ("regularizers", regularizers.ROWS),
        ("constraints", constraints.ROWS), ("optimizers.schedules", schedules.ROWS),
    )
    for name in rows
]  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_there_or_refused_with_why(room):
    module = importlib.import_module(f"pellucid.keras.{room}")
    missing = 0
    for name in arguments.table()["rooms"][room]:
        if name in module.__all__:
            assert callable(getattr(module, name))
            continue
        missing += 1
        with pytest.raises(UnknownNameError) as caught:
            getattr(module, name)
        assert caught.value.fix
    assert missing < len(arguments.table()["rooms"][room])


@pytest.mark.parametrize(("room", "name"), CASES)
def test_every_argument_has_an_effect_or_is_refused(room, name):
    kind = getattr(importlib.import_module(f"pellucid.keras.{room}"), name)
    form = arguments.signature(room, name).parameters
    required = {
        one: REQUIRED.get(one, 1) for one, each in form.items() if each.default is each.empty
    }
    for argument, each in form.items():
        around = required | ALONGSIDE.get((name, argument), {})
        if room == "layers":
            around["name"] = "one"
            around = {k: v for k, v in around.items() if k != argument or k in required}
        plain = inner_of(room, kind, around)
        default = required.get(argument, each.default)
        value = other(name, argument, default)
        if value == default:
            value = {**OTHER, "rate": 0.4, "units": 4}.get(argument, "unheard of")
        changed, refusal = outcome(
            functools.partial(inner_of, room, kind, {**around, argument: value})
        )
        if refusal:
            assert argument in refusal, f"{name}({argument}={value!r}): {refusal}"
        elif argument not in NOT_INNER:
            assert changed != plain, f"{name} ignores {argument}={value!r}"


@pytest.mark.parametrize("name", list(metrics.ROWS))
def test_every_argument_of_a_metric_has_an_effect_or_is_refused(name):
    kind, form = getattr(metrics, name), arguments.signature("metrics", name).parameters
    needed = {"num_classes": 5, "target_class_ids": [0, 1], "specificity": 0.5, "recall": 0.5,
              "sensitivity": 0.5, "precision": 0.5}  # fmt: skip
    required = {one: needed[one] for one, each in form.items() if each.default is each.empty}
    others = {
        "thresholds": [0.2, 0.4], "class_id": 0, "top_k": 1, "threshold": 0.3, "k": 1,
        "average": "micro", "beta": 2.0, "curve": "PR", "summation_method": "minoring",
        "num_thresholds": 2, "label_weights": [1, 2, 3, 4, 5], "target_class_ids": [1],
        "num_classes": 3, "ignore_class": 1, "num_regressors": 2, "num_labels": 3,
        "class_aggregation": "variance_weighted_average", "specificity": 0.95, "recall": 0.05,
        "sensitivity": 0.05, "precision": 0.3,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    t, p = np.eye(5)[rng.integers(0, 5, 20)], rng.random((20, 5))
    if name.startswith("Sparse") or name in ("IoU", "MeanIoU"):
        t = t.argmax(axis=1)
    if name in ("IoU", "MeanIoU"):
        p = p.argmax(axis=1)

    def measured(**given):
        made = kind(**{**required, **given})
        made.update_state(t, p)
        return made.name, np.asarray(made.result()).tolist()

    plain = measured(name="one")
    for argument, each in form.items():
        value = others.get(argument, other(name, argument, each.default))
        value = "another" if argument == "name" else value
        given = {"name": "one", argument: value}
        if argument.startswith("sparse_y"):
            continue  # says in which of two forms the same classes come
        changed, refusal = outcome(functools.partial(measured, **given))
        if refusal:
            assert argument in refusal
        elif argument != "dtype":  # sums are of float64
            assert changed != plain, f"{name} ignores {argument}={value!r}"


@pytest.mark.parametrize("name", ["applications", "mixed_precision", "preprocessing", "quantizers"])
def test_a_module_that_is_not_here_is_no_misspelling_of_another(name):
    with pytest.raises(UnknownNameError, match=rf"there is no '{name}' here\.") as caught:
        getattr(keras, name)
    assert "Did you mean" not in str(caught.value)


def test_a_layer_in_the_place_of_what_it_returns_is_refused():
    with pytest.raises(ArgumentError, match=r"got the layer 'dense_one'.*Call that layer first"):
        keras.layers.Dense(3)(keras.layers.Dense(2, name="dense_one"))


def test_the_page_lists_every_name():
    place = Path(__file__).parents[2]
    script = importlib.util.spec_from_file_location("names", place / "benchmarks/keras_names.py")
    names = importlib.util.module_from_spec(script)
    script.loader.exec_module(names)
    page = (place / "docs/keras.md").read_text()
    assert page.endswith(names.page())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.fit(X, X, epoch=3), r"\[fit\] unknown argument 'epoch'.*'epochs'"),
        (lambda m: m.predict(X, batchsize=3), r"\[predict\] unknown argument 'batchsize'"),
        (lambda m: m.compile(optimiser="adam"), r"\[compile\] unknown argument 'optimiser'"),
        (lambda m: m.summary(width=80), r"\[summary\] unknown argument 'width'"),
        (
            lambda m: keras.callbacks.EarlyStopping(patiense=3),
            r"\[EarlyStopping\] unknown argument 'patiense'.*'patience'",
        ),
        (lambda m: keras.callbacks.CSVLogger(), r"\[CSVLogger\] missing a required argument"),
        (
            lambda m: keras.utils.to_categorical([0, 1], classes=3),
            r"\[to_categorical\] unknown argument 'classes'",
        ),
    ],
)
def test_a_misspelt_argument_is_an_error_of_ours(call, words):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=words):
        call(model)
