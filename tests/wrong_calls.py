"""Calls that work, for `test_wrong_arguments.py`: every public callable with good arguments.

By introspection: the callables are found in the public namespaces, in the methods of Tensor, of the
models and of the other public classes, and among the constructors of the catalogue of bad input.
The other arguments are good ones, by the parameter's name. A parameter without one fails, so
nothing new is missed.
"""

from __future__ import annotations

import copy
import functools
import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import pellucid as pel
import pellucid.numpy as pnp
from pellucid import data, metrics, models, nn, optim
from pellucid.core.dtypes import as_dtype, float32
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.ops.spec import REGISTRY
from pellucid.train.history import History
from pellucid.transform.tensor import Tensor
from tests import bad_input_catalogue as catalogue

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
M = np.random.default_rng(1).uniform(0.5, 1.0, (3, 3))
IMAGE = np.random.default_rng(2).uniform(0.5, 1.0, (1, 4, 4, 2))

AREA = ((0.0, 1.0), (-1.0, 1.0))
SIZES = {"height": [1.0, 2.0, 3.0, 4.0] * 5, "size": ["S", "S", "L", "L"] * 5}

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
    **{"specificity": 0.5, "sensitivity": 0.5, "recall": 0.5, "precision": 0.5},
    **{"kth": 1, "q": 0.3, "conditions": [M > 0.7], "choices": [M]},
    **{"monitor": "loss", "limit": 0.1, "classes": 3, "step": 0, "name": "a", "count": 2},
}
FUNCTION = {"function": lambda *xs: np.sum(xs[0] * xs[0])}
OWN: dict[str, dict[str, Any]] = {
    "numpy.where": {"condition": M > 0.7},
    "numpy.broadcast_to": {"shape": (2, 3, 3)},
    "numpy.conv": {"x": IMAGE, "kernel": np.ones((2, 2, 2, 1))},
    "numpy.conv_transpose": {"x": IMAGE, "kernel": np.ones((2, 2, 1, 2))},
    "numpy.avg_pool": {"x": IMAGE, "size": 2},
    "numpy.max_pool": {"x": IMAGE, "size": 2},
    "numpy.getitem": {"start": (0, 0), "stop": (2, 2)},
    "numpy.pad": {"value": 0.0, "low": (1, 0), "high": (0, 1)},
    "numpy.fold": {"x": np.ones((2, 2)), "stride": (1,), "dilation": (1,), "lengths": (3,)},
    "numpy.windows": {"x": M},
    "numpy.interp": {"xp": M[0].cumsum(), "fp": M[1]},
    "numpy.take_along_axis": {"indices": np.argsort(M)},
    "numpy.linspace": {"start": 0.0, "stop": 1.0},
    "numpy.stack": {},
    "numpy.iota": {"shape": (3,), "axis": 0, "dtype": float32},
    "numpy.size": {"x": M, "axis": 0},
    "numpy.random_bits": {"shape": (3,), "seed": 0, "step": 0, "stream": "a"},
    "numpy.uniform": {"shape": (3,), "seed": 0, "step": 0, "stream": "a", "dtype": float32},
    "numpy.normal": {"shape": (3,), "seed": 0, "step": 0, "stream": "a", "dtype": float32},
    "Tensor.backward": {"gradient": M},
    "data.read_idx": {"path": Path(data.__file__).with_name("digits-labels.idx.gz")},
    "data.write_idx": {"path": "written"},
    "data.load_idx_folder": {"folder": "idx"},
    "pel.fit_table": {"source": SIZES, "target": "size", "quick": True, "verbose": 0},
    "data.read_table": {"source": {"a": [1.5, 2.5], "b": ["x", "y"]}},
    "data.stream_table": {"source": "SELECT 1 AS a, 2 AS b"},
    "data.Table": {"columns": data.read_table({"a": [1, 2]}).columns},
    "data.Schema": {"columns": data.read_table({"a": [1, 2]}).schema.columns},
    "pel.jvp": {"args": (M,), "tangents": (M,)},
    "pel.hvp": {"args": (M,), "tangents": (M,)},
    "pel.curvature": {"args": (M,)},
    "pel.op": {
        "name": "of_wrong_arguments",
        "forward": lambda xp, x: x * x,
        "derivative": lambda x, out: 2 * x,
    },
    "pel.show": {"target": np.sum},
    "viz.beside": {"pictures": [pel.viz.neuron()], "title": "a"},
    "viz.boundary": {"target": lambda rows: rows[:, 0], "x": X[:, :2], "y": Y},
    "viz.features": {"target": lambda rows: rows, "area": AREA},
    "viz.contours": {"functions": {"f": lambda rows: rows[:, 0]}, "area": AREA},
    "viz.plot": {"functions": {"f": np.tanh}, "low": 0.0, "high": 1.0},
    "viz.surface": {"function": lambda rows: rows[:, 0], "area": AREA},
    "pel.Input": {"shape": (4,)},
    "data.features": {"formulas": ["x1", "x1 * x2"], "x": X},
    "data.points": {"kind": "spiral", "rows": 20},
    "pel.Replay": {"history": trained().history},
    "pel.lesson": {"model": catalogue.ready, "x": X, "y": X[:, 0], "path": "lesson.html"},
    "pel.Tensor": {"data": M},
    "testing.check_grad": {"args": [M]},
    **{
        f"metrics.{name}": {"scores": X[:, 0]}
        for name in (
            *("roc_auc", "roc_curve", "precision_recall_curve", "average_precision"),
            *("sensitivity_at_specificity", "specificity_at_sensitivity"),
            *("precision_at_recall", "recall_at_precision"),
        )
    },
    "metrics.top_k_error": {"scores": np.ones((12, 6))},
    "models.Model": {"inputs": None, "outputs": None},
    "data.Dataset": {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "source": "b"},
    "models.RateRange": {"rates": [0.1], "losses": [1.0], "smoothed": [1.0], "suggestion": 0.1},
}
POSITIONAL: dict[str, tuple[Any, ...]] = {
    "numpy.broadcast_arrays": (M, M),
    "numpy.einsum": ("ij,jk->ik", M, M),
    "numpy.gradient": (M, 0.5),
    "pel.vjp": (lambda x: x * x, M),
    "pel.show": (lambda x: np.sum(x * x), M),
    "pel.explain": (lambda x: np.sum(x * x), M),
    "pel.draw": (lambda x: np.sum(x * x), M),
    "viz.frames": (lambda x: np.sum(x * x), M),
    "Tensor.reshape": (9,),
    "Tensor.transpose": (1, 0),
}
# They have a row in the catalogue, with arguments of its own.
CATALOGUED = [row.make for row in catalogue.ARGUMENTS]
# Of a model: what `Model` and `Sequential` define is called by people, the rest by the package.
METHODS = sorted(
    name
    for name in {*vars(pel.Model), *vars(pel.Sequential)}
    if not name.startswith("_") and inspect.isfunction(getattr(pel.Sequential, name))
)


def target(label: str, call: Function, signed: Function | None = None) -> Target:
    """A call by introspection: its required parameters get good values."""
    own = OWN.get(label, {})
    if label in POSITIONAL:
        parameters = inspect.signature(call).parameters.values()
        more = tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY)
        return Target(label, call, POSITIONAL[label], {}, more)
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
            yield target(f"Tensor.{name}", getattr(Tensor(0.5 if name == "item" else M), name))
    for module, label in (
        (pel, "pel"),
        (metrics, "metrics"),
        (data, "data"),
        (pel.testing, "testing"),
        (pel.viz, "viz"),
    ):
        for name in module.__all__:
            if name in (
                "play",
                "inspect",
            ):  # they open pages: tests/bad_input_play.py, …_inspect.py
                continue
            what = getattr(module, name)
            error = isinstance(what, type) and issubclass(what, Exception)
            if callable(what) and not error and what not in CATALOGUED:
                yield target(
                    f"{label}.{name}", what, what.__init__ if isinstance(what, type) else None
                )
    for make, right, wrong in catalogue.ARGUMENTS:
        rest = tuple(name for name in wrong if name not in right)
        yield Target(f"new {make.__name__}", make, (), dict(right), rest)
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
    for family in (
        of_tables,
        of_models,
        of_layers,
        of_losses,
        of_optimizers,
        of_training,
        of_records,
    ):
        yield from family()


def of(label: str, call: Function, **named: Any) -> Target:
    return Target(label, call, (), named, ())


@functools.cache
def of_sizes(task: str) -> Any:
    """A model of the table of sizes, trained when it is first asked for."""
    target = "size" if task == "classification" else "height"
    return pel.fit_table(SIZES, target, task=task, quick=True, verbose=0)


def of_tables() -> Iterator[Target]:
    """The methods of a table and of its schema."""
    table = data.read_table({"a": [1.5, 2.5], "b": ["x", "y"]})
    yield of("table.take", table.take, rows=[1, 0])
    yield of("table[]", table.__getitem__, key="a")
    yield Target("table.drop", table.drop, ("a",), {}, ())
    yield of("schema[]", table.schema.__getitem__, name="a")
    yield of("Schema.from_json", data.Schema.from_json, data=table.schema.to_json())
    for name, task in (
        ("predict", "classification"),
        ("predict_proba", "classification"),
        ("evaluate", "classification"),
        ("predict_interval", "regression"),
    ):

        def use(*, _name: str = name, _task: str = task, **arguments: Any) -> Any:
            return getattr(of_sizes(_task), _name)(**arguments)

        more = {"coverage": 0.5} if task == "regression" else {}
        yield of(f"TableModel.{name}", use, source=SIZES, **more)
    for name in ("save", "report"):

        def write(*, _name: str = name, **where: Any) -> Any:
            return getattr(of_sizes("classification"), _name)(**where)

        yield of(f"TableModel.{name}", write, path="table", overwrite=True)
    for layer in (nn.Standardize(), nn.QuantileBins(), nn.TargetScale()):
        yield of(f"{type(layer).__name__}.adapt", layer.adapt, x=X, dtype="float32")
    yield of("TargetScale.scaled", layer.scaled, y=X)
    types = {"types": {"a": "category"}}
    yield of(
        "types of read_table", lambda a: data.read_table({"a": [1]}, types={"a": a}), a="number"
    )
    yield of("a column of read_table", lambda a: data.read_table({"a": a}, **types), a=[1, 2])
    yield of("a row of read_table", lambda a: data.read_table([{"a": a}], **types), a=1)


def of_models() -> Iterator[Target]:
    """The methods of a model of one input, and of one with dicts of inputs and outputs."""
    ready, several = trained(), of_two_inputs()
    weights = ready.get_weights()
    good = {
        **{"x": X, "y": Y, "path": "model", "weights": weights, "name": "dense_1", "key": KEY},
        **{"params": dict(ready.params), "state": dict(ready.state), "input_shape": (4,)},
        **{"layer": nn.Dense(2), "print_fn": len, "train": True, "overwrite": True},
    }
    for method in METHODS:
        names = list(inspect.signature(getattr(ready, method)).parameters)
        named = {name: good[name] for name in names if name in good}
        if method == "fit":
            named |= {"verbose": 0}
        rest = tuple(name for name in names if name not in named)

        def fresh(*, _method: str = method, **arguments: Any) -> Any:
            return getattr(copy.deepcopy(ready), _method)(**arguments)

        yield Target(f"Sequential.{method}", fresh, (), named, rest)
    for kind in ("params", "state"):
        tree = dict(getattr(ready, kind))
        yield of(f"model.{kind} =", functools.partial(assign, ready, kind), tree=tree)
    yield of("model(x)", lambda x: ready(x), x=X)
    yield of("draw(model)", lambda x, y: pel.draw(ready, x, y), x=X, y=Y)
    yield of("picture.save", pel.viz.neuron().save, path="a.svg")._replace(more=("overwrite",))
    yield of("show(model)", lambda x, y: pel.show(ready, x, y), x=X, y=Y)
    yield of("explain(model)", lambda x, y: pel.explain(ready, x, y), x=X, y=Y)
    first = Target("Model", pel.Model, (), {"inputs": X4, "outputs": nn.Dense(2)(X4)}, ())
    yield first._replace(more=("seed", "dtype", "name"))
    yield of(
        "Model of dicts",
        lambda a, b: pel.Model({"a": X4}, {"b": b, "c": a}),
        a=H4,
        b=nn.Dense(2)(X4),
    )

    def data_of(method: str) -> Function:
        def call(**parts: Any) -> Any:
            x = {"a": parts["a"], "b": parts["b"]}
            y = [{"c": parts["c"], "d": parts["d"]}] if "c" in parts else []
            rest = {"verbose": 0} if method == "fit" else {}
            return getattr(several, method)(x, *y, **rest)

        return call

    for method in ("fit", "evaluate", "objective", "training_graph"):
        yield of(f"{method} of dicts", data_of(method), a=X, b=X, c=Y, d=X[:, 0])
    for method in ("predict", "__call__"):
        yield of(f"{method} of dicts", data_of(method), a=X, b=X)
    for name, value in {
        "loss": {"c": "cross_entropy", "d": "squared"},
        "metrics": {"c": ["accuracy"], "d": ["r2"]},
        "loss_weights": {"c": 1.0, "d": 0.5},
    }.items():

        def compiled(c: Any, d: Any, _name: str = name) -> Any:
            others = {"loss": {"c": "cross_entropy", "d": "squared"}}
            several.compile("sgd", **others | {_name: {"c": c, "d": d}})

        yield of(f"compile of dicts, {name}", compiled, **value)
    for argument, wrap in {
        "callbacks": lambda one: [one],
        "class_weight": lambda one: {0: one},
        "sample_weight": lambda one: [one] * 12,
    }.items():

        def fitted(_argument: str = argument, _wrap: Function = wrap, **inside: Any) -> Any:
            more = {_argument: _wrap(inside["one"])}
            return copy.deepcopy(ready).fit(X, Y, verbose=0, **more)

        one = pel.EarlyStopping("loss") if argument == "callbacks" else 1.0
        yield of(f"fit, inside {argument}", fitted, one=one)
    for argument, wrap, one in (
        ("metrics", lambda one: [one], "accuracy"),
        ("loss", lambda one: [one, "squared"], "cross_entropy"),
        ("regularizer", lambda one: [one], nn.L2(0.1)),
        ("rates", lambda one: {"dense_1": one}, 0.5),
        ("loss_weights", lambda one: [one, 1.0], 0.5),
    ):

        def recompiled(_argument: str = argument, _wrap: Function = wrap, **inside: Any) -> None:
            several = _argument in ("loss", "loss_weights")
            out = [nn.Dense(2)(X4), nn.Dense(2)(X4)] if several else nn.Dense(2, name="dense_1")(X4)
            pel.Model(X4, out).compile(**{_argument: _wrap(inside["one"])})

        yield of(f"compile, inside {argument}", recompiled, one=one)
    yield of("set_weights by name", lambda one: ready.set_weights({"dense_1.W": one}), one=WEIGHTS)
    yield Target("a saved function", saved_function(), (Tensor(X @ WEIGHTS[:, :2]),), {}, ())
    yield of("fit and validate", functools.partial(validated, ready), x=X, y=Y, weights=W)


def assign(model: Any, kind: str, tree: Any) -> None:
    setattr(copy.deepcopy(model), kind, tree)


def saved_function() -> Any:
    """A function of a model file, as loading makes it."""
    model = pel.Sequential([nn.Dense(2, lambda x: x * x), nn.Dense(2)], seed=0)
    model.build((4,))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        activation = pel.load(Path(folder) / "model").layers[0].activation
    return activation


def validated(model: Any, x: Any, y: Any, weights: Any) -> Any:
    return model.fit(X, Y, verbose=0, validation_data=(x, y, weights))


def of_two_inputs() -> Any:
    a, b = pel.Input((4,), name="a"), pel.Input((4,), name="b")
    h = nn.Add()([nn.Dense(3)(a), nn.Dense(3)(b)])
    model = pel.Model({"a": a, "b": b}, {"c": nn.Dense(2)(h), "d": nn.Dense(1)(h)}, seed=0)
    model.compile("sgd", {"c": "cross_entropy", "d": "squared"})
    return model


X4, W = pel.Input((4,)), np.ones(12, np.float32)
WEIGHTS = np.ones((4, 3), np.float32)
H4 = nn.Dense(2)(X4)
KEY = pel.Key(0, 1)


def of_layers() -> Iterator[Target]:
    """`init`, `apply` and the call of each layer of the catalogue."""
    for make, right, _ in catalogue.LAYERS:
        layer = make(**right)
        if not isinstance(layer, nn.Layer):
            continue
        kind, x = type(layer).__name__, input_of(layer)
        params, state = dict(layer.variables.params), dict(layer.variables.state)
        first = x[0] if layer.multiple_inputs else x
        type_ = TensorType(as_dtype(first.dtype), (N, *first.shape[1:]))
        yield of(f"{kind}.init", layer.init, key=KEY, x=type_)
        whole = {"params": params, "state": state, "x": x, "train": True, "key": KEY}
        yield of(f"{kind}.apply", layer.apply, **whole)
        yield of(f"{kind}(x)", layer, x=x)
        for name, tree in (("params", params), ("state", state)):
            for leaf, array in tree.items():

                def other(
                    _layer: Any = layer, _whole: Any = whole, _name: str = name, **one: Any
                ) -> Any:
                    return _layer.apply(**_whole | {_name: _whole[_name] | one})

                yield of(f"{kind}.apply, {name}", other, **{leaf: array})


def input_of(layer: Any) -> Any:
    """Ones that the layer takes; it is built for them."""
    dtype = "float64" if isinstance(layer, nn.Dates) else "float32"
    for shape in ((2,), (4,), (4, 2), (8, 8, 1), (8, 8, 2), (8, 8, 4), (32,)):
        x = np.ones((2, *shape), dtype)
        try:
            if layer.multiple_inputs:
                inputs = [pel.Input(shape), pel.Input(shape)]
                pel.Model(inputs, layer(inputs), seed=0).build([shape, shape])
                return [x, x]
            pel.Sequential([layer], seed=0, dtype=dtype).build(shape)
        except pel.ShapeError:
            continue
        return x
    raise AssertionError(f"no input for {layer}")


def of_losses() -> Iterator[Target]:
    """`per_row` and `targets` of each loss."""
    own = (
        nn.losses.UserLoss(lambda t, y: np.sum((y - t) ** 2, axis=-1)),
        nn.NegativeLogLikelihood(lambda t, y: -np.sum((y - t) ** 2, axis=-1)),
    )
    for loss in (*nn.losses.BY_NAME.values(), *own):
        y, output = targets_of(loss)
        type_ = TensorType(float32, (N, *output.shape[1:]))
        yield of(f"{loss.name}.targets", loss.targets, y=y, output=type_)
        checked = loss.targets(y, type_)
        yield of(f"{loss.name}.per_row", loss.per_row, target=checked, output=output)


def targets_of(loss: Any) -> tuple[Any, Any]:
    """Targets and outputs that the loss takes."""
    for width in (1, 3, 6):
        for y in (Y, X[:, :1], 2 * Y - 1, X[:, :3]):
            output = np.full((12, width), 1 / width, np.float32)
            try:
                loss.targets(y, TensorType(float32, (N, width)))
                loss.per_row(loss.targets(y, TensorType(float32, (N, width))), output)
            except pel.PellucidError:
                continue
            return y, output
    raise AssertionError(f"no targets for {loss}")


def of_optimizers() -> Iterator[Target]:
    """The methods of optimizers, of schedules and of batch sizes."""
    params = {"w": X[0], "b": X[:2]}
    for make, right, _ in catalogue.OPTIMIZERS:
        made = make(**right)
        kind = type(made).__name__
        if isinstance(made, optim.Schedule):
            yield of(f"{kind}.rate", made.rate, step=3)
        elif isinstance(made, optim.BatchSize):
            yield of(f"{kind}.size", made.size, epoch=3)
            yield of(f"{kind}.largest", made.largest, epochs=3)
        elif isinstance(made, optim.Optimizer):
            yield of(f"{kind}.rate", made.rate, step=3)
            yield of(f"{kind}.rates", made.rates, step=3, count=2)
            if isinstance(made, optim.Minimizer):
                continue
            slots = made.init(params)
            trees = {"gradients": params, "slots": slots, "params": params}
            yield of(f"{kind}.init", made.init, params=params)
            yield of(f"{kind}.update", made.update, **trees, rate=0.1)
            for tree in trees:
                for leaf, value in trees[tree].items():

                    def other(
                        _made: Any = made, _trees: Any = trees, _tree: str = tree, **one: Any
                    ) -> Any:
                        return _made.update(**_trees | {_tree: _trees[_tree] | one})

                    yield of(f"{kind}.update, {tree}", other, **{leaf: value})


def of_training() -> Iterator[Target]:
    """The hooks of callbacks, and what a history takes."""
    for make in (
        pel.Callback,
        lambda: pel.EarlyStopping("loss"),
        lambda: pel.ReduceOnPlateau("loss"),
        lambda: pel.StopBelow("loss", 0.1),
        pel.SwapAverages,
    ):
        for hook in ("on_start", "on_step", "on_measured", "on_epoch", "on_end"):
            callback = make()
            run = SimpleNamespace(
                **{"logs": {"loss": 1.0}, "history": History(), "epoch": 0, "kept": set()},
                **{"callbacks": [callback], "stop": False, "rate_scale": 1.0, "keep": len},
                **{"publish": lambda averages: None, "averages": False},
                restore=len,
            )
            yield of(f"{type(callback).__name__}.{hook}", getattr(callback, hook), run=run)
    yield of("History", History, max_points=3)
    for method, name in (("add_epoch", "row"), ("add_validation", "row"), ("add_steps", "columns")):
        good = [1.0] if name == "columns" else 1.0

        def add(_method: str = method, **one: Any) -> Any:
            getattr(History(), _method)(**one)

        def inside(_method: str = method, _good: Any = good, **one: Any) -> Any:
            getattr(History(), _method)({"step": _good} | one)

        yield of(f"History.{method}", add, **{name: {"step": good, "loss": good}})
        yield of(f"History.{method}, inside", inside, loss=good)
    yield of("History.add_seconds", History().add_seconds, what="step", seconds=1.0)


def of_records() -> Iterator[Target]:
    """Keys, and what the package hands out: it is looked at, and written where it can be."""
    for method in ("uniform", "normal"):
        yield of(f"Key.{method}", getattr(KEY, method), shape=(2,), dtype=float32)
    yield of("Key.child", KEY.child, name="a")
    yield of(
        "numbers of a Key",
        lambda seed, step: pel.Key(seed, step).uniform((2,), float32),
        seed=0,
        step=1,
    )
    digits = data.load_digits()
    named = {name: getattr(digits, name) for name in inspect.signature(data.Dataset).parameters}
    yield of("repr of a Dataset", lambda **parts: repr(data.Dataset(**parts)), **named)
    curve = models.RateRange([0.1, 0.2], [1.0, 2.0], [1.0, 2.0], 0.1)
    yield of("RateRange.save", curve.save, path="curve.png", overwrite=True)

    def drawn(**parts: Any) -> None:
        models.RateRange(**parts).save("drawn.png", overwrite=True)

    yield of(
        "a RateRange",
        drawn,
        rates=[0.1, 0.2],
        losses=[1.0, 2.0],
        smoothed=[1.0, 2.0],
        suggestion=0.1,
    )


TARGETS = list(targets())
