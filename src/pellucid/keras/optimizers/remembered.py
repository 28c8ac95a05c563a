"""What an optimizer of Keras remembers, as its variables, and steps as functions of them.

The numbers are those of the model that was compiled with it, as soon as that has trained; before,
and in a loop of a person's own, the optimizer holds them. Both are the slots of the optimizer of
ours: here they only get Keras's names and order.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.keras.session import SESSION
from pellucid.keras.variable import Variable
from pellucid.ops.composite.base import asvalue
from pellucid.ops.value import Value, number
from pellucid.optim import Optimizer as Inner
from pellucid.optim import Schedule
from pellucid.optim.base import STEP

# Of each optimizer of ours its slots in Keras's order and names; those of one group alternate, and
# one without a name has that of its weight.
_AROUND = ((("average", "average"),), (("gathered", "gradient_accumulator"),))
_MOMENTS = (("m", "momentum"), ("v", "velocity"))
_SLOTS: dict[str, tuple[tuple[tuple[str, str], ...], ...]] = {
    "SGD": ((("velocity", "momentum"),),),
    "Adam": (_MOMENTS, (("largest", "velocity_hat"),)),
    "Nadam": (_MOMENTS, (("product", "product"),)),
    "Lamb": (_MOMENTS,),
    "Muon": (_MOMENTS,),
    "Adamax": ((("m", "momentum"), ("u", "norm")),),
    "Lion": ((("m", "momentum"),),),
    "RMSprop": ((("s", "velocity"),), (("v", "momentum"),), (("m", "average_gradient"),)),
    "Adagrad": ((("s", "accumulator"),),),
    "Adadelta": ((("s", "accumulated_grad"), ("u", "accumulated_delta_var")),),
    "Adafactor": ((("row", ""), ("column", ""), ("s", "velocity")),),
    "Ftrl": ((("n", "accumulator"), ("z", "linear")),),
}
# Slots that hold the same number for all weights: one variable in Keras.
_COMMON = ("product",)
# Slots that Keras has of some weights alone: those whose shape they have.
_PARTIAL = {"Muon": "v"}
# Slots that go the other way in Keras: m ← μ·m - η·g, where ours is v ← μ·v + η·g.
_TURNED = {("SGD", "velocity")}

RATE_NAME = "learning_rate"
# The rate of the step that `fit` traces, where that comes from a schedule.
RATE: ContextVar[Any] = ContextVar("rate", default=None)

NONE = (1,)  # the shape of a slot that holds nothing


class OptimizerVariable(Variable):
    """What an optimizer keeps: the step count, the rate, an array for a weight.

    Args:
        slot: of the array, which is that of the weight at `place`; STEP and RATE_NAME are numbers.
    """

    kind = ""

    def __init__(self, owner: Remembered, name: str, slot: str, place: int = 0) -> None:
        self.name, self.path = name, f"{owner.name}/{name}"
        self._trainable, self.keeper = False, None
        self._owner, self._place = owner, (slot, place)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(self._read().shape)

    def _read(self) -> Any:
        return self._owner.number(*self._place)

    def _write(self, array: Any) -> None:
        self._owner.set_number(*self._place, array)


class Weight(NamedTuple):
    """A weight that an optimizer may move.

    Args:
        name: in a Model of ours, or its place in a list.
        number: its place among the weights of the model in Keras.
    """

    name: str
    variable: Variable
    number: int


class Remembered:
    """What has the variables of an optimizer.

    Attributes:
        keeper: the model that was compiled with it.
    """

    name: str
    inner: Inner
    keeper: Any = None
    learning_rate: Any
    _rate: Any
    _weights: list[Variable] | None = None
    _own: dict[str, Any] | None = None  # slots and step, where no model has them
    _listing: list[OptimizerVariable] | None = None

    # -- whose numbers they are -------------------------------------------------------------

    def _network(self) -> Any:
        """The model of ours that has the slots; None where the optimizer itself has them."""
        return None if self.keeper is None else self.keeper.remembering_network()

    def _slot(self, slot: str, place: int) -> Any:
        network = self._network()
        if network is None:
            return self._begun()[slot][place]
        return network.slots[slot][self._places(network)[place]]

    def _set_slot(self, slot: str, place: int, array: Any) -> None:
        network = self._network()
        slots = self._begun() if network is None else network.slots
        where = place if network is None else self._places(network)[place]
        changed = list(slots[slot])
        for n in range(len(changed)) if slot in _COMMON else (where,):
            changed[n] = array.reshape(changed[n].shape)
        if network is None:
            slots[slot] = changed
        else:
            network.slots = {**slots, slot: changed}

    def _steps(self) -> Any:
        network = self._network()
        if network is not None:
            return np.asarray(network.training.get("step", 0), np.int64)
        return np.asarray(0 if self._own is None else self._own[STEP], np.int64)

    def _set_steps(self, count: Any) -> None:
        network = self._network()
        if network is not None:
            network.training["step"] = int(count)
        else:
            self._own = {**(self._own or {}), STEP: np.asarray(count, np.int64)}

    def _places(self, network: Any) -> list[int]:
        """The place of each weight among the leaves of a model of ours."""
        layers = network.architecture.unique().values()
        each = [(id(one), leaf) for one in layers for leaf in one.variables.params]
        return [each.index((id(one.inner), one.leaf)) for one in self._weights or ()]

    def _begun(self) -> dict[str, Any]:
        """The numbers that the optimizer itself has."""
        own = self._own or {}
        if set(own) <= {STEP}:
            arrays = [one.array for one in self._weights or ()]
            self._own = {**self._inner_here().init(arrays), **own}
        assert self._own is not None
        return self._own

    @property
    def holds_numbers(self) -> bool:
        """Whether it remembers something itself, of a loop or a step of a person's own."""
        return self._own is not None

    def of_weights(self, weights: Sequence[Weight]) -> Inner:
        """The optimizer of ours for the weights of a model, in the order of its leaves."""
        return self.inner

    def _inner_here(self) -> Inner:
        """The optimizer of ours for the list of weights that it was built with."""
        listed = enumerate(self._weights or ())
        return self.of_weights([Weight(str(place), one, place) for place, one in listed])

    def hand_over(self, network: Any) -> bool:
        """Gives a model of ours the numbers that the optimizer itself had; whether it had some."""
        own, self._own = self._own, None
        if own is None:
            return False
        if self._weights is not None and set(own) > {STEP}:
            start: dict[str, list[Any]] = {
                name: [_zeros(type) for type in each] for name, each in network.slot_types().items()
            }
            for name, arrays in start.items():
                for place, array in zip(self._places(network), own[name], strict=True):
                    arrays[place] = np.asarray(array).reshape(arrays[place].shape)
            network.slots = start
        network.training["step"] = int(own[STEP])
        return True

    def built_with(self) -> list[Variable]:
        """The weights that it was built with; none before."""
        return list(self._weights or ())

    def forget(self) -> None:
        """Forgets its weights, and what it remembers of them itself."""
        self._weights = self._listing = self._own = None

    # -- variables --------------------------------------------------------------------------

    @property
    def built(self) -> bool:
        """Whether it has its variables."""
        return self._weights is not None or self._network() is not None

    def build(self, variables: Sequence[Any]) -> None:
        """Makes what it remembers of these weights."""
        if self._weights is not None:
            return
        for one in variables:
            if not isinstance(one, Variable):
                raise ArgumentError(
                    f"keras.optimizers.{type(self).__name__}.build",
                    f"variables must be those of a model, got {type(one).__name__}",
                    "Give it model.trainable_variables.",
                )
        self._weights, self._listing = list(variables), None

    @property
    def iterations(self) -> Any:
        """How many steps it has done; a variable, but where it gathers gradients of several."""
        count: Any = self.variables[0]
        return count if self.inner.gather_steps == 1 else count // self.inner.gather_steps

    @property
    def variables(self) -> list[Variable]:
        """The step count, the rate, and what it remembers of each weight, in Keras's order."""
        if self._weights is None and self._network() is not None:
            self.build(self.keeper.trainable_variables)
        if self._listing is None:
            self._listing = self._listed()
        return list(self._listing)

    def _listed(self) -> list[OptimizerVariable]:
        found = [OptimizerVariable(self, "iteration", STEP)]
        if not isinstance(self._rate, Schedule):
            found.append(OptimizerVariable(self, RATE_NAME, RATE_NAME))
        return found + [self._variable(*one) for one in self._entries()]

    def _variable(self, slot: str, place: int, name: str) -> OptimizerVariable:
        """What is kept beside a weight, as a variable."""
        return OptimizerVariable(self, name, slot, place)

    def number(self, slot: str, place: int) -> Any:
        """The number or array of a variable, as Keras has it."""
        if slot == STEP:
            return self._steps()
        if slot == RATE_NAME:
            return np.asarray(float(self._rate), SESSION.floatx)
        return self._sign(slot) * self._slot(slot, place)

    def set_number(self, slot: str, place: int, value: Any) -> None:
        """Sets the number or array of a variable."""
        if slot == STEP:
            self._set_steps(value)
        elif slot == RATE_NAME:
            self.learning_rate = float(value)
        else:
            self._set_slot(slot, place, self._sign(slot) * value)

    def _sign(self, slot: str) -> int:
        return -1 if (type(self.inner).__name__, slot) in _TURNED else 1

    def _entries(self) -> list[tuple[str, int, str]]:
        """Of each array its slot, the place of its weight, and Keras's name."""
        weights = self._weights or []
        names = [str(place) for place in range(len(weights))]
        there = self._inner_here().slot_types(self._types(), names) if weights else {}
        kind = type(self.inner).__name__
        groups, partial = [*_AROUND, *_SLOTS.get(kind, ())], _PARTIAL.get(kind)
        known = {slot for group in groups for slot, _ in group}
        groups += [((slot, slot),) for slot in there if slot not in known]
        return [
            (slot, place, self._word(slot, weight, word))
            for group in groups
            for place, weight in enumerate(weights)
            for slot, word in group
            if slot in there and not (slot in _COMMON and place)
            if not (partial == slot and weight.shape != there[slot][place].shape)
        ]

    @staticmethod
    def _word(slot: str, weight: Variable, word: str) -> str:
        """Keras's name of what is remembered of a weight."""
        if slot in _COMMON:
            return word
        return f"{weight.path.replace('/', '_')}_{word}" if word else weight.name

    def _types(self) -> list[TensorType]:
        """Those of the weights that it was built with."""
        return [TensorType(SESSION.dtype, one.shape) for one in self._weights or ()]

    # -- steps ------------------------------------------------------------------------------

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """Weights, and what the optimizer remembers, after a step; nothing that is given changes.

        Args:
            optimizer_variables: the numbers of `variables`, in their order.
            grads, trainable_variables: of the weights that it was built with.
        """
        where = f"keras.optimizers.{type(self).__name__}.stateless_apply"
        if not self.built:
            raise ArgumentError(
                where,
                "the optimizer must be built first",
                "Call optimizer.build(model.trainable_variables).",
            )
        own, weights = self.variables, self._weights or []
        for what, given, wanted in (
            ("optimizer_variables", optimizer_variables, own),
            ("grads", grads, weights),
            ("trainable_variables", trainable_variables, weights),
        ):
            if len(given) != len(wanted):
                raise ArgumentError(
                    where,
                    f"{what} must be {len(wanted)}, got {len(given)}",
                    "Compile with a new optimizer behind a change of trainable.",
                )
        scheduled = isinstance(self._rate, Schedule)
        steps, rest = _numbers(optimizer_variables[0]), list(map(_numbers, optimizer_variables[1:]))
        rate = RATE.get() if scheduled else rest.pop(0)
        entries = self._entries()
        inner = self._inner_here()
        types = inner.slot_types(self._types(), list(map(str, range(len(weights)))))
        slots: dict[str, Any] = {name: [_zeros(one) for one in own] for name, own in types.items()}
        for (slot, place, _), value in zip(entries, rest, strict=True):
            kept = (self._sign(slot) * value).reshape(types[slot][place].shape)
            if slot in _COMMON:
                slots[slot] = [kept] * len(weights)
            else:
                slots[slot][place] = kept
        slots[STEP] = steps
        before = list(map(_numbers, trainable_variables))
        moved, after = inner.update(list(map(_numbers, grads)), slots, before, rate)
        moved = [self._bounded(*pair, rate) for pair in zip(weights, moved, strict=True)]
        made = [
            (self._sign(slot) * after[slot][place]).reshape(value.shape)
            for (slot, place, _), value in zip(entries, rest, strict=True)
        ]
        return moved, [after[STEP], *([] if scheduled else [rate]), *made]

    @staticmethod
    def _bounded(weight: Variable, value: Any, rate: Any) -> Any:
        """A weight as its constraints leave it."""
        for one in weight.inner.penalties:
            if one.is_proximal and one.acts_on(weight.leaf, weight.leaf in weight.inner.biases):
                own = asvalue(value)
                strength, speed = (number(x, own.type.dtype) for x in (one.strength, 1.0))
                bound = one.proximal_step(strength, speed, own)
                value = bound if isinstance(value, Value) else np.asarray(bound)
        return value

    def scale_loss(self, loss: Any) -> Any:
        """The loss itself: weights are float32 or float64, which need no scaling."""
        return loss

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Moves weights by a step along gradients, one for each.

        Args:
            trainable_variables: the weights, where the optimizer is not built yet.
        """
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        weights, own = self._weights or [], self.variables
        moved, after = self.stateless_apply(own, grads, weights)
        for one, value in zip([*weights, *own], [*moved, *after], strict=True):
            one.assign(value)

    def apply_gradients(self, grads_and_vars: Any) -> Variable:
        """As `apply`, of pairs (gradient, weight); returns the step count."""
        pairs = list(grads_and_vars)
        self.apply([one for one, _ in pairs], [one for _, one in pairs])
        return self.variables[0]


def _numbers(given: Any) -> Any:
    given = given.value if isinstance(given, Variable) else given
    return given if isinstance(given, Value) else np.asarray(given)


def _zeros(type: TensorType) -> Any:
    return np.zeros([one for one in type.shape if isinstance(one, int)], type.dtype.name)
