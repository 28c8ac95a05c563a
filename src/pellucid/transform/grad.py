"""Derivatives of functions: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp.

Each traces the function, lets `autodiff` write the derivative behind the graph, and runs it, or,
inside another transform, records it there: so they nest to any depth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid import autodiff
from pellucid.core import shapes, trees
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.graph.node import Graph, TensorType
from pellucid.ops import composite
from pellucid.ops.value import Value
from pellucid.transform.arrays import converted
from pellucid.transform.jit import placed
from pellucid.transform.trace import Traced, argument_names, execute, leaf_type, trace

Function = Callable[..., Any]


def argument_numbers(
    where: str, argnums: int | Sequence[int], count: int
) -> tuple[tuple[int, ...], bool]:
    """The differentiated argument numbers from the front, and whether one was given alone."""
    single = not isinstance(argnums, (tuple, list))
    several: Sequence[Any] = [argnums] if single else list(argnums)  # type: ignore[arg-type]
    result = []
    for item in several:
        number = shapes.index(where, "argnums", item)
        if not -count <= number < count:
            raise ArgumentError(
                where, f"argnums must name one of {count} positional arguments, got {number}"
            )
        result.append(number % count)
    if len(set(result)) != len(result) or not result:
        raise ArgumentError(where, f"argnums must name different arguments, got {argnums}")
    return tuple(result), single


def check_function(where: str, function: object) -> None:
    if not callable(function):
        raise ArgumentError(where, f"expected a function, got {type(function).__name__}")


def check_floats(where: str, names: Sequence[str], types: Sequence[TensorType]) -> None:
    """The arguments that are differentiated must be floats."""
    for name, type in zip(names, types, strict=True):
        if not type.dtype.is_float:
            raise DTypeError(
                f"{where} of {name}",
                f"only float arguments have a gradient, got {type!r}",
                "Pass floats (1.0 instead of 1)"
                + ("." if where in ("vjp", "jvp", "hvp") else ", or choose other argnums."),
            )


def check_scalar(where: str, graph: Graph, count: int) -> None:
    """The function must have returned one float scalar; `count` outputs are its value."""
    output = graph.output_types[0] if count else None
    if output is None or count != 1 or output.shape != ():
        shown = shapes.text(output.shape) if output and count == 1 else f"{count} outputs"
        advice = "Sum or average the result, or use jacobian."
        if output and count == 1 and shapes.size(output.shape) == 1:
            advice = "Take its one element: np.sum(result)."
        raise ShapeError(where, f"the function must return one scalar (), got {shown}", advice)
    if not output.dtype.is_float:
        raise DTypeError(where, f"the function must return a float, got {output!r}")


class _Call:
    """One call of a transformed function: its differentiated leaves, its graph."""

    def __init__(
        self,
        where: str,
        function: Function,
        argnums: tuple[int, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ):
        check_function(where, function)
        self.where = where
        names = argument_names(function, len(args))
        self.leaves: list[Any] = []
        self.structures = []
        leaf_names: list[str] = []
        for number in argnums:
            leaves, structure = trees.flatten(args[number])
            self.structures.append(structure)
            self.leaves += leaves
            leaf_names += trees.paths(args[number], names[number])
        self.types = [leaf_type(leaf, where) for leaf in self.leaves]
        check_floats(where, leaf_names, self.types)

        def rebuild(values: list[Value]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            filled = list(args)
            for number, tree in zip(argnums, self.nest(values), strict=True):
                filled[number] = tree
            return tuple(filled), kwargs

        self.traced: Traced = trace(function, self.types, leaf_names, rebuild, self.leaves)
        self.wrt = range(len(self.leaves))

    @property
    def graph(self) -> Graph:
        return self.traced.graph

    @property
    def outputs(self) -> int:
        return len(self.graph.outputs)

    def nest(self, values: Sequence[Any]) -> list[Any]:
        """Flat values in the nesting of the differentiated arguments."""
        result, at = [], 0
        for structure in self.structures:
            result.append(trees.unflatten(structure, list(values[at : at + structure.count])))
            at += structure.count
        return result

    def scalar(self, count: int) -> None:
        check_scalar(self.where, self.graph, count)


def _aux(where: str, traced: Traced) -> tuple[int, trees.Structure]:
    """Splits (value, auxiliary) and returns the number of outputs of the value."""
    children = traced.structure.children
    if traced.structure.kind is not tuple or len(children) != 2:
        raise ArgumentError(
            where, f"with has_aux the function must return (value, aux), got {traced.structure}"
        )
    return children[0].count, children[1]


def value_and_grad(
    function: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    *,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Function:
    """The function that returns (value, gradient) of a scalar function.

    Args:
        function: returns a float scalar; with `has_aux`, (scalar, anything made of arrays).
        argnums: the positional arguments that are differentiated; nested dicts, lists and tuples
            of float arrays are allowed.
        has_aux: whether `function` returns an auxiliary output too.
        backend, device, precision: where one is given, the result is that of `pel.jit` over it:
            `grad(f, backend="xla")` is `jit(grad(f), backend="xla")`.

    Returns:
        A function of the same arguments: (value, gradient), or ((value, aux), gradient). The
        gradient has the nesting, shapes and dtypes of the arguments; a tuple for several argnums.

    Raises:
        ShapeError: if the function does not return a scalar.
        NotDifferentiableError: where the gradient would pass through argmax, a cast to integers, …

    Example:
        >>> value, slope = value_and_grad(lambda x: x**3)(2.0)
        >>> float(value), float(slope)
        (8.0, 12.0)
    """

    check_function("grad", function)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        where = "grad"
        numbers, single = argument_numbers(where, argnums, len(args))
        call = _Call(where, function, numbers, args, kwargs)
        count, aux = (_aux(where, call.traced)) if has_aux else (call.outputs, None)
        call.scalar(count)
        graph = autodiff.vjp(call.graph, call.wrt, seeded=(0,))
        results = execute(graph, [*call.traced.operands(call.leaves), 1.0])
        value, gradients = results[0], call.nest(results[call.outputs :])
        shaped = gradients[0] if single else tuple(gradients)
        if aux is None:
            return value, shaped
        return (value, trees.unflatten(aux, results[1 : call.outputs])), shaped

    return placed(gradient, backend, device, precision)


def grad(
    function: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    *,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Function:
    """The gradient of a scalar function. Arguments as in `value_and_grad`.

    Returns:
        A function of the same arguments: the gradient, or (gradient, aux) with `has_aux`.

    Example:
        >>> float(grad(lambda x: x**3)(2.0)), float(grad(grad(lambda x: x**3))(2.0))
        (12.0, 12.0)
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, slope = both(*args, **kwargs)
        return (slope, value[1]) if has_aux else slope

    return placed(gradient, backend, device, precision)


def vjp(function: Function, *args: Any) -> tuple[Any, Function]:
    """The value of a function and its pullback.

    Returns:
        (output, pullback): `pullback(ct)` takes a cotangent of the output's nesting and shapes and
        gives one gradient an argument, Jᵀ·ct, as a tuple: at this point, whatever is written into
        the arrays later.
    """
    call = _Call("vjp", function, tuple(range(len(args))), args, {})
    graph = call.graph
    operands = [
        one.copy() if isinstance(one, np.ndarray) else one
        for one in call.traced.operands(call.leaves)
    ]
    outputs = execute(graph, operands)
    backward = autodiff.vjp(graph, call.wrt)
    floats = [type for type in graph.output_types if type.dtype.is_float]

    def pullback(ct: Any) -> tuple[Any, ...]:
        cts, structure = trees.flatten(ct)
        if structure != call.traced.structure:
            raise ArgumentError(
                "vjp", f"ct must be nested like the output {call.traced.structure}, got {structure}"
            )
        kept = [
            _like("vjp", "ct", leaf, type)
            for leaf, type in zip(cts, graph.output_types, strict=True)
            if type.dtype.is_float
        ]
        assert len(kept) == len(floats)
        results = execute(backward, [*operands, *kept])
        return tuple(call.nest(results[len(graph.outputs) :]))

    return trees.unflatten(call.traced.structure, outputs), pullback


def in_tuple(where: str, name: str, given: Any, example: str) -> tuple[Any, ...]:
    """Positional arguments in a tuple or list; an array would be taken apart into its rows."""
    if not isinstance(given, (tuple, list)):
        raise ArgumentError(
            where, f"{name} must be a tuple, got {type(given).__name__}", f"Write {example}."
        )
    return tuple(given)


def _args_and_tangents(
    where: str, args: Any, tangents: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Arguments and a direction for each, as tuples."""
    example = f"{where}(f, (x,), (v,))"
    return in_tuple(where, "args", args, example), in_tuple(where, "tangents", tangents, example)


def _like(where: str, name: str, leaf: Any, type: TensorType) -> Any:
    """A tangent or cotangent, checked against the type it belongs to."""
    got = leaf_type(leaf, where)
    if got.shape != type.shape:
        raise ShapeError(
            where, f"{name} must be {shapes.text(type.shape)}, got {shapes.text(got.shape)}"
        )
    if got.dtype == type.dtype:
        return leaf
    if isinstance(leaf, Value):
        raise DTypeError(where, f"{name} must be {type.dtype}, got {got.dtype}")
    return converted(np.asarray(leaf), np.dtype(type.dtype.name), where, name)


def jvp(function: Function, args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of a function and its derivative in one direction, J·tangent.

    Args:
        args: the positional arguments.
        tangents: a direction for each, of the same nesting and shapes.

    Returns:
        (output, tangent of the output).

    Raises:
        DTypeError: if an argument is no float, or no output is: they have no tangent. An integer
            beside a float output has the tangent 0.
    """
    return _jvp("jvp", function, args, tangents)


def _jvp(
    where: str, function: Function, args: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    args, tangents = _args_and_tangents(where, args, tangents)
    if len(args) != len(tangents):
        raise ArgumentError(where, f"expected {len(args)} tangents, got {len(tangents)}")
    call = _Call(where, function, tuple(range(len(args))), args, {})
    types = call.graph.output_types
    if types and not any(type.dtype.is_float for type in types):
        raise DTypeError(
            where,
            f"the function must return a float, which has a tangent, got {types[0]!r}",
            "Convert the result with astype if it is meant as a float.",
        )
    dots: list[Any] = []
    for structure, tangent in zip(call.structures, tangents, strict=True):
        leaves, own = trees.flatten(tangent)
        if own != structure:
            raise ArgumentError(where, f"tangents must be nested like args {structure}, got {own}")
        dots += leaves
    dots = [_like(where, "tangent", d, t) for d, t in zip(dots, call.types, strict=True)]
    graph = autodiff.jvp(call.graph, call.wrt)
    results = execute(graph, [*call.traced.operands(call.leaves), *dots])
    moved = iter(results[call.outputs :])
    out_dots = [  # an integer beside floats does not move
        next(moved) if type.dtype.is_float else np.zeros(_sizes(type), np.float32) for type in types
    ]
    structure = call.traced.structure
    return (
        trees.unflatten(structure, results[: call.outputs]),
        trees.unflatten(structure, out_dots),
    )


def jacobian(
    function: Function,
    argnums: int | Sequence[int] = 0,
    *,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Function:
    """The matrix of all partial derivatives, ∂outᵢ/∂xⱼ.

    Args:
        function: returns one float array.
        argnums: as in `grad`; each differentiated argument is one array.
        backend, device, precision: as in `value_and_grad`.

    Returns:
        A function of the same arguments: an array of shape out.shape + x.shape, a tuple of them
        for several argnums. The cost is one backward pass for each element of the output or one
        forward pass for each element of the arguments, whichever are fewer.
    """

    check_function("jacobian", function)

    @functools.wraps(function)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        numbers, single = argument_numbers("jacobian", argnums, len(args))
        call = _Call("jacobian", function, numbers, args, kwargs)
        if call.traced.structure.kind is not None:
            raise ArgumentError(
                "jacobian", f"the function must return one array, got {call.traced.structure}"
            )
        output = call.graph.output_types[0]
        if not output.dtype.is_float:
            raise DTypeError("jacobian", f"the function must return floats, got {output!r}")
        for type in call.types:
            if len(output.shape) + len(type.shape) > 64:
                raise ShapeError(
                    "jacobian",
                    "result and argument must have at most 64 axes together, got "
                    f"{len(output.shape)} and {len(type.shape)}",
                )
        rows = shapes.size(output.shape)
        columns = [shapes.size(type.shape) for type in call.types]
        assert isinstance(rows, int)
        reverse = rows <= sum(column for column in columns if isinstance(column, int))
        blocks = _rows(call, output) if reverse else _columns(call, output)
        nested = call.nest(blocks)
        return nested[0] if single else tuple(nested)

    return placed(matrix, backend, device, precision)


def _basis(type: TensorType) -> list[Any]:
    """The unit vectors of a tensor's space, in row-major order."""
    shape = _sizes(type)
    n = shapes.count(shape)
    return list(np.eye(n, dtype=type.dtype.name).reshape((n, *shape)))


def _sizes(type: TensorType) -> tuple[int, ...]:
    """The shape of a tensor without a batch axis: gradients of functions have exact shapes."""
    return tuple(dim for dim in type.shape if isinstance(dim, int))


def _stack(parts: Sequence[Any], shape: Sequence[Any], dtype: str) -> Any:
    """Rows of arrays or Tensors as one array of `shape`."""
    if not parts:
        return np.zeros(tuple(shape), dtype)
    if any(isinstance(part, Value) for part in parts):
        return composite.reshape(composite.stack(list(parts)), tuple(shape))
    return np.stack(parts).reshape(tuple(shape))


def _rows(call: _Call, output: TensorType) -> list[Any]:
    graph = autodiff.vjp(call.graph, call.wrt)
    operands = call.traced.operands(call.leaves)
    rows = [execute(graph, [*operands, unit])[1:] for unit in _basis(output)]
    return [
        _stack([row[i] for row in rows], (*output.shape, *type.shape), type.dtype.name)
        for i, type in enumerate(call.types)
    ]


def _columns(call: _Call, output: TensorType) -> list[Any]:
    graph = autodiff.jvp(call.graph, call.wrt)
    operands = call.traced.operands(call.leaves)
    blocks = []
    for i, type in enumerate(call.types):
        zeros = [np.zeros(_sizes(other), other.dtype.name) for other in call.types]
        columns = []
        for unit in _basis(type):
            dots = [*zeros[:i], unit, *zeros[i + 1 :]]
            columns.append(execute(graph, [*operands, *dots])[1])
        stacked = _stack(columns, (*type.shape, *output.shape), output.dtype.name)
        order = [*range(len(type.shape), stacked.ndim), *range(len(type.shape))]
        blocks.append(stacked.transpose(order))
    return blocks


def hessian(
    function: Function,
    argnums: int | Sequence[int] = 0,
    *,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Function:
    """The matrix of second derivatives of a scalar function: the jacobian of its gradient.

    Args:
        argnums: one argument that is an array; for several, a tuple of tuples comes back.
        backend, device, precision: as in `value_and_grad`.
    """
    slope = grad(function, argnums)
    if not isinstance(argnums, (tuple, list)):
        return jacobian(slope, argnums, backend=backend, device=device, precision=precision)

    @functools.wraps(function)
    def blocks(*args: Any, **kwargs: Any) -> Any:
        return tuple(
            jacobian(lambda *a, i=i, **k: slope(*a, **k)[i], argnums)(*args, **kwargs)
            for i in range(len(argnums))
        )

    return placed(blocks, backend, device, precision)


def hvp(function: Function, args: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a vector, at the cost of a few gradients.

    Args:
        args: the positional arguments, all differentiated.
        tangents: the vector, nested like `args`.

    Returns:
        H·tangent nested like `args`: one entry for one argument, else a tuple.
    """
    args, tangents = _args_and_tangents("hvp", args, tangents)
    several = tuple(range(len(args)))
    slope = grad(function, several if len(args) > 1 else 0)
    return _jvp("hvp", slope, args, tangents)[1]
