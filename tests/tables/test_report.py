"""The report: its numbers against scikit-learn and NumPy, and the page as a browser takes it."""

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

import pellucid as pel
from pellucid.data import read_table
from pellucid.tables import evidence
from pellucid.tables.preparation import Arrays, Preparation
from pellucid.tables.target import decided
from pellucid.train.checkpoint import read_file, write_file
from pellucid.viz import svg
from tests.tables import files

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
VOID = {"meta", "rect", "line", "circle", "polyline"}


@pytest.fixture(scope="module")
def model():
    """Three classes, and four numbers that three of them tell; the last is called <b>."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    rows = {name: y * k + rng.normal(size=150) for k, name in enumerate(["d", "c", "b", "<b>"])}
    return pel.fit_table({**rows, "y": np.array(["p", "q", "<r>"])[y]}, "y", quick=True, verbose=0)


class Page(HTMLParser):
    """Checks that every tag is closed in order, and collects tags and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_shuffling_prepared_numbers_is_shuffling_the_column():
    table = read_table(files.messy(80), quiet=True)
    table = table[["price", "score", "city", "day", "member"]]
    preparation = Preparation.learned(table, table.names)
    arrays = preparation.arrays(table)
    order = np.random.default_rng(0).permutation(80)
    rows = table.rows()
    for name in table.names:
        mixed = [{**row, name: rows[k][name]} for row, k in zip(rows, order, strict=True)]
        wanted = preparation.arrays(preparation.read(mixed))
        found = preparation.shuffled(arrays, name, order)
        for part in ("scaled", "bins", "codes"):
            assert np.array_equal(getattr(found, part), getattr(wanted, part)), name


def test_importance_is_the_growth_of_the_loss():
    table = read_table({"a": np.arange(200) * 1.5, "b": np.arange(200)[::-1] ** 1.5}, quiet=True)
    preparation = Preparation.learned(table, table.names)
    y = preparation.arrays(table).scaled[:, 0].astype(float)

    def predict(x: Arrays):
        return x.scaled[:, 0].astype(float)

    a, b = evidence.importances(preparation, preparation.arrays(table), y, predict, False, 0)
    assert (a.column, b.column) == ("a", "b")
    assert (b.mean, b.deviation) == (0, 0)
    assert a.mean == pytest.approx(np.sqrt(2) * y.std(), rel=0.1)  # of independent rows


def test_the_evidence_is_what_was_measured():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    likely = np.clip(rng.random(300) * 0.5 + 0.5 * y, 0, 1)
    predicted = np.stack([1 - likely, likely], axis=1)
    table = read_table({"x": likely, "y": np.array(["n", "p"])[y]}, quiet=True)
    target, _ = decided(table["y"], None)
    rows = np.arange(100, 300)
    importance = [evidence.Importance("x", 1.0, 0.1)]
    found = evidence.gathered(table, target, y, predicted, rows, importance)
    chosen = predicted.argmax(axis=1)
    wanted = confusion_matrix(y[rows], chosen[rows])
    assert [list(row) for row in found.confusion] == wanted.tolist()
    assert sum(one.rows for one in found.bins) == 200
    for one in found.bins:
        assert 0.5 <= one.probability <= 1
        top = predicted[rows].max(axis=1)
        low = np.floor(one.probability * 10) / 10
        own = (np.minimum(top, 0.999) >= low) & (np.minimum(top, 0.999) < low + 0.1)
        assert one.right == pytest.approx((chosen == y)[rows][own].mean())
    losses = -np.log(predicted[rows, y[rows]])
    assert found.worst[0].row == rows[losses.argmax()] + 1
    assert len(found.worst) == 10


def test_the_page_is_whole_and_alone(model, tmp_path):
    model.report(tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "link", "iframe", "b", "r"}
    assert "http" not in text
    for words in ("How good it is", "Which columns matter", "Its worst rows", "<b>", "<r>"):
        assert words in page.text
    light, dark = text.split("prefers-color-scheme: dark")
    for name in ("ink", "paper", "muted", "plus-line", "minus-line"):  # the colours of pictures
        assert svg.COLOURS[name][1] in light and svg.COLOURS[name][2] in dark
    for place in range(3):  # three classes: none is told by its colour alone
        assert f'class="line s{place}"' in text
    assert ".line.s1 { stroke-dasharray" in text and ".line.s2 { stroke-dasharray" in text
    assert f"{model.scores['accuracy']:.4g}" in page.text
    assert model.findings.evidence.importance[0].column == "<b>"
    assert "pel.fit_table('dict of columns', 'y', quick=True)" in page.text
    model.save(tmp_path / "m")
    pel.load(tmp_path / "m").report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_an_older_file_gives_a_report_without_the_parts_that_it_lacks(model, tmp_path):
    model.save(tmp_path / "m")
    arrays, document = read_file(tmp_path / "m")
    for part in ("dependence", "mistakes"):
        del document["findings"]["evidence"][part]
    write_file(tmp_path / "old", arrays, document, False)
    model.report(tmp_path / "r.html")
    pel.load(tmp_path / "old").report(tmp_path / "old.html")
    whole, old = (Page((tmp_path / f).read_text("utf-8")).text for f in ("r.html", "old.html"))
    begin, end = (whole.index(head) for head in ("What the columns do", "Where it is wrong"))
    assert old == whole[:begin] + whole[end:]
