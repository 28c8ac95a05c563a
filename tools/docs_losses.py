"""docs/losses.md: what an output means under each loss, and conversions from other libraries.

The tables of pairs come from `contract` itself; tests/nn/test_losses_page.py computes both sides of
every conversion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).resolve().parent.parent / "docs" / "losses.md"

HEAD = """# Losses and metrics: what an output means, and which losses sum or average

Written by `make docs` from `src/pellucid/nn/losses/contract.py`.

The final activation and the loss together define what a model's output means: values,
probabilities, logits, scores, or the parameters of a density. `compile` decides this once. A model
with several outputs has one such pair per output.

- `predict` always returns what the last layer returns.
- All metrics, including your own, see what `predict` returns.
- A cross-entropy after its matching activation (softmax or sigmoid) is computed from the logits,
  which is more accurate. Nothing else changes: the same model without the activation trains to the
  same weights, and `predict_proba` gives probabilities for both.
- `compile` refuses a pair that has no meaning, and says what to do instead.

"""

SUMS = """## Which losses sum, and which average

A loss gives one value per row: the **sum** over the outputs of the row. The objective is the
**mean** of these values over the rows of a batch, so that one learning rate fits every batch size,
plus the penalties. λ is not divided by the number of rows. With sample weights the mean is
(1/N) Σ wᵢ·lossᵢ: it is divided by the number of rows N, not by Σ wᵢ. `class_weight` gives each row
the weight of its class; targets that are probabilities of several classes have no single class and
are refused.

The metrics `squared_error` and `absolute_error` are **means** over rows and outputs, as in Keras
and scikit-learn. For probabilities the targets are one-hot rows; for a density they use its mean
(`gaussian`: μ, `gaussian_mixture`: Σπμ, `poisson`: eʸ). Metrics are not weighted. `f1` of more than
two classes, or of several labels per row, is the mean of the F1 of each class (macro average). `r2`
is the mean of the R² of each output; it is not defined for a constant target, which is refused.

Conversions for N rows and H columns of targets; *ours* is the number that `fit` and `evaluate`
show:

| other library | here | their number |
|---|---|---|
"""

AFTER = """
The gradient converts by the same factor. If their number is c·*ours*, a learning rate η there
corresponds to c·η here: η / H for Keras's mean_squared_error of H outputs. Plain SGD then takes the
same steps in both. Adam and RMSprop do not depend on a factor of the gradient, apart from their
epsilon.

Partial equivalents:

- Losses of single outputs take `average=True`, as in `pel.nn.Squared(average=True)`: the mean over
  the outputs of a row in place of their sum, which is the number of Keras and PyTorch.
- With outputs (N, …, C), a class for each position, the losses of classes sum over positions, or
  average them with `average=True`; `class_weights=(…)` gives positions the weight of their class.
- Keras's `poisson` and PyTorch's `PoissonNLLLoss(log_input=False)` take the rate itself, as
  `poisson_rate` does; `poisson` takes its logarithm, so the model ends in no activation.
- Keras's `tversky` exchanges alpha and beta; its `dice` and `tversky` sum over a whole batch by
  default, `dice` and `tversky` over each row.
- Keras's `kl_divergence` and focal losses keep probabilities 1e-7 away from 0 and 1; ours are
  computed from logits and need no bound.
- PyTorch's `GaussianNLLLoss` takes the variance as a separate argument; `gaussian` computes it from
  the second half of the outputs, by softplus.
- PyTorch's `CrossEntropyLoss(weight=w)` divides by the sum of the weights of the rows.
- PyTorch's `MultiMarginLoss` sums over all rivals of a class; `multiclass_hinge` takes the highest.
- `loss="mse"` and other names from other libraries are refused; the message names the equivalent
  loss and how its numbers differ.
"""


class Conversion(NamedTuple):
    """A loss of another library, ours, and their number as an expression of `ours`."""

    library: str
    theirs: str
    here: str
    number: str


CONVERSIONS = [
    Conversion("Keras", "mean_squared_error", "squared", "ours / H"),
    Conversion("Keras", "mean_absolute_error", "absolute", "ours / H"),
    Conversion("Keras", "huber", "huber", "ours / H"),
    Conversion("Keras", "binary_crossentropy", "binary_cross_entropy", "ours / H"),
    Conversion("Keras", "categorical_crossentropy", "cross_entropy", "ours"),
    Conversion("Keras", "sparse_categorical_crossentropy", "cross_entropy", "ours"),
    Conversion("Keras", "hinge", "hinge", "ours / H"),
    Conversion("Keras", "poisson", "poisson", "ours / H"),
    Conversion("Keras", "regularizers.L2(λ)", "L2(2 * λ)", "ours"),
    Conversion("Keras", "regularizers.L1(λ)", "L1(λ)", "ours"),
    Conversion("PyTorch", "MSELoss", "squared", "ours / H"),
    Conversion("PyTorch", "L1Loss", "absolute", "ours / H"),
    Conversion("PyTorch", "HuberLoss", "huber", "ours / H"),
    Conversion("PyTorch", "CrossEntropyLoss", "cross_entropy", "ours"),
    Conversion("PyTorch", "NLLLoss of log p", "probability_cross_entropy", "ours"),
    Conversion("PyTorch", "BCEWithLogitsLoss", "binary_cross_entropy", "ours / H"),
    Conversion("PyTorch", "BCELoss", "probability_binary_cross_entropy", "ours / H"),
    Conversion("PyTorch", "SoftMarginLoss", "logistic", "ours / H"),
    Conversion("PyTorch", "PoissonNLLLoss", "poisson", "ours / H"),
    Conversion("PyTorch", "GaussianNLLLoss", "gaussian", "ours / H - ln(2 * π) / 2"),
    Conversion("PyTorch", "SGD(weight_decay=λ)", "L2(λ)", "ours"),
    Conversion("scikit-learn", "mean_squared_error", "squared", "ours / H"),
    Conversion("scikit-learn", "mean_absolute_error", "absolute", "ours / H"),
    Conversion("scikit-learn", "log_loss", "cross_entropy", "ours"),
    Conversion("scikit-learn", "hinge_loss", "hinge", "ours / H"),
    Conversion("scikit-learn", "hinge_loss of classes", "multiclass_hinge", "ours"),
    Conversion("scikit-learn", "Ridge(λ)", "squared, L2(2 * λ / N)", "ours * N"),
    Conversion("scikit-learn", "Lasso(λ)", "half_squared, L1(λ)", "ours"),
    Conversion("scikit-learn", "LogisticRegression(C=1/λ)", "logistic, L2(λ / N)", "ours * N / λ"),
    Conversion(
        "scikit-learn", "LinearSVC(C=1/λ, loss='hinge')", "hinge, L2(λ / N)", "ours * N / λ"
    ),
    Conversion("the lectures", "½(y - t)²", "half_squared", "ours"),
    Conversion("the lectures", "(y - f)²", "squared", "ours"),
    Conversion("the lectures", "MSE + (λ/2)·‖w‖²", "squared, L2(λ)", "ours"),
    Conversion("the lectures", "Σ (y - f)² + λ·½‖w‖²", "squared, L2(λ / N)", "ours * N"),
    Conversion("the lectures", "-Σ I(t = k) ln softmax_k", "cross_entropy", "ours"),
    Conversion(
        "the lectures", "-t ln p - (1 - t) ln(1 - p)", "probability_binary_cross_entropy", "ours"
    ),
]


def page() -> str:
    """The whole page."""
    parts = [HEAD, _pairs(), _metrics(), SUMS]
    parts += [
        f"| {one.library}: `{one.theirs}` | `{one.here}` | {_shown(one.number)} |\n"
        for one in CONVERSIONS
    ]
    return "".join([*parts, AFTER])


def _shown(number: str) -> str:
    return number.replace("ours", "*ours*").replace(" * ", "·")


def _endings() -> dict[str, Any]:
    """The last layers, by the words of the page."""
    from pellucid.nn.activations import BY_NAME

    names = {f"`{name}`": name for name in BY_NAME}
    return {"none": None, **names, "your own": _own}


def _own(z: Any) -> Any:
    return z


def _general(refusal: Any, subject: str, got: Any) -> str:
    """A refusal of one subject and what it got, in the words that hold for all of its kind."""
    problem = refusal.problem.removeprefix(f"{subject} ").removesuffix(f" ({got})")
    for what in (f"a final {got}", "a linear output", str(got)):
        problem = problem.replace(f", got {what}, which", "; this one").removesuffix(
            f", got {what}"
        )
    return f"{problem}. {refusal.fix}".replace(f"the {got} off", "the activation off")


def _pairs() -> str:
    """Each loss with each last layer, and why some are refused."""
    from pellucid.nn.losses import BY_NAME
    from pellucid.nn.losses.contract import contract

    endings = _endings()
    reasons: dict[str, int] = {}
    lines = ["| loss | " + " | ".join(endings) + " |", "|---" * (len(endings) + 1) + "|"]
    for name, loss in BY_NAME.items():
        cells = []
        for last in endings.values():
            found = contract(loss, last)
            cell = "logits" if found.reads_raw else "yes"
            if found.refusal is not None:
                why = _general(found.refusal, name, last)
                cell = f"no ({reasons.setdefault(why, len(reasons) + 1)})"
            cells.append(cell)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    told = [f"{number}. It {why}" for why, number in reasons.items()]
    return (
        "## Every last layer with every loss\n\n"
        "The columns are final activations. *yes*: the loss reads what `predict` returns; "
        "*logits*: it reads the\nvalue before the activation; *no*: `compile` refuses the pair, "
        "for the reason with that number. A last\nlayer without an activation (BatchNorm, Basis, "
        "Add, …) counts as your own: its output is assumed to be\nwhat the loss expects. Losses "
        "of your own accept every last layer.\n\n"
        'Layers at the end that give in prediction what they get (`Activation("linear")`, Flatten, '
        "Reshape, Dropout,\nGaussianNoise) leave the meaning to the layer before them. A "
        "cross-entropy refuses them behind a softmax, and\nnoise behind a sigmoid. The losses of "
        "probabilities also refuse a normalisation at the end, a Rescale that\ntakes probabilities "
        "beyond [0, 1], and one that takes the rows of a softmax from their sum of 1.\n\n"
        + "\n".join(lines)
        + "\n\n"
        + "\n".join(told)
        + "\n\n"
    )


def _metrics() -> str:
    """Each loss with each metric, by what the output is."""
    from pellucid.nn.losses import BY_NAME
    from pellucid.nn.losses.contract import contract
    from pellucid.train import metrics

    names = [*metrics.BY_NAME, "top_5_error"]
    reasons: dict[str, int] = {}
    lines = ["| loss | the output is | " + " | ".join(f"`{name}`" for name in names) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for loss_name, loss in BY_NAME.items():
        pairs = [contract(loss, last) for last in _endings().values()]
        forms = {found.form: found for found in pairs if found.refusal is None}
        for form, found in forms.items():
            cells = []
            for name in names:
                refusal = metrics.metric(name).refusal(loss, found)
                cell = "yes"
                if refusal is not None:
                    why = _general(refusal, name, loss_name)
                    cell = f"no ({reasons.setdefault(why, len(reasons) + 1)})"
                cells.append(cell)
            lines.append(f"| `{loss_name}` | {form.value} | {' | '.join(cells)} |")
    told = [f"{number}. It {why}" for why, number in reasons.items()]
    return (
        "## Every loss with every metric\n\n"
        "A loss of your own accepts the metrics of values, if targets and outputs have the same "
        "shape. Metric\nfunctions of your own work with every loss. `gradient_norm` is measured "
        "in training steps; `f1`, `roc_auc`\nand `r2` are measured on whole data sets, so in "
        "validation and `evaluate`.\n\n" + "\n".join(lines) + "\n\n" + "\n".join(told) + "\n\n"
    )


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
