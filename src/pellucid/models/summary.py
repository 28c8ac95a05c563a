"""The table that `summary` prints."""

from __future__ import annotations

import math
from typing import Any

from pellucid.core import shapes
from pellucid.models.architecture import Architecture


def summary_text(
    model: Architecture,
    params: dict[str, dict[str, Any]],
    total: int,
    precision: str | None = None,
) -> str:
    """A line for the input where its shape is known, and one a layer: output shape, parameters.

    Args:
        precision: of products in training, where it is lower than the model's dtype.
    """
    rows = [("Layer", "Output", "Parameters", "From")]
    inputs = list(model.inputs.names)
    for name, type in zip(inputs, model.input_types, strict=False):
        rows.append((name, shapes.text(type.shape), "", ""))
    seen: set[str] = set()
    known = [*inputs, *model.names]
    for layer, name, type, sources in zip(
        model.layers, model.names, model.types, model.sources, strict=True
    ):
        count = 0 if name in seen else sum(math.prod(leaf.shape) for leaf in params[name].values())
        shared = " (shared)" if name in seen else ""
        seen.add(name)
        read = ", ".join(known[n] for n in sources)
        rows.append(
            (f"{name} ({kind(layer)}){shared}", shapes.text(type.shape), f"{count:,}", read)
        )
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    chain = len(inputs) == 1 and all(read == (n,) for n, read in enumerate(model.sources))
    rule = "-" * (sum(widths[:3]) + 4 + (0 if chain else 2 + widths[3]))
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c, _ in rows]
    if not chain:
        lines = [f"{line}  {row[3]}" for line, row in zip(lines, rows, strict=True)]
    size = total * model.dtype.itemsize
    end = f"Total: {total:,} parameters, {size / 1024:,.1f} KiB of {model.dtype}"
    if model.outputs.several:
        named = zip(model.outputs.names, model.ends, strict=True)
        end = f"Outputs: {', '.join(f'{name} ({known[end]})' for name, end in named)}\n{end}"
    if precision is not None:
        end = f"{end}\nTrained with products of {precision}, summed in {model.dtype}"
    return "\n".join([lines[0], rule, *lines[1:], rule, end])


def kind(layer: object) -> str:
    activation = getattr(layer, "final_activation", None)
    name = type(layer).__name__
    if activation is None:
        return name
    return f"{name} {activation if isinstance(activation, str) else activation.__name__}"
