"""Curvature: the largest eigenvalue of a Hessian that is never made.

The Lanczos iteration needs the Hessian times a vector only; that product is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import integer, real, seed
from pellucid.core.errors import ArgumentError
from pellucid.ops.value import Value
from pellucid.runtime.backend import check_backend, executor
from pellucid.transform.custom import in_rows
from pellucid.transform.grad import hvp, in_tuple
from pellucid.transform.trace import leaf_type, trace

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Curvature:
    """The largest eigenvalue of a Hessian.

    Attributes:
        value: λ. Gradient descent at a rate η shrinks the error along `vector` by 1 - η·λ a step:
            1/λ takes it away in one step, above 2/λ it grows.
        vector: the eigenvector, of length 1, nested like the arguments.
        residual: ‖H·v - λ·v‖, by which λ is off an eigenvalue at most.
        products: how many times the Hessian was multiplied.
    """

    value: float
    vector: Any
    residual: float
    products: int


def curvature(
    function: Callable[..., Any],
    args: Sequence[Any],
    *,
    tolerance: float = 1e-4,
    products: int = 100,
    random_seed: int = 0,
    backend: str | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Curvature:
    """The largest eigenvalue of the Hessian of a scalar function of all numbers in `args`.

    Args:
        function: gives one float, of floats, arrays and nested containers of them.
        args: the positional arguments where it is taken.
        tolerance: stops where the residual is at most this part of the largest |λ| seen.
        products: the most products with the Hessian; each costs a few gradients.
        random_seed: of the vector that it starts with.
        backend, device, precision: as in `jit`.

    Raises:
        ArgumentError: where the tolerance is not reached; the message states the residual.

    Source: Golub and Van Loan, Matrix computations, 10.1, with full orthogonalization; the product
    is Pearlmutter's, Neural Computation 6 (1994), 147-160.

    Example:
        >>> import numpy as np
        >>> round(curvature(lambda w: np.sum(np.array([1.0, 9.0]) * w * w), (np.ones(2),)).value, 6)
        18.0
    """
    where = "curvature"
    if not callable(function):
        raise ArgumentError(where, f"expected a function, got {type(function).__name__}")
    start = in_tuple(where, "args", args, "curvature(f, (w,))")
    tolerance = real(where, "tolerance", tolerance, 0, open_low=True)
    most = integer(where, "products", products, 1)
    asked = check_backend(where, backend, device, precision)
    leaves, structure = trees.flatten(start)
    for leaf in leaves:
        if not leaf_type(leaf, where).dtype.is_float:
            raise ArgumentError(where, f"args must hold floats, got {leaf!r}")
    arrays = [np.asarray(leaf) for leaf in leaves]
    count = sum(array.size for array in arrays)
    if not count:
        raise ArgumentError(where, f"args must hold numbers, got {args!r}")
    cuts = np.cumsum([array.size for array in arrays])[:-1]

    def apart(flat: Array) -> list[Array]:
        parts = np.split(flat, cuts)
        return [p.astype(a.dtype).reshape(a.shape) for p, a in zip(parts, arrays, strict=True)]

    def product(*values: Value) -> Any:
        half = len(values) // 2
        point, tangent = (trees.unflatten(structure, v) for v in (values[:half], values[half:]))
        return hvp(function, point, tangent)

    types = [leaf_type(leaf, where) for leaf in leaves]
    names = trees.paths(start)
    names += [f"tangent of {name}" for name in names]
    traced = trace(product, [*types, *types], names, lambda values: (tuple(values), {}))
    program = executor(traced.graph, backend=asked, where=where, prepare=in_rows)

    def times(flat: Array) -> Array:
        made = program(traced.operands([*arrays, *apart(flat)]))
        return np.concatenate([np.asarray(part, np.float64).ravel() for part in made])

    draw = np.random.default_rng(seed(where, random_seed)).standard_normal(count)
    basis = [draw / np.linalg.norm(draw)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = times(basis[-1])
        if not np.isfinite(image).all():
            raise ArgumentError(where, "the Hessian must be finite at args, got infinity or NaN")
        diagonal.append(float(image @ basis[-1]))
        rows = np.stack(basis)
        for _ in range(2):  # twice is enough to stay orthogonal in float64
            image = image - rows.T @ (rows @ image)
        length = float(np.linalg.norm(image))
        small = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(small)
        residual = length * abs(float(vectors[-1, -1]))
        enough = residual <= tolerance * max(float(np.abs(values).max()), np.finfo(float).tiny)
        if enough or len(diagonal) in (most, count):
            break
        beside.append(length)
        basis.append(image / length)
    if not enough and len(diagonal) < count:
        raise ArgumentError(
            where,
            f"the residual must fall to {tolerance:g} of λ within {most} products, got "
            f"{residual:.3g} for λ = {values[-1]:.6g}",
            "Allow more products, or tolerance.",
        )
    return Curvature(
        float(values[-1]),
        _like(start, trees.unflatten(structure, apart(vectors[:, -1] @ rows))),
        residual,
        len(diagonal),
    )


def _like(args: tuple[Any, ...], nested: Any) -> Any:
    """One entry for one argument, else a tuple: as `hvp` gives it."""
    return nested[0] if len(args) == 1 else nested
