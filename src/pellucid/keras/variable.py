"""`keras.Variable`: the one object for numbers that Keras keeps, whoever owns them.

A variable holds no copy: a weight reads and writes the arrays of a layer of `pellucid.nn`, which
every model with that layer computes with. Those of metrics and of optimizers say in subclasses
where their numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from pellucid.core import dtypes
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.scopes import during
from pellucid.graph.node import TensorType
from pellucid.keras import blame, initializers
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION, path_of, plain_name, settle
from pellucid.keras.tensors import ROOT, KerasTensor, Node, Placed, applied, mapped
from pellucid.nn.init import Initializer
from pellucid.nn.layer import Layer, Tree
from pellucid.nn.symbols import Symbol
from pellucid.ops import composite
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.runtime.extras import numpy_dtype

Array = np.ndarray[Any, Any]
P = ParamSpec("P")
R = TypeVar("R")

# Inside a function without side effects: values that stand for those of variables, by their ids.
_STANDING: ContextVar[dict[int, Any] | None] = ContextVar("standing", default=None)
_SAYS_LITTLE = (None, "none", "mean", "sum", "only_first_replica", "auto", "on_read", "on_write")


def standing(
    values: Mapping[int, Any], function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> tuple[R, dict[int, Any]]:
    """The function's result while variables have these values, {id of a variable: value}.

    Beside it the values behind the call: `assign` changes them. A variable in the result is its
    value there: outside it would be read as the number that it had before.
    """
    own = {**(_STANDING.get() or {}), **values}
    found = during(_STANDING, own, function, *args, **kwargs)
    return mapped(found, lambda one: own.get(id(one), one)), own


@record
class KerasWeight(Layer):
    """A weight by itself, whatever x is.

    Args:
        shape: of the weight.
        initializer: how it starts.
    """

    shape: tuple[int, ...]
    initializer: Initializer

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        return {"value": self.initializer.values(key.child("value"), self.shape, x.dtype)}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        return params["value"], state


class Variable(Placed):
    """Numbers that change: a weight of a layer, or one that stands by itself.

    Assigned to an attribute of a layer, it becomes one of the layer's weights.

    Args:
        initializer: numbers; or the word or object of an initializer, with a `shape`.
        dtype: that of the numbers, float32 for floats, where None; keras.config.floatx inside a
            layer.
        trainable: whether training changes it.
        name: counted where it is None: variable, variable_1, …

    Attributes:
        path: the name, behind those of the layers that it was made in.
    """

    __pellucid_unwatched__ = ("name", "path", "shape", "kind", "leaf", "keeper", "_places")
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        where, of_one_machine = "Variable", "a model trains on one machine"
        for key, value in kwargs.items():
            refuse(where, key, value)
        permit(where, "aggregation", aggregation, *_SAYS_LITTLE, why=of_one_machine)
        permit(where, "synchronization", synchronization, *_SAYS_LITTLE, why=of_one_machine)
        permit(where, "layout", layout, None, why=of_one_machine)
        permit(where, "autocast", autocast, True, False)
        given, plain = {"trainable": trainable, "name": name}, {"trainable": True, "name": None}
        blame.check_kinds(where, given, plain)
        dtype = None if dtype is None else _kind(dtype)
        if isinstance(initializer, Variable):
            initializer = initializer.numpy()
        if isinstance(initializer, str) or callable(initializer):
            if shape is None:
                raise ArgumentError(
                    "keras.Variable", f"shape must be given with the initializer {initializer!r}"
                )
            start, dims = initializers.meant(where, initializer), shape_of(where, shape)
            dtype = SESSION.floatx if dtype is None else dtype
        else:
            numbers = _numbers(initializer, dtype)
            dtype, dims = str(numbers.dtype), numbers.shape
            start = initializers.meant(where, lambda shape, dtype: numbers)
        word = name or SESSION.name("Variable")
        inner = KerasWeight(dims, start, name=plain_name(word))
        self._hold(inner, "params", "value", dims, word, path_of(word), None, trainable)
        drawn(inner, dtype)

    @classmethod
    def of(
        cls, inner: Layer, kind: str, leaf: str, shape: tuple[int, ...], name: str, path: str,
        keeper: Any = None, trainable: bool = True,
    ) -> Variable:  # fmt: skip
        """The variable of an array of a layer of ours.

        Args:
            kind: "params" or "state"; leaf: the name there.
            shape: in Keras, which may be another than that of the array.
            keeper: the layer of the door, whose `trainable` counts too.
        """
        made = cls.__new__(cls)
        made._hold(inner, kind, leaf, shape, name, path, keeper, trainable)
        return made

    def _hold(
        self, inner: Layer, kind: str, leaf: str, shape: tuple[int, ...], name: str, path: str,
        keeper: Any, trainable: bool,
    ) -> None:  # fmt: skip
        self.inner, self.kind, self.leaf, self.keeper = inner, kind, leaf, keeper
        self.shape, self.name, self.path = tuple(shape), name, path
        self._trainable = self.begins_trainable = bool(trainable) and kind == "params"
        self._places: dict[int, KerasTensor] = {}

    # -- whose numbers they are: what subclasses define -------------------------------------

    @property
    def array(self) -> Array:
        """The array of the layer of ours, in its shape."""
        settle()
        held: Any = getattr(self.inner.variables, self.kind)
        found: Array = held[self.leaf]
        return found

    def _read(self) -> Any:
        """The numbers as they are now; an array may be the owner's own."""
        return self.array.reshape(self.shape)

    def _write(self, array: Array) -> None:
        """Gives the owner other numbers, of the same shape and dtype."""
        own = self.inner.variables
        if not own.claim.free:
            raise ArgumentError(
                "keras.Variable",
                "a weight belongs to the run while fit trains, got assign() in a callback "
                "or another thread",
                "Set it behind fit, or in on_train_end.",
            )
        held = dict(getattr(own, self.kind))
        held[self.leaf] = array.reshape(held[self.leaf].shape)
        setattr(own, self.kind, held)

    @property
    def trainable(self) -> bool:
        """Whether training changes it; compile the model behind a change."""
        return self._trainable and (self.keeper is None or self.keeper.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and self.kind != "params":
            raise ArgumentError(
                f"keras.{self.path}",
                "trainable must stay False: a statistic of batches has no gradient, got True",
            )
        self._trainable = bool(value)

    # -- what all variables do --------------------------------------------------------------

    @property
    def value(self) -> Any:
        """A copy of the numbers; inside `call` the tensor."""
        scope = _STANDING.get()
        if scope is not None and id(self) in scope:
            return scope[id(self)]
        if ROOT.get() is not None:
            return self.at(ROOT.get())
        return np.array(self._read())

    @property
    def dtype(self) -> str:
        held = (_STANDING.get() or {}).get(id(self))
        return str(held.type.dtype.name if isinstance(held, Value) else self._read().dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def numpy(self) -> Any:
        """A copy of the numbers as an array."""
        return np.array(self.__array__())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if isinstance((_STANDING.get() or {}).get(id(self)), Value):
            raise ArgumentError(
                "keras.Variable",
                f"{self.path} has no numbers inside a function that is traced, got a look at them",
                "Compute by keras.ops, or by variable.value.",
            )
        return np.array(self._read(), dtype)

    def __pellucid_value__(self) -> Any:
        """What it stands for where it meets values of a graph."""
        return self.value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of numbers: as of the array; inside `call` its operators."""
        if ROOT.get() is None or method != "__call__" or options:
            plain = [one.value if isinstance(one, Variable) else one for one in inputs]
            return getattr(ufunc, method)(*plain, **options)
        return applied(ufunc, inputs, {}, ufunc.__name__)

    def assign(self, value: Any) -> Any:
        """Replaces the numbers, and returns them.

        Args:
            value: of the same shape.

        Raises:
            ArgumentError: inside `call`, where a graph is made.
        """
        scope = _STANDING.get()
        if ROOT.get() is not None and scope is None:
            raise ArgumentError(
                "keras.Variable",
                "a weight changes by training alone, got assign() inside call",
                "Keep statistics in BatchNormalization, or outside of the model.",
            )
        given = _plain(value)
        if tuple(given.shape) != self.shape:
            raise ShapeError(
                "keras.Variable", f"the value of {self.path} must be {self.shape}, got "
                f"{tuple(given.shape)}",
            )  # fmt: skip
        if scope is not None:
            if id(self) not in scope:
                raise ArgumentError(
                    "keras.Variable",
                    f"{self.path} is none of the variables of this step, and what it is assigned "
                    "would be lost, got assign()",
                    "In an optimizer or a metric make it by add_variable; other variables of a "
                    "model are changed by the state that train_step returns.",
                )
            kind = dtypes.as_dtype(self.dtype)
            found = given if not isinstance(given, Value) else composite.astype(given, kind)
            scope[id(self)] = found
            return found
        kind = self._read().dtype
        made = np.array(np.asarray(given), kind, order="C")
        self._write(made)
        return made.copy()

    def assign_add(self, value: Any) -> Any:
        """Adds to the numbers, and returns them."""
        return self.assign(self.value + _plain(value))

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from the numbers, and returns them."""
        return self.assign(self.value - _plain(value))

    def __len__(self) -> int:
        return len(self._read())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __index__(self) -> int:
        return int(self.numpy().__index__())

    def __bool__(self) -> bool:
        raise ArgumentError(
            "keras.Variable",
            f"a branch cannot depend on a variable itself, got {self.path}",
            "Write variable.numpy(), with .any() or .all() of several numbers.",
        )

    def __pos__(self) -> Any:
        return self.value

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self.numpy(), digits or 0)

    def __eq__(self, other: Any) -> Any:
        """Whether each number is the other one."""
        return self._now() == (other._now() if isinstance(other, Variable) else other)

    def __ne__(self, other: Any) -> Any:
        return self._now() != (other._now() if isinstance(other, Variable) else other)

    def _now(self) -> Any:
        """The numbers, or what stands for them."""
        held = (_STANDING.get() or {}).get(id(self))
        return self._read() if held is None else held

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={self.numpy()}>"
        )

    def at(self, root: KerasTensor) -> KerasTensor:
        """The weight as a tensor of the network that begins at `root`."""
        if not isinstance(self.inner, KerasWeight):
            return self.keeper.borrowed(self)  # type: ignore[no-any-return]
        if self.dtype != SESSION.floatx:
            raise ArgumentError(
                "keras.Variable",
                f"a variable inside call must be {SESSION.floatx}, got {self.dtype} of {self.path}",
                "Give it that dtype.",
            )
        if id(root) not in self._places:
            symbol = Symbol(self.inner, [root.symbol])
            type = TensorType(SESSION.dtype, self.shape)
            self._places = {
                id(root): KerasTensor(symbol, type, Node(None, [root]), root, self.name)
            }
        return self._places[id(root)]


class Kept(Variable):
    """Numbers that a variable holds itself: no weight, and nothing trains it."""

    kind = ""

    def __init__(self, numbers: Array, name: str, path: str):
        self.name, self.path, self.shape = name, path, numbers.shape
        self._trainable, self.keeper = False, None
        self._numbers: Any = numbers

    def _read(self) -> Any:
        return self._numbers

    def _write(self, array: Array) -> None:
        self._numbers = array

    def take(self, numbers: Array) -> None:
        """Holds other numbers of the same kind, inside `call` too."""
        self._write(numbers)


def shape_of(where: str, given: Any) -> tuple[int, ...]:
    """The shape of a weight, as Keras takes it."""
    shape = () if given is None else (given,) if isinstance(given, int) else given
    if not isinstance(shape, (list, tuple)) or not all(map(_is_length, shape)):
        raise ArgumentError(
            f"keras.{where}", f"shape must be a tuple of whole numbers, got {given!r}"
        )
    return tuple(shape)


def input_shape_of(where: str, given: Any) -> tuple[Any, ...]:
    """The shape of an input with its rows, as `build` takes it."""
    listed = isinstance(given, (list, tuple)) and len(given) > 0
    rows = given[0] if listed else ...
    if not listed or not (rows is None or _is_length(rows)) or not all(map(_is_length, given[1:])):
        raise ArgumentError(
            f"keras.{where}",
            f"input_shape must be None for the rows, then a length for each axis, got {given!r}",
            "Write (None, 4) for rows of 4 numbers.",
        )
    return tuple(given)


def _is_length(one: Any) -> bool:
    whole = isinstance(one, (int, np.integer)) and not isinstance(one, bool)
    return whole and bool(0 <= one < 2**31)


def drawn(inner: KerasWeight, dtype: str) -> None:
    """Gives a weight its first numbers."""
    key = Key(asvalue(np.int64(SESSION.seed())), asvalue(np.int64(0)), "init").child("value")
    kind = dtypes.as_dtype(dtype, "keras.Variable")
    wide = kind if kind.is_float else SESSION.dtype
    start = np.asarray(inner.initializer.values(key, inner.shape, wide))
    inner.variables.params = {"value": np.array(start, numpy_dtype(kind), order="C")}
    inner.variables.state = {}


def _kind(given: Any) -> str:
    """The name of a dtype."""
    word = getattr(given, "name", given)
    word = {"int": "int32", "float": SESSION.floatx}.get(word, word)
    try:
        return str(dtypes.as_dtype(word, "keras.Variable").name)
    except DTypeError:
        refuse("Variable", "dtype", given, "float32, float64, int32, int64 or bool")


def _numbers(given: Any, dtype: str | None) -> Array:
    """Numbers of a variable, whose floats are those of models and whole numbers int32."""
    plain = np.asarray(given)
    if plain.dtype.kind not in "biuf":
        raise ArgumentError(
            "keras.Variable",
            f"initializer must be numbers, or a word for them, got {given!r}",
            'Write Variable(np.zeros(3)), or Variable("zeros", shape=(3,)).',
        )
    own = {"f": SESSION.floatx, "b": "bool"}.get(plain.dtype.kind, "int32")
    return np.array(plain, own if dtype is None else numpy_dtype(dtypes.as_dtype(dtype)))


def _plain(value: Any) -> Any:
    """Numbers as an array; what is traced as it is."""
    value = value.value if isinstance(value, Variable) else value
    return value if isinstance(value, (Value, KerasTensor)) else np.asarray(value)
