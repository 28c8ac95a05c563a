"""The lectures' experiments: a page and a figure each, in docs/.

    python benchmarks/lectures.py NAME|all [--data ../shared/data/mnist] [--out docs/lectures]

Every number of a page comes from the run that wrote it.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pellucid as pel
from pellucid.train.callbacks import Callback

Array = np.ndarray[Any, Any]
BLUE, RED, GREEN, ORANGE, PURPLE, GREY = (
    "#3b6fb6", "#c8372d", "#3f8f55", "#d98c21", "#7a5195", "#777777",
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent


class Missing(Exception):
    """The data of an experiment are not on this machine."""


@dataclass(frozen=True)
class Page:
    """What an experiment shows.

    Args:
        text: paragraphs above the table; below: those under it.
        caption: what the figure shows.
    """

    text: Sequence[str]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    figure: Figure
    caption: str
    below: Sequence[str] = ()


@dataclass(frozen=True)
class Experiment:
    """A sub-command: its title, and the function of the data's folder that makes its page."""

    title: str
    run: Callable[[Path], Page]


def mnist(folder: Path) -> pel.data.Dataset:
    if not folder.is_dir():
        raise Missing(f"MNIST is not at {folder}; give its folder with --data")
    return pel.data.load_idx_folder(folder)


def panels(count: int, width: float = 9.0, height: float = 3.7) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for one in axes:
        one.grid(alpha=0.25)
    return figure, axes


class Clock(Callback):
    """Notes the seconds of the steps alone at each measurement; stops where it is low enough.

    Args:
        target: the measured loss at which the run stops; None: it does not.
    """

    every_step = False

    def __init__(self, target: float | None = None):
        self.target = target
        self.seconds: list[float] = []

    def on_step(self, run: Any) -> None:
        losses = run.history.validation.get("val_loss", [])
        if len(losses) > len(self.seconds):
            self.seconds.append(run.history.seconds["step"])
            run.stop = self.target is not None and losses[-1] <= self.target

    @property
    def reached(self) -> bool:
        return self.target is not None


def network(hidden: Sequence[int], seed: int) -> pel.Sequential:
    """Layers for MNIST, 784-…-10 with ReLU."""
    layers: list[pel.nn.Layer] = [pel.nn.Rescale(1 / 255), pel.nn.Flatten()]
    layers += [pel.nn.Dense(units, activation="relu") for units in hidden]
    return pel.Sequential([*layers, pel.nn.Dense(10)], seed=seed)


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """Median, and the range where there are several."""
    middle = format(float(np.median(values)), form)
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


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
                x, y, batch_size=size, epochs=most, seed=seed, verbose=0, threads=1,
                validation_data=part, validate_every=every, callbacks=clock,
            )  # fmt: skip
            curve = history.validation
            if curve["val_loss"][-1] > target:
                raise RuntimeError(f"{name}, seed {seed}: {target} not reached in {most} epochs")
            updates.append(curve["step"][-1])
            seconds.append(clock.seconds[-1])
            epochs.append(len(history.epochs.get("loss", [])) + 1)
            axes.plot(
                curve["step"], curve["val_loss"], color=color, linewidth=1.1, alpha=0.85,
                label=name if seed == seeds[0] else None,
            )  # fmt: skip
            print(f"{name}, seed {seed}: {updates[-1]} updates, {seconds[-1]:.1f} s", flush=True)
        needed[name] = float(np.median(updates))
        rows.append([name, spread(updates), spread(epochs), spread(seconds, ".1f")])
    axes.axhline(target, color="black", linewidth=0.8, linestyle=":", label=f"target, {target}")
    axes.set(xscale="log", yscale="log", xlabel="updates", ylabel="training loss in nats")
    axes.legend(frameon=False)
    first, second, _ = ways
    return Page(
        [
            f"The network 784-200-10 learns MNIST at one learning rate, {rate}, until its training "
            f"loss is {target}. Batches that start small and grow reach it with "
            f"{needed[second] / needed[first]:.0%} of the updates that batches of the first size "
            "need: as the gradient's noise shrinks, the steps no longer throw each other back. The "
            "objective is a mean over the rows of a batch, so the rate stays as it is.",
            "A fixed batch of 100 stands beside them: a good fixed size is known only after it "
            "was searched for.",
        ],
        ["batch size", "updates", "epoch it ends in", "seconds of training, one thread"],
        rows,
        figure,
        f"Training loss over updates, {len(seeds)} seeds each",
        [
            f"Medians over seeds {', '.join(map(str, seeds))}, range in brackets. The loss is that "
            f"of the first {len(part[0]):,} training images, measured every {every} updates; the "
            "seconds leave the measuring out.",
        ],
    )


# -- correlated data ---------------------------------------------------------------------------


class Path2D(Callback):
    """Keeps the weights after each step; ends where `error` is a millionth of the first."""

    def __init__(self, error: Callable[[Array], float], start: Array):
        self.error, self.points = error, [start]

    def on_epoch(self, run: Any) -> None:
        self.points.append(np.array(run.progress.params[0]).ravel())
        run.stop = self.error(self.points[-1]) < 1e-6 * self.error(self.points[0])


class CountedLBFGS(pel.optim.LBFGS):
    """L-BFGS that counts how often it asks for a gradient; the class counts for all its copies."""

    asked = 0

    def drive(self, landscape: Any, slots: Any, rate: float, draw: Any) -> Any:
        type(self).asked += 1

        def slope_at(w: Array) -> tuple[float, Array]:
            type(self).asked += 1
            return landscape.slope_at(w)

        return super().drive(dataclasses.replace(landscape, slope_at=slope_at), slots, rate, draw)


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
        way = Path2D(lambda w: float(error(turn @ w)), np.zeros(2))
        model.fit(x @ turn, t, batch_size="all", epochs=2000, seed=0, verbose=0, callbacks=way)
        return np.array(way.points) @ turn.T

    beta = ((root[1] - root[0]) / root.sum()) ** 2
    nesterov = (across - 2) / (across + 2)
    CountedLBFGS.asked = 0
    ways: dict[str, tuple[str, pel.optim.Optimizer, Array, str]] = {
        "plain": ("", pel.optim.SGD(2 / (low + high)), np.eye(2), RED),
        "momentum": (f"μ = {beta:.3f}", pel.optim.SGD((2 / root.sum()) ** 2, momentum=beta),
                     np.eye(2), ORANGE),
        "Nesterov": (f"μ = {nesterov:.3f}", pel.optim.SGD(4 / (3 * high + low), momentum=nesterov,
                     nesterov=True), np.eye(2), GREEN),
        "whitened": ("on x whitened", pel.optim.SGD(1.0), white, BLUE),
        "L-BFGS": ("line search", CountedLBFGS(), np.eye(2), PURPLE),
    }  # fmt: skip
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
        fall.plot(np.arange(len(errors)), errors / errors[0] + 1e-32, marker="o", markersize=2.5,
                  **style)  # fmt: skip
        print(f"{name}: {steps[name]} steps", flush=True)
    plane.plot(*best, marker="*", markersize=11, color="black", linestyle="", label="minimum")
    plane.set(xlabel="weight $w_1$", ylabel="weight $w_2$", xlim=(-0.9, 2.5), ylim=(-3.0, 0.6))
    plane.set_aspect("equal")
    plane.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="upper right")
    fall.axhline(1e-6, color="black", linewidth=0.8, linestyle=":")
    fall.set(xscale="symlog", yscale="log", xlabel="steps", ylabel="error / error at the start",
             ylim=(1e-9, 3), xlim=(0, 1.3 * max(steps.values())))  # fmt: skip
    return Page(
        [
            "A linear unit with two inputs that say nearly the same (correlation "
            f"{np.corrcoef(x.T)[0, 1]:.3f}): its squared error is a narrow valley with condition "
            f"number {condition:.1f}, the ratio of the Hessian's eigenvalues {high:.3f} and "
            f"{low:.4f}. Steepest descent goes from side to side of it and needs "
            f"{steps['plain']:,} steps to a millionth of the first error; momentum "
            f"{steps['momentum']}, and inputs that were whitened "
            f"{'a single one' if steps['whitened'] == 1 else steps['whitened']}.",
            "Rate and momentum of each way are its best ones for these eigenvalues.",
        ],
        ["way", "rate", "", "steps to 10⁻⁶", "gradients"],
        rows,
        figure,
        "Left: lines of equal error, and the ways to the minimum; right: the error over steps",
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
                x, y, batch_size=size, epochs=epochs, seed=0, verbose=0, threads=1,
                validation_data=part, validate_every=every, callbacks=clock,
            )  # fmt: skip
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
        rows.append([
            name, f"{rate:g}", f"{curve['step'][-1]:,}", f"{passes[-1]:g}", f"{seconds[-1]:.2f}",
            f"{last:.3f}",
            "not reached" if first is None else f"{passes[first]:.2g}",
            "not reached" if first is None else f"{seconds[first]:.3f}",
        ])  # fmt: skip
        for axes, place in ((by_epoch, passes), (by_time, seconds)):
            axes.plot(place, losses, color=color, linewidth=1.3, label=name)
    for axes, label in ((by_epoch, "epochs"), (by_time, "seconds of training")):
        axes.axhline(target, color="black", linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlabel=label, ylabel="training loss in nats", ylim=(0.2, 2.4))
    by_epoch.legend(frameon=False)
    return Page(
        [
            "Softmax regression on MNIST, trained on all rows at once, on one row at a time and on "
            "100. Over epochs the stochastic way falls first: each pass over the data is 60,000 "
            "updates, where batch descent makes one. Over time the minibatch is first: its matrix "
            "products are cheaper a row than the single row's, and its gradient is steadier.",
        ],
        ["way", "rate", "updates", "epochs", "seconds", "loss at the end",
         f"epochs to {target}", f"seconds to {target}"],
        rows,
        figure,
        f"Training loss over epochs and over time; dotted: {target}",
        [
            f"Each way at the rate among {', '.join(f'{rate:g}' for rate in grid)} that ends "
            "lowest. Loss of 10,000 training images; the seconds are of one thread and leave the "
            "measuring out.",
        ],
    )  # fmt: skip


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
        rows.append([
            f"{part:g}/H", f"{part / curvature:.4f}", f"{1 - part:+.1f}",
            *(f"{away[k]:.2g}" for k in (1, 10, 30)),
        ])  # fmt: skip
        if part not in shown:
            continue
        plot = axes[list(shown).index(part)]
        reach = max(away[:9].max(), away[0]) * 1.15
        line = np.linspace(best - reach, best + reach, 200)
        plot.plot(line, [float(error(w)) for w in line], color=GREY, linewidth=1)
        few = points[:9]
        plot.plot(few, [float(error(w)) for w in few], color=BLUE, linewidth=1.1, marker="o",
                  markersize=4, label="steps")  # fmt: skip
        plot.plot(start, float(error(start)), color=RED, marker="o", markersize=6, linestyle="",
                  label="start")  # fmt: skip
        plot.set(title=f"{part:g}/H, {shown[part]}", xlabel="weight w", ylabel="error E(w)")
        plot.title.set_fontsize(10)
        plot.legend(frameon=False, loc="upper center", fontsize=8)
    unit = float(np.spacing(best))
    return Page(
        [
            "A linear unit with one weight: its squared error is a parabola, and a step of descent "
            "multiplies the distance from the minimum by 1 - ηH, with H the second derivative. A "
            "small rate is slow, η = 1/H arrives in one step, and above 2/H every step leads "
            "further away.",
            f"`pel.hessian` gives H = {curvature:.15g}, `pel.hvp` with direction 1 "
            f"{'the same number' if product == curvature else f'{product:.15g}'}. One step with "
            f"1/H from w = {start:g} ends {one_step:.2g} from the closed form's minimum "
            f"{best:.15g}: {one_step / unit:.0f} units in the last place.",
        ],
        ["η", "value", "factor a step", "distance after 1 step", "after 10", "after 30"],
        rows,
        figure,
        "The first eight steps at three rates",
    )


# -- mixture densities -------------------------------------------------------------------------

NOISE = 0.05
SCALE = 10.0  # targets are trained as 10·t: from outputs near 0 to precisions near 1/σ² is far


def inverse_problem(n: int, seed: int) -> tuple[Array, Array]:
    """x = t + 0.3 sin 2πt + noise; t is to be told from x."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 1, (n, 1))
    return t + 0.3 * np.sin(2 * np.pi * t) + rng.normal(0, NOISE, (n, 1)), t


def true_density(x: Array, t: Array) -> Array:
    """p(t|x) for columns x and t, by Bayes' rule with the integral over t as a sum."""

    def joint(t: Array) -> Array:
        away = x - t - 0.3 * np.sin(2 * np.pi * t)
        return np.exp(-0.5 * (away / NOISE) ** 2)

    nodes = (np.arange(2000) + 0.5) / 2000
    return joint(t) / joint(nodes[None, :]).mean(axis=1, keepdims=True)


def density_network(loss: Any, units: int, seed: int) -> pel.Sequential:
    model = pel.Sequential(
        [pel.nn.Dense(30, activation="tanh", input_shape=(1,)), pel.nn.Dense(units)], seed=seed
    )
    model.compile(pel.optim.Adam(pel.optim.Cosine(0.01, 8_000)), loss=loss)
    return model


def mixture_density(_: Path) -> Page:
    seeds, n, epochs = (0, 1, 2), 1000, 800
    train, held = inverse_problem(n, 0), inverse_problem(5 * n, 1)
    ways: dict[str, tuple[Any, int]] = {"one normal distribution": ("gaussian", 2)}
    for k in (3, 4, 5):
        ways[f"mixture of {k}"] = (pel.nn.GaussianMixture(k), 3 * k)
    rows, means, models = [], {}, {}
    for name, (loss, units) in ways.items():
        found = []
        for seed in seeds:
            model = density_network(loss, units, seed)
            model.fit(
                train[0], SCALE * train[1], batch_size=100, epochs=epochs, seed=seed, verbose=0,
                threads=1,
            )  # fmt: skip
            # A density of 10·t is a tenth of that of t.
            found.append(model.evaluate(held[0], SCALE * held[1])["loss"] - math.log(SCALE))
            models.setdefault(name, model)
        means[name] = float(np.mean(found))
        gap = means["one normal distribution"] - means[name]
        rows.append([name, *(f"{one:.3f}" for one in found), f"{means[name]:.3f}",
                     f"{gap:.3f}" if gap else ""])  # fmt: skip
        print(f"{name}: {found}", flush=True)
    bound = float(-np.log(true_density(*held)).mean())
    base = means["one normal distribution"]
    rows.append(["the density that made the data", *[""] * len(seeds), f"{bound:.3f}",
                 f"{base - bound:.3f}"])  # fmt: skip

    line = np.linspace(-0.1, 1.1, 241)[:, None]
    figure, (left, right) = panels(2, height=4)
    out = models["one normal distribution"].predict(line)
    mean, deviation = out[:, 0] / SCALE, np.sqrt(np.logaddexp(0, out[:, 1])) / SCALE
    for axes in (left, right):
        axes.set(
            xlabel="x, the input", ylabel="t, the target", xlim=(-0.1, 1.1), ylim=(-0.15, 1.15)
        )
    left.plot(*(a[:400].ravel() for a in train), "o", color=GREY, markersize=2, label="data")
    left.plot(line, mean, color=RED, label="mean")
    left.fill_between(line.ravel(), mean - 2 * deviation, mean + 2 * deviation, color=RED,
                      alpha=0.18, linewidth=0, label="± 2 deviations")  # fmt: skip
    left.set_title("one normal distribution", fontsize=10)
    mixture = pel.nn.GaussianMixture(3).mixture(models["mixture of 3"].predict(line))
    share, middle, precision = (np.asarray(part) for part in mixture)
    middle, precision = middle[:, :, 0] / SCALE, precision * SCALE**2
    heights = np.linspace(-0.15, 1.15, 261)
    away = (heights[:, None, None] - middle) ** 2 * precision
    density = (share * np.sqrt(precision / (2 * np.pi)) * np.exp(-0.5 * away)).sum(axis=2)
    colors = right.pcolormesh(line.ravel(), heights, np.minimum(density, 8), cmap="Blues",
                              vmin=0, vmax=8, rasterized=True)  # fmt: skip
    figure.colorbar(colors, ax=right, label="density p(t|x), cut at 8")
    for k, color in enumerate((RED, ORANGE, GREEN)):
        # A mean counts where its part of the mixture does.
        right.plot(line, np.where(share[:, k] > 0.1, middle[:, k], np.nan), color=color,
                   linewidth=1.6, label=f"mean {k + 1}")  # fmt: skip
    right.set_title("mixture of 3, means with a share above 0.1", fontsize=10)
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    return Page(
        [
            "The inverse problem: x = t + 0.3 sin 2πt + noise is a function of t, but to one x "
            "belong up to three t. A network whose outputs are the mean and the variance of one "
            "normal distribution has to cover them all; one whose outputs are a mixture follows "
            "each branch.",
            f"On {len(held[0]):,} new points the mixture of 3 has a negative log-likelihood "
            f"{base - means['mixture of 3']:.2f} nats below the single one's, mean of "
            f"{len(seeds)} seeds; the density that made the data, the bound of all, lies "
            f"{base - bound:.2f} nats below.",
        ],
        ["outputs", *(f"seed {seed}" for seed in seeds), "mean", "below one normal distribution"],
        rows,
        figure,
        "Left: the data, mean and two deviations of one normal distribution; right: the mixture's "
        "density (seed 0)",
        [
            f"Negative log-likelihood in nats a point. Network 1-30-outputs with tanh, {n:,} "
            f"points, noise of deviation {NOISE:g}, targets {SCALE:g}·t, batches of 100, {epochs} "
            "epochs of Adam with a rate that falls from 0.01 to 0 along a cosine.",
        ],
    )


# -- sparsity ----------------------------------------------------------------------------------


class Zeros(Callback):
    """Which weights are 0 after an epoch.

    Args:
        epochs: after which of them to look.
    """

    def __init__(self, epochs: Sequence[int]):
        self.epochs, self.seen = epochs, dict[int, list[Array]]()

    def on_epoch(self, run: Any) -> None:
        if run.epoch in self.epochs:
            self.seen[run.epoch] = zeros(run.progress.params)


def zeros(params: Sequence[Any]) -> list[Array]:
    """Where the weights, not the biases, are exactly 0."""
    return [np.asarray(w) == 0 for w in params if np.ndim(w) == 2]


def sparsity(folder: Path) -> Page:
    data, epochs = mnist(folder), 15
    strengths = (1e-5, 1e-4, 3e-4, 1e-3)
    late = (epochs - 5, epochs - 1)
    runs = [("none", 0.0)]
    runs += [(way, strength) for way in ("proximal", "gradient") for strength in strengths]
    rows, curves, kept = [], {}, {}
    for way, strength in runs:
        model, watch = network([200], 0), Zeros(late)
        penalty = pel.nn.L1(strength, proximal=way == "proximal")
        model.compile(pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"],
                      regularizer=[penalty] if strength else ())  # fmt: skip
        model.fit(data.x_train, data.y_train, batch_size=100, epochs=epochs, seed=0, verbose=0,
                  callbacks=watch)  # fmt: skip
        accuracy = model.evaluate(data.x_test, data.y_test)["accuracy"]
        end = zeros(model.get_weights())
        share = [float(mask.mean()) for mask in end]
        curves[way, strength] = (*share, accuracy)
        stay = []
        for epoch in late:
            before = sum(int(mask.sum()) for mask in watch.seen[epoch])
            still = sum(int((a & b).sum()) for a, b in zip(watch.seen[epoch], end, strict=True))
            stay.append(f"{still:,} of {before:,}" if before else "none were")
            kept[way, strength, epoch] = still / before if before else math.nan
        left = sum(int((~mask).sum()) for mask in end)
        rows.append([way, f"{strength:g}", *(f"{one:.2%}" for one in share), f"{left:,}",
                     f"{accuracy:.2%}", *stay])  # fmt: skip
        print(rows[-1], flush=True)

    figure, (part, right) = panels(2)
    for layer, color in ((0, BLUE), (1, ORANGE)):
        name = ("784 × 200", "200 × 10")[layer]
        for way, style in (("proximal", "-o"), ("gradient", ":s")):
            values = [100 * curves[way, strength][layer] for strength in strengths]
            part.plot(strengths, values, style, color=color, markersize=4, label=f"{name}, {way}")
    for way, style, color in (("proximal", "-o", BLUE), ("gradient", ":s", RED)):
        values = [100 * curves[way, strength][2] for strength in strengths]
        right.plot(strengths, values, style, color=color, markersize=4, label=f"L1, {way}")
    right.axhline(100 * curves["none", 0.0][2], color=GREY, linewidth=0.9, linestyle="--",
                  label="no penalty")  # fmt: skip
    part.set(xscale="log", xlabel="strength λ", ylabel="weights that are exactly 0, in %",
             ylim=(-4, 104))  # fmt: skip
    right.set(xscale="log", xlabel="strength λ", ylabel="test accuracy in %")
    for axes in (part, right):
        axes.legend(frameon=False, fontsize=8)
    middle = strengths[1]
    return Page(
        [
            "An L1 penalty enforces sparsity. Its proximal step, which moves each weight λη "
            f"towards 0 and stops there, makes weights exactly 0: with λ = {middle:g}, "
            f"{curves['proximal', middle][0]:.1%} of the first layer's, at a test accuracy of "
            f"{curves['proximal', middle][2]:.2%} against {curves['none', 0.0][2]:.2%} without a "
            "penalty. Its gradient λ·sign(w) makes weights small that jump about 0.",
            f"Zeros stay zeros: of the weights that were 0 after epoch {late[0]}, "
            f"{kept['proximal', middle, late[0]]:.2%} are 0 at the end, and of those after epoch "
            f"{late[1]} {kept['proximal', middle, late[1]]:.2%} (λ = {middle:g}). One moves only "
            "where a batch pulls at it with more than λ.",
        ],
        ["L1", "λ", "zeros, 784 × 200", "zeros, 200 × 10", "weights left", "test accuracy",
         f"0 after epoch {late[0]} and at the end", f"0 after epoch {late[1]} and at the end"],
        rows,
        figure,
        "Left: share of weights that are 0; right: accuracy on the 10,000 test images",
        [f"784-200-10 with ReLU on MNIST, {epochs} epochs, batches of 100, rate 0.5, seed 0; "
         "biases are not penalised."],
    )  # fmt: skip


# -- weight decay ------------------------------------------------------------------------------


class DecayedSGD(pel.optim.SGD):
    """w ← (1 - ηλ)·w - η·g: decay apart from the gradient."""

    decay = 0.1

    def update(self, gradients: Any, slots: Any, params: Any, step: Any, rate: Any) -> Any:
        kept = [w * (1 - rate * self.decay) for w in params]
        return super().update(gradients, slots, kept, step, rate)


def adam_decay(_: Path) -> Page:
    data = pel.data.load_digits(seed=0)
    strength, epochs = DecayedSGD.decay, 20

    def trained(optimizer: pel.optim.Optimizer, penalised: bool) -> tuple[Array, float]:
        model = pel.Sequential(
            [pel.nn.Rescale(1 / 16), pel.nn.Flatten(), pel.nn.Dense(32, activation="tanh"),
             pel.nn.Dense(10)], seed=0, dtype="float64",
        )  # fmt: skip
        # AdamW decays biases as well, so the penalty takes them in.
        penalty = [pel.nn.L2(strength, biases=True)] if penalised else ()
        model.compile(optimizer, "cross_entropy", metrics=["accuracy"], regularizer=penalty)
        model.fit(data.x_train, data.y_train, batch_size=32, epochs=epochs, seed=0, verbose=0)
        accuracy = model.evaluate(data.x_test, data.y_test)["accuracy"]
        return np.concatenate([w.ravel() for w in model.get_weights()]), accuracy

    pairs = {
        "SGD": (pel.optim.SGD(0.1), DecayedSGD(0.1)),
        "Adam": (pel.optim.Adam(0.002), pel.optim.AdamW(0.002, weight_decay=strength)),
    }
    figure, axes = panels(2, height=4)
    rows, gaps = [], {}
    for plot, (name, (penalised, decayed)) in zip(axes, pairs.items(), strict=True):
        (first, first_accuracy), (second, second_accuracy) = (
            trained(penalised, True), trained(decayed, False),
        )  # fmt: skip
        gaps[name] = float(np.abs(first - second).max())
        rows.append([
            name, f"{gaps[name]:.2g}", f"{np.linalg.norm(first):.3f}",
            f"{np.linalg.norm(second):.3f}", f"{first_accuracy:.2%}", f"{second_accuracy:.2%}",
        ])  # fmt: skip
        side = 1.08 * max(np.abs(first).max(), np.abs(second).max())
        plot.plot([-side, side], [-side, side], color=GREY, linewidth=0.8, label="equal")
        plot.plot(first, second, "o", color=BLUE, markersize=2, alpha=0.6, label="a weight")
        plot.set(xlabel="weight trained with the penalty (λ/2)·‖w‖²",
                 ylabel="weight trained with decay", title=name, xlim=(-side, side),
                 ylim=(-side, side))  # fmt: skip
        plot.set_aspect("equal")
        plot.legend(frameon=False, fontsize=8, loc="upper left")
    return Page(
        [
            "An L2 penalty adds λw to the gradient; weight decay multiplies w by 1 - ηλ before the "
            "step. For SGD both are one formula: after training all weights agree to "
            f"{gaps['SGD']:.1g}. Adam divides the penalty's part by √v̂ with the rest of the "
            "gradient, and a decay apart from it (AdamW) is another method: weights differ by up "
            f"to {gaps['Adam']:.2g}.",
        ],
        ["", "largest difference of a weight", "‖w‖, penalty", "‖w‖, decay",
         "test accuracy, penalty", "test accuracy, decay"],
        rows,
        figure,
        "Each weight and bias trained with the penalty against the same one trained with decay",
        [f"Bundled digits, 64-32-10 with tanh in float64, λ = {strength:g}, biases included, "
         f"batches of 32, {epochs} epochs, rate 0.1 for SGD and 0.002 for Adam, seed 0."],
    )  # fmt: skip


# -- small networks ----------------------------------------------------------------------------


CURVES: Mapping[str, Callable[[Array], Array]] = {
    "x²": np.square, "sin x": np.sin, "abs x": np.abs, "H(x)": lambda x: np.heaviside(x, 1.0),
}  # fmt: skip


def curves(_: Path) -> Page:
    x = np.random.default_rng(0).uniform(-1, 1, (50, 1))
    fine = np.linspace(-1, 1, 401)[:, None]
    figure, axes = panels(len(CURVES), width=12.0, height=3.4)
    rows = []
    for plot, (name, function) in zip(axes, CURVES.items(), strict=True):
        hidden = pel.nn.Dense(
            3, "tanh", kernel_initializer=pel.nn.Normal(2.0), bias_initializer=pel.nn.Uniform(1.0)
        )
        model = pel.Sequential([hidden, pel.nn.Dense(1)], seed=0, dtype="float64")
        model.compile(pel.optim.LBFGS(), "squared")
        model.fit(x, function(x), batch_size="all", epochs=400, seed=0, verbose=0)
        kernel, bias = model.get_weights()[:2]
        for unit in np.tanh(fine @ kernel + bias).T:
            plot.plot(fine, unit, color=GREY, linestyle="--", linewidth=1)
        plot.plot(x, function(x), "o", color=BLUE, markersize=3.5)
        plot.plot(fine, model.predict(fine), color=RED, linewidth=1.6)
        plot.set(title=name, xlabel="x", ylim=(-1.15, 1.15))
        errors = [
            float(np.sqrt(np.mean((model.predict(places) - function(places)) ** 2)))
            for places in (x, fine)
        ]
        rows.append([name, *(f"{error:.4f}" for error in errors)])
        print(f"{name}: {errors[0]:.4f}", flush=True)
    return Page(
        ["Three tanh units and a linear output see 50 points of a function, x drawn uniformly from "
         "(-1, 1), and follow it between them. No unit is the curve: the output adds three bends, "
         "each where it is needed."],
        ["function", "root mean square error at the points", "on 401 places between -1 and 1"],
        rows,
        figure,
        "The 50 points, the network's curve, and dashed the outputs of its three hidden units",
        ["Squared loss, all points in one batch, 400 steps of L-BFGS, weights into the hidden "
         "units drawn from a normal distribution with deviation 2, biases from (-1, 1), seed 0. "
         "Where between two points H(x) jumps is open."],
    )  # fmt: skip


def boundary(_: Path) -> Page:
    rng, deviation = np.random.default_rng(0), 0.8
    # The one class lies between the two halves of the other: one line does not part them.
    middles = np.array([[0.0, 0.0]]), np.array([[-2.0, 2.0], [2.0, -2.0]])

    def drawn(count: int) -> tuple[Array, Array]:
        t, half = rng.integers(0, 2, count), rng.integers(0, 2, count)
        centers = np.where(t[:, None] == 0, middles[0], middles[1][half])
        return centers + rng.normal(size=(count, 2)) * deviation, t

    def density(x: Array, centers: Array) -> Array:
        far = ((x[:, None] - centers) ** 2).sum(-1)
        values: Array = np.exp(-far / (2 * deviation**2)).mean(1)
        return values

    def odds(x: Array) -> Array:
        """Of the second class, from the densities themselves."""
        return np.log(density(x, middles[1]) / density(x, middles[0]))

    (x, t), (more, truth) = drawn(400), drawn(20_000)
    fitted = {}
    for name, layers in {
        "one sigmoid unit": [],
        "2 tanh units and a sigmoid": [pel.nn.Dense(2, "tanh")],
    }.items():
        model = pel.Sequential([*layers, pel.nn.Dense(1, "sigmoid")], seed=0, dtype="float64")
        model.compile(pel.optim.LBFGS(), "binary_cross_entropy", regularizer=pel.nn.L2(1e-3))
        model.fit(x, t, batch_size="all", epochs=200, seed=0, verbose=0)
        fitted[name] = model
    guesses = {name: model.predict(more)[:, 0] > 0.5 for name, model in fitted.items()}
    guesses["the densities themselves"] = odds(more) > 0
    rows = [[name, f"{np.mean(guess != truth):.2%}"] for name, guess in guesses.items()]

    figure, (plot,) = panels(1, width=6.0, height=5.4)
    for label, color in ((0, BLUE), (1, ORANGE)):
        plot.plot(*x[t == label].T, "o", color=color, markersize=3, alpha=0.7)
    side = np.linspace(-5, 5, 301)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    model = fitted["2 tanh units and a sigmoid"]
    kernel, bias = model.get_weights()[:2]
    shown = [(unit, 0.5, GREY, "--", "a hidden unit is 0.5")
             for unit in np.tanh(grid @ kernel + bias).T]  # fmt: skip
    shown += [(model.predict(grid)[:, 0], 0.5, RED, "-", "the output is 0.5"),
              (odds(grid), 0.0, GREEN, "-", "the optimal boundary")]  # fmt: skip
    for values, level, color, line, label in shown:
        plot.contour(side, side, values.reshape(301, 301), [level], colors=color, linestyles=line)
        known = plot.get_legend_handles_labels()[1]
        plot.plot([], [], color=color, linestyle=line, label="" if label in known else label)
    plot.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    plot.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="upper left")
    return Page(
        ["Two classes whose densities are known: one is normal around the origin, the other half "
         "around (-2, 2) and half around (2, -2), both with deviation 0.8. One line does not part "
         "them; two hidden units draw two, and the output joins them to a boundary near the one "
         "that the densities give."],
        ["boundary of", f"error on {len(more):,} new points"],
        rows,
        figure,
        "The points, the lines where a hidden unit is 0.5, the network's boundary and the optimal "
        "one",
        ["400 points, cross-entropy with an L2 penalty of 0.001, 200 steps of L-BFGS, float64, "
         "seed 0."],
    )  # fmt: skip


# -- pages -------------------------------------------------------------------------------------

EXPERIMENTS: Mapping[str, Experiment] = {
    "growing-batch": Experiment("Batches that grow", growing_batch),
    "momentum": Experiment("Correlated data: steepest descent and what helps it", momentum),
    "batch-sizes": Experiment("Batch, stochastic and minibatch learning", batch_sizes),
    "learning-rate": Experiment("The learning rate and the second derivative", learning_rate),
    "mixture-density": Experiment("Mixture densities for an inverse problem", mixture_density),
    "sparsity": Experiment("L1 and weights that are exactly 0", sparsity),
    "adam-decay": Experiment("Weight decay and the L2 penalty", adam_decay),
    "curves": Experiment("Four curves from three hidden units", curves),
    "boundary": Experiment("A boundary from two hidden units", boundary),
}


def write(name: str, page: Page, out: Path) -> None:
    """docs/lectures/NAME.md and NAME.png."""
    lines = [f"# {EXPERIMENTS[name].title}", ""]
    for paragraph in page.text:
        lines += [paragraph, ""]
    lines += [
        "| " + " | ".join(page.header) + " |",
        "|" + "---|" * len(page.header),
        *("| " + " | ".join(row) + " |" for row in page.rows),
        "",
    ]
    for paragraph in page.below:
        lines += [paragraph, ""]
    lines += [
        f"![{page.caption}]({name}.png)", "", f"*{page.caption}.*", "",
        f"Written by `python benchmarks/lectures.py {name}`; `make lectures` writes all pages.", "",
    ]  # fmt: skip
    (out / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")
    buffer = io.BytesIO()
    page.figure.savefig(buffer, format="png", dpi=110)
    (out / f"{name}.png").write_bytes(buffer.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, experiment in [
        *EXPERIMENTS.items(),
        ("all", Experiment("All of them", growing_batch)),
    ]:
        command = commands.add_parser(name, help=experiment.title)
        command.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "mnist")
        command.add_argument("--out", type=Path, default=ROOT / "docs" / "lectures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in EXPERIMENTS if options.name == "all" else [options.name]:
        try:
            page = EXPERIMENTS[name].run(options.data)
        except Missing as error:
            # Without its data a page stays as it is; the others are written all the same.
            print(f"lectures: {name} left out: {error}", file=sys.stderr)
            if options.name != "all":
                sys.exit(1)
            continue
        write(name, page, options.out)
    index = ["# The lectures' experiments", "",
             "Written by `make lectures`.", ""]  # fmt: skip
    index += [f"- [{one.title}]({name}.md)" for name, one in EXPERIMENTS.items()]
    (options.out / "README.md").write_text("\n".join([*index, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
