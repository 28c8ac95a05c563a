"""The native executor: the training step of XOR against the interpreter, and how it is called."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

import pellucid as pel
from pellucid.compiler.codegen import scalars
from pellucid.compiler.passes.pipeline import SWITCHES
from pellucid.core.dtypes import DType, float32, float64, int64
from pellucid.core.errors import CompileError, DataError, DTypeError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import Constant, TensorType
from pellucid.graph.text import parse_graph
from pellucid.ops.value import Builder, Value, apply, elementwise
from pellucid.runtime import machine_code
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from tests.compiler.xor import DEEP, SMALL, batch, by_interpreter, call, shared, start, step_graph

BOTH = pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
SIZES = pytest.mark.parametrize("sizes", [SMALL, DEEP], ids=str)


def close(ours: list[np.ndarray], known: list[np.ndarray], terms: int) -> None:
    """Within 4 ulp of the largest number for each of `terms` that a sum adds up."""
    for one, other in zip(ours, known, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        ulp = np.finfo(one.dtype).eps * max(1.0, float(np.abs(other).max(initial=0)))
        assert np.abs(one - other).max(initial=0) <= 4 * ulp * np.sqrt(terms) + ulp


@SIZES
@BOTH
def test_one_step_equals_the_interpreter_for_every_batch_size(
    sizes: tuple[int, ...], dtype: DType
) -> None:
    graph = step_graph(sizes, dtype)
    native, reference = Native(graph, shared(sizes)), Interpreter(graph)
    for n in (1, 4, 10, 1000, 4):
        inputs = call(sizes, dtype, n)
        close(native(inputs), reference(inputs), n)


@SIZES
def test_a_hundred_steps_in_place_equal_a_hundred_calls(sizes: tuple[int, ...]) -> None:
    graph = step_graph(sizes, float64)
    inputs = call(sizes, float64)
    native = Native(graph, shared(sizes))
    bound = native.bind(inputs)
    bound.step(100)
    again, outputs = list(inputs), []
    for _ in range(100):
        outputs = native(again)
        again[: len(outputs) - 1] = outputs[:-1]
    for one, other in zip(bound.outputs(), outputs, strict=True):
        assert one.tobytes() == other.tobytes()
    close(bound.outputs(), by_interpreter(graph, inputs, 100), 1000)


@SIZES
@BOTH
def test_training_in_place_learns_xor(sizes: tuple[int, ...], dtype: DType) -> None:
    graph = step_graph(sizes, dtype)
    inputs = call(sizes, dtype)
    inputs[: len(inputs) - 3] = start(sizes, dtype, seed=LEARNS[sizes])
    bound = Native(graph, shared(sizes)).bind(inputs)
    bound.step()
    first = float(bound.outputs()[-1])
    bound.step(5000)
    last = float(bound.outputs()[-1])
    assert first > 0.1 and last < 1e-6


LEARNS = {SMALL: 0, DEEP: 1}  # seeds that do not end with a dead unit


@pytest.mark.slow  # tests/compiler/test_random_graphs.py has it in the quick run
@pytest.mark.parametrize("sizes", [SMALL, DEEP], ids=str)
@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
def test_no_pass_changes_a_bit(sizes: tuple[int, ...], dtype: DType) -> None:
    graph = step_graph(sizes, dtype)
    inputs = call(sizes, dtype, 10)

    def after(off: tuple[str, ...]) -> bytes:
        bound = Native(graph, shared(sizes), off=off).bind(inputs)
        bound.step(20)
        return b"".join(array.tobytes() for array in bound.outputs())

    known = after(())
    for off in (*((name,) for name in SWITCHES), SWITCHES):
        assert after(off) == known, f"without {off}"


def test_the_librarys_own_training_step_runs_in_place() -> None:
    """Sequential's step graph: velocities and a 64-bit step counter are state too."""
    model = pel.Sequential([pel.nn.Dense(4, activation="relu"), pel.nn.Dense(1)], seed=1)
    model.compile(optimizer=pel.optim.SGD(0.1, momentum=0.9), loss="squared")
    x, y = batch(10, float32)
    graph = model.training_graph(x, y)
    state = sum(not name.endswith(("seed", "rate", "x", "y")) for name in graph.input_names)
    assert graph.input_types[:state] == graph.output_types[:state]
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=type.shape).astype("f4") if type.dtype.is_float else np.array(0)
        for type in graph.input_types[:state]
    ]
    inputs += [np.array(0), np.array(0.01, np.float32), x, y]
    bound = Native(graph, [(i, i) for i in range(state)]).bind(inputs)
    bound.step(10)
    known, program = list(inputs), Interpreter(graph)
    for _ in range(10):
        known[:state] = program(known)[:state]
    for one, other in zip(bound.outputs(), known[:state], strict=False):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert bound.outputs()[state - 1] == 10


def test_a_call_leaves_its_inputs_and_gives_fresh_arrays() -> None:
    native = Native(step_graph(), shared())
    inputs = call(SMALL, float32)
    before = [array.copy() for array in inputs]
    one, other = native(inputs), native(inputs)
    for array, known in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, known)
    for array, twin in zip(one, other, strict=True):
        assert array.flags.owndata and array.flags.writeable
        assert not any(np.shares_memory(array, given) for given in (*inputs, twin))


def test_inputs_and_constants_as_outputs() -> None:
    builder = Builder()
    type = TensorType(float32, (3,))
    with builder:
        x = builder.input("x", type)
        array = np.array([1, 2, 3], np.float32)
        c = builder.const("c0", Constant.of(array, type))
        both = x + c
    native = Native(builder.graph([x, c, both, both, x]))
    given = np.array([4, 5, 6], np.float32)
    outputs = native([given])
    for ours, known in zip(
        outputs, [given, array, given + array, given + array, given], strict=True
    ):
        np.testing.assert_array_equal(ours, known)
    outputs[1][:] = 0
    np.testing.assert_array_equal(native([given])[1], [1, 2, 3])


def test_arrays_of_any_layout_are_read_rightly() -> None:
    graph = step_graph(DEEP)
    inputs = call(DEEP, float32, 8)
    known = [array.tobytes() for array in Native(graph)(inputs)]
    native = Native(graph)
    odd = np.zeros(8 * 2 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(8, 2)
    odd[:] = inputs[-2]
    frozen = inputs[-2].copy()
    frozen.flags.writeable = False
    for x in (
        np.asfortranarray(inputs[-2]),
        inputs[-2].astype(">f4"),
        odd,
        frozen,
        np.repeat(inputs[-2], 2, axis=0)[::2],
    ):
        again = native([*inputs[:-2], x, inputs[-1]])
        assert [array.tobytes() for array in again] == known


def test_wrong_calls_are_refused() -> None:
    native = Native(step_graph(), shared())
    inputs = call(SMALL, float32)
    with pytest.raises(ShapeError, match="one batch size"):
        native([*inputs[:-1], inputs[-1][:2]])
    with pytest.raises(ShapeError, match="expected 7 inputs"):
        native(inputs[:-1])
    with pytest.raises(DTypeError, match="dtype must be float32"):
        native([inputs[0].astype(float), *inputs[1:]])
    bound = native.bind(inputs)
    with pytest.raises(ShapeError):
        bound.write(0, np.zeros((3, 3), np.float32))
    builder = Builder()
    with builder:
        zero = apply("full", value=0.0, shape=(N,), dtype=float32)
    with pytest.raises(ShapeError, match="must come with an input"):
        Native(builder.graph([zero]))([])


def test_a_bound_program_takes_new_batches() -> None:
    graph = step_graph(SMALL, float64)
    inputs = call(SMALL, float64)
    bound = Native(graph, shared()).bind(inputs)
    bound.step()
    other = inputs[-2][::-1].copy()
    bound.write(5, other)
    other[:] = np.nan  # the program keeps no one else's array
    inputs[0][:] = np.nan
    bound.step()
    assert all(np.isfinite(array).all() for array in bound.outputs())


def test_an_operation_without_code_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(scalars.TABLE, "tanh")
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(float32, (N,)))
        out = elementwise("tanh", x + 1)
    with pytest.raises(CompileError, match=r"\[tanh\] .* code for tanh.* At test_native.py:\d+\."):
        Native(builder.graph([out]))


def test_the_text_of_every_stage_can_be_read() -> None:
    native = Native(step_graph(), shared())
    assert "-> new.W0 @ slot 3" in native.program.text()
    assert 'define void @"run"(ptr %"slots", i64 %"rows", i64 %"steps", ' in native.llvm()
    assert "run:" in native.assembly()
    fast = ("fast", "reassoc", "nnan", "contract float")
    assert not any(f" {flag} " in native.llvm() for flag in fast)


def test_many_threads_call_one_program_at_once() -> None:
    graph = step_graph(DEEP)
    native = Native(graph, shared(DEEP))
    calls = {n: call(DEEP, float32, n) for n in (1, 4, 50, 700)}
    known = {n: [array.tobytes() for array in native(inputs)] for n, inputs in calls.items()}
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(200):
            if [array.tobytes() for array in native(calls[n])] != known[n]:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_compile_at_once() -> None:
    inputs = call(SMALL, float32)
    results: list[bytes] = []

    def work() -> None:
        results.append(Native(step_graph(), shared())(inputs)[0].tobytes())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and len(set(results)) == 1


def test_llvmlite_is_imported_at_first_use_and_its_absence_is_said() -> None:
    code = """
import sys
import pellucid.runtime.native as native
from pellucid.core.errors import CompileError
from pellucid.graph.text import parse_graph
assert "llvmlite" not in sys.modules
sys.modules["llvmlite"] = None
try:
    native.Native(parse_graph("graph(x: f32[2])\\nv: f32[2] = relu(x)\\nreturn v\\n"))
except CompileError as error:
    assert "pip install" in str(error), error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("index", [-1, 3, 2**40])
def test_an_index_outside_is_refused_as_the_interpreter_does(index: int) -> None:
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(float32, (3, 4)))
        at = builder.input("at", TensorType(int64, (N,)))
        both = apply("gather", x, at, axis=0)
    graph = builder.graph([both, apply_scatter(graph_inputs=(x, at, both), builder=builder)])
    native = Native(graph)
    given = np.arange(12, dtype=np.float32).reshape(3, 4)
    texts = []
    for program in (native, Interpreter(graph)):
        with pytest.raises(DataError) as caught:
            program([given, np.array([0, index, 1])])
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    for one, other in zip(
        native([given, np.array([2, 0])]),
        Interpreter(graph)([given, np.array([2, 0])]),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def apply_scatter(graph_inputs: tuple[Value, Value, Value], builder: Builder) -> Value:
    x, at, updates = graph_inputs
    with builder:
        return apply("scatter_add", x, at, updates, axis=0)


def test_nothing_to_choose_from_and_a_negative_seed_are_refused() -> None:
    builder = Builder()
    with builder:
        x = builder.input("x", TensorType(float32, (N, 2)))
        largest = apply("max", x, axis=(0,), keepdims=False)
    program = Native(builder.graph([largest]))
    with pytest.raises(ShapeError, match="must have an element to choose from"):
        program([np.zeros((0, 2), np.float32)])
    builder = Builder()
    with builder:
        seed = builder.input("seed", TensorType(int64))
        drawn = apply("uniform", seed, seed, stream="s", shape=(3,), dtype=float32)
    with pytest.raises(DataError, match="seed and step must be ≥ 0"):
        Native(builder.graph([drawn]))([np.array(-1)])


def test_equal_graphs_of_a_process_share_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "graph(x: f32[N,3], y: f32[3])\nv: f32[N,3] = add(x, y)\nreturn v\n"
    first, again = Native(parse_graph(text)), Native(parse_graph(text))
    assert again._engine is first._engine
    other = Native(parse_graph(text.replace("add", "subtract")))
    assert other._engine is not first._engine
    inputs = [np.ones((2, 3), np.float32), np.full(3, 2, np.float32)]
    assert [program(inputs)[0][0, 0] for program in (first, again, other)] == [3, 3, -1]
    monkeypatch.setattr(machine_code, "_KEPT", 1)
    Native(parse_graph(text.replace("add", "multiply")))
    assert len(machine_code._loaded) == 1
    assert first(inputs)[0][0, 0] == 3  # who has it keeps it
