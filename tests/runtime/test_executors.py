"""The protocol of executors: every one that is registered keeps it, and nobody asks which it is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import CompileError
from pellucid.graph.node import Graph
from pellucid.graph.text import parse_graph
from pellucid.runtime import backend, executor
from pellucid.runtime.interpreter import Interpreter
from pellucid.train.engines import Job, engine

SOURCE = Path(executor.__file__).parent.parent


def sums() -> Graph:
    """w + Σ x over the rows."""
    f = pel.jit(lambda w, x: w + np.sum(x, axis=0), batch=1)
    return f.graph(np.ones(3, np.float32), np.ones((2, 3), np.float32))


def test_nobody_above_asks_which_executor_it_has() -> None:
    """No class of an executor stands in an isinstance, a union or an annotation there."""
    names = {"Native", "NativeTrainer", "InterpreterTrainer", "TrainingCode", "MachineCode"}
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.parent.name in ("runtime", "codegen", "passes", "compiler", "export", "lesson"):
            continue  # the last two write code for other programs
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Name) and node.id in names
            asked = (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "isinstance"
                and "Interpreter" in ast.unparse(node)
            )
            reached = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("pellucid.compiler", "pellucid.runtime.native", "pellucid.runtime.training")
            )
            emits = path.name in ("stages.py", "kernels.py") or path.name.startswith("emit_")
            form = isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".routine")
            if named or asked or (reached and not emits and not form):
                found.append(f"{path.relative_to(SOURCE)}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == [], "only emitters, and what prints code, see the compiler"


def test_backends_are_the_registered_executors() -> None:
    assert set(backend.BACKENDS) == set(backend._EXECUTORS) >= {"native", "interpreter"}


@pytest.mark.parametrize("name", backend.BACKENDS)
def test_every_executor_prepares_and_calls_alike(name: str) -> None:
    made = backend.named(name).prepare(sums(), [(0, 0)])
    w, x = np.ones(3, np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)
    for threads in (1, 2):
        (out,) = made([w, x], threads=threads)
        np.testing.assert_array_equal(out, [4, 6, 8])
        assert not np.shares_memory(out, w) and w.tolist() == [1, 1, 1]
    (over,) = made([w, x], in_place=True)
    np.testing.assert_array_equal(over, [4, 6, 8])
    assert over is w, "state of a small call is written over"
    quick = made.repeat([w, x], 1)
    assert quick is None or quick([w, x]) is not None
    assert isinstance(made.releases_gil, bool)


def job(seed: int = 0) -> tuple[Job, list[Any]]:
    net = pel.Sequential([pel.nn.Dense(2)], seed=0)
    net.compile("sgd", "squared")
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)).astype("f4"), rng.normal(size=(12, 2)).astype("f4")
    net.fit(x, y, epochs=0, verbose=0, seed=0)
    graph = net.training_graph(x, y)
    made = Job(graph, 2, [np.array(0)], (x,), (y,), 4, np.dtype(np.float32))
    weights = [np.array(w) for w in net.get_weights()]
    by_shape = {w.shape: w for w in weights}
    order = [by_shape[t.shape] for t in graph.input_types[:2]]
    return made, [*order, np.zeros((), np.int64)]


@pytest.mark.parametrize("name", backend.BACKENDS)
def test_every_executor_trains_alike(name: str) -> None:
    known_job, state = job()
    known, ours = (engine(known_job, state, one, 1, {}) for one in ("interpreter", name))
    rows = ours.order(3, 0)
    np.testing.assert_array_equal(rows, known.order(3, 0))
    rates = np.full(3, 0.1)
    for trainer in (known, ours):
        while len(rows):
            steps = min(trainer.steps_at_once, len(rows) // 4)
            measures = trainer.run(rows[: 4 * steps], rates[:steps], 4)
            assert measures.shape[0] == steps
            rows = rows[4 * steps :]
        rows = known.order(3, 0)
    for one, other in zip(ours.state(), known.state(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    held = ours.state()
    for one, other in zip(ours.finish(), held, strict=True):
        np.testing.assert_array_equal(one, other)


class Third:
    """An executor from outside: it counts, and leaves the work to the interpreter."""

    own_operations = True

    def __init__(self, refuses: bool = False):
        self.prepared, self.refuses = 0, refuses

    def prepare(self, graph: Graph, shared: executor.Pairs = ()) -> executor.Executable:
        if self.refuses:
            raise CompileError("third", "the third executor must be able, and is not", "")
        self.prepared += 1
        return Interpreter(graph, shared=shared)

    def trainer(
        self, job: executor.Job, state: Any, threads: int, kept: executor.Kept
    ) -> executor.Trainer:
        self.prepared += 1
        return backend.named("interpreter").trainer(job, state, threads, kept)


def test_a_third_executor_needs_no_other_change(monkeypatch: pytest.MonkeyPatch) -> None:
    third = Third()
    named = backend.named
    monkeypatch.setattr(backend, "named", lambda name: third if name == "third" else named(name))
    monkeypatch.setattr(backend, "BACKENDS", (*backend.BACKENDS, "third"))
    f = pel.jit(lambda x: x * 2, backend="third")
    np.testing.assert_array_equal(f(np.ones(2)), [2, 2])
    net = pel.Sequential([pel.nn.Dense(1)], seed=0)
    net.compile("sgd", "squared")
    net.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=0, seed=0, backend="third")
    assert third.prepared >= 2 and net.predict(np.ones((1, 2)), backend="third").shape == (1, 1)


def test_none_takes_the_first_executor_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing, named = Third(refuses=True), backend.named
    monkeypatch.setattr(
        backend, "named", lambda name: refusing if name == "native" else named(name)
    )
    graph = parse_graph("graph(x: f32[2])\nv: f32[2] = relu(x)\nreturn v\n")
    with pytest.warns(UserWarning, match=r"\[jit\] runs on the interpreter, which is slower"):
        made = backend.executor(graph, backend=None, where="jit")
    assert isinstance(made, Interpreter)
    with pytest.raises(CompileError, match="must be able"):
        backend.executor(graph, backend="native", where="jit")


def test_messages_name_the_arrays_of_a_job() -> None:
    plain, _ = job()
    names = plain.__class__(
        **{
            **plain.__dict__,
            "features": (np.full((12, 3), np.nan, np.float32),),
            "feature_names": ("image",),
            "other_names": ("digit",),
        }
    )
    with pytest.raises(ValueError, match="image"):
        names.check_batch(np.arange(4))
    bad = plain.__class__(**{**names.__dict__, "features": plain.features})
    bad.others[0][0, 0] = np.inf
    with pytest.raises(ValueError, match="digit"):
        bad.check_batch(np.arange(4))
