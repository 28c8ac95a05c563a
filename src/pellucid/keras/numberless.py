"""What Python and NumPy may ask of a tensor of a network, which has no numbers yet."""

from __future__ import annotations

from typing import Any

from pellucid.core.errors import ArgumentError
from pellucid.keras.arguments import table

# NumPy's functions behind operators: the method where the tensor stands on the left, on the right.
_METHODS = {
    **{name: (f"__{word}__", f"__r{word}__") for name, word in (
        ("add", "add"), ("subtract", "sub"), ("multiply", "mul"), ("divide", "truediv"),
        ("power", "pow"), ("matmul", "matmul"), ("floor_divide", "floordiv"),
        ("remainder", "mod"), ("bitwise_and", "and"), ("bitwise_or", "or"),
        ("bitwise_xor", "xor"),
    )},
    "less": ("__lt__", "__gt__"), "less_equal": ("__le__", "__ge__"),
    "greater": ("__gt__", "__lt__"), "greater_equal": ("__ge__", "__le__"),
    "equal": ("__eq__", "__eq__"), "not_equal": ("__ne__", "__ne__"),
}  # fmt: skip


class Numberless:
    """A tensor that takes part in operators, and nothing else of Python's and NumPy's."""

    def __bool__(self) -> bool:
        raise ArgumentError(
            "keras",
            "a branch cannot depend on a tensor of a network, which has no numbers yet",
            "Use keras.ops.where.",
        )

    def __iter__(self) -> Any:
        raise ArgumentError(
            "keras", "a tensor of a network cannot be iterated", "Index it: x[:, 0]."
        )

    def __len__(self) -> int:
        raise ArgumentError(
            "keras",
            "len() of a tensor of a network is not known: the number of rows is open",
            "Read x.shape, or write keras.ops.shape(x)[0].",
        )

    def _number(self) -> Any:
        raise ArgumentError(
            "keras",
            "a tensor of a network cannot become a number or an array: it has no numbers yet",
            "Compute with keras.ops, and read numbers behind predict.",
        )

    __float__ = __int__ = __index__ = __complex__ = _number

    def __format__(self, form: str) -> str:
        return self._number() if form else str(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._number()

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Operators between arrays and tensors; a function of NumPy's is refused by its name."""
        names = _METHODS.get(function.__name__)
        if names is None or method != "__call__" or kwargs:
            raise _of_numpy(function.__name__)
        left, right = inputs
        return getattr(self, names[0])(right) if left is self else getattr(self, names[1])(left)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise _of_numpy(function.__name__)


def _of_numpy(name: str) -> ArgumentError:
    known = name in table()["rooms"]["ops"]
    return ArgumentError(
        "keras",
        f"np.{name} cannot take a tensor of a network, which has no numbers yet",
        f"Write keras.ops.{name}." if known else "Write it in functions of keras.ops.",
    )
