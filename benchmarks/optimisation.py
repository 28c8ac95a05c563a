"""The lectures' experiments on optimisation: batches, momentum, the learning rate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from experiment import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    Array,
    Clock,
    Page,
    mnist,
    network,
    panels,
    spread,
)

import pellucid as pel
from pellucid.train.callback import Callback, Run

# -- growing batches ---------------------------------------------------------------------------


def growing_batch(folder: Path) -> Page:
    data, rate, target, seeds, every = mnist(folder), 0.5, 0.02, (0, 1, 2), 200
    x, y = data.x_train, data.y_train
    part = (x[:5000], y[:5000])
    grown = pel.optim.GrowingBatch(20, factor=2, every=2)
    ways = {
        "20 rows, fixed": (20, RED),
        "20, doubled every 2 epochs": (grown, BLUE),
        "100 rows, fixed": (100, GREY),
    }
    most = 30
    figure, (axes,) = panels(1, height=4)
    rows, needed = [], {}
    for name, (size, color) in ways.items():
        updates, seconds, epochs = [], [], []
        for seed in seeds:
            model, clock = network([200], seed), Clock(target)
            model.compile(pel.optim.SGD(rate), loss="cross_entropy")
            # A batch size that doubles on would be all rows: the epochs are bounded for all alike.
            history = model.fit(
                x,
                y,
                batch_size=size,
                epochs=most,
                seed=seed,
                verbose=0,
                threads=1,
                validation_data=part,
                validate_every=every,
                callbacks=clock,
            )
            curve = history.validation
            if curve["val_loss"][-1] > target:
                raise RuntimeError(f"{name}, seed {seed}: {target} not reached in {most} epochs")
            updates.append(curve["step"][-1])
            seconds.append(clock.seconds[-1])
            epochs.append(len(history.epochs.get("loss", [])) + 1)
            axes.plot(
                curve["step"],
                curve["val_loss"],
                color=color,
                linewidth=1.1,
                alpha=0.85,
                label=name if seed == seeds[0] else None,
            )
            print(f"{name}, seed {seed}: {updates[-1]} updates, {seconds[-1]:.1f} s", flush=True)
        needed[name] = float(np.median(updates))
        rows.append([name, spread(updates), spread(epochs), spread(seconds, ".1f")])
    axes.axhline(target, color="black", linewidth=0.8, linestyle=":", label=f"target, {target}")
    axes.set(xscale="log", yscale="log", xlabel="updates", ylabel="training loss in nats")
    axes.legend(frameon=False)
    first, second, _ = ways
    return Page(
        [
            f"The network 784-200-10 is trained on MNIST with a constant learning rate, {rate}, "
            f"until its training loss is {target}. Batches that start small and grow need "
            f"{needed[second] / needed[first]:.0%} of the updates of batches that keep the first "
            "size: larger batches have less gradient noise, so that steps undo less of each "
            "other. The objective is a mean over the rows of a batch, so the learning rate need "
            "not change.",
            "A fixed batch size of 100 is shown for comparison; to find a good fixed size takes a "
            "search.",
        ],
        ["batch size", "updates", "last epoch", "seconds of training, one thread"],
        rows,
        figure,
        f"Training loss by updates, {len(seeds)} seeds each",
        [
            f"Medians over seeds {', '.join(map(str, seeds))}, range in brackets. The loss is that "
            f"of the first {len(part[0]):,} training images, measured every {every} updates; "
            "seconds exclude measuring.",
        ],
    )


# -- correlated data ---------------------------------------------------------------------------


class Path2D(Callback):
    """Keeps the weights after each step; ends where `error` is a millionth of the first."""

    def __init__(self, model: pel.Sequential, error: Callable[[Array], float], start: Array):
        self.model, self.error, self.points = model, error, [start]

    def on_epoch(self, run: Run) -> None:
        run.publish()
        self.points.append(self.model.get_weights()[0].ravel())
        run.stop = self.error(self.points[-1]) < 1e-6 * self.error(self.points[0])


class CountedLBFGS(pel.optim.LBFGS):
    """L-BFGS that counts how often it asks for a gradient; the class counts for all its copies."""

    asked = 0

    def minimize_step(self, objective: Any, slots: Any, rate: float, draw: Any) -> Any:
        type(self).asked += 1

        def counted(w: Array) -> tuple[float, Array]:
            type(self).asked += 1
            return objective.value_and_gradient_at(w)

        counting = dataclasses.replace(objective, value_and_gradient_at=counted)
        return super().minimize_step(counting, slots, rate, draw)


def momentum(_: Path) -> Page:
    correlation, n = 0.98, 200
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 2))
    x = np.stack([z[:, 0], correlation * z[:, 0] + np.sqrt(1 - correlation**2) * z[:, 1]], axis=1)
    x = (x - x.mean(0)) / x.std(0)
    best = np.array([1.0, -2.0])
    t = x @ best

    def error(w: Array) -> Any:
        return 0.5 * np.mean((x @ w - t) ** 2)

    values, vectors = np.linalg.eigh(np.asarray(pel.hessian(error)(np.zeros(2))))
    low, high = values
    condition, root = high / low, np.sqrt(values)
    across = math.sqrt(3 * condition + 1)
    white = vectors / root

    def path(optimizer: pel.optim.Optimizer, turn: Array) -> Array:
        """The weights after each step, with inputs x @ turn; back in the first coordinates."""
        model = pel.Sequential([pel.nn.Dense(1, use_bias=False)], seed=0, dtype="float64")
        model.compile(optimizer, loss="half_squared")
        model.build((2,))
        model.set_weights([np.zeros((2, 1))])
        way = Path2D(model, lambda w: float(error(turn @ w)), np.zeros(2))
        model.fit(x @ turn, t, batch_size="all", epochs=2000, seed=0, verbose=0, callbacks=way)
        return np.array(way.points) @ turn.T

    beta = ((root[1] - root[0]) / root.sum()) ** 2
    nesterov = (across - 2) / (across + 2)
    CountedLBFGS.asked = 0
    ways: dict[str, tuple[str, pel.optim.Optimizer, Array, str]] = {
        "plain": ("", pel.optim.SGD(2 / (low + high)), np.eye(2), RED),
        "momentum": (
            f"μ = {beta:.3f}",
            pel.optim.SGD((2 / root.sum()) ** 2, momentum=beta),
            np.eye(2),
            ORANGE,
        ),
        "Nesterov": (
            f"μ = {nesterov:.3f}",
            pel.optim.SGD(4 / (3 * high + low), momentum=nesterov, nesterov=True),
            np.eye(2),
            GREEN,
        ),
        "whitened": ("whitened inputs", pel.optim.SGD(1.0), white, BLUE),
        "L-BFGS": ("line search", CountedLBFGS(), np.eye(2), PURPLE),
    }
    figure, (plane, fall) = panels(2, height=4.2)
    side = np.linspace(-0.9, 2.5, 200), np.linspace(-3.0, 0.6, 200)
    grid = np.stack(np.meshgrid(*side), axis=-1) - best
    heights = 0.5 * np.einsum("...i,ij,...j", grid, vectors * values @ vectors.T, grid)
    plane.contour(*side, heights, levels=np.geomspace(0.005, 5, 9), colors=GREY, linewidths=0.6)
    rows, steps = [], {}
    for name, (note, optimizer, turn, color) in ways.items():
        points = path(optimizer, turn)
        errors = np.array([float(error(w)) for w in points])
        steps[name] = len(points) - 1
        gradients = CountedLBFGS.asked if name == "L-BFGS" else steps[name]
        rate = optimizer.rate(0)
        rows.append([name, f"{rate:.3f}", note, f"{steps[name]:,}", f"{gradients:,}"])
        style = {"color": color, "linewidth": 1.1, "label": name}
        plane.plot(*points.T, marker="o", markersize=2.5, **style)
        fall.plot(
            np.arange(len(errors)), errors / errors[0] + 1e-32, marker="o", markersize=2.5, **style
        )
        print(f"{name}: {steps[name]} steps", flush=True)
    plane.plot(*best, marker="*", markersize=11, color="black", linestyle="", label="minimum")
    plane.set(xlabel="weight $w_1$", ylabel="weight $w_2$", xlim=(-0.9, 2.5), ylim=(-3.0, 0.6))
    plane.set_aspect("equal")
    plane.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="upper right")
    fall.axhline(1e-6, color="black", linewidth=0.8, linestyle=":")
    fall.set(
        xscale="symlog",
        yscale="log",
        xlabel="steps",
        ylabel="error / error at the start",
        ylim=(1e-9, 3),
        xlim=(0, 1.3 * max(steps.values())),
    )
    return Page(
        [
            "A linear unit with two highly correlated inputs (correlation "
            f"{np.corrcoef(x.T)[0, 1]:.3f}): its squared error is a narrow valley with condition "
            f"number {condition:.1f}, the ratio of the Hessian's eigenvalues {high:.3f} and "
            f"{low:.4f}. Steepest descent zigzags across it and needs {steps['plain']:,} steps to "
            f"a millionth of the initial error. Momentum needs {steps['momentum']}; with whitened "
            "inputs "
            f"{'one is enough' if steps['whitened'] == 1 else 'it is ' + str(steps['whitened'])}.",
            "Learning rate and momentum are optimal for these eigenvalues in each method.",
        ],
        ["method", "learning rate", "", "steps to 10⁻⁶", "gradients"],
        rows,
        figure,
        "Left: contours of the error, and the paths to the minimum; right: the error by steps",
    )


# -- batch, stochastic, minibatch --------------------------------------------------------------


def batch_sizes(folder: Path) -> Page:
    data = mnist(folder)
    x, y = data.x_train, data.y_train
    part = (x[:10_000], y[:10_000])
    grid = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    ways: dict[str, tuple[int | str, int, int, str]] = {  # batch, epochs, updates between measures
        "batch, all 60,000 rows": ("all", 100, 1, RED),
        "minibatch, 100 rows": (100, 10, 60, BLUE),
        "stochastic, 1 row": (1, 5, 3_000, ORANGE),
    }
    target = 0.4
    figure, (by_epoch, by_time) = panels(2)
    rows = []
    for name, (size, epochs, every, color) in ways.items():
        best: tuple[float, float, dict[str, list[float]], list[float]] | None = None
        for rate in grid:
            model, clock = network([], 0), Clock()
            model.compile(pel.optim.SGD(rate), loss="cross_entropy")
            history = model.fit(
                x,
                y,
                batch_size=size,
                epochs=epochs,
                seed=0,
                verbose=0,
                threads=1,
                validation_data=part,
                validate_every=every,
                callbacks=clock,
            )
            curve = history.validation
            print(f"{name}, rate {rate}: {curve['val_loss'][-1]:.3f}", flush=True)
            if best is None or curve["val_loss"][-1] < best[0]:
                best = curve["val_loss"][-1], rate, curve, clock.seconds
        assert best is not None
        last, rate, curve, seconds = best
        updates = len(x) if size == 1 else -(-len(x) // size) if isinstance(size, int) else 1
        passes = np.array(curve["step"]) / updates
        losses = np.array(curve["val_loss"])
        first = int(np.argmax(losses <= target)) if (losses <= target).any() else None
        rows.append(
            [
                name,
                f"{rate:g}",
                f"{curve['step'][-1]:,}",
                f"{passes[-1]:g}",
                f"{seconds[-1]:.2f}",
                f"{last:.3f}",
                "not reached" if first is None else f"{passes[first]:.2g}",
                "not reached" if first is None else f"{seconds[first]:.3f}",
            ]
        )
        for axes, place in ((by_epoch, passes), (by_time, seconds)):
            axes.plot(place, losses, color=color, linewidth=1.3, label=name)
    for axes, label in ((by_epoch, "epochs"), (by_time, "seconds of training")):
        axes.axhline(target, color="black", linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlabel=label, ylabel="training loss in nats", ylim=(0.2, 2.4))
    by_epoch.legend(frameon=False)
    return Page(
        [
            "Softmax regression on MNIST with batches of all rows, of one row and of 100 rows. By "
            "epochs, stochastic descent is the fastest: each pass over the data makes 60,000 "
            "updates, while batch descent makes one. By time, minibatches are the fastest: their "
            "matrix products cost less per row, and their gradients are less noisy.",
        ],
        [
            "method",
            "learning rate",
            "updates",
            "epochs",
            "seconds",
            "final loss",
            f"epochs to {target}",
            f"seconds to {target}",
        ],
        rows,
        figure,
        f"Training loss by epochs and by time; dotted: {target}",
        [
            f"Each method uses the learning rate among {', '.join(f'{r:g}' for r in grid)} that "
            "gives the lowest final loss. The loss is that of 10,000 training images; seconds are "
            "for one thread and exclude measuring.",
        ],
    )


# -- the learning rate -------------------------------------------------------------------------


def learning_rate(_: Path) -> Page:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    t = 1.7 * x + rng.normal(0, 0.3, 50)
    start, steps = -1.0, 30

    def error(w: Any) -> Any:
        return 0.5 * np.mean((x * w - t) ** 2)

    here = np.float64(start)
    curvature = float(pel.hessian(error)(here))
    product = float(pel.hvp(error, (here,), (np.float64(1.0),)))
    best = float(np.mean(x * t) / np.mean(x * x))

    def path(rate: float) -> Array:
        """w after 0, 1, … steps of training with this rate."""
        model = pel.Sequential([pel.nn.Dense(1, use_bias=False)], seed=0, dtype="float64")
        model.compile(pel.optim.SGD(rate), loss="half_squared")
        model.build((1,))
        model.set_weights([[[start]]])
        points = [start]
        for _ in range(steps):
            model.fit(x[:, None], t, batch_size="all", seed=0, verbose=0)
            points.append(float(model.get_weights()[0][0, 0]))
        return np.array(points)

    shown = {0.1: "small: slow", 1.0: "1/H: one step", 2.1: "above 2/H: diverges"}
    figure, axes = panels(3, height=3.4)
    rows, one_step = [], math.nan
    for part in (0.1, 0.5, 1.0, 1.9, 2.0, 2.1):
        points = path(part / curvature)
        away = np.abs(points - best)
        if part == 1.0:
            one_step = away[1]
        rows.append(
            [
                f"{part:g}/H",
                f"{part / curvature:.4f}",
                f"{1 - part:+.1f}",
                *(f"{away[k]:.2g}" for k in (1, 10, 30)),
            ]
        )
        if part not in shown:
            continue
        plot = axes[list(shown).index(part)]
        reach = max(away[:9].max(), away[0]) * 1.15
        line = np.linspace(best - reach, best + reach, 200)
        plot.plot(line, [float(error(w)) for w in line], color=GREY, linewidth=1)
        few = points[:9]
        plot.plot(
            few,
            [float(error(w)) for w in few],
            color=BLUE,
            linewidth=1.1,
            marker="o",
            markersize=4,
            label="steps",
        )
        plot.plot(
            start,
            float(error(start)),
            color=RED,
            marker="o",
            markersize=6,
            linestyle="",
            label="start",
        )
        plot.set(title=f"{part:g}/H, {shown[part]}", xlabel="weight w", ylabel="error E(w)")
        plot.title.set_fontsize(10)
        plot.legend(frameon=False, loc="upper center", fontsize=8)
    unit = float(np.spacing(best))
    return Page(
        [
            "A linear unit with one weight: its squared error is a parabola, and a step of "
            "gradient descent multiplies the distance from the minimum by 1 - ηH, where H is the "
            "second derivative. A small rate converges slowly, η = 1/H arrives in one step, and "
            "above 2/H descent diverges.",
            f"`pel.hessian` gives H = {curvature:.15g}, `pel.hvp` with direction 1 gives "
            f"{'the same number' if product == curvature else f'{product:.15g}'}. One step with "
            f"1/H from w = {start:g} ends {one_step:.2g} from the closed form's minimum "
            f"{best:.15g}: {one_step / unit:.0f} units in the last place.",
        ],
        ["η", "value", "factor per step", "distance after 1 step", "after 10", "after 30"],
        rows,
        figure,
        "The first eight steps at three rates",
    )
