"""The checks that every row of the operation table passes. Each takes a Trial and asserts.

`CHECKS` names them; `test_registry` runs all of them on all rows, `test_wrong_derivatives` shows
that they catch rows that are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from pellucid import autodiff
from pellucid.core import shapes
from pellucid.core.dtypes import ALL, DType, float32, float64, int64
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import (
    Kind,
    NotDifferentiable,
    Op,
    Partials,
    ZeroGradient,
    lookup,
)
from pellucid.ops.value import Builder, Value, cast
from pellucid.runtime.interpreter import Interpreter
from tests.ops.cases import Case, Index, Mask, cases, dtypes_of, misfits, sample, seed_of
from tests.ops.numerical import close, flat, jacobian

ONE_FORM = re.compile(r"^\[[^\[\]]+( \"[^\"]*\")?\] .+\. At [^ ]+\.py:\d+\.( .+)?$", re.DOTALL)
EXACT_KINDS = (Kind.MOVEMENT, Kind.COMPARE, Kind.CREATE, Kind.RANDOM)


def bits_equal(x: np.ndarray, y: np.ndarray) -> bool:
    """Equal to the last bit; any NaN equals any NaN."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype.kind != "f":
        return bool(np.array_equal(x, y))
    whole = {4: np.uint32, 8: np.uint64}[x.dtype.itemsize]
    same = np.ascontiguousarray(x).view(whole) == np.ascontiguousarray(y).view(whole)
    return bool(np.all(same | (np.isnan(x) & np.isnan(y))))


def build(op: Op, types: Sequence[TensorType], attrs: dict[str, Any], as_float: bool) -> Graph:
    """The graph of one application. Where no input has N but the result does, one more input has.

    Args:
        as_float: uses a boolean or integer result as a number, so that a derivative can be asked.
    """
    builder = Builder()
    with builder:
        values = [builder.input(f"x{i}", type) for i, type in enumerate(types)]
        if not any(shapes.has_batch(type.shape) for type in types):
            builder.input("rows", TensorType(float32, (shapes.N,)))
        out: Value = builder.apply(op, values, attrs)
        if as_float and not out.type.dtype.is_float:
            out = cast(out, float64)
    return builder.graph([out])


@dataclass(frozen=True)
class Trial:
    """One row, one case, one dtype. `symbolic` keeps N in types and attributes."""

    op: Op
    case: Case
    dtype: DType
    symbolic: bool = False

    @cached_property
    def concrete(self) -> Case:
        return self.case.bound()

    @cached_property
    def graph(self) -> Graph:
        case = self.case if self.symbolic else self.concrete
        return build(self.op, case.types(self.dtype), case.attributes(self.dtype), False)

    @cached_property
    def number_graph(self) -> Graph:
        """The graph with a float result."""
        case = self.case if self.symbolic else self.concrete
        return build(self.op, case.types(self.dtype), case.attributes(self.dtype), True)

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        arrays = sample(self.op, self.concrete, self.dtype)
        return arrays + self.extra

    @property
    def extra(self) -> list[np.ndarray]:
        """The input that only carries N."""
        named = any(shapes.has_batch(shape) for shape in self.case.shapes)
        if self.symbolic and named:
            return []
        return [np.zeros(self.case.rows, np.float32)]

    @cached_property
    def wrt(self) -> list[int]:
        """The inputs with a derivative: float, and of the row itself."""
        types = self.concrete.types(self.dtype)
        return [i for i, type in enumerate(types) if type.dtype.is_float]

    @cached_property
    def blocked(self) -> bool:
        """Whether a derivative must be refused."""
        moving = any(self.op.differentiable(i) for i in self.wrt)
        if isinstance(self.op.derivative, ZeroGradient) or not self.wrt:
            return False
        if isinstance(self.op.derivative, NotDifferentiable):
            return True
        return moving and not self.graph.output_types[0].dtype.is_float

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.op.name, self.case, "directions"))

    def tolerance(self, fine: float) -> float:
        """`fine`, but where float64 passes through float32 on its way (a cast)."""
        through = any(
            node.type.dtype == float32 for node in self.number_graph.nodes[len(self.arrays) :]
        )
        return max(fine, 1e-3) if through else fine

    def out(self) -> np.ndarray:
        return Interpreter(self.graph)(self.arrays)[0]

    def types(self) -> list[TensorType]:
        return self.concrete.types(self.dtype)

    def __str__(self) -> str:
        return f"{self.op.name} on {self.case} in {self.dtype}"


def like(rng: np.random.Generator, types: Sequence[TensorType]) -> list[np.ndarray]:
    """Numbers in [-1, 1] of these types, without N."""
    return [
        np.asarray(rng.uniform(-1, 1, tuple(map(int, t.shape))), t.dtype.name)  # type: ignore[arg-type]
        for t in types
    ]


# --- checks of one trial -----------------------------------------------------------------------


def check_type(trial: Trial) -> None:
    """The type rule equals dtype and shape of the real output."""
    out, type = trial.out(), trial.graph.output_types[0]
    assert out.dtype.name == type.dtype.name, f"{trial}: {out.dtype} instead of {type!r}"
    assert out.shape == type.shape, f"{trial}: {out.shape} instead of {type!r}"


def _refused(trial: Trial) -> bool:
    """Where a derivative must be refused, checks that it is, by the row's name; else False."""
    if not trial.blocked:
        return False
    for transform in (autodiff.vjp, autodiff.jvp):
        with pytest.raises(NotDifferentiableError) as caught:
            transform(trial.number_graph, trial.wrt)
        assert f"passes through {trial.op.name}," in str(caught.value), str(caught.value)
        assert re.search(r"At \S+\.py:\d+\.", str(caught.value)), str(caught.value)
    return True


def _true_jacobian(trial: Trial, graph: Graph) -> np.ndarray:
    if any(array.dtype == np.float32 for array in (trial.arrays[i] for i in trial.wrt)):
        raise AssertionError("differences need float64")
    return jacobian(Interpreter(graph), trial.arrays, trial.wrt)


def _vjp(trial: Trial, ct: Sequence[np.ndarray]) -> list[np.ndarray]:
    graph = autodiff.vjp(trial.number_graph, trial.wrt)
    return Interpreter(graph)([*trial.arrays, *ct])[1:]


def _jvp(trial: Trial, dots: Sequence[np.ndarray]) -> list[np.ndarray]:
    graph = autodiff.jvp(trial.number_graph, trial.wrt)
    return Interpreter(graph)([*trial.arrays, *dots])[1:]


def _single(trial: Trial) -> Trial:
    return Trial(trial.op, trial.case, float32)


def _same_types(trial: Trial, arrays: Sequence[np.ndarray]) -> None:
    for i, array in zip(trial.wrt, arrays, strict=True):
        like = trial.arrays[i]
        assert (array.dtype, array.shape) == (like.dtype, like.shape), f"{trial}: gradient {i}"


def check_vjp(trial: Trial) -> None:
    """Jᵀ·ct equals central differences in float64; float32 agrees; types are the inputs'."""
    if _refused(trial):
        return
    graph = trial.number_graph
    ct = like(trial.rng, graph.output_types)
    got = _vjp(trial, ct)
    _same_types(trial, got)
    if trial.dtype == float32:
        double = Trial(trial.op, trial.case, float64)
        exact = Interpreter(autodiff.vjp(double.number_graph, trial.wrt))(
            [*[_widen(a) for a in trial.arrays[: len(trial.case.shapes)]], *trial.extra,
             *like(trial.rng, double.number_graph.output_types)]
        )[1:]  # fmt: skip
        close(flat(got), flat(exact), f"{trial}: float32", 1e-4)
        return
    if not trial.wrt:
        return
    wanted = _true_jacobian(trial, graph).T @ flat(ct)
    close(flat(got), wanted, f"{trial}: vjp", trial.tolerance(1e-7))


def _widen(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def check_jvp(trial: Trial) -> None:
    """J·dot equals central differences in float64; float32 agrees."""
    if _refused(trial):
        return
    dots = like(trial.rng, [trial.types()[i] for i in trial.wrt])
    got = _jvp(trial, dots)
    for array, type in zip(got, trial.number_graph.output_types, strict=True):
        assert (array.dtype.name, array.shape) == (type.dtype.name, type.shape), f"{trial}: type"
    if trial.dtype == float32:
        double = Trial(trial.op, trial.case, float64)
        inputs = [_widen(a) for a in trial.arrays[: len(trial.case.shapes)]]
        exact = Interpreter(autodiff.jvp(double.number_graph, trial.wrt))(
            [*inputs, *trial.extra, *like(trial.rng, [double.types()[i] for i in trial.wrt])]
        )[1:]
        close(flat(got), flat(exact), f"{trial}: float32", 1e-4)
        return
    wanted = _true_jacobian(trial, trial.number_graph) @ flat(dots)
    close(flat(got), wanted, f"{trial}: jvp", trial.tolerance(1e-7))


def check_transpose(trial: Trial) -> None:
    """<ct, J·dot> = <Jᵀ·ct, dot>."""
    if _refused(trial):
        return
    rng = trial.rng
    ct = like(rng, trial.number_graph.output_types)
    dots = like(rng, [trial.types()[i] for i in trial.wrt])
    left = float(flat(ct) @ flat(_jvp(trial, dots)))
    right = float(flat(_vjp(trial, ct)) @ flat(dots))
    tolerance = trial.tolerance(1e-12) if trial.dtype == float64 else 1e-4
    scale = 1 + float(np.abs(flat(ct)).sum()) * (1 + abs(left))
    assert abs(left - right) <= tolerance * scale, f"{trial}: {left} and {right}"


def check_second_order(trial: Trial) -> None:
    """vjp of vjp, jvp of vjp and jvp of jvp equal differences of the first derivatives."""
    if _refused(trial):
        return
    graph = trial.number_graph
    backward = autodiff.vjp(graph, trial.wrt)
    rng = trial.rng
    cts = like(rng, graph.output_types)
    arrays = [*trial.arrays, *cts]
    wrt = [*trial.wrt, *range(len(trial.arrays), len(arrays))]
    types = backward.input_types
    true = jacobian(Interpreter(backward), arrays, wrt)
    weights = like(rng, backward.output_types)
    twice = Interpreter(autodiff.vjp(backward, wrt))([*arrays, *weights])
    close(
        flat(twice[len(weights) :]),
        true.T @ flat(weights),
        f"{trial}: vjp of vjp",
        trial.tolerance(1e-6),
    )
    dots = like(rng, [types[i] for i in wrt])
    mixed = Interpreter(autodiff.jvp(backward, wrt))([*arrays, *dots])
    close(
        flat(mixed[len(weights) :]),
        true @ flat(dots),
        f"{trial}: jvp of vjp",
        trial.tolerance(1e-6),
    )
    if not trial.wrt:
        return
    forward = autodiff.jvp(graph, trial.wrt)
    dots = like(rng, [trial.types()[i] for i in trial.wrt])
    arrays = [*trial.arrays, *dots]
    wrt = [*trial.wrt, *range(len(trial.arrays), len(arrays))]
    true = jacobian(Interpreter(forward), arrays, wrt)
    again = like(rng, [forward.input_types[i] for i in wrt])
    mixed = Interpreter(autodiff.jvp(forward, wrt))([*arrays, *again])
    close(flat(mixed[2:]), true @ flat(again), f"{trial}: jvp of jvp", trial.tolerance(1e-6))


def _layouts(array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The same numbers in other layouts of memory."""
    frozen = array.copy()
    frozen.flags.writeable = False
    found = [("read-only", frozen)]
    if array.ndim:
        found.append(("Fortran order", np.asfortranarray(array)))
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        found.append(("every other element", wide[..., ::2]))
        turned = array[::-1].copy()[::-1]
        found.append(("negative stride", turned))
    return found


def check_layout(trial: Trial) -> None:
    """Non-contiguous, read-only and Fortran-ordered inputs give what contiguous ones give."""
    program = Interpreter(trial.graph)
    wanted = program(trial.arrays)[0]
    exact = trial.op.exact or trial.op.kind in EXACT_KINDS
    for i, array in enumerate(trial.arrays[: len(trial.case.shapes)]):
        for name, other in _layouts(array):
            before = other.copy()
            got = program([*trial.arrays[:i], other, *trial.arrays[i + 1 :]])[0]
            what = f"{trial}: input {i} {name}"
            assert got.flags.owndata and got.flags.c_contiguous, what
            assert bits_equal(other, before), f"{what} was written to"
            if exact or got.dtype.kind != "f":
                assert bits_equal(got, wanted), what
            else:
                close(got, wanted, what, 1e-12 if trial.dtype == float64 else 1e-5)


def check_symbolic(trial: Trial) -> None:
    """Under N: the type rule, the numbers and the derivatives are those of the plain shapes."""
    for rows in (trial.case.rows, 1):
        case = trial.case
        if rows == 1 and any(isinstance(draw, Index) for draw in case.draws):
            continue  # the indices were drawn for `rows` rows
        named = Trial(
            trial.op, Case(case.shapes, case.attrs, case.draws, rows=rows), trial.dtype, True
        )
        plain = Trial(named.op, named.case, named.dtype)
        type, bound = named.graph.output_types[0], plain.graph.output_types[0]
        assert shapes.bind(type.shape, rows) == bound.shape and type.dtype == bound.dtype, (
            f"{trial}: {type!r} under N, {bound!r} with {rows} rows"
        )
        exact = trial.op.exact or trial.op.kind in EXACT_KINDS
        out, wanted = named.out(), plain.out()
        assert bits_equal(out, wanted) or not exact, f"{trial}: forward with {rows} rows"
        tolerance = 1e-12 if trial.dtype != float32 else 1e-5
        close(flat([out]), flat([wanted]), f"{trial}: forward", tolerance)
        if _refused(named):
            continue
        ct = like(trial.rng, plain.number_graph.output_types)
        dots = like(trial.rng, [plain.types()[i] for i in plain.wrt])
        close(flat(_vjp(named, ct)), flat(_vjp(plain, ct)), f"{trial}: vjp", tolerance)
        close(flat(_jvp(named, dots)), flat(_jvp(plain, dots)), f"{trial}: jvp", tolerance)


def check_nonfinite(trial: Trial) -> None:
    """NaN in an input is NaN in every output that depends on it; infinity raises nothing."""
    program = Interpreter(trial.graph)
    depends = np.abs(_true_jacobian(trial, trial.number_graph)) > 1e-6
    column = 0
    for i in trial.wrt:
        for element in range(trial.arrays[i].size):
            for value in (np.nan, np.inf, -np.inf):
                moved = [array.copy() for array in trial.arrays]
                moved[i].reshape(-1)[element] = value
                out = program(moved)[0]
                if np.isnan(value) and out.dtype.kind == "f":
                    assert np.all(np.isnan(out.reshape(-1)[depends[:, column]])), (
                        f"{trial}: NaN in element {element} of input {i} is lost: {out}"
                    )
            column += 1


# --- checks of a whole row ---------------------------------------------------------------------


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
        assert str(error).startswith("["), str(error)
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
    "exp", "log", "log1p", "expm1", "tanh", "sigmoid", "softplus", "sin", "cos", "erf", "pow",
)  # fmt: skip
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


Check = Callable[[Trial], None]
RowCheck = Callable[[Op, Sequence[Case]], list[Case]]

TRIALS: dict[str, Check] = {
    "type": check_type,
    "vjp": check_vjp,
    "jvp": check_jvp,
    "transpose": check_transpose,
    "second order": check_second_order,
    "layout": check_layout,
    "symbolic N": check_symbolic,
    "NaN and inf": check_nonfinite,
}
ROWS: dict[str, RowCheck] = {
    "size 0": check_empty,
    "scalars": check_scalars,
    "wrong input": check_wrong_input,
    "facts": check_facts,
    "documented": check_documented,
}


def trial_dtypes(check: str, op: Op, case: Case) -> list[DType]:
    """The dtypes a check runs in: all for values, floats for derivatives, float64 for differences."""
    every = dtypes_of(op, case)
    if check in ("type", "layout"):
        return list(every)
    floats = [dtype for dtype in every if dtype.is_float]
    if check in ("second order", "NaN and inf"):
        floats = [dtype for dtype in floats if dtype == float64]
    return floats or list(every[:1])


def trials(check: str, op: Op) -> list[Trial]:
    """All trials of one check on one row. Under N only the cases that name it."""
    found = [case for case in cases(op) if check != "symbolic N" or case.symbolic]
    return [Trial(op, case, dtype) for case in found for dtype in trial_dtypes(check, op, case)]
