"""The checks of a row as a whole: wrong calls, facts, documentation, size 0, scalars.

Each takes the row and its cases, asserts, and returns the cases it used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pellucid.core import shapes
from pellucid.core.dtypes import ALL, DType, int64
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    PellucidError,
    ShapeError,
)
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import (
    Kind,
    Op,
    Partials,
    lookup,
)
from pellucid.ops.value import Builder
from pellucid.runtime.interpreter import Interpreter
from tests.ops.misfits import misfits
from tests.ops.sampling import Case, Index, Mask, dtypes_of, sample
from tests.ops.trial import Trial, bits_equal
from tests.ops.trial_checks import check_jvp, check_type, check_vjp

ONE_FORM = re.compile(r"^\[[^\[\]]+( \"[^\"]*\")?\] .+\. At [^ ]+\.py:\d+\.( .+)?$", re.DOTALL)


def _one_form(error: BaseException) -> None:
    assert ONE_FORM.match(str(error)), f"not in the one form: {error}"


def refuses(
    op: Op, types: Sequence[TensorType], attrs: dict[str, Any], kind: type = PellucidError
) -> None:
    """The builder raises `kind`, in the one form."""
    with pytest.raises(kind) as caught:
        _record(op, types, attrs)
    _one_form(caught.value)


def _record(op: Op, types: Sequence[TensorType], attrs: dict[str, Any]) -> Graph:
    builder = Builder()
    with builder:
        values = [builder.input(f"x{i}", type) for i, type in enumerate(types)]
        out = builder.apply(op, values, attrs)
    return builder.graph([out])


ODD_VALUES: tuple[Any, ...] = (
    None,
    "a",
    1.5,
    (0.5,),
    -7,
    99,
    (99,),
    ("a",),
    True,
    (True,),
    [0],
    (),
    ((0, 0),),
    ((0,),),
    int64,
    shapes.N,
    (shapes.N,),
    2**70,
)
ODD_SHAPES: tuple[tuple[int, ...], ...] = ((), (7,), (1,), (7, 5), (3, 7, 5, 2), (0,))


def check_wrong_input(op: Op, found: Sequence[Case]) -> list[Case]:
    """Every wrong call is refused in the one form, or is a right call that computes its type."""
    case = found[1].bound() if len(found) > 1 else found[0].bound()
    dtype = dtypes_of(op, case)[0]
    types, attrs = case.types(dtype), case.attributes(dtype)
    if not op.variadic:
        refuses(op, [*types, TensorType(dtype, ())], attrs, ArgumentError)
        if types:
            refuses(op, types[:-1], attrs, ArgumentError)
    refuses(op, types, {**attrs, "colour": 1}, ArgumentError)
    for name in attrs:
        refuses(op, types, {n: v for n, v in attrs.items() if n != name}, ArgumentError)
        for value in ODD_VALUES:
            _refused_or_right(op, types, {**attrs, name: value}, case, dtype)
    for i in range(len(types)):
        for shape in ODD_SHAPES:
            odd = [*types[:i], TensorType(types[i].dtype, shape), *types[i + 1 :]]
            _refused_or_right(op, odd, attrs, case, dtype)
    _wrong_dtypes(op, case, types, attrs)
    for misfit in misfits(op):
        for other in dtypes_of(op, misfit)[:1]:
            refuses(op, misfit.types(other), misfit.attributes(other))
    return [case, *misfits(op)]


def _wrong_dtypes(op: Op, case: Case, types: list[TensorType], attrs: dict[str, Any]) -> None:
    following = [i for i in range(len(types)) if case.draw(i) is None]
    for wrong in ALL:
        if wrong not in op.accepts and following:
            odd = [TensorType(wrong, t.shape) if i in following else t for i, t in enumerate(types)]
            refuses(op, odd, attrs, DTypeError)
        if wrong not in op.accepts and not types:
            refuses(op, types, {**attrs, "dtype": wrong}, DTypeError)
        for i, type in enumerate(types):
            draw = case.draw(i)
            if (isinstance(draw, Mask) and wrong.kind != "b") or (
                isinstance(draw, Index) and not wrong.is_integer
            ):
                odd = [*types[:i], TensorType(wrong, type.shape), *types[i + 1 :]]
                refuses(op, odd, attrs, DTypeError)
    if len(following) > 1 and op.kind is not Kind.RANDOM:
        for i in following:
            other = next(d for d in (*op.accepts, *ALL) if d != types[i].dtype)
            odd = [*types[:i], TensorType(other, types[i].shape), *types[i + 1 :]]
            refuses(op, odd, attrs, DTypeError)


def _refused_or_right(
    op: Op, types: Sequence[TensorType], attrs: dict[str, Any], case: Case, dtype: DType
) -> None:
    try:
        graph = _record(op, types, attrs)
    except PellucidError as error:
        _one_form(error)
        return
    out = graph.output_types[0]
    if shapes.has_batch(out.shape) or shapes.bind(tuple(attrs.values()), 1) != tuple(
        attrs.values()
    ):
        return  # a right call under N; check_symbolic runs those
    size = shapes.size(out.shape)
    if not isinstance(size, int) or size > 10**6:
        return
    like = Case(tuple(type.shape for type in types), attrs, case.draws)
    try:
        got = Interpreter(graph)(sample(op, like, dtype))[0]
    except PellucidError as error:  # an index outside, a seed below 0: known only with the numbers
        _one_form(error)
        return
    assert (got.dtype.name, got.shape) == (out.dtype.name, out.shape), f"{op.name} {types} {attrs}"


def check_facts(op: Op, found: Sequence[Case]) -> list[Case]:
    """commutative, idempotent, identity and exact hold, to the bit where numbers are bits."""
    used = [case.bound() for case in found if all(d is None for d in case.draws)]
    special = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -2.5])
    for case in used:
        for dtype in dtypes_of(op, case):
            trial = Trial(op, case, dtype)
            _facts(op, trial, trial.arrays[: len(case.shapes)])
    if op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and not op.attrs:
        for dtype in (d for d in op.accepts if d.is_float):
            grid = np.meshgrid(*[special.astype(dtype.name)] * len(op.inputs))
            case = Case(tuple(array.shape for array in grid))
            if all(draw is None for draw in found[0].draws):
                _facts(op, Trial(op, case, dtype), grid)
    return used


def _facts(op: Op, trial: Trial, arrays: Sequence[np.ndarray]) -> None:
    def run(inputs: Sequence[np.ndarray]) -> np.ndarray:
        types = [TensorType(trial.dtype, array.shape) for array in inputs]
        return Interpreter(_record(op, types, trial.case.attributes(trial.dtype)))(inputs)[0]

    out = run(arrays)
    if op.commutative:
        assert bits_equal(out, run(arrays[::-1])), f"{trial}: not commutative"
    if op.idempotent and len(arrays) == 1:
        assert bits_equal(out, run([out])), f"{trial}: not idempotent"
    if op.idempotent and len(arrays) == 2:
        assert bits_equal(arrays[0], run([arrays[0], arrays[0]])), f"{trial}: not idempotent"
    if op.identity is not None:
        neutral = np.full(arrays[0].shape, op.identity).astype(arrays[0].dtype)
        assert bits_equal(arrays[0], run([arrays[0], neutral])), f"{trial}: no identity"
    if op.exact and op.kind in (Kind.ELEMENTWISE, Kind.COMPARE) and out.dtype.kind == "f":
        wide = np.broadcast_arrays(*arrays)
        for place in np.ndindex(out.shape):
            alone = run([np.array([array[place]]) for array in wide])
            assert bits_equal(alone, out[place].reshape(1)), f"{trial}: {place} differs alone"


TRANSCENDENTAL = (
    "exp",
    "log",
    "log1p",
    "expm1",
    "tanh",
    "sigmoid",
    "softplus",
    "sin",
    "cos",
    "erf",
    "pow",
)
ROUNDED_SUMS = ("sum", "contract", "scatter_add", "fold")


def check_documented(op: Op, found: Sequence[Case]) -> list[Case]:
    """formula, doc, domain, samples, accepts stand in the row; a reason stands in the form."""
    for name in ("formula", "doc", "domain"):
        text = getattr(op, name)
        assert text and text == text.strip(), f"{op.name}: {name} is {text!r}"
    assert (
        op.doc.endswith(".")
        and op.doc[0] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ013-"
    ), op.doc
    assert op.accepts, f"{op.name}: accepts no dtype"
    assert len(op.samples) >= (len(op.inputs) if not op.variadic else 1), f"{op.name}: samples"
    assert all(low < high for low, high in op.samples), f"{op.name}: samples"
    form = op.derivative
    if hasattr(form, "why"):
        assert form.why.strip(), f"{op.name}: the derivative gives no reason"
    if isinstance(form, Partials):
        assert len(form.functions) == len(op.inputs), f"{op.name}: one partial an input"
    transposes = getattr(form, "transposes", None)
    if isinstance(transposes, tuple):
        assert len(transposes) == len(op.inputs), f"{op.name}: one transpose an input"
        for i, function in enumerate(transposes):
            assert (function is not None) == op.differentiable(i), f"{op.name}: transpose {i}"
    if op.name in TRANSCENDENTAL + ROUNDED_SUMS:
        assert not op.exact, f"{op.name} rounds differently in every executor"
    assert lookup(op.name) is op
    return list(found[:1])


def check_empty(op: Op, found: Sequence[Case]) -> list[Case]:
    """Size 0: there are such cases, and they give arrays and gradients of the right shape."""
    empty = [case for case in found if case.empty]
    assert empty, f"{op.name} has no case of size 0"
    for case in empty:
        for dtype in dtypes_of(op, case):
            trial = Trial(op, case, dtype)
            check_type(trial)
            if dtype.is_float:
                check_vjp(trial)
                check_jvp(trial)
    return empty


def check_scalars(op: Op, found: Sequence[Case]) -> list[Case]:
    """Rank 0: there are such cases and they run, or a scalar is refused in the one form."""
    scalar = [case for case in found if case.scalar]
    for case in scalar:
        for dtype in dtypes_of(op, case):
            check_type(Trial(op, case, dtype))
    if not scalar:
        case = found[0].bound()
        dtype = dtypes_of(op, case)[0]
        types = [TensorType(type.dtype, ()) for type in case.types(dtype)]
        attrs = case.attributes(dtype)
        if "shape" in attrs:
            attrs["shape"] = ()
        with pytest.raises((ArgumentError, ShapeError)) as caught:
            _record(op, types, attrs)
        _one_form(caught.value)
    return scalar or list(found[:1])
