"""Runs the tests of HIPS autograd on ours: derivatives of plain NumPy, without its linear algebra.

They come from a checkout of autograd, of which nothing is kept here. Modules of this file stand
in the place of autograd's: `autograd.numpy` is NumPy with the few functions of `pellucid.numpy`
that NumPy cannot hand to Tensors, and autograd's `grad`, `check_grads` and the like are ours under
its names. Complex numbers are left out: a case with one is not run, and a test of nothing else is
skipped. Every test that fails must stand in the note below with its reason.

    python tools/autograd_tests.py CHECKOUT      the counts, and what the note does not explain
"""

from __future__ import annotations

import builtins
import itertools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core import trees
from pellucid.core.errors import DTypeError
from pellucid.transform.arrays import holds_value

NOTE = Path(__file__).parent.parent / "docs" / "notes" / "0015-numpy-under-grad.md"
FILES = tuple(
    f"test_{name}.py"
    for name in (
        *("binary_ops", "dict", "graphs", "jacobian", "list", "numpy", "scalar_ops", "systematic"),
        *("tuple", "wrappers"),
    )
)
Function = Callable[..., Any]


# --- autograd.numpy -----------------------------------------------------------------------------


def _array(x: Any, *args: Any, **kwargs: Any) -> Any:
    ours = isinstance(x, pel.Tensor) or (isinstance(x, (list, tuple)) and holds_value(x))
    return pnp.array(x) if ours else np.array(x, *args, **kwargs)


def _full(shape: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    ours = isinstance(fill_value, pel.Tensor)
    return pnp.full(shape, fill_value) if ours else np.full(shape, fill_value, *args, **kwargs)


def _of_one(name: str) -> Function:
    """A NumPy function that takes a list of Tensors as one, which NumPy would ask for numbers."""
    function = getattr(np, name)

    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*(_array(x) if isinstance(x, (list, tuple)) else x for x in args), **kwargs)

    return called


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return np.where(condition) if x is None else np.where(condition, x, y)


def _make_diagonal(x: Any, offset: int = 0, axis1: int = -1, axis2: int = -2) -> Any:
    return np.moveaxis(x[..., None] * np.eye(x.shape[-1]), (-1, -2), (axis1, axis2))


class _Brackets:
    """`r_` or `c_`: ours where a Tensor is among the parts."""

    def __init__(self, name: str):
        self.name = name

    def __getitem__(self, key: Any) -> Any:
        ours = holds_value(list(key) if isinstance(key, tuple) else [key])
        return getattr(pnp if ours else np, self.name)[key]


def _numpy_door() -> ModuleType:
    door = ModuleType("autograd.numpy")
    own = {"array": _array, "full": _full, "r_": _Brackets("r_"), "c_": _Brackets("c_")}
    own |= {name: _of_one(name) for name in ("mean", "var", "std", "append")}
    own |= {"where": _where, "make_diagonal": _make_diagonal, "random": np.random}
    own |= {"row_stack": np.vstack}  # an old name of NumPy's
    door.__dict__.update(own)
    door.__getattr__ = lambda name: getattr(np, name)  # type: ignore[method-assign]
    return door


# --- autograd's functions -----------------------------------------------------------------------


def _numbers(argnum: Any) -> Any:
    return tuple(argnum) if isinstance(argnum, (list, tuple)) else argnum


def grad(fun: Function, argnum: Any = 0) -> Function:
    return pel.grad(fun, _numbers(argnum))


def value_and_grad(fun: Function, argnum: Any = 0) -> Function:
    return pel.value_and_grad(fun, _numbers(argnum))


def grad_and_aux(fun: Function, argnum: Any = 0) -> Function:
    return pel.grad(fun, _numbers(argnum), has_aux=True)


def jacobian(fun: Function, argnum: Any = 0) -> Function:
    return pel.jacobian(fun, argnum)


def hessian(fun: Function, argnum: Any = 0) -> Function:
    return pel.hessian(fun, argnum)


def _alone(fun: Function, argnum: int, args: tuple[Any, ...], kwargs: Any) -> Function:
    """`fun` of one of its arguments."""
    return lambda x: fun(*args[:argnum], x, *args[argnum + 1 :], **kwargs)


def make_vjp(fun: Function, argnum: int = 0) -> Function:
    def maker(*args: Any, **kwargs: Any) -> Any:
        value, back = pel.vjp(_alone(fun, argnum, args, kwargs), args[argnum])
        return (lambda ct: back(ct)[0]), value

    return maker


def make_jvp(fun: Function, argnum: int = 0) -> Function:
    def maker(*args: Any, **kwargs: Any) -> Any:
        own = _alone(fun, argnum, args, kwargs)
        return lambda tangent: pel.jvp(own, (args[argnum],), (tangent,))

    return maker


def elementwise_grad(fun: Function, argnum: int = 0) -> Function:
    def slope(*args: Any, **kwargs: Any) -> Any:
        back, value = make_vjp(fun, argnum)(*args, **kwargs)
        return back(np.ones(np.shape(value)))

    return slope


def deriv(fun: Function, argnum: int = 0) -> Function:
    def slope(*args: Any, **kwargs: Any) -> Any:
        return make_jvp(fun, argnum)(*args, **kwargs)(np.ones(np.shape(args[argnum])))[1]

    return slope


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    def product(*args: Any, **kwargs: Any) -> Any:
        *rest, vector = args
        own = _alone(fun, argnum, tuple(rest), kwargs)
        return pel.hvp(own, (rest[argnum],), (vector,))

    return product


def tensor_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    def product(*args: Any, **kwargs: Any) -> Any:
        *rest, vector = args
        matrix = jacobian(fun, argnum)(*rest, **kwargs)
        return np.tensordot(vector, matrix, np.ndim(vector))

    return product


def make_hvp(fun: Function, argnum: int = 0) -> Function:
    def maker(*args: Any, **kwargs: Any) -> Any:
        own = _alone(fun, argnum, args, kwargs)
        return (lambda v: pel.hvp(own, (args[argnum],), (v,))), pel.grad(own)(args[argnum])

    return maker


def make_ggnvp(
    f: Function, g: Function = lambda x: np.dot(x, x) / 2, f_argnum: int = 0
) -> Function:
    def maker(*args: Any, **kwargs: Any) -> Any:
        own, x = _alone(f, f_argnum, args, kwargs), args[f_argnum]
        value, back = pel.vjp(own, x)
        return lambda v: back(pel.hvp(g, (value,), (pel.jvp(own, (x,), (v,))[1],)))[0]

    return maker


# --- autograd.test_util -------------------------------------------------------------------------


cases: Counter[str] = Counter()  # of the test that runs: real ones, and complex ones left out


def _is_complex(tree: Any) -> bool:
    return any(np.iscomplexobj(leaf) for leaf in trees.flatten(tree)[0] if _is_number(leaf))


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, (int, float, complex, np.ndarray, np.generic))


def check_grads(fun: Function, argnum: Any = 0, modes: Any = None, order: int = 2) -> Function:
    places = list(argnum) if isinstance(argnum, (list, tuple)) else [argnum]
    words = {"fwd": "forward", "rev": "reverse"}

    def check(*args: Any, **kwargs: Any) -> None:
        if any(map(_is_complex, args)):
            cases["complex"] += 1
            return

        def own(*moved: Any) -> Any:
            filled = list(args)
            for place, one in zip(places, moved, strict=True):
                filled[place] = one
            return fun(*filled, **kwargs)

        points = [args[place] for place in places]
        wanted = [words[mode] for mode in modes or words]
        try:
            pel.testing.check_grad(own, points, order=order, modes=wanted)
        except DTypeError as error:
            if "got complex" not in str(error):
                raise
            cases["complex"] += 1
            return
        cases["real"] += 1

    return check


def combo_check(fun: Function, *settings: Any, **options: Any) -> Function:
    """All combinations of arguments and keywords."""

    def check(*args: Any, **kwargs: Any) -> None:
        named = [[(key, one) for one in several] for key, several in kwargs.items()]
        for given in itertools.product(*args):
            for words in itertools.product(*named):
                check_grads(fun, *settings, **options)(*given, **dict(words))

    return check


def check_equivalent(x: Any, y: Any) -> None:
    first, second = trees.flatten(x), trees.flatten(y)
    assert first[1] == second[1]
    for one, other in zip(first[0], second[0], strict=True):
        assert np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, 1e-6, 1e-6)


def scalar_close(x: Any, y: Any) -> bool:
    return bool(np.isclose(x, y, 1e-6, 1e-6))


def quick_grad_check(fun: Function, x: Any, more: tuple[Any, ...] = ()) -> None:
    check_grads(fun, order=1)(x, *more)


def exchange() -> None:
    """Puts these in autograd's place."""
    functions = (grad, value_and_grad, grad_and_aux, jacobian, hessian, make_vjp, make_jvp)
    functions += (elementwise_grad, deriv, hessian_tensor_product, tensor_jacobian_product)
    functions += (make_hvp, make_ggnvp)
    parts: dict[str, dict[str, Any]] = {
        "": {function.__name__: function for function in functions},
        "test_util": {
            one.__name__: one for one in (check_grads, combo_check, check_equivalent, scalar_close)
        },
        "util": {"quick_grad_check": quick_grad_check},
        "tracer": {"isbox": lambda x: isinstance(x, pel.Tensor)},
    }
    parts[""] |= {name: getattr(builtins, name) for name in ("dict", "list", "tuple", "isinstance")}
    parts[""] |= {"checkpoint": lambda fun: fun}
    door = _numpy_door()
    modules = {"autograd.numpy": door, "autograd.numpy.random": np.random}
    for name, content in parts.items():
        full = f"autograd.{name}".rstrip(".")
        module = ModuleType(full)
        module.__dict__.update(content)
        modules[full] = module
    modules["autograd"].__dict__["numpy"] = door
    modules["autograd"].__path__ = []
    sys.modules |= modules


# --- the run ------------------------------------------------------------------------------------


class Outcomes:
    """A pytest plugin: the outcome of each test, and what a failure said."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    @pytest.hookimpl
    def pytest_runtest_setup(self) -> None:
        cases.clear()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            file, _, name = report.nodeid.rpartition("::")
            said = str(report.longrepr).strip().splitlines()[-1] if report.failed else ""
            alone = report.passed and cases["complex"] and not cases["real"]
            outcome = "skipped" if alone else report.outcome
            self.found[f"{Path(file).stem}::{name}"] = outcome, said


def run(folder: Path) -> Outcomes:
    """Runs the tests of a checkout."""
    outcomes = Outcomes()
    exchange()
    with tempfile.TemporaryDirectory() as own:
        settings = Path(own) / "pytest.ini"
        settings.write_text("[pytest]\n")  # not those of either project
        options = ["-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-W", "ignore"]
        options += ["-c", str(settings), "--rootdir", str(folder / "tests"), "--show-capture=no"]
        files = [str(folder / "tests" / file) for file in FILES]
        pytest.main([*options, "-r", "N", *files], plugins=[outcomes])
    return outcomes


def reasons() -> dict[str, int]:
    """The tests that the note explains, each with the number of its cases that fail."""
    rows = re.findall(r"^\| `([\w:]+)` \| (\d+) \|", NOTE.read_text(encoding="utf-8"), re.M)
    return {name: int(count) for name, count in rows}


def main() -> None:
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "tests").is_dir():
        sys.exit("usage: python tools/autograd_tests.py CHECKOUT, a folder that holds tests/")
    found = run(Path(sys.argv[1]).resolve()).found
    counts = Counter(outcome for outcome, _ in found.values())
    asked = counts["passed"] + counts["failed"]
    print(f"\n{len(found)} tests, {counts['skipped']} of complex numbers alone")
    print(f"{counts['passed']} of {asked} pass: {100 * counts['passed'] / asked:.1f} %")
    failed = Counter(
        name.split("[")[0] for name, (outcome, _) in found.items() if outcome == "failed"
    )
    for name, (outcome, said) in found.items():
        if outcome == "failed":
            print(f"  {name}: {said[:200]}")
    explained = reasons() if NOTE.exists() else {}
    unexplained = {name for name, count in failed.items() if count > explained.get(name, 0)}
    for name in sorted(failed.keys() | explained.keys()):
        if failed[name] != explained.get(name, 0):
            print(f"{name}: {failed[name]} fail, the note explains {explained.get(name, 0)}")
    if unexplained:
        sys.exit(1)


if __name__ == "__main__":
    main()
