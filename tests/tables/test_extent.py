"""A table that does not fit into memory is refused before it is read."""

from __future__ import annotations

import pytest

import pellucid as pel
from pellucid.core.errors import DataError
from pellucid.data import sources
from pellucid.runtime import memory
from pellucid.tables import extent

duckdb = pytest.importorskip("duckdb")
QUERY = "SELECT range AS a, range % 2 AS y FROM range(500000)"


def test_cells_are_counted_without_reading_them(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1234567,1234567\n" * 100)
    with duckdb.connect() as connection:
        for part in range(2):
            connection.execute(f"COPY ({QUERY}) TO '{tmp_path}/{part}.parquet' (FORMAT parquet)")
    assert sources.cells_in(QUERY) == 1_000_000
    assert sources.cells_in(tmp_path / "*.parquet") == 2_000_000
    assert sources.cells_in(tmp_path / "t.csv") == pytest.approx(200, rel=0.01)
    for unknown in ({"a": [1]}, "none.csv", "SELECT nothing", 3):
        assert sources.cells_in(unknown) is None


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(extent, "free_memory", lambda: 150_000_000)
    with pytest.raises(DataError, match=r"1,000,000 cells need 0.2 GB .* got 0.1 GB .*stream_ta"):
        pel.fit_table(QUERY, "y", verbose=0)
    for free in (250_000_000, None):
        monkeypatch.setattr(extent, "free_memory", lambda free=free: free)
        extent.check_fits("fit_table", QUERY)


def test_free_memory_is_the_least_of_machine_and_group(tmp_path, monkeypatch):
    assert (memory.free_memory() or 0) > 2**20
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    5000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert memory.free_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert memory.free_memory() == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory() == 5000 * 1024
