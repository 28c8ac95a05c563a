"""The lectures' experiments on what networks learn: densities, zeros, decay, curves, a boundary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from experiment import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Array,
    Page,
    mnist,
    network,
    panels,
)

import pellucid as pel
from pellucid.train.callback import Callback, Run

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
                train[0],
                SCALE * train[1],
                batch_size=100,
                epochs=epochs,
                seed=seed,
                verbose=0,
                threads=1,
            )
            # A density of 10·t is a tenth of that of t.
            found.append(model.evaluate(held[0], SCALE * held[1])["loss"] - math.log(SCALE))
            models.setdefault(name, model)
        means[name] = float(np.mean(found))
        gap = means["one normal distribution"] - means[name]
        rows.append(
            [
                name,
                *(f"{one:.3f}" for one in found),
                f"{means[name]:.3f}",
                f"{gap:.3f}" if gap else "",
            ]
        )
        print(f"{name}: {found}", flush=True)
    bound = float(-np.log(true_density(*held)).mean())
    base = means["one normal distribution"]
    rows.append(
        [
            "true density",
            *[""] * len(seeds),
            f"{bound:.3f}",
            f"{base - bound:.3f}",
        ]
    )

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
    left.fill_between(
        line.ravel(),
        mean - 2 * deviation,
        mean + 2 * deviation,
        color=RED,
        alpha=0.18,
        linewidth=0,
        label="± 2 deviations",
    )
    left.set_title("one normal distribution", fontsize=10)
    mixture = pel.nn.GaussianMixture(3).mixture(models["mixture of 3"].predict(line))
    share, middle, precision = (np.asarray(part) for part in mixture)
    middle, precision = middle[:, :, 0] / SCALE, precision * SCALE**2
    heights = np.linspace(-0.15, 1.15, 261)
    away = (heights[:, None, None] - middle) ** 2 * precision
    density = (share * np.sqrt(precision / (2 * np.pi)) * np.exp(-0.5 * away)).sum(axis=2)
    colors = right.pcolormesh(
        line.ravel(), heights, np.minimum(density, 8), cmap="Blues", vmin=0, vmax=8, rasterized=True
    )
    figure.colorbar(colors, ax=right, label="density p(t|x), cut at 8")
    for k, color in enumerate((RED, ORANGE, GREEN)):
        # A mean counts where its part of the mixture does.
        right.plot(
            line,
            np.where(share[:, k] > 0.1, middle[:, k], np.nan),
            color=color,
            linewidth=1.6,
            label=f"mean {k + 1}",
        )
    right.set_title("mixture of 3, means with a share above 0.1", fontsize=10)
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    return Page(
        [
            "The inverse problem: x = t + 0.3 sin 2πt + noise is a function of t, but one x can "
            "come from up to three values of t. A network that predicts the mean and variance of "
            "one normal distribution must cover all three; a network that predicts a mixture can "
            "follow each branch.",
            f"On {len(held[0]):,} new points, the negative log-likelihood of the mixture of 3 is "
            f"{base - means['mixture of 3']:.2f} nats lower than that of one normal distribution "
            f"(mean of {len(seeds)} seeds). The density that generated the data is a lower bound; "
            f"it is {base - bound:.2f} nats lower.",
        ],
        [
            "outputs",
            *(f"seed {seed}" for seed in seeds),
            "mean",
            "gain over one normal distribution",
        ],
        rows,
        figure,
        "Left: the data, and mean ± 2 standard deviations of one normal distribution; right: the "
        "density of the mixture (seed 0)",
        [
            f"Negative log-likelihood in nats per point. Network 1-30-outputs with tanh, {n:,} "
            f"points, noise with standard deviation {NOISE:g}, targets {SCALE:g}·t, batches of "
            f"100, {epochs} epochs of Adam, cosine decay of the learning rate from 0.01 to 0.",
        ],
    )


# -- sparsity ----------------------------------------------------------------------------------


class Zeros(Callback):
    """Which weights are 0 after an epoch.

    Args:
        model: the model that is trained.
        epochs: after which of them to look.
    """

    def __init__(self, model: pel.Sequential, epochs: Sequence[int]):
        self.model, self.epochs, self.seen = model, epochs, dict[int, list[Array]]()

    def on_epoch(self, run: Run) -> None:
        if run.epoch in self.epochs:
            run.publish()
            self.seen[run.epoch] = zeros(self.model.get_weights())


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
        model = network([200], 0)
        watch = Zeros(model, late)
        penalty = pel.nn.L1(strength, proximal=way == "proximal")
        model.compile(
            pel.optim.SGD(0.5),
            loss="cross_entropy",
            metrics=["accuracy"],
            regularizer=[penalty] if strength else (),
        )
        model.fit(
            data.x_train,
            data.y_train,
            batch_size=100,
            epochs=epochs,
            seed=0,
            verbose=0,
            callbacks=watch,
        )
        accuracy = model.evaluate(data.x_test, data.y_test)["accuracy"]
        end = zeros(model.get_weights())
        share = [float(mask.mean()) for mask in end]
        curves[way, strength] = (*share, accuracy)
        stay = []
        for epoch in late:
            before = sum(int(mask.sum()) for mask in watch.seen[epoch])
            still = sum(int((a & b).sum()) for a, b in zip(watch.seen[epoch], end, strict=True))
            stay.append(f"{still:,} of {before:,}" if before else "–")
            kept[way, strength, epoch] = still / before if before else math.nan
        left = sum(int((~mask).sum()) for mask in end)
        rows.append(
            [
                way,
                f"{strength:g}",
                *(f"{one:.2%}" for one in share),
                f"{left:,}",
                f"{accuracy:.2%}",
                *stay,
            ]
        )
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
    right.axhline(
        100 * curves["none", 0.0][2], color=GREY, linewidth=0.9, linestyle="--", label="no penalty"
    )
    part.set(
        xscale="log", xlabel="strength λ", ylabel="weights that are exactly 0, in %", ylim=(-4, 104)
    )
    right.set(xscale="log", xlabel="strength λ", ylabel="test accuracy in %")
    for axes in (part, right):
        axes.legend(frameon=False, fontsize=8)
    middle = strengths[1]
    return Page(
        [
            "An L1 penalty makes weights sparse. Its proximal step, which moves each weight by λη "
            f"towards 0 and stops at 0, gives weights that are exactly 0: with λ = {middle:g}, "
            f"{curves['proximal', middle][0]:.1%} of the first layer, at a test accuracy of "
            f"{curves['proximal', middle][2]:.2%} compared with {curves['none', 0.0][2]:.2%} "
            "without a penalty. The subgradient λ·sign(w) gives small weights that oscillate "
            "around 0.",
            f"Zeros mostly stay zeros: of the weights that were 0 after epoch {late[0]}, "
            f"{kept['proximal', middle, late[0]]:.2%} are 0 at the end; after epoch {late[1]} it "
            f"is {kept['proximal', middle, late[1]]:.2%} (λ = {middle:g}). A weight leaves 0 only "
            "where its gradient on a batch is larger than λ.",
        ],
        [
            "L1",
            "λ",
            "zeros, 784 × 200",
            "zeros, 200 × 10",
            "nonzero weights",
            "test accuracy",
            f"0 after epoch {late[0]}, still 0 at the end",
            f"0 after epoch {late[1]}, still 0 at the end",
        ],
        rows,
        figure,
        "Left: fraction of weights that are 0; right: accuracy on the 10,000 test images",
        [
            f"784-200-10 with ReLU on MNIST, {epochs} epochs, batches of 100, learning rate 0.5, "
            "seed 0; biases are not penalised."
        ],
    )


# -- weight decay ------------------------------------------------------------------------------


class DecayedSGD(pel.optim.SGD):
    """w ← (1 - ηλ)·w - η·g: decay apart from the gradient."""

    decay = 0.1

    def step(self, gradients: Any, slots: Any, weights: Any, step: Any, rate: Any) -> Any:
        decayed = [w * (1 - rate * self.decay) for w in weights]
        return super().step(gradients, slots, decayed, step, rate)


def adam_decay(_: Path) -> Page:
    data = pel.data.load_digits(seed=0)
    strength, epochs = DecayedSGD.decay, 20

    def trained(optimizer: pel.optim.Optimizer, penalised: bool) -> tuple[Array, float]:
        model = pel.Sequential(
            [
                pel.nn.Rescale(1 / 16),
                pel.nn.Flatten(),
                pel.nn.Dense(32, activation="tanh"),
                pel.nn.Dense(10),
            ],
            seed=0,
            dtype="float64",
        )
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
            trained(penalised, True),
            trained(decayed, False),
        )
        gaps[name] = float(np.abs(first - second).max())
        rows.append(
            [
                name,
                f"{gaps[name]:.2g}",
                f"{np.linalg.norm(first):.3f}",
                f"{np.linalg.norm(second):.3f}",
                f"{first_accuracy:.2%}",
                f"{second_accuracy:.2%}",
            ]
        )
        side = 1.08 * max(np.abs(first).max(), np.abs(second).max())
        plot.plot([-side, side], [-side, side], color=GREY, linewidth=0.8, label="equal")
        plot.plot(first, second, "o", color=BLUE, markersize=2, alpha=0.6, label="a weight")
        plot.set(
            xlabel="weight trained with the penalty (λ/2)·‖w‖²",
            ylabel="weight trained with decay",
            title=name,
            xlim=(-side, side),
            ylim=(-side, side),
        )
        plot.set_aspect("equal")
        plot.legend(frameon=False, fontsize=8, loc="upper left")
    return Page(
        [
            "An L2 penalty adds λw to the gradient; weight decay multiplies w by 1 - ηλ before the "
            "step. For SGD the two are the same: after training, all weights agree to "
            f"{gaps['SGD']:.1g}. Adam divides the gradient by √v̂, and the penalty's part of it "
            "too. Decoupled weight decay (AdamW) is not divided, so it is another method: weights "
            f"differ by up to {gaps['Adam']:.2g}.",
        ],
        [
            "",
            "largest difference between weights",
            "‖w‖, penalty",
            "‖w‖, decay",
            "test accuracy, penalty",
            "test accuracy, decay",
        ],
        rows,
        figure,
        "Each weight and bias: trained with the penalty (x) and with decay (y)",
        [
            f"Bundled digits, 64-32-10 with tanh in float64, λ = {strength:g}, biases included, "
            f"batches of 32, {epochs} epochs, rate 0.1 for SGD and 0.002 for Adam, seed 0."
        ],
    )


# -- small networks ----------------------------------------------------------------------------


CURVES: Mapping[str, Callable[[Array], Array]] = {
    "x²": np.square,
    "sin x": np.sin,
    "abs x": np.abs,
    "H(x)": lambda x: np.heaviside(x, 1.0),
}


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
        [
            "A network with three tanh units and a linear output is fitted to 50 points of a "
            "function, x drawn uniformly from (-1, 1). It follows the function between the points "
            "too. No unit looks like the curve: the output adds three bends, each in its place."
        ],
        ["function", "RMSE at the 50 points", "RMSE at 401 points between -1 and 1"],
        rows,
        figure,
        "The 50 points, the network's curve, and (dashed) the outputs of its three hidden units",
        [
            "Squared loss, full batch, 400 steps of L-BFGS. Weights of the hidden units start from "
            "a normal distribution with standard deviation 2, biases from (-1, 1); seed 0. The 50 "
            "points do not say where between two of them H(x) jumps."
        ],
    )


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
    guesses["optimal, from the true densities"] = odds(more) > 0
    rows = [[name, f"{np.mean(guess != truth):.2%}"] for name, guess in guesses.items()]

    figure, (plot,) = panels(1, width=6.0, height=5.4)
    for label, color in ((0, BLUE), (1, ORANGE)):
        plot.plot(*x[t == label].T, "o", color=color, markersize=3, alpha=0.7)
    side = np.linspace(-5, 5, 301)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    model = fitted["2 tanh units and a sigmoid"]
    kernel, bias = model.get_weights()[:2]
    shown = [
        (unit, 0.5, GREY, "--", "a hidden unit is 0.5") for unit in np.tanh(grid @ kernel + bias).T
    ]
    shown += [
        (model.predict(grid)[:, 0], 0.5, RED, "-", "the output is 0.5"),
        (odds(grid), 0.0, GREEN, "-", "the optimal boundary"),
    ]
    for values, level, color, line, label in shown:
        plot.contour(side, side, values.reshape(301, 301), [level], colors=color, linestyles=line)
        known = plot.get_legend_handles_labels()[1]
        plot.plot([], [], color=color, linestyle=line, label="" if label in known else label)
    plot.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    plot.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="upper left")
    return Page(
        [
            "Two classes with known densities: one is normal around the origin, the other is half "
            "around (-2, 2) and half around (2, -2), all with standard deviation 0.8. One line "
            "cannot separate them. Two hidden units give two lines, and the output combines them "
            "into a boundary that is close to the optimal one."
        ],
        ["classifier", f"error on {len(more):,} new points"],
        rows,
        figure,
        "The points, the lines where a hidden unit is 0.5, the network's boundary and the optimal "
        "one",
        [
            "400 points, cross-entropy with an L2 penalty of 0.001, 200 steps of L-BFGS, float64, "
            "seed 0."
        ],
    )
