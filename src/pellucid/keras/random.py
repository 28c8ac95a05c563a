"""keras.random: numbers that are drawn at once, or inside a `call` in each step.

The distributions are Keras's, the numbers are others. In prediction, where a layer has no random
numbers of its own step, a `call` draws the same ones each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import pellucid.numpy as pnp
from pellucid.core import dtypes
from pellucid.core.arguments import integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, keras_function, refuse
from pellucid.keras.operands import check_tensor
from pellucid.keras.ops_made import dimensions
from pellucid.keras.session import SESSION, path_of
from pellucid.keras.tensors import ROOT, KerasTensor, Node, called
from pellucid.keras.variable import Kept
from pellucid.nn import init
from pellucid.nn.layer import Layer, Tree
from pellucid.ops.composite.base import as_float, asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value

Draw = Callable[..., Value]  # (key, shape or values)


class SeedGenerator:
    """A row of seeds, of which each draw takes the next one.

    Attributes:
        state: the variable that says which is next: the seed, and how many were taken.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        for key, value in kwargs.items():
            refuse("random.SeedGenerator", key, value)
        if seed is not None:
            check_seed("keras.random.SeedGenerator", seed)
        blame.check_kinds("random.SeedGenerator", {"name": name}, {"name": None})
        self.name = name or SESSION.name("SeedGenerator")
        start = np.array([SESSION.seed() if seed is None else seed, 0], np.int64)
        word = "seed_generator_state"
        self.state = Kept(start, word, path_of(f"{self.name}/{word}"))

    def next(self) -> int:
        """The next seed."""
        taken = self.state.numpy()
        self.state.take(taken + [0, 1])
        return int(np.random.default_rng(taken.tolist()).integers(1 << 32))


def _seed(where: str, given: Any) -> tuple[int, bool]:
    """A seed, and whether each draw has the same one."""
    if given is None:
        return SESSION.seed(), False
    if isinstance(given, SeedGenerator):
        return given.next(), False
    return check_seed(f"keras.{where}", given), True


def _key(seed: int) -> Key:
    return Key(asvalue(np.int64(seed)), asvalue(np.int64(0)), "drawn")


@record
class KerasDraw(Layer):
    """Random numbers: new ones in each training step, else those of the seed.

    Args:
        draw: makes numbers of a key and what the layer reads.
        seed: of prediction; fixed: of training too.
    """

    draw: Draw
    seed: int
    fixed: bool

    multiple_inputs: ClassVar[bool] = True
    fewest_inputs: ClassVar[int] = 1
    needs_rows: ClassVar[bool] = False

    def apply(
        self, params: Tree, state: Tree, x: Any, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        own = _key(self.seed) if key is None or self.fixed or not train else key
        return self.draw(own, *x), state


def _numbers(a: Arguments, make: Callable[[Key, tuple[Any, ...]], Value]) -> Any:
    """Numbers of a shape, in which None stands for the rows inside a `call`."""
    shape = dimensions(a.where_, a.shape)
    seed, fixed = _seed(a.where_, a.seed)
    root = ROOT.get()
    if root is None:
        if None in shape:
            raise ArgumentError(
                f"keras.{a.where_}", f"shape must be numbers, got {shape}", "Draw inside call."
            )
        return make(_key(seed), shape)

    def draw(key: Key, x: Value) -> Value:
        return make(key, tuple(x.type.shape[0] if one is None else one for one in shape))

    return called(KerasDraw(draw, seed, fixed), [root], Node(None, [root]), "random")


def _of(a: Arguments, name: str, draw: Draw) -> Any:
    """Numbers that are drawn for the values of an argument."""
    x = getattr(a, name)
    check_tensor(a.where_, name, x)
    seed, fixed = _seed(a.where_, a.seed)
    if not isinstance(x, KerasTensor):
        return draw(_key(seed), as_float(x))
    return called(KerasDraw(draw, seed, fixed), [x], Node(None, [x]), "random")


def _kind(a: Arguments) -> Any:
    return dtypes.as_dtype(SESSION.floatx if a.dtype is None else a.dtype, f"keras.{a.where_}")


def _normal(a: Arguments) -> Any:
    kind, mean, spread = _kind(a), a.mean, a.stddev
    return _numbers(a, lambda key, shape: key.normal(shape, kind) * spread + mean)


def _truncated(a: Arguments) -> Any:
    kind, mean, spread = _kind(a), a.mean, a.stddev
    start = init.TruncatedNormal(1.0)
    return _numbers(a, lambda key, shape: start.values(key, shape, kind) * spread + mean)


def _ends(a: Arguments, empty: bool) -> tuple[Any, Any]:
    """The two ends of a range; `empty` says whether they may be equal."""
    low, high = a.minval, a.maxval
    if not (low <= high if empty else low < high):
        wanted = "at least" if empty else "above"
        raise ArgumentError(
            f"keras.{a.where_}", f"maxval must be {wanted} minval, got maxval={high}, minval={low}"
        )
    return low, high


def _uniform(a: Arguments) -> Any:
    kind, (low, high) = _kind(a), _ends(a, True)
    return _numbers(a, lambda key, shape: key.uniform(shape, kind) * (high - low) + low)


def _randint(a: Arguments) -> Any:
    a.only("dtype", "int32", "int64")
    kind = dtypes.as_dtype(a.dtype, "keras.random")
    for name in ("minval", "maxval"):
        if not blame.fits(blame.WHOLE, getattr(a, name)):
            raise ArgumentError(
                f"keras.{a.where_}", f"{name} must be a whole number, got {getattr(a, name)!r}"
            )
    low, high = _ends(a, False)

    def whole(key: Key, shape: tuple[Any, ...]) -> Value:
        drawn = pnp.floor(key.uniform(shape, dtypes.float64) * (high - low)) + low
        found: Value = pnp.astype(drawn, kind)
        return found

    return _numbers(a, whole)


def _categorical(a: Arguments) -> Any:
    a.only("dtype", "int32", "int64")
    kind = dtypes.as_dtype(a.dtype, "keras.random")
    count = integer("keras.random.categorical", "num_samples", a.num_samples)

    def chosen(key: Key, logits: Value) -> Value:
        if len(logits.type.shape) != 2:
            raise ShapeError(
                "keras.random.categorical", f"logits must be (N, C), got {logits.type.shape}"
            )
        rows, classes = logits.type.shape
        u = pnp.maximum(key.uniform((rows, count, classes), logits.type.dtype), 1e-30)
        noise = pnp.log(-pnp.log(u))
        found: Value = pnp.astype(pnp.argmax(pnp.expand_dims(logits, 1) - noise, axis=-1), kind)
        return found

    return _of(a, "logits", chosen)


def _dropout(a: Arguments) -> Any:
    a.only("noise_shape", None)
    rate = a.rate
    if not 0 <= rate < 1:
        raise ArgumentError("keras.random.dropout", f"rate must be in [0, 1), got {rate!r}")

    def dropped(key: Key, x: Value) -> Value:
        kept = key.uniform(x.type.shape, x.type.dtype) >= rate
        found: Value = pnp.where(kept, x / (1 - rate), 0.0)
        return found

    return _of(a, "inputs", dropped)


def _shuffle(a: Arguments) -> Any:
    x, axis = a.x, a.axis
    seed, _ = _seed(a.where_, a.seed)
    if isinstance(x, KerasTensor):
        refuse(a.where_, "x", x, "the rows of a batch have no order; shuffle arrays")
    check_tensor(a.where_, "x", x)
    array = np.asarray(x)
    if not (blame.fits(blame.WHOLE, axis) and -array.ndim <= axis < array.ndim):
        raise ArgumentError(
            f"keras.{a.where_}", f"axis must be one of the {array.ndim} axes of x, got {axis!r}"
        )
    order = np.random.default_rng(seed).permutation(array.shape[axis])
    return pnp.asarray(np.take(array, order, axis))


ROWS: dict[str, Callable[[Arguments], Any]] = {
    "normal": _normal,
    "truncated_normal": _truncated,
    "uniform": _uniform,
    "randint": _randint,
    "categorical": _categorical,
    "dropout": _dropout,
    "shuffle": _shuffle,
}


_KNOWN: dict[str, Any] = {
    "SeedGenerator": SeedGenerator,
    **{name: keras_function("random", name, make) for name, make in ROWS.items()},
}
globals().update(_KNOWN)
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("random", __all__)
