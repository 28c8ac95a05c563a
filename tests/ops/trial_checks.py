"""The checks of one case in one dtype. Each takes a Trial and asserts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from pellucid import autodiff
from pellucid.core import shapes
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import (
    NotDifferentiableError,
)
from pellucid.graph.node import Graph
from pellucid.runtime.interpreter import Interpreter
from tests.ops.numerical import close, flat, jacobian
from tests.ops.sampling import Case, Index
from tests.ops.trial import EXACT_KINDS, Trial, bits_equal, like


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
            [
                *[_widen(a) for a in trial.arrays[: len(trial.case.shapes)]],
                *trial.extra,
                *like(trial.rng, double.number_graph.output_types),
            ]
        )[1:]
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
