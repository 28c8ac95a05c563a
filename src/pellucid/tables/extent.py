"""Whether a table fits into memory while networks train: asked before it is read.

In: a source. Out: nothing, or the error that says how much is needed and what to do instead.

Why nothing here streams: medians and quantiles of whole columns, levels of all cells, folds, and
ten networks that pass over the rows up to a hundred times each.
"""

from __future__ import annotations

from typing import Any

from pellucid.core.errors import DataError
from pellucid.data import sources
from pellucid.runtime.memory import free_memory

_BYTES = 200  # a cell takes in training: see docs/tables.md


def check_fits(where: str, source: Any) -> None:
    """Refuses what would make the machine swap.

    Raises:
        DataError: names the memory that is needed and the memory that is left.
    """
    cells, free = sources.cells_in(source), free_memory()
    if cells is None or free is None or cells * _BYTES <= free:
        return
    raise DataError(
        where,
        f"a table must fit into memory: about {cells:,} cells need {cells * _BYTES / 1e9:.1f} GB "
        f"while networks train, got {free / 1e9:.1f} GB that are free",
        "Take a part of it, SELECT * FROM … USING SAMPLE 100000 ROWS, or train a network of your "
        "own on a stream: pel.data.stream_table.",
    )
