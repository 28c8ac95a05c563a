"""keras.ops that make arrays of a shape, and that ask what a tensor is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core import dtypes
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame
from pellucid.keras.arguments import keras_function, refuse
from pellucid.keras.operands import check_tensor
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import ROOT, KerasTensor, Placed, applied
from pellucid.ops.value import Value


def _kind(dtype: Any, default: str | None = None) -> Any:
    given = (default or SESSION.floatx) if dtype is None else dtype
    return np.dtype(dtypes.as_dtype(given, "keras.ops").name)


def dimensions(where: str, shape: Any) -> tuple[Any, ...]:
    """A shape as a tuple, in which None stands for the rows."""
    dims = (shape,) if isinstance(shape, (int, np.integer)) else shape
    listed = isinstance(dims, (list, tuple, np.ndarray))
    if not listed or any(isinstance(one, (str, bytes, float, list, tuple)) for one in dims):
        raise ArgumentError(
            f"keras.{where}", f"shape must be a tuple of whole numbers, got {shape!r}", ""
        )
    return tuple(dims)


def filled(name: str, shape: Any, value: Any, dtype: Any) -> Any:
    """An array of one number; with None for the rows a tensor of the network that is made."""
    dims, kind = dimensions(f"ops.{name}", shape), _kind(dtype)
    check_tensor(f"ops.{name}", "fill_value", value)
    if None not in dims:
        return pnp.asarray(np.full(dims, value, kind))
    root = ROOT.get()
    if root is None or dims.count(None) > 1:
        raise ArgumentError(
            f"keras.ops.{name}", f"shape must be numbers, and None for rows in call, got {dims}"
        )

    def rows(x: Value) -> Any:
        whole = tuple(x.type.shape[0] if one is None else one for one in dims)
        return pnp.broadcast_to(pnp.asarray(np.asarray(value, kind)), whole)

    return applied(rows, (root,), {}, name)


def _linspace(a: Any, where: str) -> Any:
    if any(isinstance(one, KerasTensor) for one in (a.start, a.stop)):
        refuse(where, "start", a.start, "numbers, which stand before a network is made")
    return a.start, a.stop


def _spaced(function: Callable[..., Any], *names: str) -> Callable[[Any], Any]:
    def make(a: Any) -> Any:
        if "retstep" in a.values_:
            a.only("retstep", False)
        start, stop = _linspace(a, a.where_)
        for name in ("start", "stop", *names):
            check_tensor(a.where_, name, getattr(a, name))
        more = {name: getattr(a, name) for name in names}
        found = function(start, stop, a.num, endpoint=a.endpoint, axis=a.axis, **more)
        return pnp.asarray(np.asarray(found, _kind(a.dtype)))

    return make


def _arange(a: Any) -> Any:
    for name in ("start", "stop"):
        value = getattr(a, name)
        if not blame.fits(blame.NUMBER, value) and (value is not None or name == "start"):
            raise ArgumentError(
                "keras.ops.arange", f"{name} must be a finite number, got {blame.shown(value)}"
            )
    given = [one for one in (a.start, a.stop, a.step) if one is not None]
    whole = all(isinstance(one, (int, np.integer)) for one in given)
    first, last = (0, a.start) if a.stop is None else (a.start, a.stop)
    found = np.arange(first, last, 1 if a.step is None else a.step)
    return pnp.asarray(found.astype(_kind(a.dtype, "int32" if whole else None)))


def _made(a: Any, shown: Callable[[Any], Any]) -> Any:
    return pnp.asarray(np.asarray(shown(a), _kind(a.dtype)))


ROWS: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda a: filled("zeros", a.shape, 0, a.dtype),
    "ones": lambda a: filled("ones", a.shape, 1, a.dtype),
    "empty": lambda a: filled("empty", a.shape, 0, a.dtype),
    "full": lambda a: filled("full", a.shape, a.fill_value, a.dtype),
    "eye": lambda a: _made(a, lambda a: np.eye(a.N, a.M, a.k)),
    "identity": lambda a: _made(a, lambda a: np.eye(a.n)),
    "tri": lambda a: _made(a, lambda a: np.tri(a.N, a.M, a.k)),
    "arange": _arange,
    "linspace": _spaced(np.linspace),
    "logspace": _spaced(np.logspace, "base"),
    "geomspace": _spaced(np.geomspace),
}


def ndim(x: Any) -> int:
    """How many axes x has."""
    check_tensor("ops.ndim", "x", x)
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


def size(x: Any) -> Any:
    """How many numbers x has; None where the rows are open."""
    check_tensor("ops.size", "x", x)
    dims = tuple(x.shape) if hasattr(x, "shape") else np.shape(x)
    return None if None in dims else int(np.prod(dims))


def dtype(x: Any) -> str:
    """The name of the dtype of x."""
    check_tensor("ops.dtype", "x", x)
    kind = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
    return str(getattr(kind, "name", kind))


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor, of a network or of numbers."""
    return isinstance(x, (KerasTensor, Placed, Value))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: keras_function("ops", name, make) for name, make in ROWS.items()},
    "ndim": ndim, "size": size, "dtype": dtype, "is_tensor": is_tensor,
}  # fmt: skip
