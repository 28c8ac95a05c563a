"""The lectures' figures of support vector machines: margins, slack, C, kernels, losses, the lab."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from experiment import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Array, Page, panels
from matplotlib.figure import Figure

import pellucid as pel
from pellucid import svm

Decision = Callable[[Array], Array]


def cloud(overlap: float, count: int = 25, seed: int = 2) -> tuple[Array, Array]:
    """Two classes of points in the plane, (2·count, 2) and -1 or 1."""
    draw = np.random.default_rng(seed)
    t = np.repeat([1, -1], count)
    return draw.normal(size=(2 * count, 2)) + (1.6 - overlap) * t[:, None], t


def points(axes: Any, x: Array, t: Array, size: float = 22) -> None:
    for side, color, mark in ((-1, BLUE, "o"), (1, RED, "s")):
        axes.scatter(
            *x[t == side].T,
            s=size,
            color=color,
            marker=mark,
            linewidths=0,
            zorder=3,
            label=f"class {side:+d}",
        )


def frame(axes: Any, x: Array, border: float = 0.8) -> None:
    """Limits around the points, alike in both directions; no numbers on the axes."""
    low, high = x.min(axis=0) - border, x.max(axis=0) + border
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def borders(axes: Any, decision: Decision, shaded: bool = True, margins: bool = True) -> None:
    """The boundary, and where the decision value is ±1."""
    a, b = np.meshgrid(np.linspace(*axes.get_xlim(), 240), np.linspace(*axes.get_ylim(), 240))
    value = decision(np.stack([a.ravel(), b.ravel()], axis=1)).reshape(a.shape)
    if shaded:
        axes.contourf(a, b, value > 0, levels=[-0.5, 0.5, 1.5], colors=[BLUE, RED], alpha=0.1)
    axes.contour(a, b, value, levels=[0], colors="black", linewidths=1.4)
    if margins:
        axes.contour(a, b, value, levels=[-1, 1], colors=GREY, linewidths=0.9, linestyles="dashed")


def margin_slack(_: Path) -> Page:
    """The margin of a soft-margin machine, its support vectors, and each slack as a distance."""
    x, t = cloud(0.55, 18, seed=6)
    found = svm.soft_margin(x, t, C=1.0)
    w, b, xi, a = found.weight, found.intercept, found.slack, found.multipliers
    figure, (axes,) = panels(1, 6.6, 5.6)
    frame(axes, x)
    borders(axes, found.decision_function)
    points(axes, x, t)
    held = np.zeros(len(t), bool)
    held[found.support] = True
    axes.scatter(*x[held].T, s=95, facecolors="none", edgecolors="black", linewidths=0.9)
    norm = float(np.linalg.norm(w))
    late = xi > 1e-6
    for row in np.flatnonzero(late):
        # Back to its own margin line: the distance is ξ/‖w‖.
        home = x[row] + t[row] * xi[row] * w / norm**2
        axes.plot(*np.stack([x[row], home]).T, color=ORANGE, linewidth=1.1, zorder=2)
    for row in np.flatnonzero(late):
        axes.annotate(
            f"{xi[row]:.2f}",
            x[row],
            (6, -3 if t[row] > 0 else 5),
            textcoords="offset points",
            fontsize=7,
            color="0.2",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.8, "lw": 0},
            zorder=4,
        )
    axes.legend(loc="lower left", fontsize=8)
    along = np.array([w[1], -w[0]]) / norm
    middle = -b * w / norm**2 + along * 1.8
    axes.annotate(
        "", middle + w / norm**2, middle, arrowprops={"arrowstyle": "<->", "color": GREEN}
    )
    axes.annotate(
        f"margin\n1/‖w‖ = {found.margin:.2f}",
        middle + w / norm**2,
        (5, -4),
        textcoords="offset points",
        fontsize=8,
        color=GREEN,
    )
    C = 1.0
    places = [
        ("on the right side, outside the margin", ~late & ~held),
        ("on the margin", held & ~late),
        ("inside the margin, on the right side", late & (xi < 1)),
        ("on the wrong side", xi >= 1),
    ]
    rows = [
        [
            name,
            str(int(some.sum())),
            _range(xi[some]),
            _range(a[some]),
            _range(xi[some] / norm),
        ]
        for name, some in places
    ]
    return Page(
        text=[
            f"A soft-margin machine with C = {C:g} on {len(t)} points. It minimises ½‖w‖² + C Σ ξₙ "
            "subject to tₙ(w·xₙ + b) ≥ 1 - ξₙ and ξₙ ≥ 0. A point has slack ξ = 0 where it is on "
            "its side of its own margin line, else ξ = abs(t - y(x)), and lies ξ/‖w‖ behind that "
            "line. From ξ = 1 on it is misclassified. The multiplier a is 0 off the margin, C "
            "wherever there is slack, and in between on the margin.",
        ],
        header=["points", "how many", "slack ξ", "multiplier a", "distance ξ/‖w‖"],
        rows=rows,
        figure=figure,
        caption="The boundary (solid), margin lines (dashed), support vectors in circles, and each "
        "slack ξ beside its point with the way back to the margin line",
        below=[
            f"Margin {found.margin:.4f}, Σ ξ = {xi.sum():.4f}, objective {found.objective:.6f}; "
            f"the dual objective Σ a - ½‖w‖² is {a.sum() - w @ w / 2:.6f}.",
        ],
    )


def _range(values: Array) -> str:
    if not len(values):
        return "–"
    low, high = (0.0 if abs(v) < 1e-7 else float(v) for v in (values.min(), values.max()))
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def effect_of_c(_: Path) -> Page:
    """The same points with a small, a middle and a large C."""
    x, t = cloud(0.35, 30)
    figure, axes = panels(3, 10.5, 3.9)
    rows = []
    for C in (0.001, 0.01, 0.1, 1.0, 10.0, 100.0):
        found = svm.soft_margin(x, t, C=C)
        wrong = int((t * found.decision_function(x) < 0).sum())
        rows.append(
            [
                f"{C:g}",
                f"{found.margin:.3f}",
                str(len(found.support)),
                str(int((found.slack > 1e-6).sum())),
                f"{found.slack.sum():.2f}",
                str(wrong),
            ]
        )
        if C in (0.01, 1.0, 100.0):
            one = axes[(0.01, 1.0, 100.0).index(C)]
            frame(one, x)
            borders(one, found.decision_function)
            points(one, x, t, 16)
            one.scatter(*x[found.support].T, s=60, facecolors="none", edgecolors="black", lw=0.8)
            one.legend(loc="lower right", fontsize=7)
            one.set_title(
                f"C = {C:g}: margin {found.margin:.2f}, {len(found.support)} support vectors"
            )
            one.title.set_fontsize(9)
    return Page(
        text=[
            f"A soft-margin machine on {len(t)} points of two classes that overlap. A large C "
            "makes slack expensive: the margin is narrow and few points are support vectors. A "
            "small C makes it cheap: the margin is wide and holds many points, each of them a "
            "support vector.",
        ],
        header=["C", "margin 1/‖w‖", "support vectors", "points with slack", "Σ ξ", "errors"],
        rows=rows,
        figure=figure,
        caption="The boundary, the margin lines, and the support vectors in circles, for three C",
    )


def outlier(_: Path) -> Page:
    """One point moves a hard margin; a soft one hardly notices."""
    x, t = cloud(-0.55, 20)
    clean = svm.hard_margin(x, t)
    short = t * clean.decision_function(x)
    kept = (short < 1 + 1e-6) | (short > 1.1)  # what lies almost on a line would seem to be on it
    x, t = x[kept], t[kept]
    clean = svm.hard_margin(x, t)
    toward = clean.weight / np.linalg.norm(clean.weight)
    # A point of the first class almost at the other class's border.
    guest = -clean.intercept * clean.weight / (clean.weight @ clean.weight)
    guest = guest + 0.8 * clean.margin * toward + 0.7 * np.array([-toward[1], toward[0]])
    more, labels = np.vstack([x, guest]), np.append(t, -1)
    hard, soft = svm.hard_margin(more, labels), svm.soft_margin(more, labels, C=0.2)
    shown = [
        ("hard margin", clean, x, t),
        ("hard margin, one outlier", hard, more, labels),
        ("soft margin, C = 0.2, the same outlier", soft, more, labels),
    ]
    figure, axes = panels(3, 10.5, 4.1)
    rows = []
    for one, (name, found, rows_of, sides) in zip(axes, shown, strict=True):
        frame(one, more)
        borders(one, found.decision_function)
        points(one, rows_of, sides, 16)
        one.scatter(*rows_of[found.support].T, s=60, facecolors="none", edgecolors="black", lw=0.8)
        if len(rows_of) > len(x):
            one.annotate("outlier", guest, (-46, -3), textcoords="offset points", fontsize=8)
        one.set_title(name, fontsize=9)
        one.legend(loc="lower right", fontsize=7)
        turned = clean.weight @ found.weight / np.linalg.norm(clean.weight)
        turned = np.degrees(np.arccos(min(1.0, turned / np.linalg.norm(found.weight))))
        rows.append([name, f"{found.margin:.3f}", f"{turned:.1f}°", f"{found.slack.sum():.2f}"])
    return Page(
        text=[
            f"A hard margin is min ½‖w‖² subject to tₙ(w·xₙ + b) ≥ 1 for every point. It is not "
            f"robust: one point more among {len(t)} shrinks it from {clean.margin:.2f} to "
            f"{hard.margin:.2f} and turns the boundary. A soft margin lets that point have slack.",
        ],
        header=["machine", "margin 1/‖w‖", "turned by", "Σ ξ"],
        rows=rows,
        figure=figure,
        caption="The hard margin without and with one outlier, and a soft margin with it",
        below=[
            "Where no hyperplane separates the classes, `pel.svm.hard_margin` raises an error "
            "with a witness: a point that is a weighted mean of rows of both classes.",
        ],
    )


def xor(draw: np.random.Generator) -> tuple[Array, Array]:
    x = draw.uniform(-1, 1, (120, 2))
    return x + 0.08 * np.sign(x), np.where(x[:, 0] * x[:, 1] > 0, 1, -1)


def circles(draw: np.random.Generator) -> tuple[Array, Array]:
    t = np.repeat([1, -1], 60)
    angle, radius = draw.uniform(0, 2 * np.pi, 120), np.where(t > 0, 0.45, 1.0)
    radius = radius + 0.08 * draw.normal(size=120)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), t


def spirals(draw: np.random.Generator) -> tuple[Array, Array]:
    t = np.repeat([1, -1], 90)
    way = np.tile(np.linspace(0.35, 2.6 * np.pi, 90), 2)
    angle, radius = way + np.where(t > 0, 0, np.pi), way / (2.6 * np.pi)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x + 0.015 * draw.normal(size=x.shape), t


def kernels(_: Path) -> Page:
    """What the kernels separate."""
    machines: dict[str, Callable[[], Any]] = {
        "linear": lambda: svm.SVC("linear", C=10.0),
        "polynomial, degree 3": lambda: svm.SVC("poly", degree=3, gamma=2.0, coef0=1.0, C=10.0),
        "RBF": lambda: svm.SVC("rbf", gamma=8.0, C=10.0),
    }
    figure = Figure(figsize=(9.4, 9.6), layout="constrained")
    grid, rows = figure.subplots(3, 3), []
    for line, (name, made) in enumerate(
        {"XOR": xor, "circles": circles, "spirals": spirals}.items()
    ):
        x, t = made(np.random.default_rng(line))
        cells = [name]
        for axes, (kernel, machine) in zip(grid[line], machines.items(), strict=True):
            found = machine().fit(x, t)
            frame(axes, x, 0.15)
            borders(axes, found.decision_function, margins=False)
            points(axes, x, t, 12)
            vectors = found.support_vectors
            axes.scatter(*vectors.T, s=34, facecolors="none", edgecolors="black", lw=0.6)
            right = float((found.predict(x) == t).mean())
            axes.set_title(f"{name}, {kernel}: {right:.0%} right", fontsize=9)
            cells.append(f"{right:.1%}, {len(found.support)} of {len(t)}")
        rows.append(cells)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, fontsize=8)
    return Page(
        text=[
            "Three tasks in the plane that no line solves. A machine with a kernel k is the linear "
            "one in the kernel's space, y(x) = Σ aₙtₙ k(xₙ, x) + b, and only the support vectors "
            "have a above 0. The polynomial of degree 3 is enough for XOR and the circles, the RBF "
            "kernel for the spirals as well.",
        ],
        header=[
            "points",
            *(f"{kernel}: right of the training points, support vectors" for kernel in machines),
        ],
        rows=rows,
        figure=figure,
        caption="The boundaries, the support vectors in circles, and how many of the training "
        "points are on the right side",
        below=["C = 10; (2 a·b + 1)³ and exp(-8‖a - b‖²)."],
    )


def loss_curves(_: Path) -> Page:
    """The losses of the two machines as functions of the margin t·y(x)."""
    at = np.linspace(-2.5, 3, 1101)
    hinge, logistic = pel.nn.Hinge(), pel.nn.Logistic()

    def curve(loss: Any, margin: Array) -> Array:
        """The loss's own function, for targets of 1."""
        outputs = margin.reshape(-1, 1)
        return np.asarray(pel.jit(loss.per_row)(np.ones_like(outputs), outputs))

    margins = np.array([-1.0, 0.0, 1.0, 2.0])
    figure, (axes,) = panels(1, 6.4, 4.2)
    axes.plot(at, at < 0, color=GREY, lw=1, label="error, [m < 0]")
    axes.plot(at, curve(hinge, at), color=BLUE, label="hinge, [1 - m]₊")
    axes.plot(at, curve(logistic, at), color=RED, label="logistic, ln(1 + e⁻ᵐ)")
    axes.plot(at, np.maximum(1 - at, 0) ** 2, color=PURPLE, lw=1, ls="--", label="squared hinge")
    axes.scatter(margins, curve(hinge, margins), color=BLUE, s=18, zorder=3)
    axes.scatter(margins, curve(logistic, margins), color=RED, s=18, zorder=3)
    axes.set_ylim(-0.1, 4)
    axes.set_xlabel("margin m = t·y(x)")
    axes.set_ylabel("loss of a point")
    axes.legend(frameon=False)
    rows = [
        [name, *(format(value, form) for value in curve(loss, margins))]
        for name, loss, form in (("hinge", hinge, "g"), ("logistic", logistic, ".4f"))
    ]
    return Page(
        text=[
            "A soft-margin machine minimises C Σ [1 - tₙy(xₙ)]₊ + ½‖w‖², logistic regression with "
            "an L2 penalty C Σ ln(1 + e^{-tₙy(xₙ)}) + ½‖w‖². The two losses are close. Both grow "
            "linearly for points far on the wrong side, so one such point counts little. The hinge "
            "is exactly 0 from margin 1 on: these points have no say in w. The logistic loss never "
            "is.",
        ],
        header=["loss", *(f"m = {m:g}" for m in margins)],
        rows=rows,
        figure=figure,
        caption="The losses as functions of the margin",
    )


def lab_data(rows: int) -> tuple[Array, Array, Array, Array]:
    """Two classes of 30 features with 8 % of the labels flipped, and as many new points."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(2 * rows, 30)).astype(np.float32)
    x[:, 1:] += 0.6 * x[:, :-1]
    t = np.where(x @ draw.normal(size=30) + 1.5 * draw.normal(size=2 * rows) + 0.7 > 0, 1, -1)
    t[draw.random(2 * rows) < 0.08] *= -1
    return x[:rows], t[:rows], x[rows:], t[rows:]


def lab(_: Path) -> Page:
    """Soft-margin machine and logistic regression by stochastic (sub-)gradient steps."""
    count, epochs, C = 200_000, 12, 1e-3
    x, t, new_x, new_t = lab_data(count)
    found, seconds = {}, {}
    for name, loss in (("soft-margin SVM, hinge", "hinge"), ("L2-logistic", "logistic")):
        svm.subgradient(x[:1000], t[:1000], loss=loss, epochs=1)  # compiled before the clock runs
        start = time.perf_counter()
        found[name] = svm.subgradient(x, t, loss=loss, C=C, epochs=epochs)
        seconds[name] = time.perf_counter() - start
    least = {}
    exact = svm.LinearSVC("hinge", C=C, tol=1e-9).fit(x, t)
    least["soft-margin SVM, hinge"] = exact.certificate.primal
    least["L2-logistic"] = _logistic_minimum(x, t, C)
    figure, (left, right) = panels(2, 9.4, 3.8)
    rows = []
    for (name, one), color in zip(found.items(), (BLUE, RED), strict=True):
        above = np.array(one.objective) / least[name] - 1
        passes = np.arange(1, epochs + 1)
        left.semilogy(passes, np.maximum(above, 1e-9), color=color, marker="o", ms=3, label=name)
        right.plot(passes, np.array(one.active) / count, color=color, marker="o", ms=3, label=name)
        error = float((one.predict(new_x) != new_t).mean())
        rows.append(
            [
                name,
                f"{one.objective[0]:.3f}",
                f"{one.objective[-1]:.3f}",
                f"{least[name]:.3f}",
                f"{above[-1]:.1e}",
                f"{one.active[-1]:,}",
                f"{error:.2%}",
                f"{seconds[name]:.1f}",
            ]
        )
    left.set_xlabel("passes over the rows")
    left.set_ylabel("objective above its minimum, relatively")
    left.legend(frameon=False)
    right.set_xlabel("passes over the rows")
    right.set_ylabel("share of rows with a gradient")
    right.set_ylim(0, 1.05)
    one, other = found.values()
    angle = one.weight @ other.weight
    angle /= np.linalg.norm(one.weight) * np.linalg.norm(other.weight)
    same = float((one.predict(new_x) == other.predict(new_x)).mean())
    return Page(
        text=[
            f"Lab 5: a soft-margin machine and logistic regression with an L2 penalty on {count:,} "
            "rows with 30 features, both by the same first-order method: stochastic "
            f"(sub-)gradient steps on minibatches of 64 rows with rates that fall as 1/k, averaged "
            f"(`pel.svm.subgradient`), C = {C:g}. The hinge has no derivative at margin 1; its "
            "sub-gradient there is taken as 0.",
        ],
        header=[
            "machine",
            "objective after 1 pass",
            f"after {epochs}",
            "its minimum",
            "above it",
            "rows with a gradient",
            "error on new points",
            "seconds",
        ],
        rows=rows,
        figure=figure,
        caption="How far the objectives are above their minima, and the share of rows whose loss "
        "has a (sub-)gradient other than 0",
        below=[
            f"The cosine between the two weight vectors is {angle:.4f}; the machines agree on "
            f"{same:.2%} of {len(new_x):,} new points. 8 % of the labels are flipped, which no "
            "machine can know. The minima are those of `LinearSVC` with a relative gap of 1e-9, "
            "and of L-BFGS.",
        ],
    )


def _logistic_minimum(x: Array, t: Array, C: float) -> float:
    """The least ½(‖w‖² + b²) + C Σ ln(1 + e^{-t(w·x + b)}), by `fit` with L-BFGS."""
    wide = np.hstack([x, np.ones((len(x), 1), x.dtype)])
    weight = 1 / (C * len(x))
    layer = pel.nn.Dense(1, use_bias=False, regularizer=pel.nn.L2(weight))
    model = pel.Sequential([layer], seed=0, dtype="float64")
    model.compile(pel.optim.LBFGS(), loss="logistic")
    model.fit(wide, t.reshape(-1, 1), epochs=60, verbose=0, seed=0)
    w = model.get_weights()[0].ravel()
    return float(w @ w / 2 + C * np.logaddexp(0, -t * (wide @ w)).sum())
