"""What every executor promises: a graph goes in, a function on arrays comes out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from pellucid.core import shapes
from pellucid.core.errors import DTypeError, ShapeError
from pellucid.graph.node import Graph, TensorType


class Program(Protocol):
    """A graph made ready. Calling it gives one fresh array an output."""

    def __call__(self, inputs: Sequence[Any]) -> list[Any]: ...


@lru_cache
def dtype_name(dtype: Any) -> str:
    """NumPy makes a dtype's name anew at each request; calls are many."""
    return str(dtype.name)


def bind_rows(
    types: Sequence[TensorType], names: Sequence[str], arrays: Sequence[Any]
) -> int | None:
    """The number of rows N that `arrays` have, after checking them against `types`.

    Raises:
        ShapeError: where a shape does not fit, or two inputs have different numbers of rows.
        DTypeError: where a dtype differs.
    """
    rows: int | None = None
    first = ""
    for type, name, array in zip(types, names, arrays, strict=True):
        if dtype_name(array.dtype) != type.dtype.name:
            raise DTypeError(name, f"dtype must be {type.dtype}, got {array.dtype.name}")
        fits = len(array.shape) == len(type.shape)
        for dim, length in zip(type.shape, array.shape, strict=False):
            if not isinstance(dim, shapes.Batch):
                fits = fits and dim == length
                continue
            n, rest = divmod(length, dim.scale)
            if rest:
                fits = False
            elif rows is None:
                rows, first = n, name
            elif n != rows:
                raise ShapeError(
                    name,
                    f"one batch size must hold in the whole call, got {rows} rows in {first} "
                    f"and {n} in {name}",
                )
        if not fits:
            raise ShapeError(
                name,
                f"shape must be {shapes.text(type.shape)}, got {shapes.text(array.shape)}",
            )
    return rows


def check_inputs(graph: Graph, arrays: Sequence[Any]) -> int | None:
    """Checks a call of `graph`; returns its number of rows, None where it has no batch."""
    if len(arrays) != len(graph.inputs):
        raise ShapeError(
            "call", f"expected {len(graph.inputs)} inputs ({graph.input_names}), got {len(arrays)}"
        )
    return bind_rows(graph.input_types, graph.input_names, arrays)
