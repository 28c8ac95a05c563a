"""Mutants of model files, a few in every run; `python -m tests.fuzz_load` tries any number."""

import pytest

from tests.fuzz_load import fuzz


@pytest.mark.usefixtures("broken_graphs")
@pytest.mark.parametrize(("count", "seed"), [(8, 3), pytest.param(1500, 1, marks=pytest.mark.slow)])
def test_a_mutated_file_is_refused_in_our_words_within_bounds(tmp_path, count, seed):
    outcome = fuzz(tmp_path, count, seed)
    assert outcome.failures == []
    assert outcome.loaded + outcome.refused == count
    assert min(outcome.loaded, outcome.refused) > count / 20, "the mutants reach both ends"
