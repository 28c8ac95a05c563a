"""Every argument of every public callable of the door × wrong values: refused by its name.

The callables stand in `wrong.py`; what a wrong value gets stands on docs/bad-input-keras.md.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from typing import Any

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import PellucidError
from pellucid.keras import ops
from tests.keras.wrong import ANY, TARGETS, WRONG, Target
from tests.keras.wrong_page import PAGE, names, page, read, rows_of

ROWS = read(PAGE.read_text(encoding="utf-8"))
ROOMS = [name for name in keras.__all__ if inspect.ismodule(getattr(keras, name))]
# What has nothing to be wrong, or is for classes of a person's own; why.
NOT_HERE = {
    **dict.fromkeys(
        ("Callback", "Constraint", "Initializer", "LearningRateSchedule", "Loss", "Optimizer"),
        "a base class",
    ),
    **dict.fromkeys(("Regularizer", "History"), "a base class, and what fit returns"),
    **dict.fromkeys(("backend", "epsilon", "floatx", "image_data_format"), "it takes nothing"),
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), "the same"),
    "Model": "made by its inputs, or by a class of one's own: bad_input_keras.py",
}


def outcome(target: Target, argument: str, value: Any) -> str:
    """ "" for an accepted value, "named" or "unnamed" for a refused one, else what escaped."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.use(**{**target.good, argument: value})
    except PellucidError as error:
        return "named" if names(error, argument) else "unnamed"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return ""


@pytest.mark.one_in(4)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_each_argument_has_a_wrong_value_whose_line_stands_on_the_page(target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target.use(**target.good)  # else a wrong one would be refused for another's sake
    found = set(rows_of(target))
    assert {row.argument for row in found} == set(target.names)
    assert found == {row for row in ROWS if row.name == target.name}, "run make docs"


def test_the_page_has_these_callables_alone():
    assert {row.name for row in ROWS} == {target.name for target in TARGETS if target.names}
    assert PAGE.read_text(encoding="utf-8") == page(ROWS)
    assert set(ANY) == {f"{row.name}.{row.argument}" for row in ROWS if row.value == "anything"}


def test_each_line_is_one_that_can_be_read():
    for row in ROWS:
        assert "\n" not in row.line, row
        assert " at 0x" not in row.line, row
        assert len(row.line) < 1200, row
        assert not re.fullmatch(r"\w+ cannot be [^:]*", row.line), f"what must it be? {row}"


@pytest.mark.parametrize("room", [*ROOMS, "optimizers.schedules"])
def test_every_public_callable_has_wrong_values(room):
    known = {target.name for target in TARGETS}
    module = importlib.import_module(f"pellucid.keras.{room}")
    found = {id(getattr(module, name)) for name in module.__all__ if f"{room}.{name}" in known}
    same = {id(one) for name in known if (one := owned(name)) is not None}
    missing = [
        name for name in module.__all__
        if callable(getattr(module, name))
        and id(getattr(module, name)) not in found | same
        and name not in NOT_HERE
    ]  # fmt: skip
    assert not missing


def owned(name: str) -> Any:
    """What a name below keras stands for."""
    found: Any = keras
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_wrong_value_lets_another_error_out(target):
    escaped = []
    for argument in target.names:
        for word, value in WRONG.items():
            found = outcome(target, argument, value)
            if found not in ("", "named", "unnamed"):
                escaped.append(f"{argument}={word}: {found}")
    assert not escaped


SYMBOLIC = [target for target in TARGETS if target.name.startswith("ops.")]


@pytest.mark.slow
@pytest.mark.parametrize("target", SYMBOLIC, ids=lambda target: target.name)
def test_no_wrong_value_lets_another_error_out_of_a_network(target):
    """With tensors of a network in the place of arrays of numbers."""
    tensors = {
        name: keras.Input(value.shape[1:]) for name, value in target.good.items()
        if isinstance(value, np.ndarray) and value.ndim > 1 and value.dtype == np.float32
    }  # fmt: skip
    escaped = []
    for argument in set(target.names) - set(tensors):
        for word, value in WRONG.items():
            found = outcome(target._replace(good={**target.good, **tensors}), argument, value)
            if found not in ("", "named", "unnamed"):
                escaped.append(f"{argument}={word}: {found}")
    assert not escaped


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: ops.add(x, "no"), r"\[keras.ops.add\] x2 must be numbers or a tensor, got 'no'"),
        (lambda x: ops.add(x, None), r"x2 must be numbers or a tensor, got None"),
        (lambda x: ops.add(x, np.ones(3)), r"x1 and x2: shapes must broadcast"),
        (lambda x: ops.swapaxes(x, 7, 1), r"axis1 must lie in \[-2, 2\)"),
        (lambda x: ops.clip(x, "low", 1.0), r"x_min must be numbers or a tensor, got 'low'"),
        (lambda x: ops.reshape(x, ["a"]), r"newshape=\['a'\] cannot be: a dimension must be"),
        (lambda x: ops.split(2.0, 2), r"x must have an axis, got 2.0"),
        (lambda x: ops.vander([1.0], 10**9), r"N must be in \[0, 10000\]"),
        (lambda x: ops.slice(x, (0,), (1, 2)), r"start_indices must have a whole number for each"),
        (lambda x: ops.select([x > 0], 3), r"choicelist must be a list of arrays, got 3"),
        (lambda x: ops.searchsorted(2.0, x), r"sorted_sequence must have one axis"),
        (lambda x: ops.convert_to_tensor("no"), r"x must be numbers or a tensor, got 'no'"),
        (lambda x: ops.convert_to_numpy([None]), r"x must be numbers or a tensor, got \[None\]"),
        (lambda x: ops.shape([[1.0], [1.0, 2.0]]), r"x must be numbers or a tensor"),
        (lambda x: keras.random.randint((2,), 3, 3), r"maxval must be above minval"),
        (lambda x: keras.random.randint((2,), 0, 2.5), r"maxval must be a whole number, got 2.5"),
        (lambda x: keras.random.uniform((2,), 1.0, 0.0), r"maxval must be at least minval"),
        (lambda x: keras.random.normal((2,), dtype=0), r"dtype must be"),
        (lambda x: keras.metrics.MeanIoU(10**9), r"num_classes must be in \[1, 10000\]"),
        (lambda x: keras.metrics.Recall(thresholds=[]), r"thresholds must be one number or more"),
        (lambda x: keras.losses.MeanSquaredError()(x, "no"), r"y_pred must be numbers"),
        (lambda x: keras.activations.relu("no"), r"x must be numbers or a tensor, got 'no'"),
        (lambda x: keras.regularizers.get(3), r"expected a regularizer or its name, got 3"),
    ],
)  # fmt: skip
def test_the_argument_that_is_wrong_is_named(call, words):
    with pytest.raises(PellucidError, match=words):
        call(np.ones((3, 4), np.float32))
