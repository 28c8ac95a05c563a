"""Wrong arguments: refused by Keras's names, whatever it is that does not take them.

In: arguments bound to a signature of Keras. Out: what is made of them, or an ArgumentError that
names the argument: by its kind, which Keras's default says, or as the one without which it goes.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.ops.value import Value

F = TypeVar("F", bound=Callable[..., Any])
FLAG, TEXT, WORD = "True or False", "text", "text or None"
NUMBER, NUMBERS = "a finite number", "a finite number or several"
WHOLE, AXES = "a whole number", "a whole number or several"
OPTIONAL = "a finite number or None"
LEVEL, CALLABLE, PATH = "0, 1 or 2", "a function", "a path"
# By name, where Keras's default does not say it; None is what most of them are by default.
_KINDS = {
    **dict.fromkeys(("name", "reduction"), WORD),
    **dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"), NUMBER),
    **dict.fromkeys(("max_value", "warmup_target", "stddev", "l1", "l2", "gain"), NUMBER),
    **dict.fromkeys(("momentum", "label_smoothing", "q", "decay_rate"), NUMBER),
    **dict.fromkeys(("threshold", "default_value", "epsilon"), NUMBER),
    **dict.fromkeys(("boundaries", "values"), NUMBERS),
    **dict.fromkeys(("seed", "class_id", "ignore_class", "k"), WHOLE),
    **dict.fromkeys(("max_tokens", "num_tokens", "maxlen", "num_classes", "line_length"), WHOLE),
    **dict.fromkeys(("patience", "cooldown", "start_from_epoch", "epochs", "batch_size"), WHOLE),
    **dict.fromkeys(("initial_epoch", "steps_per_epoch", "validation_steps", "index"), WHOLE),
    **dict.fromkeys(("validation_batch_size", "steps"), WHOLE),
    **dict.fromkeys(("min_delta", "baseline", "initial_value_threshold", "min_lr"), NUMBER),
    **dict.fromkeys(("N", "M", "n", "num"), WHOLE),
    **dict.fromkeys(("step", "max_val", "rate"), NUMBER),
    **dict.fromkeys(("decay_steps", "first_decay_steps", "initial_learning_rate"), NUMBER),
    **dict.fromkeys(("equation", "bias_axes"), TEXT),
    **dict.fromkeys(("output_size", "target_shape", "dims", "shared_axes"), AXES),
    **dict.fromkeys(("monitor", "separator", "padding", "truncating"), TEXT),
    **dict.fromkeys(("filepath", "filename", "log_dir", "backup_dir", "to_file"), PATH),
    **dict.fromkeys(("schedule", "print_fn", "function"), CALLABLE),
    **{
        "axis": AXES,
        "validation_freq": AXES,
        "alpha": NUMBERS,
        "factor": NUMBERS,
        "x_factor": NUMBERS,
        "y_factor": NUMBERS,
    },
}
_OPEN = ("learning_rate",)  # a number by default, or a schedule
# Of functions of these rooms alone: "" for any, as what they are made of says it.
# Or of one name.
OF_ROOM = {
    "random": {"seed": "", "minval": NUMBER, "maxval": NUMBER},
    "ops": dict.fromkeys(("values", "start", "stop", "base"), ""),
    "optimizers.Muon": dict.fromkeys(("weight_decay", "adam_weight_decay", "rms_rate"), OPTIONAL),
}
_EMPTY = inspect.Parameter.empty
_ANY = (_EMPTY, "")


def check_kinds(
    where: str,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    more: Mapping[str, str] | None = None,
) -> None:
    """Refuses what is no bool, no number or no name where Keras's default is one."""
    for name, value in values.items():
        default = defaults.get(name, _EMPTY)
        if value is not default:
            _check_kind(where, name, value, default, _kind(name, default, more or {}))


def _kind(name: str, default: Any, more: Mapping[str, str]) -> str:
    """What an argument must be; "" for any."""
    kind = more.get(name)
    return _KINDS.get(name) or _by_default(name, default) if kind is None else kind


def _check_kind(where: str, name: str, value: Any, default: Any, kind: str) -> None:
    if kind and not (value is None and default is None) and not fits(kind, value):
        raise ArgumentError(f"keras.{where}", f"{name} must be {kind}, got {shown(value)}")


def _by_default(name: str, default: Any) -> str:
    if isinstance(default, bool):
        return FLAG
    return NUMBER if isinstance(default, float) and name not in _OPEN else ""


def fits(kind: str, value: Any) -> bool:
    """Whether a value is of a kind."""
    if kind == FLAG:
        return isinstance(value, (bool, np.bool_))
    if kind in (TEXT, WORD):
        return isinstance(value, str) or (value is None and kind == WORD)
    if kind == OPTIONAL:
        return value is None or fits(NUMBER, value)
    if kind == LEVEL:
        return isinstance(value, (bool, int, np.integer)) and value in (0, 1, 2)
    if kind == CALLABLE:
        return callable(value)
    if kind == PATH:
        return isinstance(value, (str, os.PathLike))
    if kind in (AXES, NUMBERS) and isinstance(value, (list, tuple, np.ndarray)):
        one = WHOLE if kind == AXES else NUMBER
        several = np.ravel(value).tolist() if isinstance(value, np.ndarray) else value
        return all(fits(one, each) for each in several)
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return False
    try:
        number = float(value)
        return math.isfinite(number) and (kind in (NUMBER, NUMBERS) or number == int(value))
    except (TypeError, ValueError, OverflowError):
        return False


def shown(value: Any) -> str:
    """A value as messages have it: arrays by their shape, also those in a list."""
    if isinstance(value, (list, tuple)) and any(isinstance(one, np.ndarray) for one in value):
        inner = ", ".join(map(shown, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    shape = getattr(value, "shape", ()) if isinstance(value, (np.ndarray, Value)) else ()
    if shape:
        return f"an array {tuple(shape)}"
    return repr(value)


def object_of(where: str, word: str, given: Any, kind: type) -> Any:
    """An object of a kind, a function or None, as it is.

    Raises:
        ArgumentError: for anything else.
    """
    if given is None or isinstance(given, kind) or callable(given):
        return given
    raise ArgumentError(f"keras.{where}", f"expected a {word} or its name, got {shown(given)}")


def kinds(where: str, **more: str) -> Callable[[F], F]:
    """For a function written by hand: refuses unknown arguments, and what is of another kind.

    Args:
        more: kinds of arguments of its own, by their names; "" for any.
    """

    def decorated(function: F) -> F:
        parameters = inspect.signature(function).parameters
        own = {  # those that may be refused: Keras's default, and the kind
            name: (one.default, _kind(name, one.default, more)) for name, one in parameters.items()
        }
        in_order = list(parameters)

        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            for several in (zip(in_order, args, strict=False), kwargs.items()):
                for name, value in several:
                    default, kind = own.get(name, _ANY)
                    if kind and value is not default:
                        _check_kind(where, name, value, default, kind)
            return function(*args, **kwargs)

        return checked(inner)  # type: ignore[return-value]

    return decorated


def made(given: Any, make: Callable[[Any], Any], last: Sequence[str] = ()) -> Any:
    """What is made of arguments; an error names the argument that is to blame.

    Args:
        given: the `Arguments`.
        last: those that are to blame where no other one is.

    Raises:
        ArgumentError: where one of them is not what it can be.
    """
    try:
        return make(given)
    except PellucidError as error:
        if names_one(error.problem, given.values_):
            raise
        problem, fix = error.problem, error.fix
    except Exception:  # whatever a wrong value leads to
        problem, fix = "", ""
    order = sorted(given.values_, key=lambda one: one in last)
    name = to_blame(given, make, problem, order) or _last(given)
    raise ArgumentError(f"keras.{given.where_}", about(name, given.values_[name], problem), fix)


def about(name: str, value: Any, problem: str) -> str:
    """A problem with a value, as one of the argument that has it."""
    if not problem:
        return f"{name} cannot be {shown(value)}"
    other = re.fullmatch(rf"\w+ (must .*, got {re.escape(repr(value))})", problem)
    if other:
        return f"{name} {other[1]}"
    quoted = repr(value) in problem
    return f"{name}: {problem}" if quoted else f"{name}={shown(value)} cannot be: {problem}"


def names_one(problem: str, names: Mapping[str, Any]) -> bool:
    """Whether a problem has one of these names."""
    return any(re.search(rf"\b{re.escape(name)}\b", problem) for name in names)


def to_blame(given: Any, make: Any, problem: str, among: Sequence[str]) -> str | None:
    """The argument that a problem quotes, or without which the others are taken."""
    for name in among:
        value = given.values_[name]
        several = list(value) if isinstance(value, (list, tuple, dict, str)) else []
        quoted = any(problem.endswith(f"got {one!r}") for one in [value, *several])
        if quoted and value is not given.defaults_.get(name):
            return name
    for name in among:
        default = given.defaults_.get(name)
        if given.values_[name] is default:
            continue
        try:
            make(given.changed(name, 1 if default is _EMPTY else default))
        except Exception:  # another one is to blame too, or instead
            continue
        return name
    return None


def _last(given: Any) -> str:
    required = [name for name in given.values_ if given.defaults_.get(name) is _EMPTY]
    return str(next(iter([*required[::-1], *given.values_])))
