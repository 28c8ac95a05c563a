"""Advice followed: optimizers, callbacks, training and transforms. See advice_cases.py."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pel
from pellucid import numpy as pnp
from pellucid import optim
from pellucid.transform.custom import op
from tests.advice_cases import (
    ONES,
    Followed,
    X,
    compiled,
    fitted,
    gradient,
    rate,
    traced,
)

PARAMS = {"w": np.ones(3), "b": np.ones(1)}


class Sign(optim.Optimizer):
    """w ← w - rate · sign(g): an optimizer of a person's own."""

    def step(self, gradients: Any, slots: Any, weights: Any, step: Any, rate: Any) -> Any:
        moves = zip(weights, gradients, strict=True)
        return [w - rate * pnp.sign(g) for w, g in moves], slots


class Stepless(optim.Optimizer):
    """Does not say what a step is."""


class FewArguments(Sign):
    def step(self, gradients: Any, weights: Any) -> Any:  # type: ignore[override]
        return weights, {}


class OddSlots(Sign):
    def slots_for(self) -> Any:  # type: ignore[override]
        return {}


class GoodSlots(Sign):
    def slots_for(self, weights: Any) -> Any:
        return {}


class OwnInit(Sign):
    def init(self, params: Any) -> Any:
        return {"step": 0}


class Still(optim.Minimizer):
    """A Minimizer of a person's own, which stays where it is."""

    def minimize_step(self, objective: Any, slots: Any, rate: Any, draw: Any) -> Any:
        return objective.start, slots


class Forgetful(Still):
    """A Minimizer that names what it remembers, and makes no room for it."""

    history = ("moves",)


class Remembering(Forgetful):
    def slots_for(self, weights: Any) -> Any:
        return {"moves": [pnp.stack([w * 0]) for w in weights]}


class Undefined(optim.Minimizer):
    """A Minimizer without its method."""


class FewToMinimize(optim.Minimizer):
    def minimize_step(self, objective: Any) -> Any:  # type: ignore[override]
        return objective.start, {}


class Stepping(Still):
    """A Minimizer that defines the method of an Optimizer."""

    step = Sign.step


class NoRate(optim.Schedule):
    """A Schedule without its method."""


class Halving(optim.Schedule):
    def rate(self, step: int) -> float:
        return 0.5**step


class NoSize(optim.BatchSize):
    """A BatchSize without its method."""


class Doubling(optim.BatchSize):
    def size(self, epoch: int) -> int:
        return 4 * 2**epoch


class Ends(pel.Callback):
    """Sets an attribute of the run after the first epoch."""

    def __init__(self, name: str, value: Any):
        self.name, self.value = name, value

    def on_epoch(self, run: Any) -> None:
        setattr(run, self.name, self.value)


class Few(pel.Callback):
    def on_epoch(self) -> None:  # type: ignore[override]
        pass


class Keras(pel.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass


class Ours(pel.Callback):
    def on_epoch(self, run: Any) -> None:
        pass


class KerasStart(pel.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        pass


def trained(optimizer: Any, **options: Any) -> Any:
    return fitted(X, X[:, 0], optimizer=optimizer, **options)


def sized(batch_size: Any) -> Any:
    return compiled().fit(X, X[:, 0], batch_size=batch_size, seed=0, verbose=0)


def updated(optimizer: Any, gradients: Any, params: Any = PARAMS, slots: Any = None) -> Any:
    made = optimizer.init(params) if slots is None else slots
    return optimizer.update(gradients, made, params)


def by_schedule(given: bool) -> Any:
    """A traced step under a schedule, its rate an argument or not."""
    optimizer = optim.SGD(optim.Step(0.1))
    slots = optimizer.init(PARAMS)

    def step(params: Any, slots: Any, rate: Any) -> Any:
        rate = rate if given else None
        return optimizer.update(params, slots, params, rate=rate)

    return traced(step, PARAMS, slots, optimizer.rate(int(slots["step"])))


def norm(params: Any) -> Any:
    return np.sum(params["w"] ** 2) + np.sum(params["b"] ** 2)


def large(rate: Any) -> Any:
    return fitted(X, X[:, 0], optimizer=optim.SGD(rate))


def steep(rate: float, scale: float = 1.0) -> Any:
    """Weights that overflow in a step: its loss is finite still."""
    model = compiled(optimizer=optim.SGD(rate), loss="absolute")
    x = X * np.float32(scale)
    return model.fit(x, X[:, 0], epochs=1, seed=0, verbose=0, batch_size=24)


def closing_over(function: Any) -> Any:
    """An operation whose forward uses a Tensor, or its numbers, or takes it."""
    return function(pel.Tensor(2.0))


def beside(numbers: bool) -> Any:
    beside = pel.Tensor(X)
    return pel.jit(lambda w, x: w + x, donate=0)(X.copy(), beside.numpy() if numbers else beside)


def numerical(function: Any, *args: Any) -> Any:
    return pel.numerical_grad(function)(*args)


FOLLOWED = [
    # optimizers
    Followed(
        "Write def step(gradients, slots, weights, step, rate).",
        lambda p: trained(FewArguments(0.1)),
        lambda p: trained(Sign(0.1)),
    ),
    Followed(
        "Write def slots_for(weights).",
        lambda p: trained(OddSlots(0.1)),
        lambda p: trained(GoodSlots(0.1)),
    ),
    Followed(
        "Write def minimize_step(objective, slots, rate, draw).",
        lambda p: trained(FewToMinimize(0.1)),
        lambda p: trained(Still(0.1)),
    ),
    Followed(
        "Use one of pel.optim, such as SGD(0.1).",
        lambda p: trained(optim.Optimizer(0.1)),
        lambda p: trained(optim.SGD(0.1)),
    ),
    Followed(
        "Define it in Stepless; see pel.optim.SGD for an example.",
        lambda p: trained(Stepless(0.1)),
        lambda p: trained(Sign(0.1)),
    ),
    Followed(
        "Define slots_for(weights).",
        lambda p: trained(OwnInit(0.1)),
        lambda p: trained(GoodSlots(0.1)),
    ),
    Followed(
        "Define slots_for(weights), which returns them in this order; see pel.optim.LBFGS.",
        lambda p: trained(Forgetful(0.1)),
        lambda p: trained(Remembering(0.1)),
    ),
    Followed(
        "Use LBFGS(), Newton() or Perturb(), or define it in a subclass.",
        lambda p: trained(Undefined(0.1)),
        lambda p: (trained(optim.LBFGS()), trained(optim.Newton()), trained(Still(0.1))),
    ),
    Followed(
        "Make it a subclass of Optimizer if one gradient a step is enough.",
        lambda p: trained(Stepping(0.1)),
        lambda p: trained(Sign(0.1)),
    ),
    Followed(
        "Train with fit, or use another one, such as Adam().",
        lambda p: optim.LBFGS().init(PARAMS),
        lambda p: (trained(optim.LBFGS()), optim.Adam().init(PARAMS)),
    ),
    Followed(
        "Use LBFGS, or Newton(max_weights=…) and time for as many gradients a step.",
        lambda p: trained(optim.Newton(max_weights=2)),
        lambda p: (trained(optim.LBFGS()), trained(optim.Newton(max_weights=5))),
    ),
    Followed(
        "Make the rate an argument of the function, give it optimizer.rate(int(slots['step'])), "
        "and call update(…, rate=rate).",
        lambda p: by_schedule(given=False),
        lambda p: by_schedule(given=True),
    ),
    Followed(
        "The gradient of a weight has its shape and dtype.",
        lambda p: updated(optim.SGD(), {"w": np.ones(2), "b": np.ones(1)}),
        lambda p: updated(optim.SGD(), {"w": np.ones(3), "b": np.ones(1)}),
    ),
    Followed(
        "Start with slots = optimizer.init(params), and go on with what update returns.",
        lambda p: updated(optim.Adam(), PARAMS, slots={}),
        lambda p: updated(optim.Adam(), PARAMS, slots=updated(optim.Adam(), PARAMS)[1]),
    ),
    Followed(
        "Take the gradient with respect to the same weights: pel.grad(loss)(params, …).",
        lambda p: updated(optim.SGD(), [np.ones(3), np.ones(1)]),
        lambda p: updated(optim.SGD(), pel.grad(norm)(PARAMS)),
    ),
    Followed(
        "Hand over the weights alone, in dicts, lists and tuples.",
        lambda p: optim.SGD().init({"w": np.ones(3), "name": "first"}),
        lambda p: optim.SGD().init({"w": np.ones(3)}),
    ),
    Followed(
        "Convert it, np.asarray(w, np.float32), or leave it out of the weights.",
        lambda p: optim.SGD().init({"w": np.ones(3), "n": np.arange(3)}),
        lambda p: (
            optim.SGD().init({"w": np.ones(3), "n": np.asarray(np.arange(3), np.float32)}),
            optim.SGD().init({"w": np.ones(3)}),
        ),
    ),
    Followed(
        "Use one of pel.optim, such as Step(0.1), or define rate in your class.",
        lambda p: rate(NoRate()),
        lambda p: (rate(optim.Step(0.1)), rate(Halving())),
    ),
    Followed(
        "Use one of pel.optim, such as GrowingBatch(32), or define size in your class.",
        lambda p: sized(NoSize()),
        lambda p: (sized(optim.GrowingBatch(32)), sized(Doubling())),
    ),
    # callbacks
    Followed(
        "Write def on_epoch(self, run).",
        lambda p: trained("sgd", callbacks=[Few()]),
        lambda p: trained("sgd", callbacks=[Ours()]),
    ),
    Followed(
        "Write a subclass of pel.Callback that calls it in on_epoch(self, run).",
        lambda p: trained("sgd", callbacks=[print]),
        lambda p: trained("sgd", callbacks=[Ours()]),
    ),
    Followed(
        "Write on_epoch, with (self, run).",
        lambda p: trained("sgd", callbacks=[Keras()]),
        lambda p: trained("sgd", callbacks=[Ours()]),
    ),
    Followed(
        "Write run.stop = True.",
        lambda p: trained("sgd", callbacks=[Ends("stop_training", True)]),
        lambda p: trained("sgd", callbacks=[Ends("stop", True)]),
    ),
    Followed(
        "A callback may set run.stop, run.rate_scale and run.averages.",
        lambda p: trained("sgd", callbacks=[Ends("learning_rate", 0.1)]),
        lambda p: (
            trained("sgd", callbacks=[Ends("stop", True)]),
            trained("sgd", callbacks=[Ends("rate_scale", 0.5)]),
            trained("sgd", callbacks=[Ends("averages", False)]),
        ),
    ),
    # training
    Followed(
        "The model keeps its last finite weights. Lower the learning rate or scale the data.",
        lambda p: steep(3e38, 1e3),
        lambda p: (steep(1e-3, 1e3), steep(1e30, 1e-30)),
    ),
    Followed(
        "Lower it, or the schedule's growth.",
        lambda p: large(1e39),
        lambda p: (large(1e-3), large(optim.Exponential(1e-3, 1.1, 10))),
    ),
    # transforms
    Followed(
        "Join them: np.stack(tensors).",
        lambda p: pel.Tensor([pel.Tensor(1.0), pel.Tensor(2.0)]),
        lambda p: np.stack([pel.Tensor(1.0), pel.Tensor(2.0)]),
    ),
    Followed(
        "Make it an input, or use a plain number: float(w).",
        lambda p: closing_over(lambda w: op("weighted_1", lambda xp, x: x * w, lambda x, out: w)),
        lambda p: closing_over(
            lambda w: (
                op(
                    "weighted_2",
                    lambda xp, x: x * float(w),
                    lambda x, out: float(w),
                ),
                op(
                    "weighted_3",
                    lambda xp, x, w: x * w,
                    [lambda x, w, out: w, lambda x, w, out: x],
                ),
            )
        ),
    ),
    Followed(
        "Hand over its numbers, x.numpy(), or leave donate out.",
        lambda p: beside(numbers=False),
        lambda p: (beside(numbers=True), pel.jit(lambda w, x: w + x)(X.copy(), pel.Tensor(X))),
    ),
    Followed(
        "Pass floats (1.0 instead of 1).",
        lambda p: pel.vjp(lambda x: x * x, 1),
        lambda p: pel.vjp(lambda x: x * x, 1.0),
    ),
    Followed(
        "Take its one element: np.sum(result).",
        lambda p: gradient(lambda x: x * x, np.ones(1)),
        lambda p: gradient(lambda x: np.sum(x * x), np.ones(1)),
    ),
    Followed(
        "Convert the result with astype if it is meant as a float.",
        lambda p: pel.jvp(lambda x: x > 0, (1.0,), (1.0,)),
        lambda p: pel.jvp(lambda x: (x > 0).astype("float32"), (1.0,), (1.0,)),
    ),
    Followed(
        "Hand over its numbers: x.numpy().",
        lambda p: numerical(lambda x: x * x, pel.Tensor(1.0)),
        lambda p: numerical(lambda x: x * x, pel.Tensor(1.0).numpy()),
    ),
    Followed(
        "Let it use the Tensor's numbers: w.numpy().",
        lambda p: closing_over(lambda w: numerical(lambda x: np.sum(x * w), np.ones(3))),
        lambda p: closing_over(lambda w: numerical(lambda x: np.sum(x * w.numpy()), np.ones(3))),
    ),
    Followed(
        "Write pellucid.numpy.softmax(x).",
        lambda p: pel.Tensor(ONES).softmax(),
        lambda p: pnp.softmax(pel.Tensor(ONES)),
    ),
]

BY_NATURE = {
    "Large tables belong in weights: set_weights of an Embedding or a Dense layer.": (
        "of descriptions above 64 MB, which take minutes to write"
    ),
    "Long lists belong in arrays, not in the description.": (
        "of descriptions above 32 MB, which take minutes to write"
    ),
}
