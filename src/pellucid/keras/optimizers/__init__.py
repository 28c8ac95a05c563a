"""keras.optimizers: names, defaults and forms of Keras over the optimizers of ours."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import optim as ours
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.members import unknown_member
from pellucid.keras.optimizers import schedules
from pellucid.keras.optimizers.own import Owned, rate_of_step
from pellucid.keras.optimizers.remembered import Weight
from pellucid.keras.session import SESSION, snake_case
from pellucid.optim import Schedule

Inner = ours.Optimizer
Make = Callable[..., Inner]


def _adam(a: Arguments, rate: Any, more: dict[str, Any]) -> Inner:
    return ours.Adam(
        rate, a.beta_1, a.beta_2, a.epsilon, epsilon_uncorrected=True, amsgrad=a.amsgrad, **more
    )


def _betas(kind: Any) -> Make:
    return lambda a, rate, more: kind(rate, a.beta_1, a.beta_2, a.epsilon, **more)


def _ftrl(a: Arguments, rate: Any, more: dict[str, Any]) -> Inner:
    return ours.Ftrl(
        rate, a.initial_accumulator_value, a.l1_regularization_strength,
        a.l2_regularization_strength, a.beta, **more,
    )  # fmt: skip


def _muon(a: Arguments, rate: Any, more: dict[str, Any]) -> Inner:
    words, _ = a.exclude_layers, a.exclude_embeddings  # which `_adam_of_muon` goes by
    if words is not None and (isinstance(words, str) or not all(map(_is_pattern, words))):
        raise ArgumentError(
            f"keras.{a.where_}",
            f"exclude_layers must be a list of words, which may be patterns, got {words!r}",
            'Write exclude_layers=["output"].',
        )
    matrices = more.pop("decoupled_decay")
    return ours.Muon(
        rate, a.adam_beta_1, a.adam_beta_2, a.epsilon, momentum=a.momentum, nesterov=a.nesterov,
        iterations=a.ns_steps, coefficients=(a.muon_a, a.muon_b, a.muon_c), scale=a.rms_rate,
        weight_decay=matrices, adam_weight_decay=a.adam_weight_decay or 0.0,
        adam_rate=a.adam_lr_ratio, **more,
    )  # fmt: skip


# Each row makes an optimizer of ours of Keras's arguments, a rate and what stands around a step.
ROWS: dict[str, Make] = {
    "SGD": lambda a, rate, more: ours.SGD(
        rate, a.momentum, a.nesterov and bool(a.momentum), rate_inside=True, **more),
    "Adam": _adam,
    "AdamW": _adam,
    "RMSprop": lambda a, rate, more: ours.RMSprop(
        rate, a.rho, a.momentum, a.epsilon, a.centered, epsilon_inside=True, rate_inside=True,
        **more),
    "Adagrad": lambda a, rate, more: ours.Adagrad(
        rate, a.initial_accumulator_value, a.epsilon, epsilon_inside=True, **more),
    "Adadelta": lambda a, rate, more: ours.Adadelta(rate, a.rho, a.epsilon, **more),
    "Adamax": _betas(ours.Adamax),
    "Nadam": lambda a, rate, more: ours.Nadam(
        rate, a.beta_1, a.beta_2, a.epsilon, 1.0, **more),
    "Lion": lambda a, rate, more: ours.Lion(rate, a.beta_1, a.beta_2, **more),
    "Lamb": _betas(ours.Lamb),
    "Ftrl": _ftrl,
    "Muon": _muon,
    "Adafactor": lambda a, rate, more: ours.Adafactor(
        rate, -a.beta_2_decay, a.epsilon_1, a.epsilon_2, a.clip_threshold, a.relative_step,
        **more),
}  # fmt: skip


def _is_pattern(word: Any) -> bool:
    """Whether a word can be searched for in paths."""
    try:
        return isinstance(word, str) and re.compile(word) is not None
    except re.error:
        return False


def _adam_of_muon(a: Arguments, weights: Sequence[Weight]) -> dict[str, Any]:
    """Which weights take Adam's step: those that are no matrices in Keras, and by their paths."""
    words = [*(a.exclude_layers or ()), *(["(?i)embedding"] if a.exclude_embeddings else [])]
    chosen = [
        name for name, weight, _ in weights
        if len(weight.shape) != 2 or any(re.search(word, weight.path) for word in words)
    ]  # fmt: skip
    return {"adam": tuple(chosen)}


# Arguments of an optimizer of ours that the weights of a model decide.
_BY_WEIGHTS = {"Muon": _adam_of_muon}

_CLIPS = {"clipnorm": "clip_each_norm", "clipvalue": "clip_value", "global_clipnorm": "clip_norm"}


def _around(a: Arguments) -> dict[str, Any]:
    """What stands around the step of any optimizer."""
    found = {own: getattr(a, name) for name, own in _CLIPS.items()}
    if sum(one is not None for one in found.values()) > 1:
        refuse(a.where_, "clipnorm", a.clipnorm, "one of clipnorm, clipvalue, global_clipnorm")
    if a.use_ema:
        found |= {"average": a.ema_momentum, "average_every": a.ema_overwrite_frequency}
    return {
        **found,
        "decoupled_decay": a.weight_decay or 0.0,
        "gather_steps": a.gradient_accumulation_steps or 1,
    }


class Rate(float):
    """The learning rate of an optimizer: a number, and as Keras's variable has it."""

    def __new__(cls, optimizer: Optimizer, value: float) -> Rate:
        made = super().__new__(cls, value)
        made._optimizer = optimizer
        return made

    _optimizer: Optimizer

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def assign(self, value: Any) -> None:
        """Sets the rate of the optimizer."""
        self._optimizer.learning_rate = value

    def numpy(self) -> Any:
        """The rate as NumPy's number."""
        return np.float32(self)

    @property
    def value(self) -> float:
        return float(self)


class Optimizer(Owned):
    """How a model is trained. One of your own has `update_step`, and `build` where it remembers.

    Args of one of your own:
        learning_rate, weight_decay, clipnorm, …: as of the others; give `super().__init__` them.

    Attributes:
        learning_rate: a number, which may be set between epochs; of a schedule that of this step.
        inner: the optimizer of ours.
        counted_by: says how many steps are done, of the model that was compiled with it.
    """

    room_name = ""
    make: Make
    counted_by: Callable[[], int] | None = None

    def __getattr__(self, name: str) -> Any:
        """Arguments can be read, as in Keras."""
        given = self.__dict__.get("_arguments")
        if given is not None and name in given.values_:
            return given.values_[name]
        return unknown_member(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a new value of an argument that the optimizer is made of."""
        given = self.__dict__.get("_arguments")
        known = {} if given is None else given.values_
        if name in known and name not in ("learning_rate", "name") and value is not known[name]:
            refuse(f"optimizers.{self.room_name}", name, value, "give it to a new optimizer")
        super().__setattr__(name, value)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.room_name:
            self.check_class()
        given, _ = bound("optimizers", self.room_name or "Optimizer", args, kwargs)
        self.name = given.name or SESSION.name(self.room_name or type(self).__name__)
        rate = schedules.meant(given.learning_rate)
        self.inner: Inner = blame.made(given, self._made)
        self._given = given.learning_rate
        self._rate = rate
        given.finish()
        self._arguments = given

    def of_weights(self, weights: Sequence[Weight]) -> Inner:
        """The optimizer of ours for these weights."""
        by_weights = _BY_WEIGHTS.get(self.room_name)
        if by_weights is not None:
            return dataclasses.replace(self.inner, **by_weights(self._arguments, weights))
        return super().of_weights(weights)

    def _made(self, given: Arguments) -> Inner:
        """The optimizer of ours."""
        rate, around = schedules.meant(given.learning_rate), _around(given)
        return type(self).make(given, rate, around) if self.room_name else self.of_own(rate, around)

    @classmethod
    def of_file(cls, inner: Inner) -> Optimizer:
        """What stands for an optimizer of ours out of a file."""
        made = cls.__new__(cls)
        made.inner, made.name = inner, snake_case(type(inner).__name__)
        made._given = made._rate = inner.learning_rate
        return made

    @property
    def learning_rate(self) -> Any:
        """The rate now; inside `update_step` that of the step that is traced."""
        if rate_of_step() is not None:
            return rate_of_step()
        if not isinstance(self._rate, Schedule):
            return Rate(self, self._rate)
        return Rate(self, self._rate.rate(0 if self.counted_by is None else self.counted_by()))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._rate, Schedule) or not isinstance(value, (int, float)):
            value = value.item() if getattr(value, "ndim", None) == 0 else value
            if isinstance(self._rate, Schedule) or not isinstance(value, (int, float)):
                raise ArgumentError(
                    f"keras.optimizers.{self.room_name}",
                    "learning_rate can be set where it is a number, to a number, got another",
                    "Make an optimizer with the schedule.",
                )
        self._rate = float(value)

    lr = learning_rate

    @property
    def scale(self) -> float:
        """The rate now, as a part of that of the optimizer of ours."""
        first = self.inner.learning_rate
        if isinstance(first, Schedule) or self._rate == first:
            return 1.0
        if not first:
            raise ArgumentError(
                f"keras.optimizers.{self.room_name}", "a rate of 0 cannot be raised", ""
            )
        return float(self._rate) / float(first)

    def get_config(self) -> dict[str, Any]:
        """The arguments, and the rate as it is now."""
        rate = self._given if isinstance(self._rate, Schedule) else float(self._rate)
        given = self.__dict__.get("_arguments")  # none of one out of a file
        values = {} if given is None else given.values_
        return {**values, "name": self.name, "learning_rate": rate}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Optimizer:
        """An optimizer with the arguments that `get_config` gave."""
        if custom_objects:
            refuse("optimizers.from_config", "custom_objects", custom_objects)
        return cls(**config)


def _class(name: str, make: Make) -> type[Optimizer]:
    doc = f"As keras.optimizers.{name}."
    own = {"room_name": name, "make": staticmethod(make), "__doc__": doc}
    return type(name, (Optimizer,), {**own, "__signature__": signature("optimizers", name)})


_MADE: dict[str, Any] = {name: _class(name, make) for name, make in ROWS.items()}
_BY_WORD = {name.lower(): kind for name, kind in _MADE.items()}
_KNOWN = {"Optimizer": Optimizer, **arguments.aliases("optimizers", _MADE)}


def get(identifier: Any) -> Any:
    """The optimizer that a name stands for."""
    if isinstance(identifier, str):
        if identifier.lower() not in _BY_WORD:
            raise ArgumentError(
                "keras.optimizers",
                f"unknown optimizer {identifier!r}",
                nearest(identifier, _BY_WORD),
            )
        return _BY_WORD[identifier.lower()]()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentError("keras.optimizers", f"expected an optimizer, got {identifier!r}")


Optimizer.__signature__ = signature("optimizers", "Optimizer")  # type: ignore[attr-defined]
globals().update(_KNOWN)
__all__ = sorted([*_KNOWN, "get", "schedules"])  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("optimizers", __all__)
