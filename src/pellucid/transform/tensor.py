"""`Tensor`: what a person holds. Concrete ones are computed at once and remember how; abstract ones
stand for a value inside a function that is being traced.

In: numbers, lists, arrays. Out: the same operators, methods and NumPy functions either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    ShapeError,
    TooLargeError,
    UnknownNameError,
    nearest,
    user_line,
)
from pellucid.core.shapes import Batch
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.spec import Op, ZeroGradient
from pellucid.ops.value import (
    SCALAR,
    STANDS,
    STRONG,
    Recorder,
    Value,
    check_size,
    meant,
    set_default,
    weakness,
    weakness_of,
)
from pellucid.runtime.executor import check_inputs
from pellucid.runtime.extras import NUMPY, numpy_dtype
from pellucid.transform import elsewhere, namespace
from pellucid.transform.arrays import as_array, converted, holds_value, listed_weakness, type_of
from pellucid.transform.batchsize import BatchSize
from pellucid.transform.protocols import call_function, call_ufunc
from pellucid.transform.recording import Applied, Call, Origin, Result, set_gradients


class _Eager:
    """The recorder of a thread that traces nothing: computes at once and remembers how."""

    def apply(self, op: Op, inputs: Sequence[Value], attrs: Mapping[str, Any]) -> Value:
        type = op.type([value.type for value in inputs], attrs)
        arrays = [value.data for value in inputs if isinstance(value, Tensor)]
        try:
            with np.errstate(all="ignore"):
                data = np.asarray(op.forward(NUMPY, *arrays, **attrs))
        except (MemoryError, ValueError) as error:
            check_size(op.name, type)
            if isinstance(error, ValueError):
                raise
            problem = f"the result must fit into memory, got {type!r}"
            raise TooLargeError(op.name, problem) from None
        tensor = concrete(data, type)
        tensor.origin = Applied(op.name, tuple(inputs), dict(attrs), user_line())
        if type.dtype.is_float and not isinstance(op.derivative, ZeroGradient):
            tensor.tracked = is_tracked(inputs)
        if not type.shape:
            tensor.weak = weakness(op, inputs, type)
        return tensor

    def lift(self, operand: Any, exact: bool = False) -> Value:
        if isinstance(operand, Tensor):
            if operand.data is None:
                raise leaked(operand)
            return operand
        if isinstance(operand, Value):
            raise GraphError("Tensor", f"expected a Tensor, got {operand!r} of a graph")
        if hasattr(operand, STANDS):
            return self.lift(meant(operand), exact)
        if holds_value(operand):
            return composite.stack(operand)
        return constant(as_array(operand, "operand", exact), listed_weakness(operand, exact))

    def met(self, scalar: Any) -> None:
        """A constant is part of what is remembered."""


EAGER = _Eager()
set_default(EAGER)


def leaked(tensor: Tensor) -> GraphError:
    """The error for a Tensor that is used after the function it belongs to was traced."""
    return GraphError(
        "Tensor",
        f"expected a Tensor of this function, got {tensor!r} of a function already traced",
        "Return it from that function instead of storing it.",
    )


def concrete(data: Any, type: TensorType) -> Tensor:
    """A Tensor that holds `data` itself, which nobody writes to any more."""
    tensor: Tensor = Tensor.__new__(Tensor)
    Value.__init__(tensor, EAGER, -1, type)
    data.flags.writeable = False
    tensor.data, tensor.grad, tensor.origin, tensor.tracked = data, None, None, False
    return tensor


def constant(array: Any, weak: int = STRONG) -> Tensor:
    """A Tensor that no gradient is to reach, for an array that an operation met.

    It holds a copy: what is remembered must not change with the caller's array.
    """
    kept = np.array(array, order="C")
    tensor = concrete(kept, type_of(kept))
    tensor.weak = weak
    return tensor


def is_tracked(operands: Iterable[Any]) -> bool:
    """Whether one of `operands` is a Tensor that a gradient is to reach, or comes from one."""
    for operand in operands:  # noqa: SIM110 - a generator costs more than what it looks for
        if isinstance(operand, Tensor) and operand.tracked:
            return True
    return False


def remembered(
    graph: Graph, operands: Sequence[Any], given: Sequence[Any], outputs: Sequence[Any]
) -> list[Any]:
    """`outputs` of a graph that ran on `given`, the arrays of `operands`.

    They are Tensors that remember the call where an operand is a tracked Tensor, so that `backward`
    goes through it; else they stay arrays.
    """
    if not is_tracked(operands):
        return list(outputs)
    inputs = tuple(
        operand if isinstance(operand, Tensor) else constant(array, weakness_of(operand))
        for operand, array in zip(operands, given, strict=True)
    )
    call = Call(graph, inputs, check_inputs(graph, given))
    results = [concrete(array, type_of(array)) for array in outputs]
    for number, tensor in enumerate(results):
        tensor.origin = Result(call, number)
        tensor.weak = weakness_of(tensor.data)  # like the array it would be
        tensor.tracked = tensor.type.dtype.is_float
    return results


def abstract(recorder: Recorder, position: int, type: TensorType) -> Tensor:
    """A Tensor without data, in a graph under construction."""
    tensor: Tensor = Tensor.__new__(Tensor)
    Value.__init__(tensor, recorder, position, type)
    tensor.data, tensor.grad, tensor.origin, tensor.tracked = None, None, None, False
    return tensor


class Tensor(Value):
    """An array that remembers how it was computed.

    Args:
        data: a number, a nested list or an array; copied. A Python float becomes float64 and gives
            way to the dtype of arrays it meets, a list of them becomes float32, an array keeps its
            dtype.
        dtype: converts the data.

    Attributes:
        grad: what the last `backward` through this Tensor found: an array, set and not added to;
            None before.

    Example:
        >>> x, y, z = Tensor(3.0), Tensor(-5.0), Tensor(2.0)
        >>> b = x * y + z
        >>> b.backward()
        >>> float(b), float(x.grad), float(y.grad), float(z.grad)
        (-13.0, -5.0, 3.0, 1.0)
    """

    __slots__ = ("data", "grad", "origin", "tracked")

    def __init__(self, data: Any, dtype: Any = None):
        if isinstance(data, Tensor) and data.data is None:
            raise ArgumentError("Tensor", "data must be numbers, got a Tensor under a transform")
        target = None if dtype is None else numpy_dtype(dtypes.as_dtype(dtype, "Tensor"))
        if target is None:
            array = np.array(as_array(data), order="C")
        elif hasattr(data, "dtype"):
            array = np.array(converted(as_array(data), target), order="C")
        else:  # rounded once, from what Python holds
            array = np.array(converted(as_array(data, exact=True), target), order="C")
        Value.__init__(self, EAGER, -1, type_of(array))
        if not array.shape:
            self.weak = SCALAR if dtype is not None else weakness_of(data)
        array.flags.writeable = False  # what was computed from it stays true
        # Whether a gradient is to reach it: not where it stands for an array that was met.
        self.tracked = self.type.dtype.is_float
        self.data: np.ndarray[Any, Any] | None = array
        self.grad: np.ndarray[Any, Any] | None = None
        self.origin: Origin | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """The dimensions; the batch axis of a batched function is a `BatchSize`."""
        return tuple(
            BatchSize(self, i) if isinstance(dim, Batch) else dim
            for i, dim in enumerate(self.type.shape)
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        return numpy_dtype(self.type.dtype)

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def size(self) -> Any:
        """The number of elements; a `BatchSize` in a batched function."""
        batch = [i for i, dim in enumerate(self.type.shape) if isinstance(dim, Batch)]
        total = shapes.size(self.type.shape)
        return BatchSize(self, batch[0], total) if isinstance(total, Batch) else total

    @property
    def T(self) -> Value:
        """The tensor with all its axes reversed."""
        return composite.permute_dims(self)

    @property
    def mT(self) -> Value:
        """The tensor with its last two axes exchanged."""
        return composite.matrix_transpose(self)

    def __repr__(self) -> str:
        if self.data is None:
            return f"Tensor({self.type!r}, abstract)"
        text = np.array2string(self.data, separator=", ", prefix="Tensor(")
        return f"Tensor({text}, dtype={self.type.dtype})"

    def _concrete(self, what: str, instead: str) -> np.ndarray[Any, Any]:
        if self.data is None:
            raise GraphError(
                "Tensor",
                f"{what} needs numbers, got {self.type!r} inside a traced function",
                instead,
            )
        return self.data

    def numpy(self) -> np.ndarray[Any, Any]:
        """A copy of the data as a NumPy array."""
        return self._concrete("numpy()", "Return the Tensor and look at the result.").copy()

    def item(self) -> Any:
        """The one element as a Python number."""
        data = self._concrete("item()", "Return the Tensor and look at the result.")
        if data.size != 1:
            raise ShapeError("Tensor", f"item() needs one element, got {shapes.text(data.shape)}")
        return data.item()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __index__(self) -> int:
        if not self.type.dtype.is_integer:
            raise DTypeError("Tensor", f"an index must be an integer, got {self.type!r}")
        return int(self.item())

    def __bool__(self) -> bool:
        data = self._concrete(
            "if, while, and, or",
            "Write where(condition, x, y) instead of Python control flow on values.",
        )
        if data.size != 1:
            raise ShapeError(
                "Tensor",
                f"a truth value needs one element, got {shapes.text(data.shape)}",
                "Use .all() or .any() of a NumPy array.",
            )
        return bool(data.item())

    def __len__(self) -> int:
        if not self.type.shape:
            raise ShapeError("Tensor", "len() needs an axis, got a scalar ()")
        dim = self.type.shape[0]
        if isinstance(dim, Batch):
            raise GraphError(
                "Tensor",
                f"len() must be a number, got the batch size {dim!r}, known only at the call",
                "Write x.shape[0] in arithmetic; a loop over rows becomes an operation on x.",
            )
        return dim

    def __iter__(self) -> Iterator[Value]:
        return (composite.index(self, i) for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        data = self._concrete("in", "Use where.")
        sought = as_array(item, "in", exact=True)
        if not hasattr(item, "dtype") and data.dtype.kind == "f":
            sought = sought.astype(data.dtype)  # as `==` compares
        shapes.broadcast("in", data.shape, sought.shape)
        return bool(np.any(data == sought))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # protocols of others, asked for again and again
            raise AttributeError(name)
        known = [one for one in dir(Tensor) if not one.startswith("_")]
        hint = nearest(name, known, elsewhere.TENSOR)
        if name in namespace.__all__:
            hint = f"Write pellucid.numpy.{name}(x)."
        raise UnknownNameError("Tensor", f"a Tensor has no attribute '{name}'", hint)

    def __getitem__(self, key: Any) -> Value:
        return composite.index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise ArgumentError(
            "Tensor",
            "a Tensor does not change, got an assignment to its elements",
            "Build a new one: where(mask, new, old), concat, or scatter_add.",
        )

    def __pow__(self, other: Any) -> Value:
        return composite.pow(self, other)

    def __rpow__(self, other: Any) -> Value:
        return composite.pow(other, self)

    def __matmul__(self, other: Any) -> Value:
        return composite.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Value:
        return composite.matmul(other, self)

    def astype(self, dtype: Any) -> Value:
        return composite.astype(self, dtype)

    def reshape(self, *shape: Any) -> Value:
        dims = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return composite.reshape(self, dims)

    def ravel(self) -> Value:
        return composite.reshape(self, (-1,))

    flatten = ravel

    def transpose(self, *axes: Any) -> Value:
        if not axes or axes[0] is None:
            return self.T
        order = axes[0] if isinstance(axes[0], (tuple, list)) else axes
        return composite.permute_dims(self, order)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.mean(self, axis, keepdims)

    def var(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.var(self, axis, keepdims)

    def std(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.std(self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.min(self, axis, keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.argmax(self, axis, keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.argmin(self, axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.prod(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.all(self, axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Value:
        return composite.any(self, axis, keepdims)

    def cumsum(self, axis: Any = None) -> Value:
        return composite.cumulative_sum(self, axis)

    def dot(self, other: Any) -> Value:
        return composite.dot(self, other)

    def round(self, decimals: int = 0) -> Value:
        return composite.round(self, decimals)

    def take(self, indices: Any, axis: Any = None) -> Value:
        return composite.take(self, indices, axis)

    def repeat(self, repeats: int, axis: Any = None) -> Value:
        return composite.repeat(self, repeats, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Value:
        return composite.swapaxes(self, axis1, axis2)

    def clip(self, min: Any = None, max: Any = None) -> Value:
        return composite.clip(self, min, max)

    def squeeze(self, axis: Any = None) -> Value:
        return composite.squeeze(self, axis)

    def copy(self) -> Value:
        """This Tensor: it does not change, so it need not be copied."""
        return self

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._concrete("tolist()", "Return the Tensor and look at the result.").tolist()

    def detach(self) -> Tensor:
        """The same numbers without their history."""
        data = self._concrete("detach()", "Use stop_gradient inside a traced function.")
        return Tensor(data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        data = self._concrete(
            "a NumPy call on the host", "Use pellucid.numpy, or return the Tensor first."
        )
        if copy is not False:
            return np.array(data, dtype=dtype)
        if dtype not in (None, data.dtype):
            raise DTypeError("Tensor", f"copy=False needs {data.dtype}, got {dtype}")
        return data

    @property
    def _data(self) -> Any:
        # numpy.ma reads this before __array__; it would drop the mask and the history in silence.
        raise DTypeError(
            "Tensor", "masked arrays are not supported, got one", "Fill it first: x.filled(0)."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return call_function(function, args, options)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace

    def backward(self, gradient: Any = None) -> None:
        """Sets `.grad` on this Tensor and on every Tensor it was computed from.

        It sets: what an earlier call left there is replaced. (PyTorch and micrograd add to it.) To
        sum over several calls, add the results first, or the gradients afterwards.

        Args:
            gradient: the output gradient, of this Tensor's shape; 1 for a scalar.

        Raises:
            ShapeError: if this is no scalar and no gradient is given.
        """
        if self.data is None:
            raise GraphError(
                "backward",
                "expected a computed Tensor, got an abstract one",
                "Inside a traced function use pel.grad.",
            )
        if not self.type.dtype.is_float:
            raise DTypeError("backward", f"only a float Tensor has a gradient, got {self.type!r}")
        if gradient is None:
            if self.type.shape != ():
                raise ShapeError(
                    "backward",
                    f"the output must be a scalar (), got {shapes.text(self.type.shape)}",
                    "Sum it first, or pass the output gradient.",
                )
            gradient = 1.0
        seed = np.asarray(as_array(gradient), dtype=self.data.dtype)
        if seed.shape != self.data.shape:
            raise ShapeError(
                "backward",
                f"gradient must be {shapes.text(self.data.shape)}, got {shapes.text(seed.shape)}",
            )
        set_gradients(self, seed)
