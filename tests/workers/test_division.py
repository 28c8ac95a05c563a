"""Blocks among workers: one tree for any number of them, and no more travels than need be."""

from __future__ import annotations

import itertools

import pytest

from pellucid.ops.blocks import tree
from pellucid.workers.division import joined, runs, shards, subtrees, traffic


def added(x: str, y: str) -> str:
    """A sum that shows how it was put together."""
    return f"({x}+{y})"


@pytest.mark.parametrize("blocks", range(1, 18))
def test_subtrees_of_any_workers_make_the_same_tree(blocks: int) -> None:
    whole = tree(map(str, range(blocks)), added)
    for workers in range(1, blocks + 3):
        sums = {}
        for begin, end in runs(blocks, workers):
            for low, high in subtrees(begin, end, blocks):
                sums[low, high] = tree(map(str, range(low, high)), added)
        assert joined(sums, blocks, added) == whole


@pytest.mark.parametrize("blocks", range(1, 18))
def test_parts_are_neighbours_and_none_is_too_long(blocks: int) -> None:
    for workers in range(1, blocks + 3):
        cut = runs(blocks, workers)
        assert len(cut) == workers and cut[0][0] == 0 and cut[-1][1] == blocks
        assert all(one[1] == two[0] for one, two in itertools.pairwise(cut))
        lengths = [end - begin for begin, end in cut]
        assert max(lengths) == -(-blocks // min(workers, blocks))
        assert min(lengths[:blocks]) >= 1 and not any(lengths[blocks:])


@pytest.mark.parametrize(("blocks", "workers"), [(8, 3), (8, 5), (7, 3), (9, 4), (10, 4)])
def test_no_other_cut_has_fewer_subtrees(blocks: int, workers: int) -> None:
    """Against all cuts whose longest part is as short."""

    def count(borders: tuple[int, ...]) -> int:
        return sum(len(subtrees(a, b, blocks)) for a, b in itertools.pairwise(borders))

    most = -(-blocks // workers)
    every = [
        (0, *inner, blocks)
        for inner in itertools.combinations(range(1, blocks), workers - 1)
        if max(b - a for a, b in itertools.pairwise((0, *inner, blocks))) <= most
    ]
    ours = (0, *(end for _, end in runs(blocks, workers)))
    assert count(ours) == min(map(count, every))


def test_shards_cover_all_numbers_once() -> None:
    for counts in ([1], [1, 1, 1], [2, 1, 2, 0], [3, 3, 1, 1]):
        for length in (0, 1, 2, 7, 1000):
            cut = shards(length, counts)
            assert cut[0][0] == 0 and cut[-1][1] == length
            assert all(one[1] == two[0] for one, two in itertools.pairwise(cut))


@pytest.mark.parametrize("workers", range(2, 9))
def test_traffic_is_near_that_of_a_ring(workers: int) -> None:
    """A ring sends 2·(W - 1) times the numbers; three workers of 8 blocks 1.25 times as many."""
    length = 840
    counts = [len(subtrees(begin, end, 8)) for begin, end in runs(8, workers)]
    ratio = traffic(length, counts) / (2 * (workers - 1) * length)
    assert ratio == (1.25 if workers == 3 else 1)
