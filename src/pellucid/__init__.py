"""Pellucid trains neural networks on a person's own data and shows every number that made them.

One computational graph serves both: what trains is what you step through, node by node, forward
and backward.

Example:
    >>> import pellucid as pel
    >>> x, y, z = pel.Tensor(3.0), pel.Tensor(-5.0), pel.Tensor(2.0)
    >>> b = x * y + z
    >>> b.backward()
    >>> print(b.item(), x.grad, y.grad, z.grad)
    -13.0 -5.0 3.0 1.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid import numpy
from pellucid.core import display, forks
from pellucid.core.errors import (
    ArgumentError,
    CompileError,
    DataError,
    DivergenceError,
    DTypeError,
    GradientError,
    GraphError,
    MissingPackageError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
    TooLargeError,
    UnknownNameError,
    meaning,
    nearest,
)
from pellucid.ops.random import Key
from pellucid.transform.custom import op
from pellucid.transform.grad import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from pellucid.transform.jit import jit
from pellucid.transform.numerical import numerical_grad
from pellucid.transform.show import show
from pellucid.transform.tensor import Tensor

if TYPE_CHECKING:
    from pellucid import data, distributed, keras, models, nn, optim, svm, tables, testing, viz
    from pellucid.models import Model, Sequential, fit_many, rate_range
    from pellucid.nn import Input
    from pellucid.tables import fit_table, load
    from pellucid.train import scores as metrics
    from pellucid.train.callback import Callback
    from pellucid.train.callbacks import EarlyStopping, ReduceOnPlateau, StopBelow, SwapAverages
    from pellucid.train.logs import CSVLog, TensorBoardLog
    from pellucid.train.metric import Metric
    from pellucid.transform.curvature import curvature
    from pellucid.viz.draw import draw
    from pellucid.viz.explain import explain
    from pellucid.web.inspector.inspecting import inspect
    from pellucid.web.lesson.lesson import lesson
    from pellucid.web.lesson.question import Question
    from pellucid.web.playing import play
    from pellucid.web.watching import Play, Replay

__version__ = "0.1.0"

# Loaded at first use: who only differentiates does not wait for models and files.
_LATER = {
    "data": "pellucid.data",
    "distributed": "pellucid.distributed",
    "Metric": "pellucid.train.metric",
    "metrics": "pellucid.train.scores",
    "models": "pellucid.models",
    "nn": "pellucid.nn",
    "optim": "pellucid.optim",
    "svm": "pellucid.svm",
    "keras": "pellucid.keras",
    "testing": "pellucid.testing",
    "Input": "pellucid.nn",
    "Model": "pellucid.models",
    "rate_range": "pellucid.models",
    "fit_many": "pellucid.models",
    "curvature": "pellucid.transform.curvature",
    "draw": "pellucid.viz.draw",
    "viz": "pellucid.viz",
    "explain": "pellucid.viz.explain",
    "Sequential": "pellucid.models",
    "lesson": "pellucid.web.lesson.lesson",
    "load": "pellucid.tables",
    "fit_table": "pellucid.tables",
    "tables": "pellucid.tables",
    "Callback": "pellucid.train.callback",
    "Play": "pellucid.web.watching",
    "LocalWorkers": "pellucid.workers",
    "RayWorkers": "pellucid.workers",
    "Replay": "pellucid.web.watching",
    "play": "pellucid.web.playing",
    "inspect": "pellucid.web.inspector.inspecting",
    "CSVLog": "pellucid.train.logs",
    "TensorBoardLog": "pellucid.train.logs",
    "EarlyStopping": "pellucid.train.callbacks",
    "Question": "pellucid.web.lesson.question",
    "ReduceOnPlateau": "pellucid.train.callbacks",
    "StopBelow": "pellucid.train.callbacks",
    "SwapAverages": "pellucid.train.callbacks",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise UnknownNameError("pellucid", f"there is no '{name}' here", _meant(name))
    module = forks.load(_LATER[name])
    found = getattr(module, name, module)
    globals()[name] = found
    return found


def _painted(what: Any) -> str:
    """What stands below the pictures, as SVG."""
    return str(forks.load("pellucid.viz.draw").draw(what).svg)


display.paint_with(_painted)

_ELSEWHERE = {
    "load_model": "load",
    "EarlyStop": "EarlyStopping",
    "Parameter": "Tensor",
    "Variable": "Tensor",
    "array": "Tensor",
    "no_grad": "Write pel.numpy.stop_gradient(x) for what takes no gradient.",
    "set_seed": "Give seeds where they are used: Sequential(…, seed=0), fit(…, seed=0).",
    "manual_seed": "Give seeds where they are used: Sequential(…, seed=0), fit(…, seed=0).",
    "DataLoader": "Leave it out: fit makes minibatches, fit(x, y, batch_size=32).",
    "train_test_split": "Write kept, held = pel.data.split(len(x), 0.2, seed=0).",
    "save": "Write model.save(path).",
    "callbacks": "Write pel.EarlyStopping, pel.ReduceOnPlateau, or a class of pel.Callback.",
    "layers": "nn",
    "losses": "nn",
    "initializers": "nn",
    "regularizers": "nn",
    "activations": "nn",
    "functional": "numpy",
    "optimizers": "optim",
    "datasets": "data",
    "utils": "Write pel.data.split for a split, pel.numpy.one_hot(y, classes) for one-hot rows.",
    "random": "Write pel.Key(seed, step), whose uniform and normal draw inside a step.",
    **dict.fromkeys(
        ("tune", "tuner", "Tuner", "GridSearch", "RandomSearch", "Hyperband", "Parallel"),
        "Write pel.fit_many([make(rate) for rate in rates], x, y), or search with scikit-learn "
        "over the estimators of pellucid.sklearn.",
    ),
    "vmap": "Write the function for all rows at once: NumPy's operations broadcast.",
    "scan": "Write a Python loop, which is unrolled, or call a pel.jit step in one.",
    "tree_map": "Write a dict comprehension over the weights.",
}


def _meant(name: str) -> str:
    """What to write for a name that stands in a room below, or is another library's."""
    if name.startswith("_"):
        return nearest(name, __all__)
    if name in _ELSEWHERE:
        return meaning(name, __all__, _ELSEWHERE)
    for room in ("nn", "optim", "metrics", "data", "numpy", "models"):
        module = forks.load(f"{__name__}.{room}" if room == "numpy" else _LATER[room])
        if name in getattr(module, "__all__", ()):
            return f"Write pel.{room}.{name}."
    callbacks = forks.load("pellucid.train.callback").ELSEWHERE
    tables = [(_ELSEWHERE, __all__, ""), (callbacks, __all__, "")]
    for room in ("nn", "optim"):
        names = forks.load(f"pellucid.{room}.elsewhere").NAMES
        tables.append((names, forks.load(_LATER[room]).__all__, f"pel.{room}."))
    for table, known, prefix in tables:
        found = meaning(name, known, table)
        if found:
            return found.replace("called '", f"called '{prefix}", 1)
    return nearest(name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "ArgumentError",
    "CSVLog",
    "Callback",
    "CompileError",
    "DTypeError",
    "DataError",
    "DivergenceError",
    "EarlyStopping",
    "GradientError",
    "GraphError",
    "Input",
    "Key",
    "LocalWorkers",
    "Metric",
    "MissingPackageError",
    "Model",
    "NotDifferentiableError",
    "PellucidError",
    "Play",
    "Question",
    "RayWorkers",
    "ReduceOnPlateau",
    "Replay",
    "Sequential",
    "ShapeError",
    "StopBelow",
    "SwapAverages",
    "Tensor",
    "TensorBoardLog",
    "TooLargeError",
    "UnknownNameError",
    "curvature",
    "data",
    "distributed",
    "draw",
    "explain",
    "fit_many",
    "fit_table",
    "grad",
    "hessian",
    "hvp",
    "inspect",
    "jacobian",
    "jit",
    "jvp",
    "keras",
    "lesson",
    "load",
    "metrics",
    "models",
    "nn",
    "numerical_grad",
    "numpy",
    "op",
    "optim",
    "play",
    "rate_range",
    "show",
    "svm",
    "tables",
    "testing",
    "value_and_grad",
    "viz",
    "vjp",
]
