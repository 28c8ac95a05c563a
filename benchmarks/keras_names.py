"""What Keras offers, by introspection: rooms, names, arguments, their defaults, and members.

Run in an environment with Keras: `KERAS_BACKEND=jax python benchmarks/keras_names.py`. It writes
src/pellucid/keras/names.json, the table that `pellucid.keras` takes its signatures from, and the
tables of names and members in docs/keras.md.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOMS = (
    *("activations", "backend", "callbacks", "config", "constraints", "initializers", "layers"),
    *("losses", "metrics", "models", "ops", "optimizers", "optimizers.schedules", "random"),
    *("regularizers", "saving", "utils"),
)
# Classes whose public members are compared, each without those of its base.
BASES = {
    **{"layers": "Layer", "callbacks": "Callback", "metrics": "Metric", "losses": "Loss"},
    **{"optimizers": "Optimizer", "initializers": "Initializer", "constraints": "Constraint"},
    **{"regularizers": "Regularizer", "optimizers.schedules": "LearningRateSchedule"},
}
PAGE = Path(__file__).parents[1] / "docs/keras.md"
MARKER = "## Every name"
TARGET = Path(__file__).parents[1] / "src/pellucid/keras/names.json"


def arguments(member: Any) -> list[list[str]]:
    """[[name], [name, default], ["*args"], …] of a class or a function."""
    try:
        parameters = list(inspect.signature(member).parameters.values())
    except (TypeError, ValueError):
        return []
    found = []
    for one in parameters:
        if one.name == "self":
            continue
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        plain = one.default is one.empty
        found.append([star + one.name] if plain else [one.name, repr(one.default)])
    return found


def room(module: Any) -> dict[str, Any]:
    """The public names of a module: arguments, or the name that is the same object."""
    found: dict[str, Any] = {}
    seen: dict[int, str] = {}
    own = {name: getattr(getattr(module, name), "__name__", "") == name for name in dir(module)}
    for name in sorted(own, key=lambda one: (not own[one], one)):
        member = getattr(module, name)
        if name.startswith("_") or inspect.ismodule(member) or not callable(member):
            continue
        if id(member) in seen:
            found[name] = seen[id(member)]
            continue
        seen[id(member)] = name
        found[name] = arguments(member)
    return dict(sorted(found.items()))


def members(kind: Any, one: Any = None, without: Any = object) -> dict[str, Any]:
    """Public methods with their arguments, and attributes with None."""
    own = {n for n in {*dir(kind), *dir(one)} if not n.startswith("_")} - {*dir(without)}
    found = {}
    for name in sorted(own):
        what = getattr(kind, name, None)
        found[name] = arguments(what) if callable(what) and not isinstance(what, type) else None
    return found


def all_members(keras: Any) -> dict[str, dict[str, Any]]:
    """Of each class its members; of one that has a base here, those that the base has not."""
    import numpy as np

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    plain = keras.Model(model.inputs, model.outputs)
    plain.compile("sgd", "mse")
    plain.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    layer, tensor, weight = keras.layers.Layer(), model.inputs[0], model.weights[0]
    found = {
        "Layer": members(keras.Layer, layer),
        "Model": members(keras.Model, plain, layer),
        "Sequential": members(keras.Sequential, model, plain),
        "Callback": members(keras.callbacks.Callback, keras.callbacks.Callback()),
        "History": members(keras.callbacks.History, model.history, keras.callbacks.Callback()),
        "Metric": members(keras.metrics.Metric, keras.metrics.Metric()),
        "Loss": members(keras.losses.Loss, keras.losses.Loss()),
        "Optimizer": members(keras.optimizers.Optimizer, keras.optimizers.Adam()),
        "Initializer": members(keras.initializers.Initializer),
        "Constraint": members(keras.constraints.Constraint),
        "Regularizer": members(keras.regularizers.Regularizer),
        "LearningRateSchedule": members(keras.optimizers.schedules.LearningRateSchedule),
        "KerasTensor": members(type(tensor), tensor),
        "Variable": members(keras.Variable, weight),
        "PyDataset": members(keras.utils.PyDataset, keras.utils.PyDataset()),
    }
    for name, base in BASES.items():
        module = importlib.import_module(f"keras.{name}")
        above = getattr(module, base)
        for word in dir(module):
            kind = getattr(module, word)
            own = isinstance(kind, type) and issubclass(kind, above) and kind is not above
            if own and kind.__name__ == word and word not in found:
                listed = members(kind, None, above)
                if listed:
                    found.setdefault(word, {}).update(listed)
    return found


def there() -> dict[str, dict[str, bool]]:
    """For each of Keras's classes that are here its members, and whether each is refused."""
    return {name: dict(_of(name, made)) for name, made in examples().items()}


def _of(name: str, made: Any) -> Iterator[tuple[str, bool]]:
    from pellucid.keras.arguments import table

    for member in table()["members"].get(name, ()):
        yield member, not (hasattr(type(made), member) or hasattr(made, member))


def _layer(name: str) -> Any:
    """A layer of this class, called where that makes weights."""
    layers = importlib.import_module("pellucid.keras.layers")
    wanted = {
        **{"units": 2, "filters": 2, "kernel_size": 2, "input_dim": 3, "output_dim": 2},
        **{"height": 2, "width": 2, "factor": 0.1, "scale": 2.0, "height_factor": 0.1},
        **{"width_factor": 0.1, "rate": 0.1, "bin_boundaries": [1.0], "pool_size": 2},
    }
    form = inspect.signature(getattr(layers, name)).parameters.values()
    needed = [one.name for one in form if one.default is one.empty]
    needed += ["bin_boundaries"] if name == "Discretization" else []
    made = getattr(layers, name)(**{one: wanted[one] for one in needed if one in wanted})
    if name in ("Dense", "Conv1D", "Conv2D", "Embedding"):
        made(
            layers.Input({"Dense": (3,), "Embedding": (3,), "Conv1D": (3, 1)}.get(name, (3, 3, 1)))
        )
    return made


def examples() -> dict[str, Any]:
    """An object of each class that has members of its own."""
    from pellucid import keras
    from pellucid.keras import mapped
    from pellucid.keras.arguments import table

    keras.utils.clear_session()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    found: dict[str, Any] = {
        "Layer": keras.layers.Layer(), "Model": model, "Sequential": model,
        "Callback": keras.callbacks.Callback(), "History": keras.callbacks.History(),
        "Metric": keras.metrics.MeanSquaredError(), "Loss": keras.losses.MeanSquaredError(),
        "Optimizer": keras.optimizers.Adam(), "Initializer": keras.initializers.HeNormal(),
        "Constraint": keras.constraints.NonNeg(), "Regularizer": keras.regularizers.L2(),
        "LearningRateSchedule": keras.optimizers.schedules.CosineDecay(0.1, 10),
        "KerasTensor": model.inputs[0], "PyDataset": keras.utils.PyDataset(),
    }  # fmt: skip
    weighted = keras.layers.Layer().add_weight((2,))
    found["Variable"] = weighted
    for name in (*mapped.ROWS, "Discretization", "IntegerLookup", "StringLookup", "Normalization"):
        if name in table()["members"]:
            found[name] = _layer(name)
    for name in ("EarlyStopping", "ReduceLROnPlateau", "TensorBoard"):
        found[name] = getattr(keras.callbacks, name)()
    return found


def members_table() -> str:
    """Of each class what is here, and what is refused by its name, as a page."""
    lines = ["## Every method and attribute", ""]
    same = "Those of a class's base stand with the base; what is refused says what to write."
    lines += [same, ""]
    groups: dict[str, list[str]] = {}
    for kind, refused in there().items():
        here, gone = [n for n, r in refused.items() if not r], [n for n, r in refused.items() if r]
        parts = [f"Here: {', '.join(f'`{n}`' for n in here)}."] if here else []
        parts += [f"Refused: {', '.join(f'`{n}`' for n in gone)}."] if gone else []
        groups.setdefault(" ".join(parts), []).append(kind)
    for words, kinds in groups.items():
        lines += [f"**{', '.join(kinds)}**. {words}", ""]
    return "\n".join(lines)


def names_table() -> str:
    """Of each room what is here, and what is refused by its name, as a page."""
    from pellucid.keras.arguments import table
    from pellucid.keras.outside import MODULES, reason

    lines, count, total = [], 0, 0
    for name, listed in table()["rooms"].items():
        if name == "keras":
            continue
        here = importlib.import_module(f"pellucid.keras.{name}").__all__
        found = [one for one in listed if one in here]
        count, total = count + len(found), total + len(listed)
        groups: dict[str, list[str]] = {}
        for one in listed:
            if one not in here:
                groups.setdefault(reason(name, one), []).append(one)
        lines += [f"### keras.{name}: {len(found)} of {len(listed)}", ""]
        lines += [f"Here: {', '.join(f'`{one}`' for one in found)}.", ""]
        for why, several in groups.items():
            lines += [f"Refused: {', '.join(f'`{one}`' for one in several)}. {why}", ""]
    first = f"{count} of {total} names are here. These modules of Keras are not:"
    lines[:0] = [first, "", *(f"- `{name}`. {why}" for name, why in MODULES.items()), ""]
    return "\n".join(lines)


def write_page() -> None:
    """Puts the table of names into docs/keras.md, behind its marker."""
    text = PAGE.read_text()
    PAGE.write_text(text[: text.index(MARKER)] + page())


def page() -> str:
    """The tables, from their marker on."""
    return f"{MARKER}\n\n{names_table()}\n{members_table()}"


def main() -> None:
    import keras

    table: dict[str, Any] = {"version": keras.__version__, "rooms": {}}
    for name in ROOMS:
        try:
            table["rooms"][name] = room(importlib.import_module(f"keras.{name}"))
        except ImportError:
            continue
    table["rooms"]["keras"] = room(keras)
    table["members"] = all_members(keras)
    TARGET.write_text(json.dumps(table, indent=None, separators=(",", ":")) + "\n")
    write_page()
    print(f"{sum(map(len, table['rooms'].values()))} names, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
