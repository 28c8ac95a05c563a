"""The lectures' experiments: a page and a figure each, in docs/.

    python benchmarks/lectures.py NAME|all [--data ../shared/data/mnist] [--out docs/lectures]

Every number of a page comes from the run that wrote it.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping
from pathlib import Path

from experiment import Experiment, Missing, Page
from margins import effect_of_c, kernels, lab, loss_curves, margin_slack, outlier
from networks import adam_decay, boundary, curves, mixture_density, sparsity
from optimisation import batch_sizes, growing_batch, learning_rate, momentum
from streams import drifting_stream

ROOT = Path(__file__).resolve().parent.parent

EXPERIMENTS: Mapping[str, Experiment] = {
    "growing-batch": Experiment("Batches that grow", growing_batch),
    "momentum": Experiment("Correlated data: steepest descent and what helps it", momentum),
    "batch-sizes": Experiment("Batch, stochastic and minibatch learning", batch_sizes),
    "learning-rate": Experiment("The learning rate and the second derivative", learning_rate),
    "drifting-stream": Experiment("Online learning on a target that moves", drifting_stream),
    "mixture-density": Experiment("Mixture densities for an inverse problem", mixture_density),
    "sparsity": Experiment("L1 and weights that are exactly 0", sparsity),
    "adam-decay": Experiment("Weight decay and the L2 penalty", adam_decay),
    "curves": Experiment("Four curves from three hidden units", curves),
    "boundary": Experiment("A boundary from two hidden units", boundary),
    "margin-slack": Experiment("The margin and the slack of each point", margin_slack),
    "effect-of-c": Experiment("The effect of C on a support vector machine", effect_of_c),
    "outlier": Experiment("One outlier and the hard margin", outlier),
    "kernels": Experiment("Kernels on XOR, circles and spirals", kernels),
    "loss-curves": Experiment("Hinge and logistic loss", loss_curves),
    "svm-logistic": Experiment("Lab: soft-margin SVM and logistic regression", lab),
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
        f"![{page.caption}]({name}.png)",
        "",
        f"*{page.caption}.*",
        "",
        f"Written by `python benchmarks/lectures.py {name}`; `make lectures` writes all pages.",
        "",
    ]
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
    index = ["# The lectures' experiments", "", "Written by `make lectures`.", ""]
    index += [f"- [{one.title}]({name}.md)" for name, one in EXPERIMENTS.items()]
    (options.out / "README.md").write_text("\n".join([*index, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
