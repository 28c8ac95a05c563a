"""Every row of the operation table in a training step: each node has the value of the run."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.dtypes import float32, int64
from pellucid.graph.node import Graph
from pellucid.inspector import facts
from pellucid.inspector.numpy_line import numpy_line
from pellucid.inspector.travel import Travel
from pellucid.nn import Dense
from pellucid.ops.spec import REGISTRY, Kind, NotDifferentiable, lookup
from pellucid.ops.value import apply, cast, elementwise
from pellucid.optim import SGD
from pellucid.runtime.native import Native
from pellucid.transform.tensor import constant
from tests.ops.cases import cases
from tests.ops.sampling import sample

RNG = np.random.default_rng(4)
ROWS = {name: op for name, op in REGISTRY.items() if not op.user}


def one_case(op):
    """A call of a row with numbers in it, of float32 where the row takes that."""
    plain = [case for case in cases(op) if not case.symbolic and not case.empty]
    case = next((case for case in plain if any(map(len, case.shapes))), plain[0])
    accepted = case.dtypes or op.accepts
    dtype = float32 if float32 in accepted or not accepted else accepted[0]
    moves = not isinstance(op.derivative, NotDifferentiable)
    return op.name, case.attributes(dtype), sample(op, case, dtype), moves


CALLS = [one_case(op) for op in ROWS.values()]


class EveryRow(pel.nn.Layer):
    """x·w plus a little of what each row makes of its samples times w."""

    def init(self, key, x):
        return {"w": np.ones(x.shape[1:], np.float32)}, {}

    def apply(self, params, state, x, train=False, key=None):
        out = x * params["w"]
        one = params["w"].sum() / x.shape[1]
        for name, attrs, arrays, moves in CALLS:
            given = [constant(array) for array in arrays]
            if moves:
                given = [v * one if v.dtype == np.float32 else v for v in given]
            made = apply(name, *given, **attrs)
            wide = cast(made, float32)
            axis = tuple(range(len(wide.type.shape)))
            small = elementwise("tanh", apply("sum", wide, axis=axis, keepdims=False))
            out = out + small * 1e-3
        return out, state


def run(backend):
    model = pel.Sequential([EveryRow(name="every"), Dense(1, name="out")], seed=0)
    model.compile(SGD(0.1), "squared")
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=6)
    return Travel(model, x, y, batch_size=3, seed=0, backend=backend)


def test_every_row_of_the_table_in_a_step():
    """Values, updates and the sums over uses, on the interpreter: in every bit."""
    travel = run("interpreter")
    moment = travel.moment(1)
    seen = {node.op for node in travel.job.graph.nodes if not node.is_input and not node.is_const}
    assert seen == set(ROWS), set(ROWS) - seen
    assert {lookup(name).kind for name in seen} == set(Kind)
    for place, wanted in zip(moment.graph.outputs, travel.state(2), strict=False):
        np.testing.assert_array_equal(moment.values[place], wanted)
    for n in moment.backward:
        uses = facts.uses(moment, n)
        if uses:
            np.testing.assert_array_equal(facts.added(uses), moment.gradients[n])
    for n, node in enumerate(moment.graph.nodes):
        assert numpy_line(moment, n).text or node.is_input


@pytest.mark.slow
def test_every_row_has_the_value_of_machine_code():
    """Whole numbers in every bit, others to five digits: their operands are rounded too."""
    travel = run("native")
    moment, graph = travel.moment(1), travel.job.graph
    nodes = [n for n, node in enumerate(graph.nodes) if not node.is_input and not node.is_const]
    apart = [n for n in nodes if graph.nodes[n].type.dtype != int64 or moment.values[n].ndim]
    values = Native(Graph(graph.nodes, graph.inputs, tuple(apart), graph.consts))(travel.inputs(1))
    checked = set()
    for n, got in zip(apart, values, strict=True):
        wanted, op = moment.values[n], graph.nodes[n].op
        if wanted.dtype.kind != "f":
            np.testing.assert_array_equal(got, wanted)
        else:
            size = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-3)
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(size, 0.1))
        checked.add(op)
    assert checked >= set(ROWS) - {"size"}
    for place, wanted in zip(moment.graph.outputs, travel.state(2), strict=False):
        np.testing.assert_allclose(moment.values[place], wanted, rtol=1e-5, atol=1e-6)
