"""A node as NumPy, LLVM and assembly: the line gives its value, the kernel is the run's own."""

import re

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.target import host
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.inspector.kernels import Kernels
from pellucid.inspector.numpy_line import numpy_line
from pellucid.inspector.travel import Travel
from pellucid.nn import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D
from pellucid.optim import SGD, Adam
from pellucid.runtime import native_executor
from pellucid.runtime.extras import NUMPY
from tests.inspector.test_moment import moment

RNG = np.random.default_rng(2)


@pytest.fixture(scope="module")
def travel():
    model = pel.Sequential(
        [Conv2D(2, 3, activation="relu", name="conv"), MaxPool2D(2), Flatten()]
        + [Dense(4, "sigmoid", name="h"), BatchNorm(), Dropout(0.5), Dense(3, name="out")],
        seed=0,
    )
    model.compile(Adam(0.01), "cross_entropy")
    x, y = RNG.normal(size=(6, 6, 6, 1)), RNG.integers(0, 3, 6)
    return Travel(model, x, y, batch_size=3, backend="interpreter")


def test_every_line_of_a_step_computes_the_value_of_its_node(travel):
    """The text is run, with nothing but NumPy and the library's namespace."""
    found = travel.moment(1)
    known = {name: f"n{k}_" for k, name in enumerate(found.names)}
    by_length = sorted(known, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w.∂]){re.escape(n)}(?![\w])" for n in by_length))
    values = {known[name]: value for name, value in zip(found.names, found.values, strict=True)}
    plain = 0
    made = sum(node.op == "full" for node in found.graph.nodes)
    for n, node in enumerate(found.graph.nodes):
        line = numpy_line(found, n)
        if node.is_input:
            assert line.text == ""
            continue
        name, _, text = line.text.partition(" = ")
        assert name == found.names[n]
        assert bool(line.source) == ("xp." in text)
        if "xp." in text:
            continue  # its arguments are the row's attributes; its source stands beside it
        got = eval(pattern.sub(lambda m: known[m[0]], text), {"np": np, **values})
        np.testing.assert_array_equal(got, found.values[n])
        plain += 1
    assert plain > 0.75 * (len(found.graph) - made - len(found.graph.inputs))


def test_lines_are_what_a_person_would_write():
    def f(x, W, b):
        z = x @ W + b
        p = 1 / (1 + np.exp(-z))
        return np.sum(p)

    found = moment(f, RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), np.zeros(2))
    lines = [numpy_line(found, n).text for n in range(len(found.graph))]
    assert any(line.endswith("= x @ W") for line in lines)
    assert any(line.startswith("z = ") and line.endswith(" + b") for line in lines)
    assert "np.sum(p, axis=(0, 1), keepdims=False" in lines[found.ends.objective]
    for line in (numpy_line(found, found.find("W")), numpy_line(found, found.find("p"))):
        assert not line.source


def test_every_node_of_a_step_is_in_a_kernel_or_says_why(travel):
    kernels = Kernels.of_run(travel)
    graph = travel.job.graph
    shared = 0
    for n, node in enumerate(graph.nodes):
        codes, why = kernels.of(n), kernels.why_none(n)
        assert bool(codes) != bool(why)
        shared += any(len(code.nodes) > 1 for code in codes)
        if codes and node.op not in ("full", "windows", "broadcast_to"):
            assert len(codes) == 1 and f"= {node.op}(" in codes[0].text
    assert shared > 20
    assert kernels.why_none(graph.inputs[0]).startswith("it is given")
    for number, kernel in enumerate(kernels.program.kernels):  # and no kernel computes nothing
        nodes = kernels._nodes(kernel)
        assert all(number in [code.number for code in kernels.of(n)] for n in nodes)


def test_the_kernel_is_the_one_that_the_run_has():
    model = pel.Sequential([Dense(4, "sigmoid", name="h"), Dense(1, name="out")], seed=0)
    model.compile(SGD(0.01), "squared")
    travel = Travel(model, RNG.normal(size=(8, 3)), RNG.normal(size=8), batch_size=4)
    kernels, job = Kernels.of_run(travel), travel.job
    shared, feed = native_executor.arrangement(job, job.leaves, native_executor.gathered(job))
    program = compile_graph(job.graph, shared, (), NUMPY)[0]  # as `TrainingCode` does it
    assert [k.name for k in program.kernels] == [k.name for k in kernels.program.kernels]
    text = str(codegen.build(program, host(), feed))
    product = next(n for n, one in enumerate(job.graph.nodes) if one.op == "contract")
    (code,) = kernels.of(product)
    head = f'@"{code.name}"('
    body = re.search(rf"define internal void {re.escape(head)}.*?\n}}\n", text, re.DOTALL)
    assert body and body[0] in kernels.llvm(code.number)
    assembly = kernels.assembly(code.number)
    assert f"{code.name}:" in assembly and re.search(r"\bret", assembly)


def test_a_function_has_kernels_too():
    def f(x):
        return np.sum(np.tanh(x) * 2)

    found = moment(f, np.arange(3.0))
    kernels = Kernels(found.graph)
    n = next(n for n, node in enumerate(found.graph.nodes) if node.op == "tanh")
    assert kernels.of(n) and "tanh" in kernels.of(n)[0].text
    assert numpy_line(found, n).text.endswith("np.tanh(x)")
