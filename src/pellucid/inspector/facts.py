"""What is known of a node: its value, its gradient, and what each use adds to it.

In: a `Moment` and a position. Out: records of arrays, formulas as MathML and lines of text. Each
use is computed by the row's own rule, alone: output gradient × local gradient. The uses are added
up in the order in which the engine adds them, so their sum is its gradient in every bit.
"""

from __future__ import annotations

import functools
import linecache
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.autodiff.reverse import contributions
from pellucid.core.errors import ArgumentError, MissingPackageError
from pellucid.graph.node import CONST, INPUT
from pellucid.inspector.moment import Moment
from pellucid.ops.spec import Kind, NotDifferentiable, ZeroGradient, lookup
from pellucid.ops.value import Builder, records
from pellucid.runtime import interpreter
from pellucid.viz import mathml, rules
from pellucid.viz.indexing import axes_of, named, read

Array = np.ndarray[Any, Any]
MOST_AXES = 200_000  # elements up to which the formula of a gradient is worked out in numbers


@dataclass(frozen=True)
class Use:
    """What one use of a node adds to its gradient.

    Attributes:
        reader: the node that uses it.
        output: the output gradient: ∂end/∂reader.
        local: the local gradient. Where `of` is None it has the shape of the reader and of the
            node, element by element; else it is ∂reader[of]/∂node.
        of: the element of the reader.
        product: what arrives at the node: output gradient × local gradient.
    """

    reader: int
    output: Array
    local: Array
    of: tuple[int, ...] | None
    product: Array


def uses(moment: Moment, n: int, at: Sequence[int] = ()) -> list[Use]:
    """The uses that hand a gradient on to node n, in the order in which they are added.

    Args:
        at: an element of n; the local gradient of an operation that is not elementwise is that of
            the element of the reader that hands most on to it.
    """
    found = []
    readers = [r for r in moment.readers[n] if r in moment.places] if n in moment.places else []
    for reader in reversed(readers):
        ct = moment.gradients[reader]
        parts = _handed(moment, n, reader, ct)
        for number, part in parts:
            local, of = _local(moment, n, reader, number, ct)
            found.append(Use(reader, ct, local, of, part))
    return found


@records
def _handed(moment: Moment, n: int, reader: int, ct: Array) -> list[tuple[int, Array]]:
    """(number of the input, what arrives there) for each input of the reader that is n."""
    node = moment.graph.nodes[reader]
    asked = [
        i
        for i, source in enumerate(node.inputs)
        if source == n and lookup(node.op).differentiable(i)
    ]
    builder = Builder()
    with builder:
        inputs = [
            builder.input(f"x{i}", moment.graph.nodes[source].type)
            for i, source in enumerate(node.inputs)
        ]
        out, given = builder.input("out", node.type), builder.input("ct", node.type)
        parts = list(contributions(node, given, inputs, out, asked))
        graph = builder.graph([part for _, part in parts])
    if not parts:
        return []
    operands = [moment.values[source] for source in node.inputs]
    results = interpreter.run(graph, [*operands, moment.values[reader], ct])
    return [(i, np.asarray(array)) for (i, _), array in zip(parts, results, strict=True)]


def _local(
    moment: Moment, n: int, reader: int, number: int, ct: Array
) -> tuple[Array, tuple[int, ...] | None]:
    node = moment.graph.nodes[reader]
    same = moment.graph.nodes[n].type.shape == node.type.shape
    if same and lookup(node.op).kind is Kind.ELEMENTWISE:
        seed, of = np.ones_like(ct), None
    else:
        of = tuple(int(k) for k in np.unravel_index(int(np.abs(ct).argmax()), ct.shape))
        seed = np.zeros_like(ct)
        seed[of] = 1
    return dict(_handed(moment, n, reader, seed))[number], of


def added(found: Sequence[Use]) -> Array | None:
    """The sum over the uses: the gradient of the node."""
    products = [use.product for use in found]
    with np.errstate(all="ignore"):
        return functools.reduce(lambda total, part: total + part, products) if products else None


def rule(moment: Moment, n: int, reader: int) -> str:
    """The rule by which the gradient passes from a reader to the node, as `pel.explain` says it.

    Empty without SymPy.
    """
    node = moment.graph.nodes[reader]
    number = node.inputs.index(n)
    operands = []
    for source in node.inputs:
        own = moment.graph.nodes[source]
        made = own.op == "full"
        name = moment.names[source]
        operands.append(
            read(own, []) if made else named(name, axes_of(own), own.type.dtype.kind == "b")
        )
    out = named(moment.names[reader], axes_of(node), node.type.dtype.kind == "b")
    types = tuple(moment.graph.nodes[source].type for source in node.inputs)
    try:
        return rules.rule(rules.Use(node, number, types, tuple(operands), out))
    except MissingPackageError:
        return ""


def why_none(moment: Moment, n: int) -> str:
    """Why a node has no gradient; empty where it has one."""
    if n in moment.places or moment.ends.objective is None:
        return ""
    node = moment.graph.nodes[n]
    if node.op not in (INPUT, CONST):
        form = lookup(node.op).derivative
        if isinstance(form, (ZeroGradient, NotDifferentiable)):
            return f"{node.op} hands no gradient on: {form.why}"
    if n >= moment.own or moment.roles[n].phase not in ("inputs", "forward"):
        return "it is part of the way back, which is not differentiated again"
    return f"{moment.end} does not move with it, or nothing that is trained stands before it"


def formula(moment: Moment, n: int, at: Sequence[int] = ()) -> str:
    """The formula of a node with letters, then with the numbers of one element; MathML.

    Empty for an input.
    """
    if moment.graph.nodes[n].op in (INPUT, CONST):
        return ""
    return mathml.formula(moment.graph, n, moment.names, moment.values, at)


def gradient_formula(moment: Moment, n: int, reader: int, at: Sequence[int] = ()) -> str:
    """What a use adds, with letters and with the numbers of one element; MathML."""
    known = moment.gradients if moment.gradients[n].size <= MOST_AXES else None
    return mathml.gradient_formula(
        moment.graph, n, reader, moment.names, moment.end, moment.values, known, at
    )


def source_line(moment: Moment, n: int) -> tuple[str, str]:
    """Where a node comes from, `file.py:12`, and that line of the source; empty if not known."""
    line = moment.graph.nodes[n].line
    if not line or ":" not in line or line == moment.traced_at:
        return "", ""
    file, _, number = line.rpartition(":")
    known = {path for path in moment.files if Path(path).name == file}
    if not known:
        own = [getattr(module, "__file__", None) for module in tuple(sys.modules.values())]
        known = {path for path in own if path and Path(path).name == file}
    if len(known) != 1 or not number.isdigit():  # two files of one name: which it is, is not known
        return line, ""
    return line, linecache.getline(known.pop(), int(number)).strip()


def element(moment: Moment, n: int, at: Sequence[int]) -> tuple[int, ...]:
    """An element of a node, checked; the first where none is given.

    Raises:
        ArgumentError: for a place outside the value.
    """
    shape = moment.values[n].shape
    place = tuple(int(k) for k in at) if len(at) else (0,) * len(shape)
    inside = len(place) == len(shape) and all(
        0 <= k < size for k, size in zip(place, shape, strict=False)
    )
    if not inside:
        raise ArgumentError(
            "inspect", f"an element of {moment.names[n]} must be a place in {shape}, got {place}"
        )
    return place
