"""keras.layers: those that are one layer of ours, and those that are made of several."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid import nn
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.keras import arguments, blame, regularizers
from pellucid.keras.arguments import bound, permit, refuse, signature, signed
from pellucid.keras.base import COMMON, Layer
from pellucid.keras.layers_more import ADAPTIVE, EinsumDense
from pellucid.keras.lookups import IntegerLookup, StringLookup
from pellucid.keras.mapped import classes
from pellucid.keras.operands import check_tensor
from pellucid.keras.session import plain_name
from pellucid.keras.tensors import KerasTensor, Node, applied, called, flat, input_tensor
from pellucid.keras.wrappers import TimeDistributed, Wrapper

_NUMBERS = ("float", "int", "uint", "bool")

_WORDS = "a network reads numbers; call StringLookup on the array, and give fit what it returns"


class InputLayer(Layer):
    """The input of a network; see Input."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, _ = bound("layers", "InputLayer", args, kwargs)
        shape = given.shape
        if given.batch_shape is not None:
            if not isinstance(given.batch_shape, (list, tuple)) or not given.batch_shape:
                raise ArgumentError(
                    "keras.Input",
                    f"batch_shape must be a tuple such as (None, 4), got {given.batch_shape!r}",
                )
            rows, *rest = given.batch_shape
            if rows is not None:
                refuse("layers.InputLayer", "batch_shape", given.batch_shape, "write None for rows")
            shape = tuple(rest)
        if shape is None:
            raise ArgumentError(
                "keras.Input", "shape must be given, got none", "Write Input((4,))."
            )
        dtype = getattr(given.dtype, "name", given.dtype)
        if dtype is not None and not str(dtype).startswith(_NUMBERS):
            refuse("layers.InputLayer", "dtype", dtype, _WORDS)
        super().__init__(name=given.name)
        given.finish()
        if not isinstance(shape, (list, tuple)) or not all(
            one is None or isinstance(one, (int, np.integer)) for one in shape
        ):
            raise ArgumentError(
                "keras.Input", f"shape must be a tuple of whole numbers, got {shape!r}"
            )
        self.batch_shape = (None, *shape)
        self.output = input_tensor(tuple(shape), self.name)
        self.output.node = Node(self, [])
        self.built = True


def Input(*args: Any, **kwargs: Any) -> KerasTensor:
    """The tensor of a network's input; `shape` is that of one sample."""
    given, _ = bound("layers", "Input", args, kwargs)
    for name in ("sparse", "ragged", "tensor", "optional", "batch_size"):
        value = getattr(given, name)
        if value is not None and value is not False:
            refuse("Input", name, getattr(given, name))
    values = {name: getattr(given, name) for name in ("shape", "dtype", "batch_shape", "name")}
    made: KerasTensor = InputLayer(**values).output
    return made


Input.__signature__ = signature("layers", "Input")  # type: ignore[attr-defined]
InputLayer.__signature__ = signature("layers", "InputLayer")  # type: ignore[attr-defined]


class _Merge(Layer):
    """Layers of several tensors."""

    def __init__(self, **kwargs: Any) -> None:
        bound("layers", type(self).__name__, (), kwargs, COMMON)
        super().__init__(**kwargs)
        self._made: list[Any] = []

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                f"keras.{self.name}",
                f"inputs must be a list of two tensors or more, got {blame.shown(inputs)}",
            )
        return self._merged(list(inputs))

    def _inner(self, make: Callable[..., Any]) -> Any:
        if not self._made:
            self._made.append(make(name=plain_name(self.name)))
        return self._made[0]

    def _merged(self, inputs: list[KerasTensor]) -> Any:
        name = type(self).__name__
        if len({one.shape for one in inputs}) == 1:
            inner = self._inner(getattr(nn, name))
            return called(inner, inputs, Node(self, inputs), self.name)
        return applied(_REDUCED[name], tuple(inputs), {}, self.name)  # shapes that broadcast


_REDUCED: dict[str, Callable[..., Any]] = {
    "Add": lambda *xs: functools.reduce(pnp.add, xs),
    "Multiply": lambda *xs: functools.reduce(pnp.multiply, xs),
    "Average": lambda *xs: functools.reduce(pnp.add, xs) / len(xs),
    "Maximum": lambda *xs: functools.reduce(pnp.maximum, xs),
    "Minimum": lambda *xs: functools.reduce(pnp.minimum, xs),
    "Subtract": lambda x, y: x - y,
}
_MERGES = {
    name: type(name, (_Merge,), {"__doc__": f"As keras.layers.{name}."}) for name in _REDUCED
}


class Concatenate(_Merge):
    """As keras.layers.Concatenate."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def _merged(self, inputs: list[KerasTensor]) -> Any:
        inner = self._inner(functools.partial(nn.Concat, self.axis))
        return called(inner, inputs, Node(self, inputs), self.name)


class Dot(_Merge):
    """As keras.layers.Dot."""

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        Layer.__init__(self, **kwargs)
        self._made = []
        self.axes, self.normalize = axes, normalize

    def _merged(self, inputs: list[KerasTensor]) -> Any:
        axes = tuple(self.axes) if isinstance(self.axes, list) else self.axes
        inner = self._inner(functools.partial(nn.Dot, axes, self.normalize))
        return called(inner, inputs, Node(self, inputs), self.name)


def _functional(kind: type[Layer], name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        given, rest = bound("layers", name, args, kwargs, COMMON)
        values = {one: getattr(given, one) for one in given.values_ if one != "inputs"}
        return kind(**values, **rest)(given.inputs)

    return signed(function, "layers", name)


class Lambda(Layer):
    """A function of tensors as a layer, written with keras.ops."""

    @blame.kinds("layers.Lambda")
    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError("keras.layers.Lambda", f"function must be one, got {function!r}")
        if mask is not None:
            refuse("layers.Lambda", "mask", mask, "masks are outside")
        if arguments is not None and not isinstance(arguments, dict):
            raise ArgumentError(
                "keras.layers.Lambda", f"arguments must be a dict, got {arguments!r}"
            )
        try:
            inspect.signature(function).bind_partial(**(arguments or {}))
        except TypeError as error:
            raise ArgumentError(
                "keras.layers.Lambda", f"arguments must be those of the function: {error}"
            ) from None
        except ValueError:  # a function that does not say its arguments
            pass
        self._function, self._given = function, dict(arguments or {})
        axes = output_shape if isinstance(output_shape, (list, tuple)) else [output_shape]
        if not callable(output_shape) and not all(
            one is None or blame.fits(blame.WHOLE, one) for one in axes
        ):
            raise ArgumentError(
                "keras.layers.Lambda",
                f"output_shape must be a tuple of whole numbers, got {output_shape!r}",
            )
        self._shape = output_shape

    def call(self, inputs: Any) -> Any:
        made = self._function(inputs, **self._given)
        wanted = self._shape
        if callable(wanted):
            wanted = wanted(inputs.shape)[1:]
        if wanted is not None and isinstance(made, KerasTensor):
            wanted = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
            wanted = tuple(wanted)
            if made.shape[1:] != wanted:
                raise ShapeError(
                    f"keras.{self.name}",
                    f"output_shape must be {made.shape[1:]} as the function gives, got {wanted}",
                )
        return made


class Normalization(Layer):
    """(x - mean)/√variance, of numbers given or learned by `adapt`."""

    @blame.kinds("layers.Normalization", axis="", mean=blame.NUMBERS, variance=blame.NUMBERS)
    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        permit("layers.Normalization", "axis", axis, -1, None, why="it must be -1 or None")
        if (mean is None) != (variance is None):
            raise ArgumentError("keras.layers.Normalization", "give mean and variance, or neither")
        self.axis, self.invert = axis, invert
        self.mean = None if mean is None else np.asarray(mean, np.float64)
        self.variance = None if variance is None else np.asarray(variance, np.float64)

    def adapt(self, data: Any) -> None:
        """Learns mean and variance of each feature; of all numbers where axis is None."""
        check_tensor(f"layers.{type(self).__name__}.adapt", "data", data)
        x = np.asarray(data, np.float64)
        if not x.size:
            raise DataError(
                f"keras.layers.{type(self).__name__}.adapt",
                f"data must have at least one row, got {x.shape}",
            )
        if x.ndim == 1:
            x = x[:, None]
        # With an axis of one for each axis that is averaged, as Keras has them.
        over = None if self.axis is None else tuple(range(x.ndim - 1))
        self.mean, self.variance = x.mean(over, keepdims=True), x.var(over, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the numbers that `adapt` learned."""
        own = {"axis": self.axis, "invert": self.invert}
        return {**super().get_config(), **own, "mean": self.mean, "variance": self.variance}

    def call(self, inputs: Any) -> Any:
        if self.mean is None or self.variance is None:
            raise ArgumentError(
                f"keras.{self.name}", "mean and variance are not known", "Call adapt(data) first."
            )
        scale = np.maximum(np.sqrt(self.variance), 1e-7).astype(inputs.dtype)
        mean, invert = self.mean.astype(inputs.dtype), self.invert
        return applied(
            lambda x: x * scale + mean if invert else (x - mean) / scale, (inputs,), {}, self.name
        )


class CategoryEncoding(Layer):
    """Whole numbers as rows of zeros and ones."""

    @blame.kinds("layers.CategoryEncoding", output_mode=blame.TEXT)
    def __init__(
        self,
        num_tokens: Any = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sparse:
            refuse("layers.CategoryEncoding", "sparse", sparse)
        if output_mode not in ("multi_hot", "one_hot", "count"):
            raise ArgumentError(
                "keras.layers.CategoryEncoding",
                f"output_mode must be multi_hot, one_hot or count, got {output_mode!r}",
            )
        if num_tokens is None:
            raise ArgumentError("keras.layers.CategoryEncoding", "num_tokens must be given")
        self.num_tokens, self.output_mode = num_tokens, output_mode

    def call(self, inputs: Any) -> Any:
        count, mode = self.num_tokens, self.output_mode

        def encoded(x: Any) -> Any:
            if mode == "one_hot" and len(x.shape) > 1 and x.shape[-1] == 1:
                x = x[..., 0]
            rows = pnp.astype(pnp.one_hot(pnp.astype(x, pnp.int64), count), x.dtype)
            if mode == "one_hot":
                return rows
            if len(x.shape) < 2:
                raise ShapeError("keras.CategoryEncoding", "multi_hot and count need (N, T)")
            return pnp.max(rows, axis=-2) if mode == "multi_hot" else pnp.sum(rows, axis=-2)

        return applied(encoded, (inputs,), {}, self.name)


class Discretization(Layer):
    """The number of the bin that a value lies in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound("layers", "Discretization", args, kwargs, ("trainable",))
        super().__init__(name=given.name, dtype=given.dtype, **rest)
        if given.bin_boundaries is None:
            refuse("layers.Discretization", "num_bins", given.num_bins, "give bin_boundaries")
        given.only("output_mode", "int", "one_hot")
        self.output_mode = given.output_mode
        if not blame.fits(blame.NUMBERS, given.bin_boundaries):
            raise ArgumentError(
                "keras.layers.Discretization",
                f"bin_boundaries must be numbers, got {given.bin_boundaries!r}",
            )
        self.bin_boundaries = np.atleast_1d(np.asarray(given.bin_boundaries))
        given.finish()

    def call(self, inputs: Any) -> Any:
        edges, mode = self.bin_boundaries.astype(inputs.dtype), self.output_mode

        def binned(x: Any) -> Any:
            number = pnp.sum(pnp.astype(x[..., None] >= edges, x.dtype), axis=-1)
            if mode == "int":
                return number
            if len(x.shape) > 1 and x.shape[-1] == 1:
                number = number[..., 0]
            whole = pnp.astype(number, pnp.int64)
            return pnp.astype(pnp.one_hot(whole, len(edges) + 1), x.dtype)

        return applied(binned, (inputs,), {}, self.name)


class ActivityRegularization(Layer):
    """x as it is, with a penalty on it."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        penalty = regularizers.MADE["L1L2"](l1=l1, l2=l2)
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs


Discretization.__signature__ = signature("layers", "Discretization")  # type: ignore[attr-defined]
_OWN: dict[str, Any] = {
    "ActivityRegularization": ActivityRegularization, "EinsumDense": EinsumDense, **ADAPTIVE,
    "CategoryEncoding": CategoryEncoding, "Concatenate": Concatenate,
    "Discretization": Discretization, "Dot": Dot, "Input": Input, "InputLayer": InputLayer,
    "IntegerLookup": IntegerLookup, "StringLookup": StringLookup,
    "Lambda": Lambda, "Layer": Layer, "Normalization": Normalization,
    "TimeDistributed": TimeDistributed, "Wrapper": Wrapper,
}  # fmt: skip
_KNOWN = arguments.aliases("layers", {**classes(), **_MERGES, **_OWN})
_KNOWN |= {
    small: _functional(_KNOWN[big], small)
    for small, big in {
        "add": "Add", "average": "Average", "concatenate": "Concatenate", "dot": "Dot",
        "maximum": "Maximum", "minimum": "Minimum", "multiply": "Multiply",
        "subtract": "Subtract",
    }.items()
}  # fmt: skip
globals().update(_KNOWN)
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("layers", __all__)

del flat
