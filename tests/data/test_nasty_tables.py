"""Nasty files: each comes right, or is refused by line and column. The page of them is current."""

from __future__ import annotations

import math

import pytest
from tools import docs_tables

from pellucid.core.errors import DataError
from pellucid.data import read_table
from tests.data.nasty_tables import NASTY, Nasty


def read(case: Nasty, folder):
    path = folder / case.name
    path.write_bytes(case.data)
    return read_table(path, quiet=True, **case.options)


@pytest.mark.parametrize("case", NASTY, ids=[case.title for case in NASTY])
def test_what_comes(case, tmp_path):
    if case.columns is None:
        with pytest.raises(DataError) as caught:
            read(case, tmp_path)
        assert case.error in caught.value.problem
        return
    table = read(case, tmp_path)
    assert table.names == tuple(case.columns)
    for name, (kind, cells) in case.columns.items():
        column = table[name]
        assert column.kind == kind, name
        if kind == "number":
            got = [None if math.isnan(value) else value for value in column.values.tolist()]
        else:
            got = column.text()
        assert got == cells, name
        assert column.missing.tolist() == [cell is None for cell in cells], name
    said = "\n".join([*(note.text for note in table.notes), *table.unread()])
    for words in case.said:
        assert words in said
    doubtful = [note for note in table.notes if note.doubtful]
    assert case.said or not doubtful, "nothing unexpected is said"
    assert table.unreadable == sum("' is no " in words for words in case.said)
    assert repr(table)


def test_there_are_enough():
    assert len(NASTY) >= 60
    assert len({case.title for case in NASTY}) == len(NASTY)


def test_the_page_is_current():
    assert docs_tables.PAGE.read_text(encoding="utf-8") == docs_tables.page()
