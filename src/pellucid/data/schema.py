"""What was decided about the columns of a table: plain data that a model file can hold.

In: the kinds, formats and levels of a table's columns. Out: a `Schema`, its JSON, and the checks of
one that comes from a file or a person. casts.py reads cells by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, DataError, nearest
from pellucid.data import dates, numerals

NUMBER, CATEGORY, DATE, TEXT, CONSTANT, ID = (
    "number",
    "category",
    "date",
    "text",
    "constant",
    "id",
)
KINDS = (NUMBER, CATEGORY, DATE, TEXT, CONSTANT, ID)
BOOLEAN = "boolean"  # a category whose two levels are read in any case: yes, Yes, YES
LOGICAL = ["false", "true"]
_FORMATS = {NUMBER: tuple(numerals.FORMATS), DATE: dates.FORMATS, CATEGORY: (BOOLEAN,)}
_ELSEWHERE = {
    "float": NUMBER,
    "int": NUMBER,
    "integer": NUMBER,
    "numeric": NUMBER,
    "double": NUMBER,
    "str": TEXT,
    "string": TEXT,
    "object": TEXT,
    "datetime": DATE,
    "timestamp": DATE,
    "categorical": CATEGORY,
    "factor": CATEGORY,
    "bool": CATEGORY,
    "boolean": CATEGORY,
    "index": ID,
    "key": ID,
}


@dataclass(frozen=True)
class ColumnSchema:
    """One column's name and kind, and how its cells are read.

    Attributes:
        format: of a number `1,234.5` or `1.234,5`, of a date `dmy` or `mdy`, of a category
            `boolean` where its levels are read in any case; else empty.
        levels: the texts of a category, or the one of a constant; a code is a place among them.
        logical: whether a category's cells came as booleans: its levels are false and true.
    """

    name: str
    kind: str
    format: str = ""
    levels: tuple[str, ...] = ()
    logical: bool = False

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.format:
            found["format"] = self.format
        if self.kind in (CATEGORY, CONSTANT):
            found["levels"] = list(self.levels)
        if self.logical:
            found["logical"] = True
        return found


@dataclass(frozen=True)
class Schema:
    """The columns of a table in order, each with what was decided about it."""

    columns: tuple[ColumnSchema, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.columns, tuple) or not all(
            isinstance(column, ColumnSchema) for column in self.columns
        ):
            raise ArgumentError(
                "Schema",
                f"columns must be a tuple of those of other schemas, got {self.columns!r}",
                "Read one with Schema.from_json.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[ColumnSchema]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> ColumnSchema:
        if isinstance(name, str) and name in self.names:
            return self.columns[self.names.index(name)]
        raise ArgumentError("schema", f"unknown column {name!r}", nearest(name, self.names))

    def to_json(self) -> list[dict[str, Any]]:
        """Lists, dicts and texts alone, as `json.dumps` takes them."""
        return [column.to_json() for column in self.columns]

    @classmethod
    def from_json(cls, data: object) -> Schema:
        """The schema that `to_json` wrote.

        Raises:
            DataError: where `data` is not what `to_json` writes.
        """
        if not isinstance(data, list):
            raise _damaged(f"a list of columns, got {type(data).__name__}")
        columns = tuple(map(_column, data))
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise _damaged("columns of different names, got one twice")
        return cls(columns)


Schema.__init__ = checked(Schema.__init__, "Schema")  # type: ignore[method-assign]


def _damaged(problem: str) -> DataError:
    return DataError("schema", f"a schema must hold {problem}", "Write it with schema.to_json().")


def _column(data: object) -> ColumnSchema:
    if not isinstance(data, Mapping) or not {"name", "kind"} <= set(data):
        raise _damaged("a name and a kind for each column")
    name, kind, form = data["name"], data["kind"], data.get("format", "")
    levels = data.get("levels", [])
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in KINDS:
        raise _damaged(f"known kinds, got {kind!r}")
    if form != "" and form not in _FORMATS.get(kind, ()):
        raise _damaged(f"a known format of {name!r}, got {form!r}")
    if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
        raise _damaged(f"texts as the levels of {name!r}")
    if len(set(levels)) < len(levels):
        raise _damaged(f"different levels of {name!r}, got one twice")
    logical = data.get("logical", False)
    if logical is not False and (logical is not True or (form, levels) != (BOOLEAN, LOGICAL)):
        raise _damaged(f"false and true as the levels of {name!r}, whose cells came as booleans")
    return ColumnSchema(name, kind, form, tuple(levels), logical)


def wanted(where: str, name: str, spec: object) -> tuple[str, str]:
    """Kind and format of a type as a person writes it: `category`, `date:mdy`, `number:1.234,5`.

    Raises:
        ArgumentError: for what is no type.
    """
    text = spec if isinstance(spec, str) else getattr(spec, "__name__", repr(spec))
    kind, _, form = text.strip().partition(":")
    if kind not in KINDS:
        raise ArgumentError(
            where, f"unknown type {text!r} of column {name!r}", nearest(kind, KINDS, _ELSEWHERE)
        )
    if form and form not in _FORMATS.get(kind, ()):
        known = ", ".join(f"{kind}:{one}" for one in _FORMATS.get(kind, ())) or kind
        raise ArgumentError(
            where, f"unknown format {form!r} of column {name!r}", f"Write one of: {known}."
        )
    return kind, form
