"""Ctrl-C at every place of the code that hears it: nothing that holds in a call holds behind it.

The error is kept meanwhile, as notebooks keep the last one: what waits for its end is not undone.
"""

from __future__ import annotations

import ast
import contextlib
import operator
import signal
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import keras, nn
from pellucid.core import forks, scopes
from pellucid.keras import callbacks
from pellucid.models import architecture
from pellucid.ops import value
from pellucid.transform.trace import Trace
from tests.runtime import test_left_anywhere
from tests.runtime.test_left_anywhere import struck

pytestmark = pytest.mark.usefixtures("ctrl_c_raises")


def at_each_place(
    files: Sequence[ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[], Any],
    check: Callable[[bool], None],
    least: int,
) -> None:
    """`check` behind each, which gets whether `call` came to its end."""
    watched = [str(one.__file__) for one in (*files, contextlib)]
    monkeypatch.setattr(test_left_anywhere, "WATCHED", watched)
    number, left = 1, True
    while left:
        kept = None
        try:
            left = struck(call, number)
        except KeyboardInterrupt as error:
            kept = error
        try:
            check(kept is None)
        except AssertionError as error:
            raise AssertionError(f"behind Ctrl-C at place {number}") from error
        number += 1
    assert number > least


def test_no_thread_traces_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(whole: bool) -> None:
        tracing, value._stack.recorders[:] = value.is_tracing(), []
        assert not tracing

    at_each_place([value], monkeypatch, lambda: pel.grad(operator.neg)(np.float32(3)), check, 60)


def test_an_inner_trace_that_is_left_is_not_the_outer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person catches Ctrl-C, the rest of the function is recorded where it should be."""
    builder, found = Trace(), []

    @value.records
    def outer() -> None:
        with builder:
            with contextlib.suppress(KeyboardInterrupt):
                pel.grad(operator.neg)(np.float32(3))
            found.append(value.current())

    def check(whole: bool) -> None:
        value._stack.recorders.clear()
        assert all(one is builder for one in found)

    at_each_place([value], monkeypatch, outer, check, 60)
    assert found


def test_every_builder_is_entered_in_a_function_that_leaves_it() -> None:
    """The promise of `records`, which `with builder` alone cannot keep."""
    entered = 0
    for path in Path(str(pel.__file__)).parent.rglob("*.py"):
        text = path.read_text()
        for function in ast.walk(ast.parse(text)) if "import Builder" in text else ():
            if not isinstance(function, ast.FunctionDef):
                continue
            blocks = [one for one in ast.walk(function) if isinstance(one, ast.With)]
            items = [ast.unparse(item.context_expr) for one in blocks for item in one.items]
            if {"builder", "self.builder", "Builder()", "Trace()"} & set(items):
                entered += 1
                names = [ast.unparse(one) for one in function.decorator_list]
                assert "records" in names, f"{path.name}: {function.name}"
    assert entered > 15


def test_what_a_file_allows_binds_no_one_else(monkeypatch: pytest.MonkeyPatch) -> None:
    most = value._stack.nodes_left

    def check(whole: bool) -> None:
        left, value._stack.nodes_left = value._stack.nodes_left, most
        assert left == most

    at_each_place([value], monkeypatch, lambda: value.at_most(9, len, []), check, 2)


def test_a_variable_of_a_context_has_its_value_back(monkeypatch: pytest.MonkeyPatch) -> None:
    variable: ContextVar[int] = ContextVar("variable", default=1)

    def check(whole: bool) -> None:
        found = variable.get()
        variable.set(1)
        assert found == 1

    at_each_place([scopes], monkeypatch, lambda: scopes.during(variable, 2, variable.get), check, 4)


def test_no_variable_of_a_context_is_set_elsewhere() -> None:
    """`set` and `reset` by hand leave a gap between the call and the `try`."""
    found = set()
    for path in Path(str(pel.__file__)).parent.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "ContextVar" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = ast.unparse(node.func.value)
                if node.func.attr in ("set", "reset") and (name.isupper() or name[0] == "_"):
                    found.add(f"{path.name}: {name}")
    assert found == set()


def test_no_model_stays_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [forks.Claim(), forks.Claim()]

    def check(whole: bool) -> None:
        free = all(forks.hold([one], bool) for one in claims)
        claims[:] = [forks.Claim(), forks.Claim()]
        assert free

    at_each_place([forks], monkeypatch, lambda: forks.hold(claims, lambda own: own), check, 10)


def test_a_layer_is_added_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [pel.Sequential([nn.Dense(2, input_shape=(3,))], seed=0)]

    def check(whole: bool) -> None:
        model, models[:] = models[0], [pel.Sequential([nn.Dense(2, input_shape=(3,))], seed=0)]
        count = len(model.architecture.layers)
        assert len(model.architecture.names) == len(model.layers) == count
        assert count == 2 or not whole
        model.add(nn.Dense(5))
        assert model.predict(np.ones((1, 3), np.float32)).shape == (1, 5)
        assert len(model.architecture.layers) == count + 1

    at_each_place([architecture], monkeypatch, lambda: models[0].add(nn.Dense(4)), check, 40)


def test_averages_never_stay_in_the_place_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    network = SimpleNamespace(averages=["averages"], weights=["weights"])
    network.get_weights = lambda: network.weights
    network.set_weights = lambda arrays: setattr(network, "weights", arrays)
    model: Any = SimpleNamespace(trained_network=lambda: network)
    several = [keras.callbacks.SwapEMAWeights()]
    seen: list[Any] = []

    def check(whole: bool) -> None:
        found, network.weights = network.weights, ["weights"]
        assert found == ["weights"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert all(one == ["averages"] for one in seen)

    def measured() -> None:
        seen.append(network.weights)

    call = lambda: callbacks.swapped(model, several, measured)  # noqa: E731
    at_each_place([callbacks], monkeypatch, call, check, 10)
    assert seen


def test_warnings_of_a_machine_are_not_kept_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    base = pytest.importorskip("pellucid.sklearn.base")
    before = warnings.showwarning, list(warnings.filters)

    def check(whole: bool) -> None:
        now = warnings.showwarning, list(warnings.filters)
        warnings.showwarning, warnings.filters[:] = before[0], before[1]  # type: ignore[index]
        assert now == before

    at_each_place([base, warnings], monkeypatch, lambda: base.convergence(len, []), check, 10)
