"""Columns as a file: CSV, TSV or Parquet, by the name of the file.

In: columns of text or numbers by name. Out: a file that `read_table` reads, written whole or not at
all.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.core.files import check_target, write_atomically
from pellucid.data.engine import write_parquet

Array = np.ndarray[Any, Any]
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*_DELIMITERS, ".parquet")


def check_suffix(where: str, path: Path) -> None:
    """Refuses a name that says no known format."""
    if path.suffix.lower() not in SUFFIXES:
        raise ArgumentError(
            where,
            f"the file must end in {', '.join(SUFFIXES)}, got '{path}'",
            f"Write {path.with_suffix('.csv')}.",
        )


def as_csv(columns: Mapping[str, Array], delimiter: str = ",") -> str:
    """The columns as lines, names first; numbers with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def write_columns(where: str, path: Path, columns: Mapping[str, Array], overwrite: bool) -> None:
    """Writes columns of equal length.

    Raises:
        ArgumentError: for a name without a known ending, and a file that is there already.
        MissingPackageError: for Parquet, where DuckDB is not installed.
    """
    check_suffix(where, path)
    target = check_target(path, overwrite)
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is not None:
        data = as_csv(columns, delimiter).encode()
    else:
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "columns.parquet"
            write_parquet(where, part, columns)
            data = part.read_bytes()
    write_atomically(target, data, overwrite=overwrite)
