"""keras.ops beside values of Keras itself, which benchmarks/keras_ops.py stored."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.keras import arguments

ROOT = Path(__file__).parents[2]


def _script() -> Any:
    found = importlib.util.spec_from_file_location("keras_ops", ROOT / "benchmarks/keras_ops.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


SCRIPT = _script()
STORED = json.loads((ROOT / "tests/keras/ops_values.json").read_text())
# What makes arrays, asks for a number of rows, or puts rows in the place of other axes.
NOT_IN_NETWORKS = {
    *("zeros", "ones", "full", "eye", "identity", "tri", "arange", "linspace", "logspace"),
    *("geomspace", "ndim", "size", "shape", "meshgrid", "searchsorted", "in_top_k", "einsum"),
    *("one_hot", "select", "concatenate", "stack", "hstack", "vstack", "ravel", "flipud"),
    *("vdot", "outer", "kron", "diag", "cumprod", "psnr", "inner", "isin", "digitize"),
    *(
        "broadcast_to",
        "pad",
        "slice",
        "reshape",
        "vander",
        "take_along_axis",
        "depthwise_conv",
        "ldexp",
        "vsplit",
    ),
}
ALL_AXES = ("prod", "median")  # of which the rows have no order or no length


def values(number: int) -> list[Any]:
    """Keras's results of a case."""
    return [np.array(flat, float).reshape(shape) for shape, flat in STORED[number]]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("number", range(len(SCRIPT.CASES)))
def test_an_operation_gives_kerass_values(number):
    name, args, options = SCRIPT.CASES[number]
    found = SCRIPT.parts(getattr(keras.ops, name)(*args, **options))
    assert SCRIPT.apart(values(number), found) < 3e-6


def _in_network(name: str, args: Any, options: Any) -> list[Any]:
    """The operation on tensors of a network in the place of arrays that have as many rows."""
    rows, arrays, inputs = len(args[0]), [], []

    def tensor(one: Any) -> Any:
        kernel = "conv" in name and bool(inputs)
        if getattr(one, "dtype", None) != np.float32 or one.ndim < 2 or len(one) != rows or kernel:
            return one
        arrays.append(one)
        inputs.append(keras.Input(one.shape[1:]))
        return inputs[-1]

    made = getattr(keras.ops, name)(*[tensor(one) for one in args], **options)
    outputs = list(made) if isinstance(made, (list, tuple)) else [made]
    model = keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])
    return SCRIPT.parts(model.predict(arrays, verbose=0))


CASES = [
    n for n, (name, args, options) in enumerate(SCRIPT.CASES)
    if name not in NOT_IN_NETWORKS and getattr(args[0], "dtype", None) == np.float32
    and np.isfinite(args[0]).all() and args[0].ndim > 1
    and not (name in ALL_AXES and "axis" not in options)
]  # fmt: skip


@pytest.mark.parametrize("number", CASES[::8])
def test_an_operation_in_a_network_gives_kerass_values(number):
    name, args, options = SCRIPT.CASES[number]
    assert SCRIPT.apart(values(number), _in_network(name, args, options)) < 3e-6


@pytest.mark.slow
@pytest.mark.parametrize("number", CASES)
def test_every_operation_in_a_network_gives_kerass_values(number):
    name, args, options = SCRIPT.CASES[number]
    assert SCRIPT.apart(values(number), _in_network(name, args, options)) < 3e-6


def test_every_operation_has_a_case():
    measured = {name for name, *_ in SCRIPT.CASES}
    table = arguments.table()["rooms"]["ops"]
    same = {table[name] if isinstance(table[name], str) else name for name in measured}
    here = {table[n] if isinstance(table[n], str) else n for n in keras.ops.__all__}
    untested = {"array", "convert_to_tensor", "convert_to_numpy", "dtype", "is_tensor", "empty"}
    untested.add("sparsemax")  # Keras's rows do not sum to 1
    assert here - same - untested == set()


def test_arrays_of_as_many_rows_as_a_batch():
    class Token(keras.layers.Layer):
        def build(self, shape):
            self.token = self.add_weight(shape=(1, shape[-1]), initializer="ones")

        def call(self, x):
            rows = keras.ops.shape(x)[0]
            first = keras.ops.zeros((rows, 1, 3)) + self.token
            return keras.ops.concatenate([first, x], axis=1)

    x = np.arange(24, dtype="float32").reshape(4, 2, 3)
    model = keras.Sequential([keras.layers.Input((2, 3)), Token()])
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), np.concatenate([np.ones((4, 1, 3)), x], 1)
    )
    assert model.count_params() == 3
    with pytest.raises(ArgumentError, match="None for rows in call"):
        keras.ops.zeros((None, 3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda o: o.pad(np.ones((2, 2)), 1, mode="edge"), "mode"),
        (lambda o: o.split(np.ones((2, 5)), 2, axis=1), "an axis of 5 must part into 2"),
        (lambda o: o.unstack(np.ones((2, 5)), num=3), "num"),
        (lambda o: o.meshgrid(np.ones(2), indexing="yx"), "indexing"),
        (lambda o: o.conv(np.ones((1, 4, 2)), np.ones((2, 2, 1)), padding="full"), "padding"),
        (lambda o: o.max_pool(np.ones((1, 2, 4)), 2, data_format="channels_first"), "data_format"),
        (lambda o: o.adaptive_max_pool(np.ones((1, 4, 2)), (1, 2)), "output_size must be 1"),
        (lambda o: o.multi_hot(np.ones((2, 2), int)), "num_classes must be given"),
        (lambda o: o.norm(np.ones((2, 2, 2)), axis=(0, 1, 2)), "axis must be one or two"),
        (lambda o: o.linspace(keras.Input((2,)), 1.0), "start"),
        (lambda o: o.svd(np.ones((2, 2))), "no 'svd' here"),
    ],
)
def test_what_an_operation_does_not_take_is_refused(call, words):
    with pytest.raises(PellucidError, match=words):
        call(keras.ops)


@pytest.mark.parametrize(
    ("name", "argument", "more"),
    [("pad", "pad_width", {}), ("split", "indices_or_sections", {"axis": 1})],
)
def test_an_argument_that_is_wrong_is_named_with_what_it_must_be(name, argument, more):
    words = rf"keras\.ops\.{name}\] {argument} must be .*, got 'q'"
    for x in (np.ones((3, 4)), keras.Input((4,))):
        with pytest.raises(ArgumentError, match=words):
            getattr(keras.ops, name)(x, "q", **more)
