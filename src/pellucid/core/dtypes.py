"""The element types a Tensor may have, and the rule that joins two of them.

float32 is the default. A float wins over integers and booleans and keeps its width; Python
numbers, NumPy scalars and 0-d arrays are weak: they take the dtype of what they meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.core.errors import DTypeError, nearest


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """One element type. `name` is NumPy's, `code` the short form of the graph text.

    There is one object for each, copies and pickles included: comparing is comparing identity.
    """

    name: str
    code: str
    kind: str  # "b" boolean, "u" unsigned, "i" signed, "f" float
    itemsize: int  # bytes

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.kind in "ui"

    def holds(self, value: bool | int | float) -> bool:
        """Whether `value` becomes an element without another meaning: 300 is no uint8."""
        if self.is_float:
            limit = 3.4028235677973366e38 if self.itemsize == 4 else math.inf
            try:
                return not math.isfinite(float(value)) or abs(float(value)) < limit
            except OverflowError:
                return False
        if isinstance(value, float) and not value.is_integer():
            return False
        if self.kind == "b":
            return value in (0, 1)
        bits = 8 * self.itemsize - (self.kind == "i")
        low, high = (0 if self.kind == "u" else -(1 << bits)), 1 << bits
        return low <= value < high

    def __reduce__(self) -> tuple[object, ...]:
        return (as_dtype, (self.name,))

    def __repr__(self) -> str:
        return self.name


bool_ = DType("bool", "b1", "b", 1)
uint8 = DType("uint8", "u8", "u", 1)
uint16 = DType("uint16", "u16", "u", 2)
uint32 = DType("uint32", "u32", "u", 4)
uint64 = DType("uint64", "u64", "u", 8)
int8 = DType("int8", "i8", "i", 1)
int16 = DType("int16", "i16", "i", 2)
int32 = DType("int32", "i32", "i", 4)
int64 = DType("int64", "i64", "i", 8)
float32 = DType("float32", "f32", "f", 4)
float64 = DType("float64", "f64", "f", 8)

ALL = (bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float32, float64)
BY_NAME = {dtype.name: dtype for dtype in ALL}
BY_CODE = {dtype.code: dtype for dtype in ALL}
FLOATS = (float32, float64)

DEFAULT = float32  # of what is made without numbers of a dtype: zeros, lists, data
PYTHON = {"b": bool_, "i": int64, "f": float64}  # of Python's own numbers, by their kind


def as_dtype(spec: object, where: str = "dtype") -> DType:
    """The DType that a name, a NumPy dtype, a scalar type or a DType stands for.

    Raises:
        DTypeError: for complex, object, text and every other type outside `ALL`.
    """
    if isinstance(spec, DType):
        return spec
    python = {bool: "bool", int: "int64", float: "float32"}
    if isinstance(spec, type) and spec in python:
        return BY_NAME[python[spec]]
    name = spec if isinstance(spec, str) else getattr(spec, "name", None)
    if name is None:
        name = getattr(spec, "__name__", str(spec))
    if name not in BY_NAME:
        raise DTypeError(
            where,
            f"dtype must be one of {', '.join(BY_NAME)}, got {name}",
            nearest(name, BY_NAME),
        )
    return BY_NAME[name]


def promote(x: DType, y: DType) -> DType:
    """The dtype of an operation on a tensor of dtype `x` and one of dtype `y`.

    float with integer keeps the float's width; two floats give the wider; two integers follow
    NumPy, but for uint64 with a signed integer, which NumPy turns into float64: an error here.
    """
    if x == y:
        return x
    if x.is_float or y.is_float:
        floats = [dtype for dtype in (x, y) if dtype.is_float]
        return max(floats, key=lambda dtype: dtype.itemsize)
    if x.kind == "b" or y.kind == "b":
        return y if x.kind == "b" else x
    if x.kind == y.kind:
        return x if x.itemsize >= y.itemsize else y
    signed, unsigned = (x, y) if x.kind == "i" else (y, x)
    if signed.itemsize > unsigned.itemsize:
        return signed
    wider = {1: int16, 2: int32, 4: int64}
    if unsigned.itemsize not in wider:
        raise DTypeError(
            "dtypes",
            f"operands must share an integer dtype, got {x} and {y}, which no integer holds",
            "Cast one of them with astype first.",
        )
    return wider[unsigned.itemsize]


def weak_result(strong: DType, weak_kind: str, default: DType = DEFAULT) -> DType:
    """The dtype of an operation on a tensor of dtype `strong` and a weak number of a kind.

    Args:
        default: the dtype of a float that meets integers.
    """
    order = "bif"
    strong_kind = "i" if strong.kind == "u" else strong.kind
    weak_kind = "i" if weak_kind == "u" else weak_kind
    if order.index(weak_kind) <= order.index(strong_kind):
        return strong
    return default if weak_kind == "f" else int64
