"""The table: row name → the instructions of one element.

Only rows whose emission is exact stand here: plain IEEE operations, with no flag that lets LLVM
reorder or fuse them. `x.type` may be a vector; nothing here asks for its width. A row that is not
in `TABLE` is not elementwise, or the engine has no code for it yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.compiler.codegen import inverse, mathfn
from pellucid.compiler.codegen.layout import register_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scope import constant
from pellucid.core.dtypes import DType


@dataclass(frozen=True)
class Element:
    """Where one element is computed: the builder, the value's name, the dtypes that come in."""

    builder: ir.IRBuilder
    name: str
    dtypes: tuple[DType, ...]

    @property
    def dtype(self) -> DType:
        """The dtype of the last input: what `where` chooses between, what others compute in."""
        return self.dtypes[-1]

    def number(self, like: ir.Value, value: float) -> ir.Constant:
        return constant(like.type, self.dtype, value)

    def floor(self, x: ir.Value) -> ir.Value:
        return intrinsic(self.builder, "floor", x.type, x)

    def sqrt(self, x: ir.Value) -> ir.Value:
        return intrinsic(self.builder, "sqrt", x.type, x)


Emitter = Callable[..., Any]  # (element, *inputs, **attrs) → the value


def intrinsic(builder: ir.IRBuilder, name: str, kind: ir.Type, *arguments: ir.Value) -> ir.Value:
    """llvm.NAME for scalars and vectors; declared once a module."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    letter = {"float": "f32", "double": "f64"}.get(str(element), str(element))
    prefix = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    if name.startswith("vector.reduce"):  # named by what it takes, not by what it gives
        prefix = f"v{arguments[0].type.count}"
    full = f"llvm.{name}.{prefix}{letter}"
    function = builder.module.globals.get(full)
    if function is None:
        types = [argument.type for argument in arguments]
        function = ir.Function(builder.module, ir.FunctionType(kind, types), full)
    return builder.call(function, arguments)


def _arithmetic(of_floats: str, of_integers: str) -> Emitter:
    """A builder method for floats, another for integers (which wrap around, as in NumPy)."""

    def emit(e: Element, x: ir.Value, y: ir.Value) -> ir.Value:
        return getattr(e.builder, of_floats if e.dtype.is_float else of_integers)(x, y, e.name)

    return emit


def _compare(sign: str) -> Emitter:
    def emit(e: Element, x: ir.Value, y: ir.Value) -> ir.Value:
        return _ordering(e, sign, x, y, e.name)

    return emit


def _ordering(e: Element, sign: str, x: ir.Value, y: ir.Value, name: str = "") -> ir.Value:
    """x `sign` y; NaN equals nothing and is on no side of anything."""
    if e.dtype.is_float:
        kind = e.builder.fcmp_unordered if sign == "!=" else e.builder.fcmp_ordered
    else:
        kind = e.builder.icmp_signed if e.dtype.kind == "i" else e.builder.icmp_unsigned
    return kind(sign, x, y, name)


def _extreme(sign: str) -> Emitter:
    """x where x `sign` y or x is NaN, else y: NumPy's choice, for zeros of either sign too."""

    def emit(e: Element, x: ir.Value, y: ir.Value) -> ir.Value:
        chosen = _ordering(e, sign, x, y)
        if e.dtype.is_float:
            chosen = e.builder.or_(chosen, e.builder.fcmp_unordered("uno", x, x))
        return e.builder.select(chosen, x, y, e.name)

    return emit


def _divisor(e: Element, y: ir.Value) -> ir.Value:
    """y, or 1 where a machine's division traps: at 0, and at -1, where a quotient may not fit."""
    one = e.number(y, 1)
    traps = _ordering(e, "==", y, e.number(y, 0))
    if e.dtype.kind == "i":
        traps = e.builder.or_(traps, _ordering(e, "==", y, e.number(y, -1)))
    return e.builder.select(traps, one, y)


def _astray(e: Element, rest: ir.Value, y: ir.Value) -> ir.Value:
    """Whether a remainder is not 0 and on the other side of 0 than y."""
    zero = e.number(y, 0)
    sides = e.builder.xor(_ordering(e, "<", rest, zero), _ordering(e, "<", y, zero))
    return e.builder.and_(_ordering(e, "!=", rest, zero), sides)


def _remainder(e: Element, x: ir.Value, y: ir.Value) -> ir.Value:
    """C's remainder, moved to the side of 0 on which y is."""
    b = e.builder
    if e.dtype.kind == "u":
        return b.urem(x, _divisor(e, y), e.name)
    if not e.dtype.is_float:
        rest = b.srem(x, _divisor(e, y))
        return b.select(_astray(e, rest, y), b.add(rest, y), rest, e.name)
    rest = b.frem(x, y)
    value = b.select(_astray(e, rest, y), b.fadd(rest, y), rest)
    none = intrinsic(b, "copysign", y.type, e.number(y, 0), y)
    return b.select(_ordering(e, "==", rest, e.number(y, 0)), none, value, e.name)


def _floor_divide(e: Element, x: ir.Value, y: ir.Value) -> ir.Value:
    """The quotient without what is left over, which division alone would round."""
    b, zero, one = e.builder, e.number(y, 0), e.number(y, 1)
    if not e.dtype.is_float:
        safe, signed = _divisor(e, y), e.dtype.kind == "i"
        value = (b.sdiv if signed else b.udiv)(x, safe)
        if signed:
            rest = b.sub(x, b.mul(value, safe))
            value = b.select(_astray(e, rest, y), b.sub(value, one), value)
            value = b.select(_ordering(e, "==", y, e.number(y, -1)), b.neg(x), value)
        return b.select(_ordering(e, "==", y, zero), zero, value, e.name)
    rest, plain = b.frem(x, y), b.fdiv(x, y)
    quotient = b.fdiv(b.fsub(x, rest), y)
    quotient = b.select(_astray(e, rest, y), b.fsub(quotient, one), quotient)
    value = e.floor(quotient)
    short = _ordering(e, ">", b.fsub(quotient, value), e.number(y, 0.5))
    value = b.select(short, b.fadd(value, one), value)
    nothing = _ordering(e, "==", quotient, zero)
    value = b.select(nothing, intrinsic(b, "copysign", y.type, zero, plain), value)
    return b.select(_ordering(e, "==", y, zero), plain, value, e.name)


def _relu(e: Element, x: ir.Value) -> ir.Value:
    return _extreme(">")(e, x, e.number(x, 0))


def _negative(e: Element, x: ir.Value) -> ir.Value:
    return e.builder.fneg(x, e.name) if e.dtype.is_float else e.builder.neg(x, e.name)


def _square(e: Element, x: ir.Value) -> ir.Value:
    return _arithmetic("fmul", "mul")(e, x, x)


def _abs(e: Element, x: ir.Value) -> ir.Value:
    if e.dtype.is_float:
        return intrinsic(e.builder, "fabs", x.type, x)
    if e.dtype.kind == "u":
        return x
    below = e.builder.icmp_signed("<", x, e.number(x, 0))
    return e.builder.select(below, e.builder.neg(x), x, e.name)


def _sign(e: Element, x: ir.Value) -> ir.Value:
    zero, one = e.number(x, 0), e.number(x, 1)
    result = e.builder.select(_ordering(e, ">", x, zero), one, zero)
    if e.dtype.kind != "u":
        below = _ordering(e, "<", x, zero)
        result = e.builder.select(below, e.number(x, -1), result, e.name)
    if e.dtype.is_float:  # NaN stays NaN
        result = e.builder.select(e.builder.fcmp_unordered("uno", x, x), x, result, e.name)
    return result


def _unary(name: str) -> Emitter:
    """An intrinsic that rounds correctly."""
    return lambda e, x: intrinsic(e.builder, name, x.type, x)


def _isfinite(e: Element, x: ir.Value) -> ir.Value:
    magnitude = intrinsic(e.builder, "fabs", x.type, x)
    return e.builder.fcmp_ordered("<", magnitude, e.number(x, math.inf), e.name)


def _logical_not(e: Element, x: ir.Value) -> ir.Value:
    return e.builder.xor(x, ir.Constant(x.type, 1), e.name)


def _where(e: Element, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    return e.builder.select(condition, x, y, e.name)


def _cast(e: Element, x: ir.Value, dtype: DType) -> ir.Value:
    source, goal = e.dtype, register_type(dtype)
    if isinstance(x.type, ir.VectorType):
        goal = ir.VectorType(goal, x.type.count)
    if source == dtype:
        return x
    if dtype.kind == "b":
        return _ordering(e, "!=", x, e.number(x, 0), e.name)
    if source.is_float and dtype.is_float:
        widen = dtype.itemsize > source.itemsize
        return (e.builder.fpext if widen else e.builder.fptrunc)(x, goal, e.name)
    if source.is_float:
        return _float_to_integer(e, x, dtype, goal)
    signed = source.kind == "i"
    if dtype.is_float:
        return (e.builder.sitofp if signed else e.builder.uitofp)(x, goal, e.name)
    if source.itemsize >= dtype.itemsize and source.kind != "b":
        return x if source.itemsize == dtype.itemsize else e.builder.trunc(x, goal, e.name)
    return (e.builder.sext if signed else e.builder.zext)(x, goal, e.name)


def _float_to_integer(e: Element, x: ir.Value, dtype: DType, goal: ir.Type) -> ir.Value:
    """Drops the fraction. Outside the range NumPy promises nothing; here it is the nearest end."""
    name = "fptosi" if dtype.kind == "i" else "fptoui"
    source = "f32" if e.dtype.itemsize == 4 else "f64"
    lanes = f"v{goal.count}" if isinstance(goal, ir.VectorType) else ""
    full = f"llvm.{name}.sat.{lanes}{register_type(dtype)}.{lanes}{source}"
    return intrinsic_cast(e.builder, full, goal, x)


def intrinsic_cast(builder: ir.IRBuilder, full: str, goal: ir.Type, x: ir.Value) -> ir.Value:
    function = builder.module.globals.get(full)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(goal, [x.type]), full)
    return builder.call(function, [x])


def _same(e: Element, x: ir.Value) -> ir.Value:
    return x


TABLE: dict[str, Emitter] = {
    "add": _arithmetic("fadd", "add"),
    "subtract": _arithmetic("fsub", "sub"),
    "multiply": _arithmetic("fmul", "mul"),
    "divide": lambda e, x, y: e.builder.fdiv(x, y, e.name),
    "remainder": _remainder,
    "floor_divide": _floor_divide,
    "negative": _negative,
    "square": _square,
    "sqrt": _unary("sqrt"),
    "floor": _unary("floor"),
    "round": _unary("rint"),  # halves to even
    "abs": _abs,
    "sign": _sign,
    "relu": _relu,
    "maximum": _extreme(">"),
    "minimum": _extreme("<"),
    "equal": _compare("=="),
    "not_equal": _compare("!="),
    "less": _compare("<"),
    "less_equal": _compare("<="),
    "greater": _compare(">"),
    "greater_equal": _compare(">="),
    "logical_and": lambda e, x, y: e.builder.and_(x, y, e.name),
    "logical_or": lambda e, x, y: e.builder.or_(x, y, e.name),
    "logical_not": _logical_not,
    "isfinite": _isfinite,
    "where": _where,
    "cast": _cast,
    "stop_gradient": _same,
    "copy": _same,
    **mathfn.TABLE,
    **inverse.TABLE,
}
