"""Programs of Keras, as they are and with the import exchanged: losses of their first 20 steps.

Run in an environment with Keras on JAX and Pellucid:
`KERAS_BACKEND=jax python benchmarks/keras_agreement.py`. Each program of keras_programs/ runs twice
from the same start weights, on the rows in their order. It prints the table of docs/keras.md.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

PROGRAMS = sorted((Path(__file__).parent / "keras_programs").glob("*.py"))
STEPS = 20
Curve = list[float]


def exchanged(text: str) -> str:
    """The program with its imports of Keras exchanged."""
    text = re.sub(r"^import keras$", "from pellucid import keras", text, flags=re.M)
    text = re.sub(r"^import jax$", "import pellucid as jax", text, flags=re.M)
    return re.sub(r"^from keras", "from pellucid.keras", text, flags=re.M)


def weights_of(model: Any) -> list[Any]:
    """All arrays but those that layers of preparation hold."""
    prepared = ("normalization/mean", "normalization/variance", "normalization/count")
    return [np.asarray(w) for w in model.weights if not w.path.endswith(prepared)]


def observed(library: Any, starts: list[Any], first: bool) -> tuple[Any, list[Curve]]:
    """A `fit` that begins with given weights and writes down the losses of steps."""
    plain, curves = library.Model.fit, []

    class Steps(library.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.curve.append(float(logs["loss"]))
            if len(self.curve) >= STEPS:
                self.model.stop_training = True

    def fit(self: Any, x: Any = None, y: Any = None, **options: Any) -> Any:
        if not self.built or not self.weights:
            self(x[:1] if hasattr(x, "shape") else x[0][0])
        if first:
            starts.append(weights_of(self))
        else:
            self.set_weights(starts[len(curves)])
        steps = Steps()
        steps.curve = []
        curves.append(steps.curve)
        options["callbacks"] = [*(options.get("callbacks") or []), steps]
        if hasattr(x, "__len__"):
            options["shuffle"] = False
        options["verbose"] = 0
        return plain(self, x, y, **options)

    return fit, curves


def begun(library: Any, starts: list[Any], first: bool) -> Any:
    """A `build` of optimizers that begins with given weights, for loops from scratch."""
    plain = library.optimizers.Optimizer.build

    def build(self: Any, variables: Any) -> None:
        if first:
            starts.append([np.array(one) for one in variables])
        else:
            for one, start in zip(variables, starts[0], strict=True):
                one.assign(start)
        plain(self, variables)

    return build


def curves_of(path: Path, library: Any, starts: list[Any], text: str, first: bool) -> list[Curve]:
    """The losses of each `fit` of a program; of a loop from scratch those that it writes down."""
    names: dict[str, Any] = {"__name__": "__main__"}
    if "curve = []" in text:
        owner, name, (changed, curves) = (
            library.optimizers.Optimizer, "build", (begun(library, starts, first), [])
        )  # fmt: skip
    else:
        owner, name, (changed, curves) = library.Model, "fit", observed(library, starts, first)
    plain = getattr(owner, name)
    setattr(owner, name, changed)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, str(path), "exec"), names)
    finally:
        setattr(owner, name, plain)
    return curves or [names["curve"]]


def difference(one: list[Curve], other: list[Curve]) -> float:
    """The largest difference of the losses, relative where they are above 1."""
    return max(
        abs(a - b) / max(1.0, abs(a))
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first, second, strict=True)
    )


def main(wanted: list[str]) -> None:
    import keras

    from pellucid import keras as door

    for path in PROGRAMS:
        if wanted and path.stem not in wanted:
            continue
        text, starts = path.read_text(), []
        title = text.split('"""')[1].rstrip(".")
        theirs = curves_of(path, keras, starts, text, True)
        try:
            ours = curves_of(path, door, starts, exchanged(text), False)
            steps = sum(map(len, theirs))
            print(
                f"| `{path.stem}` | {title} | {steps} | {difference(theirs, ours):.1e} |",
                flush=True,
            )
        except Exception as error:
            print(f"| `{path.stem}` | {title} | | {type(error).__name__}: {error} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
