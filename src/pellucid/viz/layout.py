"""A derivation as a page of text: left sides, right sides, and the rules behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pellucid.viz.derivation import Line
from pellucid.viz.formatting import Letters, Scope

_ONE_ROW = 44  # a right side and its result share a row up to this many characters
_LEFT, _MIDDLE = 24, 68  # columns are not made wider than this by one long row

Row = tuple[str, str, str]  # left side, right side with its sign, note


class Page:
    """Writes lines; every index keeps its letter from line to line.

    Args:
        names: the name of each node.
        end: the name of the result.
    """

    def __init__(self, names: Sequence[str], end: str):
        self.names, self.end = names, end
        self.letters = Letters(names)

    def function(self, line: Line) -> list[Row]:
        scope = self.letters.scope(line.axes)
        left = self.letters.head(self.names[line.node], line.axes, scope)
        return [(left, f"= {self.letters.write(line.result, scope)}", line.note)]

    def result(self, line: Line) -> str:
        """The gradient alone, as text."""
        return self.letters.write(line.result, self._scope(line))

    def _scope(self, line: Line) -> Scope:
        return self.letters.scope(axis for axis in line.axes if axis.length != 1)

    def gradient(self, line: Line) -> list[Row]:
        """One row a use with its rule, then the result where it says something new."""
        scope = self._scope(line)
        name = f"∂{self.end}/∂{self.names[line.node]}"
        left = self.letters.head(name, line.axes, scope)
        result = self.letters.write(line.result, scope)
        if not line.terms:
            return [(left, f"= {result}", line.note)]
        terms = [self.letters.write(term.expr, scope) for term in line.terms]
        if len(terms) > 1:
            rows = [(left, f"= {terms[0]}", line.terms[0].rule)]
            rows += [
                ("", f"- {text[1:]}" if text.startswith("-") else f"+ {text}", term.rule)
                for text, term in zip(terms[1:], line.terms[1:], strict=True)
            ]
            return [*rows, ("", f"= {result}", f"the sum over {len(terms)} uses{line.note}")]
        whole, why = terms[0], line.terms[0].rule
        handed = line.raw.head == "element" and len(whole) + len(result) > _ONE_ROW
        if whole == result or handed:  # a gradient handed on as it is was written out before
            return [(left, f"= {whole}", why)]
        if len(whole) + len(result) <= _ONE_ROW:
            return [(left, f"= {whole} = {result}", why + line.note)]
        put_in = f"substituted and simplified{line.note}"
        return [(left, f"= {whole}", why), ("", f"= {result}", put_in)]

    @staticmethod
    def laid_out(lines: Iterable[Sequence[Row]]) -> list[str]:
        """Rows in three columns."""
        rows = [row for line in lines for row in line]
        left = min(max((len(row[0]) for row in rows), default=0), _LEFT)
        pairs = [(f"  {a:<{left}} {b}", note) for a, b, note in rows]
        middle = min(max((len(text) for text, note in pairs if note), default=0), _MIDDLE)
        return [f"{text:<{middle}}   {note}" if note else text for text, note in pairs]
