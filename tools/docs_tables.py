"""Writes docs/tables-nasty.md: the rules of read_table, and what comes of nasty files."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tables-nasty.md"
sys.path.insert(0, str(ROOT))

HEAD = """# Tables as they are

Written by `make docs`. `pel.data.read_table` reads a table as text, decides what each column is
from all of its cells, and says what it decided: print the table. Below are the rules, and files
that readers tend to get wrong in silence, with what comes of them. A test reads each of them.

## The rules

- **Encoding.** A byte-order mark decides; else UTF-8; where a file is not UTF-8, Windows' Western
  encoding (which holds Latin-1), said. A file that is UTF-8 but for a damaged place is an error.
- **Delimiter.** Of tab, `;`, `|`, `,` and blanks the one under which most rows have one width.
- **Lines above the table** that hold no delimiter are left out, said.
- **Names.** The first row is names where a column has text above numbers or dates. Where all
  cells are text it is names if its texts differ and none comes again below; said. A name that
  comes twice gets a number, one that lacks is `column_3`; said.
- **Width.** A row with too few cells is filled with missing ones, said; in half of the rows it is
  an error. A row with too many cells is an error, unless the extra ones are empty.
- **Quotes.** A quote inside a cell that does not begin with one is a letter. A quote that stays
  open is an error, with the line and column where it opens.
- **Missing.** An empty cell. Among numbers and dates also NA, n/a, null, none, ?, - and their kin
  in any case; among texts only `NA`, `NaN`, `NULL`, `None` and their kin as spelled, outside
  quotes.
- **Number**: at least nine in ten cells are. The others are counted, named by line, and count as
  missing. A thousands separator stands before groups of three digits (or as in India). Which mark
  is decimal the whole column decides; where no cell of it tells, the other columns; where these
  do not either, a comma before three digits separates thousands (in a file with semicolons:
  decimals), said. Per cent divides by 100; a currency is left out; brackets are a minus.
- **Id**: whole numbers beyond 2⁵³; all-different whole numbers whose name says so or that count
  the rows from 0 or 1; texts without blanks that all differ, in 20 rows or more.
- **Date**: at least nine in ten cells are. Day or month first the whole column decides; where no
  cell tells, the day, said. Times of a zone become UTC.
- **Category**: texts that repeat (at most half differ), fewer than 20 rows, or digits of one
  width with zeros in front (zip codes). **Text**: else. **Constant**: one value in every row, or
  none.
- **Frames** of pandas and Polars, Arrow tables and DuckDB: numbers, dates and booleans keep their
  kind. A column of categories (`Categorical`, `Enum`, a dictionary of Arrow) is a category, also
  where its levels look like numbers. An index of pandas is left out; said where it has a name.
  Durations, times of day and intervals are texts. Lists, bytes and complex numbers are refused.

What a rule decides a person overrules: `read_table("sales.csv", types={"zip": "category", "when":
"date:mdy", "price": "number:1.234,5"})`, or once for all in `sales.types.toml` beside the file,
with lines such as `zip = "category"`.

"""
_WIDE = 70
_HEADER = "| the file | its bytes | what comes | what is said |\n|---|---|---|---|\n"


def page() -> str:
    """The page, from the files as they are read now."""
    from tests.data.nasty_tables import GROUPS, NASTY

    from pellucid.core.errors import DataError
    from pellucid.data import read_table

    parts = [HEAD, f"## {len(NASTY)} files\n"]
    with tempfile.TemporaryDirectory() as folder:
        for title, cases in GROUPS.items():
            parts.append(f"\n### {title}\n\n{_HEADER}")
            for case in cases:
                path = Path(folder) / case.name
                path.write_bytes(case.data)
                try:
                    table = read_table(path, quiet=True, **case.options)
                except DataError as error:
                    came, said = "refused", error.problem
                else:
                    came = ", ".join(
                        f"{column.name}: {column.kind} {_cells(column)}"
                        for column in table.columns[:4]
                    ) + (", …" if len(table.columns) > 4 else "")
                    said = " ".join([*(note.text for note in table.notes), *table.unread()])
                told = ", ".join(f"{key}={value!r}" for key, value in case.options.items())
                row = [case.title, _bytes(case.data), came, said]
                row[1] += f" with {_plain(told)}" if told else ""
                parts.append(
                    "| " + " | ".join([row[0], row[1], _plain(came), _plain(said)]) + " |\n"
                )
    return "".join(parts)


def _cells(column: Any) -> str:
    texts = column.text()
    if column.kind == "number":
        texts = [None if text is None else text.replace(",", ".") for text in texts]
    shown = " · ".join("–" if text is None else _cut(text, 24) for text in texts[:5])
    return f"[{shown}{' · …' if len(texts) > 5 else ''}]"


def _cut(text: str, wide: int) -> str:
    return text if len(text) <= wide else text[: wide - 1] + "…"


def _bytes(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
        shown = repr(text) if text.isprintable() or "\0" not in text else repr(data)
    except UnicodeDecodeError:
        shown = repr(data)[1:]
    shown = _cut(shown, _WIDE).replace("|", "\\|")
    return f"`` {shown} ``"


def _plain(text: str) -> str:
    """Text in a cell of a Markdown table."""
    text = text.replace("\n", "⏎").replace("\\", "\\\\")
    for letter in "|<>*_`[]":
        text = text.replace(letter, "\\" + letter)
    return text


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
