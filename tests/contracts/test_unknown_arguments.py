"""An argument that is not there is refused in our one form, by every constructor and method.

Functions that take the place of NumPy's and JAX's raise Python's own TypeError, as those do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pellucid as pel
from pellucid import data, models, nn, optim, testing
from pellucid.core.errors import ArgumentError

BASES = {  # what people derive from or never make
    *(pel.Callback, pel.Tensor, nn.Layer, nn.Loss, nn.Regularizer, nn.Initializer, nn.Symbol),
    *(optim.Optimizer, optim.Minimizer, optim.Schedule, optim.BatchSize, data.Dataset),
    *(models.RateRange, optim.Objective),
}
FUNCTIONS = (
    pel.draw,
    pel.explain,
    pel.jit,
    pel.numerical_grad,
    pel.op,
    pel.rate_range,
    pel.show,
    pel.Input,
    pel.lesson,
)
ZOO = (models.lecun1989, models.lenet5, models.alexnet)
PICTURES = [getattr(pel.viz, name) for name in pel.viz.__all__]
MODEL = pel.Sequential([nn.Dense(1)])
METHODS = (
    *("add", "apply", "build", "compile", "evaluate", "fit", "get_layer", "objective", "predict"),
    *("predict_proba", "save", "set_weights", "summary", "training_graph"),
)


def doors() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in (pel, nn, optim, data, models, testing):
        for name in module.__all__:
            kind = getattr(module, name)
            if inspect.isclass(kind) and not issubclass(kind, Exception) and kind not in BASES:
                yield name, kind
    for function in (*FUNCTIONS, *ZOO, *PICTURES):
        yield function.__name__, function
    for name in METHODS:
        yield f"model.{name}", getattr(MODEL, name)
    yield "model(x)", MODEL
    yield "layer(x)", nn.Dense(1)


@pytest.mark.parametrize(("label", "door"), dict(doors()).items())
def test_an_unknown_argument(label, door):
    with pytest.raises(ArgumentError, match="unknown argument 'no_such_argument'"):
        door(no_such_argument=1)


@pytest.mark.parametrize(("label", "door"), dict(doors()).items())
def test_a_door_says_what_it_is_and_takes(label, door):
    """A wrapper around a function hands on its name, its words and its signature."""
    if inspect.isclass(door):
        door = door.__init__
        assert door.__name__ == "__init__"
    elif not label.endswith("(x)"):
        assert label.endswith(door.__name__)
        assert door.__doc__
    kinds = [one.kind for one in inspect.signature(door).parameters.values()]
    assert kinds.count(inspect.Parameter.VAR_KEYWORD) == 0
