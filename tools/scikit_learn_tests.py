"""Runs scikit-learn's own tests of support vector machines, perceptron and networks on ours.

The tests are those of the scikit-learn that is installed; before they are collected, the classes of
`sklearn.svm`, `sklearn.linear_model` and `sklearn.neural_network` are exchanged for those of
`pellucid.sklearn`. Every test that fails must stand in a note below with its reason. It may also
pass: some compare two fits more closely than their tolerance, which hangs on the last bits.

    python tools/scikit_learn_tests.py            the counts, and what the notes do not explain
    python tools/scikit_learn_tests.py --theirs   the same tests without the exchange
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sklearn.linear_model
import sklearn.neural_network
import sklearn.svm

import pellucid.sklearn
from pellucid.sklearn.base import Estimator

NOTES = Path(__file__).parent.parent / "docs" / "notes"
REASONS = ("0009-scikit-learn.md", "0010-networks-for-scikit-learn.md")
FILES = (
    "svm/tests/test_svm.py",
    "svm/tests/test_sparse.py",
    "svm/tests/test_bounds.py",
    "linear_model/tests/test_perceptron.py",
    "neural_network/tests/test_mlp.py",
)
FOLDER = Path(sklearn.__file__).parent


class Outcomes:
    """A pytest plugin: the outcome of each test, and whether it made one of our estimators."""

    def __init__(self) -> None:
        self.ours, self.file = False, ""
        self.found: dict[str, tuple[str, bool, str]] = {}

    def exchange(self) -> None:
        """Puts our classes where scikit-learn's stand, and counts what is made of them."""

        def made(kind: type, *args: Any, **kwargs: Any) -> Any:
            self.ours = True
            return object.__new__(kind)

        Estimator.__new__ = staticmethod(made)  # type: ignore[assignment, method-assign]
        for module in (sklearn.svm, sklearn.linear_model, sklearn.neural_network):
            for name in set(module.__all__) & set(pellucid.sklearn.__all__):
                setattr(module, name, getattr(pellucid.sklearn, name))

    @pytest.hookimpl
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.ours, self.file = False, item.path.stem

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = f"{self.file}::{report.nodeid.rpartition('::')[2]}"
            said = str(report.longrepr).strip().splitlines()[-1] if report.failed else ""
            self.found[name] = (report.outcome, self.ours, said)


def run(theirs: bool = False) -> Outcomes:
    """Runs the tests."""
    outcomes = Outcomes()
    if not theirs:
        outcomes.exchange()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n")  # not those of this project
        files = [str(FOLDER / file) for file in FILES]
        options = [
            "-q",
            "--no-header",
            "--tb=line",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore",
            "-c",
            str(settings),
        ]
        pytest.main([*options, "--show-capture=no", "-r", "N", *files], plugins=[outcomes])
    return outcomes


def reasons() -> dict[str, int]:
    """The tests that the notes explain, each with the number of its cases that fail."""
    text = "\n".join((NOTES / name).read_text(encoding="utf-8") for name in REASONS)
    rows = re.findall(r"^\| `([\w:]+)` \| (\d+) \|", text, re.M)
    return {name: int(count) for name, count in rows}


def main() -> None:
    theirs = "--theirs" in sys.argv
    outcomes = run(theirs)
    concerned = {name: one for name, one in outcomes.found.items() if one[1] or theirs}
    counts = Counter(outcome for outcome, _, _ in concerned.values())
    print(f"\n{len(outcomes.found)} tests, {len(concerned)} of them make one of these estimators")
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
    failed = Counter(
        name.split("[")[0] for name, (outcome, _, _) in concerned.items() if outcome == "failed"
    )
    for name, (outcome, _, said) in concerned.items():
        if outcome == "failed":
            print(f"  {name}: {said[:160]}")
    if theirs:
        return
    explained = reasons()
    unexplained = {name for name, count in failed.items() if count > explained.get(name, 0)}
    for name in sorted(failed.keys() | explained.keys()):
        if failed[name] != explained.get(name, 0):
            print(f"{name}: {failed[name]} fail, the notes explain {explained.get(name, 0)}")
    if unexplained:
        sys.exit(1)


if __name__ == "__main__":
    main()
