"""What Keras offers, by introspection: rooms, names, arguments and their defaults.

Run in an environment with Keras: `KERAS_BACKEND=jax python benchmarks/keras_names.py`. It writes
src/pellucid/keras/names.json, the table that `pellucid.keras` takes its signatures from, and the
table of names in docs/keras.md.
"""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

ROOMS = (
    *("activations", "backend", "callbacks", "config", "constraints", "initializers", "layers"),
    *("losses", "metrics", "models", "ops", "optimizers", "optimizers.schedules", "random"),
    *("regularizers", "saving", "utils"),
)
CLASSES = ("Model", "Sequential", "Layer")
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


def names_table() -> str:
    """Of each room what is here, and what is refused by its name, as a page."""
    from pellucid.keras.arguments import table
    from pellucid.keras.outside import reason

    lines = []
    for name, listed in table()["rooms"].items():
        if name == "keras":
            continue
        here = importlib.import_module(f"pellucid.keras.{name}").__all__
        found = [one for one in listed if one in here]
        groups: dict[str, list[str]] = {}
        for one in listed:
            if one not in here:
                groups.setdefault(reason(name, one), []).append(one)
        lines += [f"### keras.{name}: {len(found)} of {len(listed)}", ""]
        lines += [f"Here: {', '.join(f'`{one}`' for one in found)}.", ""]
        for why, several in groups.items():
            lines += [f"Refused: {', '.join(f'`{one}`' for one in several)}. {why}", ""]
    return "\n".join(lines)


def write_page() -> None:
    """Puts the table of names into docs/keras.md, behind its marker."""
    text = PAGE.read_text()
    PAGE.write_text(text[: text.index(MARKER)] + MARKER + "\n\n" + names_table())


def main() -> None:
    import keras

    table: dict[str, Any] = {"version": keras.__version__, "rooms": {}, "methods": {}}
    for name in ROOMS:
        try:
            table["rooms"][name] = room(importlib.import_module(f"keras.{name}"))
        except ImportError:
            continue
    table["rooms"]["keras"] = room(keras)
    for name in CLASSES:
        kind = getattr(keras, name)
        table["methods"][name] = {
            one: arguments(getattr(kind, one))
            for one in dir(kind)
            if not one.startswith("_") and callable(getattr(kind, one))
        }
    TARGET.write_text(json.dumps(table, indent=None, separators=(",", ":")) + "\n")
    write_page()
    print(f"{sum(map(len, table['rooms'].values()))} names, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
