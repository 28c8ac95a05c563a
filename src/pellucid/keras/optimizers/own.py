"""Optimizers of a person's own: `build` and `update_step` in Keras's form, as one of ours.

In: a subclass of keras.optimizers.Optimizer, and the weights of a model. Out: an optimizer of ours
whose slots are the variables that `build` makes, and whose step is `update_step` on each weight,
traced once into the graph of a training step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.arguments import accepts, real
from pellucid.core.config import record
from pellucid.core.dtypes import int64
from pellucid.core.errors import ArgumentError
from pellucid.core.scopes import during
from pellucid.keras import initializers
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.optimizers.remembered import NONE, OptimizerVariable, Remembered, Weight
from pellucid.keras.session import SESSION
from pellucid.keras.variable import Variable, shape_of, standing
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, cast
from pellucid.optim import Optimizer as Inner
from pellucid.optim import Schedule
from pellucid.optim.base import STEP, Slots

_HOOK = "update_step(self, gradient, variable, learning_rate)"
_NEVER = ("apply", "apply_gradients", "stateless_apply", "scale_loss", "finalize_variable_values")
_RATE: ContextVar[Any] = ContextVar("rate of the step that is traced", default=None)


def rate_of_step() -> Any:
    """The rate of the step that is traced; None elsewhere."""
    return _RATE.get()


@record
class KerasOptimizer(Inner):
    """What a person's own optimizer of Keras does to the weights of a model.

    Args:
        of: the optimizer.
        names: of the weights that it was built with, in its order.
        order: the same as they come: the place of each in `names`.
    """

    of: Any = None
    names: tuple[str, ...] = ()
    order: tuple[int, ...] = ()

    def slots_for(self, weights: Sequence[Value]) -> Slots:
        return self.slots_of(weights, self.names)

    def slots_of(self, weights: Sequence[Value], names: Sequence[str]) -> Slots:
        places = {name: place for place, name in enumerate(self.names)}
        found: Slots = {}
        for slot, made in self.of.own_slots().items():
            found[slot] = []
            for weight, name in zip(weights, names, strict=True):
                own = made.get(places.get(name, -1))
                kind = weight.type.dtype
                found[slot].append(composite.zeros(NONE if own is None else own.kept, kind))
        return found

    def step(
        self,
        gradients: Sequence[Value],
        slots: Slots,
        weights: Sequence[Value],
        step: Value,
        rate: Value,
    ) -> tuple[list[Value], Slots]:
        of, order = self.of, self.order
        variables, table = of.built_with(), of.own_slots()
        values = {id(of.variables[0]): cast(step, int64) * self.gather_steps}
        if len(of.variables) > 1 and of.variables[1].name == "learning_rate":
            values[id(of.variables[1])] = rate
        for n, place in enumerate(order):
            values[id(variables[place])] = weights[n]
            for slot, made in table.items():
                if place in made:
                    own = made[place]
                    values[id(own.variable)] = composite.reshape(slots[slot][n], own.shape)

        def move() -> None:
            for place, n in sorted((place, n) for n, place in enumerate(order)):
                of.update_step(gradients[n], variables[place], rate)

        _, now = standing(values, during, _RATE, rate, move)
        new = [
            _like(composite.asvalue(now[id(variables[place])]), weight)
            for place, weight in zip(order, weights, strict=True)
        ]
        after: Slots = {}
        for slot, before in slots.items():
            after[slot] = []
            for place, value in zip(order, before, strict=True):
                known = table[slot].get(place)
                left = value if known is None else composite.asvalue(now[id(known.variable)])
                after[slot].append(_like(composite.reshape(left, value.type.shape), value))
        return new, after


def _like(value: Value, other: Value) -> Value:
    return cast(value, other.type.dtype)


class OwnVariable(OptimizerVariable):
    """A variable that a person's own optimizer made: its shape is known before its numbers are."""

    own_shape: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.own_shape

    @property
    def dtype(self) -> str:
        return SESSION.floatx

    def _read(self) -> Any:
        return super()._read().reshape(self.own_shape)


class _Slot(NamedTuple):
    """A variable of an optimizer as it is kept beside a weight."""

    variable: OptimizerVariable
    shape: tuple[int, ...]
    first: Any

    @property
    def kept(self) -> tuple[int, ...]:
        """The shape of the array: that of a single number is an array of one."""
        return self.shape or NONE


class Owned(Remembered):
    """What an optimizer of a person's own has: variables that `build` makes, and assignments."""

    # What a step reads of these it gets as its arguments, or it stays as it is.
    __pellucid_unwatched__ = (
        *("keeper", "counted_by", "inner", "_rate", "_own", "_weights", "_listing", "_tables"),
    )
    _tables: dict[str, dict[int, _Slot]]
    _order: list[tuple[str, int, str]]  # slot, place and name of each variable, as they were added

    @property
    def _is_own(self) -> bool:
        """Whether its class is a person's own."""
        return isinstance(self.inner, KerasOptimizer)

    def check_class(self) -> None:
        """Refuses a class without `update_step`, and one with methods that nothing would call."""
        kind = type(self)
        where = f"keras.optimizers.{kind.__name__}"
        if kind.update_step is Owned.update_step:
            raise ArgumentError(
                where, "an optimizer of your own must define update_step, got none",
                f"Write def {_HOOK}.",
            )  # fmt: skip
        accepts(where, "update_step", self.update_step, 3, _HOOK)
        for name in _NEVER:
            if getattr(kind, name, None) is not getattr(Owned, name, None):
                refuse(f"optimizers.{kind.__name__}", name, "…", "fit calls update_step alone")

    def check_file(self) -> None:
        """Refuses to be written into a file where its class is a person's own."""
        if self._is_own:
            raise ArgumentError(
                "keras.save",
                f"the optimizer must be one of Keras's, got {type(self).__name__}: a file loads "
                "without running code, and cannot hold a class of your own",
                "Write model.save_weights(path), or compile with one of Keras's before save.",
            )

    def check_keeper(self, model: Any) -> None:
        """Refuses to train a model where it has the variables of another one."""
        if self._is_own:
            raise ArgumentError(
                f"keras.optimizers.{type(self).__name__}",
                "an optimizer of your own trains the model that was compiled with it last, got "
                f"{model.name}",
                "Make one for each model, or call compile with it again.",
            )

    def of_own(self, rate: Any, around: dict[str, Any]) -> Inner:
        """The optimizer of ours, before it knows weights."""
        if not isinstance(rate, Schedule):
            real(f"keras.optimizers.{type(self).__name__}", "learning_rate", rate, 0)
        self._tables, self._order = {}, []
        return KerasOptimizer(rate, **around, of=self)

    def of_weights(self, weights: Sequence[Weight]) -> Inner:
        """The optimizer of ours for these weights, of which it is built with the trainable ones."""
        if not self._is_own:
            return self.inner
        own = [one for one in weights if one.variable.trainable]
        known = self._known()
        if known.keys() != {id(one.variable) for one in own} and self._network() is None:
            self.forget()
            self.build([one.variable for one in sorted(own, key=lambda one: one.number)])
        _ = self.variables  # which are listed before a step is traced
        known = self._known()
        names = {known[id(one.variable)]: one.name for one in weights if id(one.variable) in known}
        order = [known[id(one.variable)] for one in own if id(one.variable) in known]
        return self._for(tuple(names[place] for place in sorted(names)), tuple(order))

    def _known(self) -> dict[int, int]:
        """{id: place} of the weights that it was built with."""
        return {id(one): place for place, one in enumerate(self._weights or ())}

    def _inner_here(self) -> Inner:
        if not self._is_own:
            return super()._inner_here()
        count = len(self._weights or ())
        return self._for(tuple(map(str, range(count))), tuple(range(count)))

    def _for(self, names: tuple[str, ...], order: tuple[int, ...]) -> Inner:
        """The optimizer of ours for weights of these names that come in this order."""
        return dataclasses.replace(self.inner, names=names, order=order)  # type: ignore[call-arg]

    def _begun(self) -> dict[str, Any]:
        fresh = set(self._own or {}) <= {STEP}
        own = super()._begun()
        for slot, made in self._tables.items() if fresh and self._is_own else ():
            own[slot] = [
                made[place].first.reshape(array.shape) if place in made else array
                for place, array in enumerate(own[slot])
            ]
        return own

    def hand_over(self, network: Any) -> bool:
        if self._is_own and self._network() is None:
            self._begun()
        return super().hand_over(network)

    def _variable(self, slot: str, place: int, name: str) -> OptimizerVariable:
        own = self._tables.get(slot, {}).get(place) if self._is_own else None
        return super()._variable(slot, place, name) if own is None else own.variable

    def _entries(self) -> list[tuple[str, int, str]]:
        found = super()._entries()
        if not self._is_own:
            return found
        return [one for one in found if one[0] not in self._tables] + self._order

    @property
    def built(self) -> bool:
        """Whether it has its variables: `build` of a person's own may look at it."""
        return self._weights is not None if self._is_own else super().built

    def forget(self) -> None:
        super().forget()
        self._tables, self._order = {}, []

    def own_slots(self) -> dict[str, dict[int, _Slot]]:
        """{slot: {the place of a weight: the variable that is kept beside it}}."""
        return self._tables

    # -- what a class of a person's own calls, and defines ------------------------------------

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight, and what is remembered of it, by assignments."""
        raise NotImplementedError

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape of a weight, which starts as `initializer` says."""
        place = self._get_variable_index(reference_variable)
        shape = tuple(reference_variable.shape)
        word = f"{reference_variable.path.replace('/', '_')}_{name or 'variable'}"
        return self._added(place, shape, word, initializer)

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A variable of the optimizer itself."""
        where = f"optimizers.{type(self).__name__}.add_variable"
        permit(where, "dtype", getattr(dtype, "name", dtype), None, SESSION.floatx)
        permit(where, "aggregation", aggregation, "none")
        permit(where, "layout", layout, None)
        return self._added(0, shape_of(where, shape), name or "variable", initializer)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """For each name a list of variables, one a weight; of a single name the list."""
        several = not isinstance(name, str)
        words = list(name) if several else [name]
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer]
        starts = starts * len(words) if len(starts) == 1 else starts
        made = tuple(
            [self.add_variable_from_reference(one, word, start) for one in trainable_variables]
            for word, start in zip(words, starts, strict=True)
        )
        return made if several else made[0]

    def _added(self, place: int, shape: tuple[int, ...], name: str, start: Any) -> Variable:
        if self._weights is None:
            raise ArgumentError(
                f"keras.optimizers.{type(self).__name__}",
                "variables are added in build behind super().build(variables), got one before",
            )
        number = sum(place in made for made in self._tables.values())
        slot = f"variable_{number}"
        key = Key(composite.asvalue(np.int64(SESSION.seed())), composite.asvalue(np.int64(0)), name)
        first = initializers.meant(name, start).values(key, shape, SESSION.dtype)
        made = OwnVariable(self, name, slot, place)
        made.own_shape = shape
        entry = _Slot(made, shape, np.asarray(first, SESSION.floatx))
        self._tables.setdefault(slot, {})[place] = entry
        self._order.append((slot, place, name))
        self._listing = None
        return made

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a weight among those that the optimizer was built with."""
        for place, one in enumerate(self._weights or ()):
            if one is variable:
                return place
        raise ArgumentError(
            f"keras.optimizers.{type(self).__name__}",
            f"a weight must be one that the optimizer was built with, got {variable!r}",
        )

    def assign(self, variable: Variable, value: Any) -> None:
        """Replaces the numbers of a weight, or of a variable of the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Adds to them."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtracts from them."""
        variable.assign_sub(value)
