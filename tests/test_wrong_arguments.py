"""Every public callable × kinds of wrong argument: it works, or refuses in our one form.

By introspection: the callables are found in the public namespaces, in the methods of Tensor and the
models, and among the constructors of the catalogue of bad input. The other arguments are good ones,
by the parameter's name. A parameter without one fails, so nothing new is missed.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid import data, metrics, nn, optim
from pellucid.core.dtypes import float32
from pellucid.core.errors import PellucidError
from pellucid.ops.spec import REGISTRY
from pellucid.transform.tensor import Tensor
from tests import bad_input_catalogue as catalogue
from tests.wrong_values import WRONG

pytestmark = pytest.mark.slow

SECONDS = 15  # of one call, on a busy machine
GIB = 2**30
X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
M = np.random.default_rng(1).uniform(0.5, 1.0, (3, 3))
IMAGE = np.random.default_rng(2).uniform(0.5, 1.0, (1, 4, 4, 2))

Function = Callable[..., Any]


class Target(NamedTuple):
    """A call that works: `call(*args, **named)`; `more` are the names that it takes besides."""

    label: str
    call: Function
    args: tuple[Any, ...]
    named: dict[str, Any]
    more: tuple[str, ...]


def trained() -> Any:
    model = pel.Sequential([nn.Dense(3, "relu"), nn.Dense(2)], seed=0)
    model.compile("adam", "cross_entropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=1, verbose=0, seed=0)
    return model


# Good arguments, by the parameter's name; a callable of its own kind has its own.
GOOD: dict[str, Any] = {
    **dict.fromkeys(("x", "y", "value_array", "other", "gradient"), M),
    **{"shape": (9,), "dtype": "float32", "indices": [0, 1], "depth": 3, "repeats": 2},
    **{"axis1": 0, "axis2": 1, "source": 0, "destination": 1, "axes": (0,), "size": (2,)},
    **{"fill_value": 2.0, "xs": [M, M], "start": 3, "rows": 3, "repetitions": 2, "shift": 1},
    **{"borders": [1], "where": "here", "updates": M[:2], "n": 10, "fraction": 0.2, "seed": 0},
    **{"y_true": Y, "y_pred": Y, "scores": M[:, 0], "path": "file", "folder": ".", "array": X},
    **{"function": lambda x: np.sum(x * x), "layer": nn.Dense(2), "input_shape": (4,)},
    **{"monitor": "loss", "limit": 0.1, "classes": 3},
}
FUNCTION = {"function": lambda *xs: np.sum(xs[0] * xs[0])}
OWN: dict[str, dict[str, Any]] = {
    "numpy.where": {"condition": M > 0.7},
    "numpy.broadcast_to": {"shape": (2, 3, 3)},
    "numpy.conv": {"x": IMAGE, "kernel": np.ones((2, 2, 2, 1))},
    "numpy.avg_pool": {"x": IMAGE, "size": 2},
    "numpy.max_pool": {"x": IMAGE, "size": 2},
    "numpy.getitem": {"start": (0, 0), "stop": (2, 2)},
    "numpy.pad": {"value": 0.0, "low": (1, 0), "high": (0, 1)},
    "numpy.fold": {"x": np.ones((2, 2)), "stride": (1,), "dilation": (1,), "lengths": (3,)},
    "numpy.windows": {"x": M},
    "numpy.einsum": {"subscripts": "ij,jk->ik"},
    "numpy.stack": {},
    "numpy.iota": {"shape": (3,), "axis": 0, "dtype": float32},
    "numpy.size": {"x": M, "axis": 0},
    "numpy.random_bits": {"shape": (3,), "seed": 0, "step": 0, "stream": "a"},
    "numpy.uniform": {"shape": (3,), "seed": 0, "step": 0, "stream": "a", "dtype": float32},
    "numpy.normal": {"shape": (3,), "seed": 0, "step": 0, "stream": "a", "dtype": float32},
    "pel.jvp": {"args": (M,), "tangents": (M,)},
    "pel.hvp": {"args": (M,), "tangents": (M,)},
    "pel.curvature": {"args": (M,)},
    "pel.op": {
        "name": "of_wrong_arguments",
        "forward": lambda xp, x: x * x,
        "derivative": lambda x, out: 2 * x,
    },
    "pel.show": {"target": np.sum},
    "pel.Input": {"shape": (4,)},
    "pel.Tensor": {"data": M},
    "testing.check_grad": {"args": [M]},
    "metrics.roc_auc": {"scores": X[:, 0]},
    "metrics.top_k_error": {"scores": np.ones((12, 6))},
    "models.Model": {"inputs": None, "outputs": None},
    "data.Dataset": dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), X)
    | {"name": "a", "source": "b"},
    "models.RateRange": {"rates": [0.1], "losses": [1.0], "smoothed": [1.0], "suggestion": 0.1},
}
POSITIONAL: dict[str, tuple[Any, ...]] = {
    "numpy.broadcast_arrays": (M, M),
    "numpy.einsum": ("ij,jk->ik", M, M),
    "pel.vjp": (lambda x: x * x, M),
    "pel.show": (lambda x: np.sum(x * x), M),
    "pel.explain": (lambda x: np.sum(x * x), M),
    "Tensor.reshape": (9,),
    "Tensor.transpose": (1, 0),
}
# Methods that a person does not call, and records that hold what they are given.
INNER = {
    *("holds", "rebuilt", "wired", "forward", "apply", "training_graph", "objective", "summary"),
    *("Dataset", "RateRange", "rate_range", "alexnet", "lecun1989", "lenet5"),
}


def target(label: str, call: Function, signed: Function | None = None) -> Target:
    """A call by introspection: its required parameters get good values."""
    own = OWN.get(label, {})
    if label in POSITIONAL:
        return Target(label, call, POSITIONAL[label], {}, ())
    named, more = {}, []
    for parameter in inspect.signature(signed or call).parameters.values():
        name = parameter.name
        if name == "self" or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty or name in own:
            assert name in own or name in GOOD, f"{label} needs a good value of '{name}'"
            named[name] = own.get(name, GOOD.get(name))
        else:
            more.append(name)
    return Target(
        label, call, (), named | {k: v for k, v in own.items() if k not in more}, tuple(more)
    )


def targets() -> Iterator[Target]:
    for name in pnp.__all__:
        function = getattr(pnp, name)
        if inspect.isfunction(function):
            label = f"numpy.{name}"
            row = REGISTRY.get(name)
            plain = list(inspect.signature(function).parameters) == ["operands"]
            if plain and row is not None:
                yield Target(label, function, (M,) * len(row.inputs), {}, ())
            else:
                yield target(label, function)
    for name in dir(Tensor):
        method = getattr(Tensor, name)
        if not name.startswith("_") and inspect.isfunction(method):
            yield target(f"Tensor.{name}", getattr(Tensor(M), name))
    for module, label in (
        (pel, "pel"),
        (metrics, "metrics"),
        (data, "data"),
        (pel.testing, "testing"),
    ):
        for name in module.__all__:
            what = getattr(module, name)
            error = isinstance(what, type) and issubclass(what, Exception)
            if callable(what) and not error and name not in (*INNER, "Model", "Sequential"):
                yield target(
                    f"{label}.{name}", what, what.__init__ if isinstance(what, type) else None
                )
    for make, right, wrong in catalogue.ARGUMENTS:
        rest = tuple(name for name in wrong if name not in right)
        yield Target(f"new {make.__name__}", make, (), dict(right), rest)
    weights = [np.zeros(shape, np.float32) for shape in ((4, 3), (3,), (3, 2), (2,))]
    for name in dir(pel.Sequential):
        method = getattr(pel.Sequential, name)
        if name.startswith("_") or name in INNER or not inspect.isfunction(method):
            continue
        good = {"x": X, "y": Y, "path": f"model_{name}", "weights": weights}
        names = inspect.signature(method).parameters
        named = {k: v for k, v in good.items() if k in names}
        rest = tuple(k for k in names if k != "self" and k not in named)

        def fresh(*, name: str = name, **arguments: Any) -> Any:
            return getattr(trained(), name)(**arguments)

        yield Target(f"Sequential.{name}", fresh, (), named, rest)
    # What the transforms give back.
    for name in ("jit", "grad", "value_and_grad", "jacobian", "hessian", "numerical_grad"):
        yield Target(f"{name}(f)", getattr(pel, name)(lambda x: np.sum(x * x)), (M,), {}, ())
    yield Target("pullback", pel.vjp(lambda x: x * x, M)[1], (M,), {}, ())
    square = pel.op("square_of_wrong_arguments", lambda xp, x: x * x, lambda x, out: 2 * x)
    yield Target("custom op", square, (M,), {}, ())
    t = Tensor(M)
    for name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv", "eq", "lt"):
        yield Target(f"Tensor.__{name}__", getattr(t, f"__{name}__"), (M,), {}, ())
    for name in ("radd", "rsub", "rpow", "rmatmul", "rmod", "getitem", "contains"):
        good = 1 if name == "getitem" else M
        yield Target(f"Tensor.__{name}__", getattr(t, f"__{name}__"), (good,), {}, ())
    for schedule in (optim.Constant(0.1), optim.Cosine(0.1, 10), optim.Exponential(0.1, 0.9)):
        kind = type(schedule).__name__
        yield Target(f"{kind}.rate", schedule.rate, (3,), {}, ())


TARGETS = list(targets())


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """A call that hangs or takes all memory is a failure; what it prints is not looked at."""

    def late(*_: Any) -> None:
        raise AssertionError(f"not done after {SECONDS} s")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * GIB, limits[1]))
    signal.alarm(SECONDS)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def escaped(target: Target, place: int | str, make: Callable[[], Any]) -> str:
    """What a call lets out beside our own errors; "" where that is nothing."""
    with limited():
        wrong = make()
        try:
            if isinstance(place, int):
                target.call(*target.args[:place], wrong, *target.args[place + 1 :])
            else:
                target.call(**(target.named | {place: wrong}))
        except PellucidError:
            return ""
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            own = place.filename == __file__ and place.name == "<lambda>"
            if own and not isinstance(error, AssertionError):
                return ""  # what a person's own function makes of it is theirs
            short = f"{Path(place.filename).name}:{place.lineno}"
            return f"{type(error).__name__}: {str(error)[:100]!r} at {short}"
    return ""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.label)
def test_a_wrong_argument_is_refused_in_our_form(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_graphs: None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(WRONG) >= 44
    places = [*range(len(target.args)), *target.named, *target.more]
    found = [
        (place, kind, escaped(target, place, make))
        for kind, make in WRONG.items()
        for place in places
    ]
    wrong = [f"{place}={kind}: {what}" for place, kind, what in found if what]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)}", *wrong])
