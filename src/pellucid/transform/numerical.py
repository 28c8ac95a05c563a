"""`numerical_grad`: derivatives by differences, a method of its own.

In: a scalar function, which need not be traceable. Out: its gradient in float64, from the
definition of the derivative. `differences.py` holds derivatives of graphs against such numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.arguments import checked, choice, real
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.transform.arrays import as_array
from pellucid.transform.grad import argument_numbers
from pellucid.transform.tensor import constant, is_tracked

Array = np.ndarray[Any, Any]

_EPSILON = float(np.finfo(np.float64).eps)

# The step that balances truncation against rounding is a power of the machine's ε.
_POWERS = {"central": 1 / 3, "forward": 1 / 2, "backward": 1 / 2}


@checked
def numerical_grad(
    function: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    method: str = "central",
    step: float | None = None,
) -> Callable[..., Any]:
    """The gradient of a scalar function by its definition: a limit, taken with a small h.

    f'(x) = lim (f(x+h) - f(x)) / h for h → 0, one element at a time:

    central: (f(x+h) - f(x-h)) / 2h, error O(h²), 2n + 1 calls for n elements;
    forward: (f(x+h) - f(x)) / h, error O(h), n + 1 calls;
    backward: (f(x) - f(x-h)) / h, likewise.

    Args:
        function: takes float64 arrays, returns a scalar. It need not be traceable.
        argnums: as in `grad`; nested arguments are allowed.
        method: central, forward or backward.
        step: h relative to max(1, |x|); None takes ε^(1/3) or ε^(1/2) of the result's dtype.

    Returns:
        A function of the same arguments: float64 arrays nested like them.

    Raises:
        ShapeError: if the function does not return a scalar. DTypeError: if that is no number.
        ArgumentError: where an argument is a Tensor, or the function uses one: differences are not
            recorded, so `backward` would not reach it.

    Example:
        >>> round(float(numerical_grad(lambda x: x**3)(2.0)), 6)
        12.0
    """
    if not callable(function):
        raise ArgumentError("numerical_grad", f"expected a function, got {function!r}")
    choice("numerical_grad", "method", method, _POWERS)
    if step is not None:
        real("numerical_grad", "step", step, 0, open_low=True)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        numbers, single = argument_numbers("numerical_grad", argnums, len(args))
        wide = list(args)
        for number in numbers:
            wide[number] = trees.map_leaves(_wide, args[number])

        def value(scalar: Callable[[Array], Any] = np.copy) -> Any:
            """The function on copies: what it does to its arguments does not last."""
            given = list(wide)
            for number in numbers:
                given[number] = trees.map_leaves(
                    lambda leaf: np.copy(leaf) if leaf.shape else scalar(leaf), wide[number]
                )
            return _scalar(function(*given, **kwargs))

        middle, call = value(), value
        if (
            _epsilon(middle) > _EPSILON
        ):  # in our functions arrays of rank 0 do not widen: Tensors do
            call = functools.partial(value, constant)
            middle = call()
        relative = _epsilon(middle) ** _POWERS[method] if step is None else step
        slopes = tuple(
            trees.map_leaves(
                lambda leaf: _differences(call, float(middle), leaf, method, relative),
                wide[number],
            )
            for number in numbers
        )
        return slopes[0] if single else slopes

    return gradient


def _wide(leaf: Any) -> Array:
    if is_tracked([leaf]):
        raise ArgumentError(
            "numerical_grad",
            "the arguments must be arrays or numbers, got a Tensor: no gradient would reach it",
            "Hand over its numbers: x.numpy().",
        )
    return np.array(as_array(leaf, "numerical_grad", exact=True), np.float64)


def _scalar(result: Any) -> Any:
    if is_tracked([result]):
        raise ArgumentError(
            "numerical_grad",
            "the function must use arrays and numbers beside its arguments, got one that uses a "
            "Tensor: no gradient would reach it",
            "Let it use the Tensor's numbers: w.numpy().",
        )
    array = np.asarray(result)
    if array.dtype.kind not in "fiub":
        raise DTypeError("numerical_grad", f"the function must return a number, got {result!r}")
    if array.shape != ():
        raise ShapeError(
            "numerical_grad", f"the function must return a scalar (), got {array.shape}"
        )
    return array[()]


def _epsilon(value: Any) -> float:
    """The rounding of a number: float64's, unless it was computed in less."""
    return max(_EPSILON, float(np.finfo(value.dtype).eps)) if value.dtype.kind == "f" else _EPSILON


def _differences(
    call: Callable[[], Any], middle: float, x: Array, method: str, relative: float
) -> Array:
    """The slope along each element of `x`, which is moved in place and put back."""
    slope = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        h = relative * max(1.0, abs(float(kept)))
        upper = kept + h if method != "backward" else kept
        lower = kept - h if method != "forward" else kept
        ends = []
        for end in (upper, lower):
            x[place] = end
            ends.append(middle if end == kept else float(call()))
        x[place] = kept
        slope[place] = (ends[0] - ends[1]) / (upper - lower)
    return slope
