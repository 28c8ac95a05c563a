"""Which executor runs a graph, what is said when it is not the one hoped for, and how often."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen import kernels, module, target
from pellucid.compiler.codegen.llvm import binding, ir
from pellucid.core import notices
from pellucid.core.errors import ArgumentError, CompileError
from pellucid.graph.node import Graph
from pellucid.graph.text import parse_graph
from pellucid.runtime.backend import executor
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native

TEXT = "graph(x: f32[N,3])\nv: f32[N,3] = add(x, x)\nreturn v\n"
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_said", set())


def graph(op: str = "add") -> Graph:
    return parse_graph(TEXT.replace("add", op))


@pytest.fixture
def no_code_for_add(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {name: emit for name, emit in kernels.scalars.TABLE.items() if name != "add"}
    monkeypatch.setattr(kernels.scalars, "TABLE", table)


@pytest.mark.parametrize(
    ("backend", "kind"), [(None, Native), ("native", Native), ("interpreter", Interpreter)]
)
def test_each_word_gives_its_executor(backend: str | None, kind: type) -> None:
    made = executor(graph(), backend=backend)
    assert type(made) is kind
    np.testing.assert_array_equal(made([X])[0], X + X)


@pytest.mark.parametrize("backend", ["nativ", "", "Native", 3, True, ("native",), ["native"]])
def test_another_word_is_refused(backend: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^\[fit\] unknown backend .* At test_backend.py:"):
        executor(graph(), backend=backend)
    with pytest.raises(ArgumentError, match=r"^\[jit\] .*Did you mean 'native'\?"):
        executor(graph(), backend="nativ", where="jit")


def test_an_operation_without_code_is_named_once(no_code_for_add: None) -> None:
    with pytest.warns(UserWarning, match="code for add") as told:
        made = executor(graph(), where="predict")
    assert type(made) is Interpreter
    (one,) = told
    assert one.filename == __file__
    text = str(one.message)
    assert text.startswith("[predict] runs on the interpreter, which is slower: ")
    assert text.endswith("pass backend='interpreter'.") and text.count("interpreter'") == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        executor(graph(), where="predict")
    with pytest.raises(CompileError, match="code for add"):
        executor(graph(), backend="native")


def test_warnings_as_errors_leave_the_interpreter_alone(no_code_for_add: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = executor(graph(), backend="interpreter")
    np.testing.assert_array_equal(made([X])[0], X + X)


@pytest.mark.parametrize("error", [RuntimeError("no such machine"), OSError(1, "SELinux")])
def test_a_machine_that_runs_no_made_code(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(target, "_done", [])
    monkeypatch.setattr(binding, "check_jit_execution", refuse)
    target.host.cache_clear()
    try:
        with pytest.warns(UserWarning, match=str(error.args[-1])):
            assert type(executor(graph())) is Interpreter
        with pytest.raises(CompileError, match="may run code it makes"):
            executor(graph(), backend="native")
    finally:
        target.host.cache_clear()


def test_code_that_llvm_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ir.Module()
    ir.Function(made, ir.FunctionType(ir.VoidType(), []), "run").append_basic_block()  # has no end
    monkeypatch.setattr(module, "build", lambda *given: made)
    with pytest.warns(UserWarning, match="LLVM must accept the engine's code"):
        assert type(executor(graph())) is Interpreter


BROKEN = {
    "absent": "sys.modules['llvmlite'] = None",
    "broken": """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith('llvmlite'):
            raise OSError('libLLVM.so: wrong ELF class')
sys.meta_path.insert(0, Finder())""",
    "too old": """
import types
for name in ('llvmlite', 'llvmlite.ir', 'llvmlite.binding'):
    sys.modules[name] = types.ModuleType(name)""",
}


def fresh(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    head = f"""
import sys, warnings
import numpy as np
import pellucid
from pellucid.core.errors import CompileError
from pellucid.graph.text import parse_graph
from pellucid.runtime.backend import executor
graph = parse_graph({TEXT!r})
x = np.ones((2, 3), np.float32)
"""
    return subprocess.run(
        [sys.executable, *options, "-c", head + code], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("how", BROKEN)
def test_without_a_usable_llvmlite(how: str) -> None:
    done = fresh(
        f"""
{BROKEN[how]}
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for where in ("fit", "fit"):
        made = executor(graph, where=where)
        assert type(made).__name__ == "Interpreter"
        assert (made([x])[0] == 2).all()
assert len(told) == 1, told
text = str(told[0].message)
assert "llvmlite" in text and "pip install llvmlite" in text, text
assert "backend='interpreter'" in text, text
try:
    executor(graph, backend="native")
except CompileError as error:
    assert "llvmlite" in str(error)
else:
    raise SystemExit("no error")
"""
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how", [*BROKEN, "there"])
def test_the_interpreter_never_asks_for_llvmlite(how: str) -> None:
    done = fresh(
        f"""
{BROKEN.get(how, "")}
before = {{name for name in sys.modules if name.startswith("llvmlite")}}
assert (executor(graph, backend="interpreter")([x])[0] == 2).all()
assert {{name for name in sys.modules if name.startswith("llvmlite")}} == before
""",
        "-W",
        "error",
    )
    assert done.returncode == 0, done.stderr
