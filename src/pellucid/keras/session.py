"""What Keras keeps for a whole process: names that count up, a seed, the dtype of models."""

from __future__ import annotations

import gc
import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pellucid.core import dtypes
from pellucid.core.arguments import checked, choice, flag, real
from pellucid.core.arguments import seed as check_seed
from pellucid.core.scopes import during


class Session:
    """The one state of the door."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.random = np.random.default_rng()
        self.floatx = "float32"
        self.epsilon = 1e-7

    def name(self, kind: str) -> str:
        """`dense`, then `dense_1`, `dense_2`, as Keras counts."""
        word = snake_case(kind)
        number = self.counts.get(word, 0)
        self.counts[word] = number + 1
        return f"{word}_{number}" if number else word

    def seed(self) -> int:
        """The next seed."""
        return int(self.random.integers(1 << 32))

    @property
    def dtype(self) -> Any:
        return dtypes.as_dtype(self.floatx, "keras")


SESSION = Session()
P = ParamSpec("P")
R = TypeVar("R")
_PENDING: ContextVar[Callable[[], None] | None] = ContextVar("pending", default=None)


def hooked(publish: Callable[[], None], call: Callable[..., None], *args: Any) -> None:
    """Calls hooks of a run; `publish` gives the model the weights of the latest step."""
    during(_PENDING, publish, call, *args)


def settle() -> None:
    """Before arrays are looked at: in a hook of a run the model gets those of the latest step."""
    publish = _PENDING.get()
    if publish is not None:
        publish()


# The path of the layer that is built or called, and that layer by its id.
_PATH: ContextVar[tuple[str, int]] = ContextVar("path", default=("", 0))


def inside(layer: Any, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The function's result; paths of weights that it makes begin with the layer's own."""
    return during(_PATH, (_path(layer, True), id(layer)), function, *args, **kwargs)


def _path(layer: Any, fixed: bool) -> str:
    """The path of a layer that makes weights.

    Args:
        fixed: whether that is the layer's path from now on, as where it is built or called.
    """
    path, owner = _PATH.get()
    own = path
    if owner != id(layer):
        if fixed and layer.parent_path is None:
            layer.parent_path = path
        above = path if layer.parent_path is None else layer.parent_path
        own = f"{above}/{layer.name}" if above else layer.name
    return own


def path_of(name: str, layer: Any = None) -> str:
    """The path of a weight that is made now, by this layer."""
    path = _PATH.get()[0] if layer is None else _path(layer, False)
    return f"{path}/{name}" if path else name


def plain_name(name: str) -> str:
    """A name of Keras as one of ours."""
    word = "".join(one if one.isalnum() or one in "_-" else "_" for one in name)[:40]
    return word if word[:1].isalpha() or word[:1] == "_" else f"_{word}"


def snake_case(name: str) -> str:
    """`Conv2D` → `conv2d`, `MaxPooling2D` → `max_pooling2d`, as Keras does it."""
    word = re.sub(r"\W+", "", name)
    word = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", word)
    return re.sub("([a-z])([A-Z])", r"\1_\2", word).lower()


@checked
def set_random_seed(seed: int) -> None:
    """Seeds what the door draws from here on, and NumPy's and Python's generators as Keras does."""
    checked = check_seed("keras.utils.set_random_seed", seed)
    random.seed(checked)
    np.random.seed(checked % (1 << 32))
    SESSION.random = np.random.default_rng(checked)


def clear_session(free_memory: bool = True) -> None:
    """Counts names from the start again; with `free_memory`, what nothing holds any more goes."""
    flag("keras.utils.clear_session", "free_memory", free_memory)
    SESSION.counts.clear()
    if free_memory:
        gc.collect()


def floatx() -> str:
    """The dtype of models."""
    return SESSION.floatx


@checked
def set_floatx(value: str) -> None:
    """Sets the dtype of models that are made from here on: "float32" or "float64"."""
    choice("keras.config.set_floatx", "value", value, ("float32", "float64"))
    SESSION.floatx = value


def epsilon() -> float:
    """The small number that programs divide by, 1e-7."""
    return SESSION.epsilon


@checked
def set_epsilon(value: float) -> None:
    """Sets what `epsilon` returns."""
    SESSION.epsilon = real("keras.config.set_epsilon", "value", value, 0)


def image_data_format() -> str:
    """Channels come last."""
    return "channels_last"


@checked
def set_image_data_format(data_format: str) -> None:
    """Refuses all but "channels_last"."""
    choice("keras.config.set_image_data_format", "data_format", data_format, ("channels_last",))


def backend() -> str:
    """What computes."""
    return "pellucid"
