"""The network: layers by unique names, their arrays, and the graph they make together.

In: layer records. Out: weights from a seed, and the forward pass as a graph function. How it is
trained and used stands in `sequential.py`.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes, trees
from pellucid.core.arguments import seed as check_seed
from pellucid.core.arguments import whole
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.shapes import N
from pellucid.data.arrays import as_array, as_features
from pellucid.graph.node import Graph, TensorType
from pellucid.models.summary import summary_text
from pellucid.nn.dense import Dense, Dropout, Flatten
from pellucid.nn.layer import Layer, kind_name
from pellucid.nn.losses import Loss, UserLoss
from pellucid.ops.composite import sliding
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.train.step import prediction_graph
from pellucid.transform.arrays import converted
from pellucid.transform.trace import trace

Array = np.ndarray[Any, Any]


_ADDRESSES = 2**47  # bytes that a process can name


def read_by(layer: Layer, values: Sequence[Value], read: tuple[int, ...]) -> Any:
    """What a layer gets of the values before it: one, or a tuple where it takes several."""
    return tuple(values[n] for n in read) if layer.several else values[read[0]]


class Network:
    """Layers in a row and their arrays. `Sequential` says how they are trained."""

    def __init__(self, seed: int | None, dtype: Any):
        where = type(self).__name__
        self.seed = secrets.randbits(32) if seed is None else check_seed(where, seed)
        try:
            self.dtype = dtypes.as_dtype(dtype, where)
        except DTypeError:  # its message offers integers too
            self.dtype = dtypes.int64
        if not self.dtype.is_float:
            raise ArgumentError(where, f"dtype must be float32 or float64, got {dtype!r}")
        self.layers: list[Layer] = []
        self.names: list[str] = []
        self.inputs = 1  # how many arrays a sample is made of
        self.sources: list[tuple[int, ...]] = []  # what each reads: the inputs, then the outputs
        self.params: dict[str, dict[str, Array]] = {}
        self.state: dict[str, dict[str, Array]] = {}
        self.input_types: tuple[TensorType, ...] = ()  # empty where the shapes are not known yet
        self.types: list[TensorType] = []  # of each layer's output

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(self.names)}])"

    @property
    def input_type(self) -> TensorType | None:
        """The type of the first input; None where its shape is not known yet."""
        return self.input_types[0] if self.input_types else None

    def _given(self, tree: Sequence[Any]) -> Any:
        """One a input in the form that graphs take: alone, or a list where there are several."""
        return list(tree) if self.inputs > 1 else tree[0]

    def _features(self, x: Any, where: str) -> tuple[Array, ...]:
        """x as an array for each input, with as many rows each.

        Raises:
            ArgumentError: for another number of arrays than the model has inputs.
            ShapeError: for unequal numbers of rows, or shapes that do not fit the weights.
        """
        if self.inputs == 1:
            found: tuple[Array, ...] = (as_features(x, where, numpy_dtype(self.dtype)),)
        else:
            if not isinstance(x, (tuple, list)) or len(x) != self.inputs:
                got = f"{len(x)}" if isinstance(x, (tuple, list)) else f"a {type(x).__name__}"
                raise ArgumentError(
                    where, f"x must be a list of {self.inputs} arrays, one an input, got {got}"
                )
            found = tuple(as_features(one, where, numpy_dtype(self.dtype)) for one in x)
            if len({len(one) for one in found}) > 1:
                raise ShapeError(
                    where,
                    "all inputs must have as many rows, got "
                    f"{', '.join(str(len(one)) for one in found)}",
                )
        self._built(found)
        return found

    def rebuilt(self) -> None:
        """Called when the weights are made anew."""

    def add(self, layer: Layer) -> None:
        """Puts a layer behind the others."""
        if not isinstance(layer, Layer):
            hint = "Write Dense(…), with brackets." if isinstance(layer, type) else ""
            raise ArgumentError("Sequential", f"expected a layer, got {layer!r}", hint)
        if layer.several:
            raise ArgumentError(
                "Sequential",
                f"layers in a row have one input, got {layer.where}, which joins several",
                "Write a Model: x = Input((4,)); Model(x, Add()([x, Dense(4)(x)])).",
            )
        if self.input_types and self.layers and self.params:
            raise ArgumentError("Sequential", "a layer must be added before the model is built")
        self._append(layer, (len(self.layers),))
        first = self.layers[0].input_shape
        self.input_types = ()
        if first is not None:
            self.params = {}
            self._types([first])

    def _append(self, layer: Layer, sources: tuple[int, ...]) -> None:
        self.names.append(self._name(layer))
        self.layers.append(layer)
        self.sources.append(sources)

    def _name(self, layer: Layer) -> str:
        for known, name in zip(self.layers, self.names, strict=True):
            if known is layer:
                return name
        if layer.name is not None:
            if layer.name in self.names:
                raise ArgumentError(
                    "Sequential",
                    f"layer names must differ, got '{layer.name}' twice",
                    "Give one of them another name=.",
                )
            return layer.name
        kind = kind_name(type(layer).__name__)
        number = 1
        while f"{kind}_{number}" in self.names:
            number += 1
        return f"{kind}_{number}"

    def _initial(self, samples: Sequence[tuple[int, ...]]) -> tuple[Graph, trees.Structure]:
        """The graph (seed, step, inputs) → (params, state), and the types of all layers' outputs.

        Args:
            samples: the shape of one sample, for each input.
        """
        if not self.layers:
            raise ArgumentError("Sequential", "a model needs a layer, got none", "Use add(layer).")
        for dim in itertools.chain(*samples):
            whole("Sequential", "input_shape", dim, 1)
        types: list[TensorType] = []

        def initial(seed: Value, step: Value, *inputs: Value) -> Any:
            params: dict[str, Any] = {}
            state: dict[str, Any] = {}
            values = list(inputs)
            for layer, name, read in zip(self.layers, self.names, self.sources, strict=True):
                key = Key(seed, step, "init").child(name)
                given = read_by(layer, values, read)
                if name not in params:
                    params[name], state[name] = layer.init(key, values[read[0]].type)
                out, _ = layer.apply(params[name], state[name], given, train=False, key=None)
                values.append(out)
                types.append(out.type)
            return params, state

        scalar = TensorType(dtypes.int64)
        inputs = tuple(TensorType(self.dtype, (N, *sample)) for sample in samples)
        names = trees.paths(self._given(inputs), "x")
        traced = trace(
            initial, [scalar, scalar, *inputs], ["seed", "step", *names], lambda v: (tuple(v), {})
        )
        self.types = types
        self.input_types = inputs
        graph = traced.with_constants() if traced.captures else traced.graph
        return graph, traced.structure

    def _types(self, samples: Sequence[tuple[int, ...]]) -> tuple[Any, Any]:
        """The types of parameters and state, without making an array."""
        graph, structure = self._initial(samples)
        params, state = trees.unflatten(structure, graph.output_types)
        return params, state

    def build(self, input_shape: Sequence[int]) -> None:
        """Makes the weights for samples of this shape, from the model's seed."""
        if not isinstance(input_shape, (tuple, list)):
            raise ArgumentError(
                "Sequential", f"input_shape must be a tuple such as (784,), got {input_shape!r}"
            )
        self._build([tuple(input_shape)])

    def _build(self, samples: Sequence[tuple[int, ...]]) -> None:
        graph, structure = self._initial(samples)
        each = numpy_dtype(self.dtype).itemsize
        sizes = [shapes.size(type.shape) for type in graph.output_types]
        needed = each * sum(size for size in sizes if isinstance(size, int))
        if needed >= _ADDRESSES:
            raise ArgumentError(
                "Sequential",
                f"weights must fit the memory, got {needed:.3g} bytes of them",
                "Look at the sizes that summary() prints.",
            )
        zeros = [np.zeros((1, *sample), numpy_dtype(self.dtype)) for sample in samples]
        arrays = run(graph, [np.asarray(self.seed, np.int64), np.asarray(0, np.int64), *zeros])
        self.params, self.state = trees.unflatten(structure, arrays)
        self.rebuilt()

    def _built(self, features: tuple[Array, ...] = ()) -> None:
        """Makes the weights if there are none, and checks the shapes of `features`."""
        if not self.layers:
            raise ArgumentError("Sequential", "a model needs a layer, got none", "Use add(layer).")
        if not self.params:
            if not features and not self.input_types:
                raise ArgumentError(
                    "Sequential",
                    "the shape of the input is not known yet",
                    "Give the first layer input_shape=(…), or call fit first.",
                )
            self._build(self._samples() or [x.shape[1:] for x in features])
        for number, (x, wanted) in enumerate(zip(features, self._samples(), strict=False)):
            if x.shape[1:] == wanted:
                continue
            fix = ""
            if shapes.size(x.shape[1:]) == shapes.size(wanted):
                fix = "Add Flatten() before Dense." if len(wanted) == 1 else "Reshape the data."
            if len(wanted) > 1 and x.shape[1:] == (wanted[-1], *wanted[:-1]):
                fix = sliding.CHANNELS_LAST
            own = f"x[{number}]" if self.inputs > 1 else "x"
            raise ShapeError(
                f'{kind_name(type(self.layers[0]).__name__)} "{self.names[0]}"',
                f"{own} must be {shapes.text((N, *wanted))}, got {shapes.text(x.shape)}",
                fix,
            )

    def _samples(self) -> list[tuple[int, ...]]:
        """The shape of one sample of each input, where they are known."""
        return [type.shape[1:] for type in self.input_types]  # type: ignore[misc]

    def forward(
        self, params: Any, state: Any, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Any]:
        """The model as a graph function: the output for x, and the layers' new state.

        Args:
            x: a Value, or a list of them where the model has several inputs.
        """
        return self._apply(self.layers, params, state, x, train, key)

    def _apply(
        self,
        layers: Sequence[Layer],
        params: Any,
        state: Any,
        x: Any,
        train: bool,
        key: Key | None,
    ) -> tuple[Value, Any]:
        after, values = dict(state), list(x) if isinstance(x, (list, tuple)) else [x]
        for layer, name, read in zip(layers, self.names, self.sources, strict=False):
            own = None if key is None else key.child(name)
            given = read_by(layer, values, read)
            out, after[name] = layer.apply(params[name], after[name], given, train=train, key=own)
            values.append(out)
        return values[-1], after

    def _logit_layers(self, loss: Loss) -> list[Layer]:
        """The layers without the final softmax or sigmoid that belongs to the loss.

        Raises:
            ArgumentError: where the model ends in another function than the loss wants.
        """
        layers = list(self.layers)
        end = len(layers)
        while end and isinstance(layers[end - 1], (Dropout, Flatten)):
            end -= 1
        ends_in = layers[end - 1].final_activation if end else None
        squashing = ends_in in ("softmax", "sigmoid")
        if (
            loss.wants_probabilities
            and end
            and isinstance(layers[end - 1], Dense)
            and (ends_in in (None, "linear"))
        ):
            raise ArgumentError(
                "compile",
                f"{loss.name} needs probabilities, got a linear output",
                f"Use loss='{loss.name.removeprefix('probability_')}', which takes logits.",
            )
        if isinstance(loss, UserLoss) or not squashing:
            return layers
        if loss.link is None:
            if loss.name in ("hinge", "logistic", "multiclass_hinge"):
                raise ArgumentError(
                    "compile",
                    f"{loss.name} needs a linear output, got {ends_in}",
                    "Take the activation off the last layer.",
                )
            return layers
        if ends_in != loss.link:
            other = "binary_cross_entropy" if ends_in == "sigmoid" else "cross_entropy"
            raise ArgumentError(
                "compile",
                f"{loss.name} needs logits or {loss.link}, got a final {ends_in}",
                f"Use loss='{other}', or take the activation off the last layer.",
            )
        if end != len(layers):
            raise ArgumentError(
                "compile",
                f"{ends_in} must come last before {loss.name}, got {self.names[end]} behind it",
                f"Move {self.names[end]} before it.",
            )
        stripped = layers[-1].without_activation()
        layers = layers[:-1] if stripped is None else [*layers[:-1], stripped]
        if layers and layers[-1].final_activation == loss.link:
            raise ArgumentError(
                "compile",
                f"one {loss.link} must end the model, got two: {self.names[-2]} and "
                f"{self.names[-1]}",
                "Remove one of them.",
            )
        return layers

    @staticmethod
    def _type_tree(tree: Any) -> Any:
        return trees.map_leaves(
            lambda a: TensorType(dtypes.as_dtype(a.dtype), tuple(a.shape)), tree
        )

    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer."""
        self._built()
        return [array.copy() for array in trees.leaves_of(self.params)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights by copies of `weights`, in the order of `get_weights`."""
        self._built()
        if not isinstance(weights, (list, tuple)):
            raise ArgumentError("set_weights", f"weights must be a list of arrays, got {weights!r}")
        old, structure = trees.flatten(self.params)
        for item in weights:
            as_array(item, "set_weights", "a weight")
        dtype = numpy_dtype(self.dtype)
        new = [
            converted(np.array(item, order="C"), dtype, "set_weights", f"array {number} of weights")
            for number, item in enumerate(weights)
        ]
        wanted = [shapes.text(array.shape) for array in old]
        got = [shapes.text(array.shape) for array in new]
        if wanted != got:
            raise ShapeError(
                "set_weights", f"shapes must be {', '.join(wanted)}, got {', '.join(got)}"
            )
        self.params = trees.unflatten(structure, new)

    def parameters(self) -> dict[str, dict[str, Any]]:
        """The weights by layer and name; where the shapes are known and no weight is, types."""
        if not self.params and self.input_types:
            params: dict[str, dict[str, Any]] = self._types(self._samples())[0]
            return params
        self._built()
        return self.params

    def count_params(self) -> int:
        """The number of trainable numbers. It makes no weights where the shapes are known."""
        return sum(math.prod(leaf.shape) for leaf in trees.flatten(self.parameters())[0])

    def count_zeros(self) -> int:
        """The number of weights that are 0 exactly, biases left out: what a sparse model saves."""
        self._built()
        layers = dict(zip(self.names, self.layers, strict=True))
        return sum(
            int(array.size - np.count_nonzero(array))
            for name, leaves in self.params.items()
            for leaf, array in leaves.items()
            if leaf not in layers[name].biases
        )

    def summary(self, print_fn: Callable[[str], None] = print) -> None:
        """Prints a table: each layer, its output shape, its number of parameters."""
        print_fn(summary_text(self))

    def graph(self) -> Graph:
        """The prediction graph: (parameters, x) → the output."""
        self._built()
        params, state = self._type_tree(self.params), self._type_tree(self.state)
        return prediction_graph(self.forward, params, state, self._given(self.input_types))
