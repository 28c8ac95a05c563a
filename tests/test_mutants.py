"""What `make mutants` changes, and what its page says of it."""

import sys
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="the tool of make mutants, in the dev extra")
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import mutants_operators
import mutants_page

SOURCE = '''\
"""A docstring with 1 < 2."""

from __future__ import annotations

import numpy as np


@cache
def kept(x: int | None, *, y: float = 1.5) -> int | None:
    assert x < 3
    for one, two in zip(x, y, strict=True):
        raise ValueError(f"got {one + 1} of {len(two)}")
    return x


class Part:
    def change(self, size, names):
        self.size = size
        self.save(size)
        if names and size not in names:
            raise KeyError(size)
        return np.sum(names.copy(), axis=size) + 2
'''


def changes(source=SOURCE):
    found = []
    for mutant in mutants_operators.mutants("m.py", source):
        code = mutants_operators.mutated(mutant, source)
        assert code is not None
        compile(code, "m.py", "exec")
        found.append((mutant.line, mutants_operators.change(source, code)))
    return found


def test_every_change_of_a_small_module():
    test = "if names and size not in names:"
    result = "return np.sum(names.copy(), axis=size) + 2"
    assert sorted(changes()) == sorted(
        [
            (9, f"{DEF} → {DEF.replace('1.5', '2.5')}"),
            (9, f"{DEF} → {DEF.replace('1.5', '0.5')}"),
            (11, "for one, two in zip(x, y, strict=True): → for one, two in []:"),
            (11, "for one, two in zip(x, y, strict=True): → for one, two in (x):"),
            (12, 'raise ValueError(f"got {one + 1} of {len(two)}") → pass'),
            (18, "self.size = size → pass"),
            (19, "self.save(size) → pass"),
            (20, f"{test} → if not names and size not in names:"),
            (20, f"{test} → if names or size not in names:"),
            (20, f"{test} → if names and size in names:"),
            (21, "raise KeyError(size) → pass"),
            (22, f"{result} → {result.replace('+', '-')}"),
            (22, f"{result} → {result.replace('2', '3')}"),
            (22, f"{result} → {result.replace('2', '1')}"),
            (22, f"{result} → {result.replace(', axis=size', '')}"),
            (22, f"{result} → return (names.copy()) + 2"),
            (22, f"{result} → {result.replace('names.copy()', '(names)')}"),
        ]
    )


DEF = "def kept(x: int | None, *, y: float = 1.5) -> int | None:"


def test_the_function_around_a_line():
    skipped = mutants_operators.Skipped(SOURCE)
    assert skipped.function(10) == 8  # from its decorator on, as frames count
    assert skipped.function(9) is None  # a default is evaluated outside
    assert skipped.function(20) == 17
    assert skipped.function(16) is None


def row(change, outcome, sample="core 1", line=3):
    return {
        "path": "src/pellucid/core/a.py",
        "operator": "core/NumberReplacer",
        "definition": "f",
        "line": line,
        "change": change,
        "outcome": outcome,
        "sample": sample,
        "key": change,
    }


def test_the_page_counts_first_and_last_outcomes(tmp_path):
    reasons = tmp_path / "reasons.toml"
    reasons.write_text(
        '[[survivor]]\nfile = "core/a.py"\nchange = "c"\nkind = "equivalent"\nwhy = "The same."\n'
    )
    rows = [
        row("a", "killed"),
        row("b", "survived"),
        row("c", "survived"),
        row("d", "timeout"),
        row("e", "survived"),
        row("b", "killed", sample="", line=4),
    ]
    text = mutants_page.page({"core": 1234}, rows, reasons, date(2026, 1, 2))
    # a, b, d, e count; a and d were killed when drawn, b since.
    assert "| core | 1,234 | 1 | 5 | 1 | 2 | 50.0% | 15% … 85% | 3 | 75.0% |" in text
    assert "### Equivalent: 1\n\n- `core/a.py:3` NumberReplacer: `` c ``\n  The same.\n" in text
    assert "no reason given yet: 1\n\n- `core/a.py:3` NumberReplacer: `` e ``" in text
    assert "Last written on 2026-01-02." in text


def test_of_earlier_samples_the_counts_and_the_reasons_are_kept(tmp_path):
    reasons = tmp_path / "reasons.toml"
    reasons.write_text(
        'earlier = [["core", 1000, 0, 5, 1, 2, 3]]\n'
        '[[survivor]]\nfile = "core/b.py"\nchange = "c"\nkind = "left"\nwhy = "No test."\n'
    )
    rows = [row("a", "killed"), row("b", "killed", sample="core 0")]
    text = mutants_page.page({"core": 1234}, rows, reasons, date(2026, 1, 2))
    earlier = "| core | 1,000 | 0 | 5 | 1 | 2 | 50.0% | 15% … 85% | 3 | 75.0% |"
    assert f"{earlier}\n| core | 1,234 | 1 | 1 | 0 | 1 | 100.0% |" in text
    assert "is given: 1\n\n- `core/b.py`: `` c ``\n  No test.\n" in text


def test_wilsons_interval():
    # Newcombe, Statistics in Medicine 17 (1998), 857-872: 81 of 263 and 0 of 20.
    assert mutants_page.interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert mutants_page.interval(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
