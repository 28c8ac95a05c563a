"""Rows of docs/bad-input.md for NumPy's functions on Tensors. `CASES` as in bad_input_svm.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
import pellucid.numpy as pnp

T = pel.Tensor(np.arange(6.0).reshape(2, 3) + 1)
V = T[0]


def rows(*several: tuple[str, Callable[[], Any], str]) -> list[Any]:
    return [(f"`{title}`", lambda p, call=call: call(), words) for title, call, words in several]


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    *rows(
        ("np.arctan2(x, 'a')", lambda: np.arctan2(T, "a"), "operands must be Tensors"),
        ("asin of text", lambda: pnp.asin("a"), "operands must be Tensors"),
        ("nan_to_num(nan='a')", lambda: np.nan_to_num(T, nan="a"), "operands must be Tensors"),
        ("nan_to_num(posinf='a')", lambda: np.nan_to_num(T, posinf="a"), "operands must be"),
        ("nan_to_num(neginf='a')", lambda: np.nan_to_num(T, neginf="a"), "operands must be"),
        ("sort(axis=2)", lambda: np.sort(T, axis=2), "axis must lie in"),
        ("sort(order='a')", lambda: np.sort(T, order="a"), "order= is not taken"),
        ("sort(descending=2)", lambda: pnp.sort(T, descending=2), "must be True or False, got 2"),
        ("argsort(axis=0.5)", lambda: np.argsort(T, axis=0.5), "must be a whole number, got 0.5"),
        ("argsort(descending='a')", lambda: pnp.argsort(T, descending="a"), "True or False"),
        ("partition(kth=3)", lambda: np.partition(T, 3), "kth must lie in [-3, 3), got 3"),
        ("partition(axis=2)", lambda: np.partition(T, 0, axis=2), "axis must lie in"),
        ("argpartition(kth=0.5)", lambda: np.argpartition(T, 0.5), "must be a whole number"),
        (
            "take_along_axis(indices=floats)",
            lambda: np.take_along_axis(T, T, 1),
            "indices must be integers",
        ),
        ("median(axis=2)", lambda: np.median(T, axis=2), "axis must lie in"),
        ("median(keepdims=2)", lambda: np.median(T, keepdims=2), "must be True or False, got 2"),
        ("median of nothing", lambda: np.median(T[:, :0]), "must have an element to choose from"),
        ("quantile(q=1.5)", lambda: np.quantile(T, 1.5), "q must lie in [0, 1], got 1.5"),
        ("quantile(q=[])", lambda: np.quantile(T, []), "q must be a number or an array"),
        ("quantile(q=Tensor)", lambda: np.quantile(T, V), "q must be numbers"),
        ("quantile(method='a')", lambda: np.quantile(T, 0, method="a"), "unknown method 'a'"),
        ("quantile(weights=)", lambda: np.quantile(T, 0, weights=V), "weights= is not taken"),
        ("percentile(q=101)", lambda: np.percentile(T, 101), "q must lie in [0, 100], got 101"),
        ("cross of two numbers", lambda: np.cross(V[:2], V[:2]), "must have vectors of 3"),
        ("cross(axisa=2)", lambda: np.cross(T, T, axisa=2), "axis must lie in"),
        ("kron(x, 'a')", lambda: np.kron(T, "a"), "dtype must be one of"),
        ("diag(k=0.5)", lambda: np.diag(V, k=0.5), "k must be a whole number, got 0.5"),
        ("diag of three axes", lambda: np.diag(T[None]), "must be a vector or a matrix"),
        ("einsum('ij,jk', x)", lambda: np.einsum("ij,jk", T), "it has letters for 2"),
        ("einsum('i->i', matrix)", lambda: np.einsum("i->i", T), "'i' needs 1 axes"),
        ("einsum('ij->ik', x)", lambda: np.einsum("ij->ik", T), "stands there once"),
        ("einsum('ii', x)", lambda: np.einsum("ii", T), "axes called 'i' must be equal"),
        ("einsum('...j->j', x)", lambda: np.einsum("...j->j", T), "must have '...' too"),
        ("einsum(x, [0, 99])", lambda: np.einsum(T, [0, 99]), "must lie in [0, 52), got 99"),
        ("norm(ord=nan)", lambda: np.linalg.norm(V, np.nan), "ord must lie in"),
        ("norm(ord=2) of a matrix", lambda: np.linalg.norm(T, 2), "ord must be 'fro', 1, -1"),
        ("norm(ord='fro') of a vector", lambda: np.linalg.norm(V, "fro"), "axis must name"),
        ("rot90(k=0.5)", lambda: np.rot90(T, 0.5), "k must be a whole number, got 0.5"),
        ("rot90(axes=(0, 0))", lambda: np.rot90(T, axes=(0, 0)), "must be two different ones"),
        ("rollaxis(start=3)", lambda: np.rollaxis(T, 0, 3), "start must lie in [-2, 2], got 3"),
        ("vsplit of a vector", lambda: np.vsplit(V, 1), "must have 2 axes or more"),
        ("hsplit(x, 2) of three", lambda: np.hsplit(T, 2), "must divide into equal parts"),
        ("dsplit of a matrix", lambda: np.dsplit(T, 1), "must have 3 axes or more"),
        ("select([mask], [x, x])", lambda: np.select([T > 1], [T, T]), "got 1 and 2"),
        ("select([], [])", lambda: pnp.select([], []), "must be a list that is not empty"),
        ("select(default='a')", lambda: np.select([T > 1], [T], "a"), "dtype must be one of"),
        ("gradient(axis=2)", lambda: np.gradient(T, axis=2), "axis must lie in"),
        ("gradient(edge_order=3)", lambda: np.gradient(T, edge_order=3), "edge_order must"),
        ("gradient(x, 1, 2, 3)", lambda: np.gradient(T, 1, 2, 3), "for each of 2 axes, got 3"),
        ("gradient of one sample", lambda: np.gradient(V[:1]), "must have more than 1 samples"),
        ("interp(xp=matrix)", lambda: np.interp(V, T, T), "must be vectors of one length"),
        ("interp(fp=longer)", lambda: np.interp(T, V, np.ones(4)), "must be vectors of one"),
        ("interp(period=0)", lambda: np.interp(T, V, V, period=0), "must not be 0"),
        ("interp(left='a')", lambda: np.interp(T, V, V, left="a"), "dtype must be one of"),
        ("interp(right='a')", lambda: np.interp(T, V, V, right="a"), "dtype must be one of"),
        ("unwrap(discont='a')", lambda: np.unwrap(V, discont="a"), "discont must be a number"),
        ("unwrap(axis=1)", lambda: np.unwrap(V, axis=1), "axis must lie in"),
        ("unwrap(period=nan)", lambda: np.unwrap(V, period=np.nan), "period must lie in"),
        ("linspace(num=-1)", lambda: np.linspace(V, 1, -1), "num must be at least 0, got -1"),
        ("linspace(endpoint=2)", lambda: np.linspace(V, 1, 2, 2), "must be True or False, got 2"),
        ("linspace(retstep=True)", lambda: np.linspace(V, 1, retstep=True), "is not taken"),
        ("linspace(axis=3)", lambda: np.linspace(V, 1, axis=3), "axis must lie in"),
        ("nansum(axis=2)", lambda: np.nansum(T, axis=2), "axis must lie in"),
        ("nanmax(initial=1)", lambda: np.nanmax(T, initial=1), "initial= is not taken"),
        ("nanvar(ddof='a')", lambda: np.nanvar(T, ddof="a"), "ddof must be a number, got 'a'"),
        ("nanstd(mean=x)", lambda: np.nanstd(T, mean=T), "mean= is not taken"),
        ("array(['a', x])", lambda: pnp.array(["a", V]), "dtype must be one of"),
        ("array([x, matrix])", lambda: pnp.array([V, T]), "all shapes must be equal"),
        ("r_['r', x]", lambda: pnp.r_["r", V], "in whole numbers, got 'r'"),
        ("r_[()]", lambda: pnp.r_[()], "expected something to join, got nothing"),
        ("c_[x, longer]", lambda: pnp.c_[V, np.ones(4)], "all axes but 1 must be equal"),
    ),
]
