"""Layouts: nothing overlaps, arrows run forward, few of them cross."""

import itertools

import numpy as np
import pytest

from pellucid.viz.placement import GAP, layered
from tests.viz.reading import overlaps


def random_graph(seed, count, edges):
    rng = np.random.default_rng(seed)
    sizes = [(float(w), float(h)) for w, h in rng.uniform(20, 120, size=(count, 2))]
    pairs = {tuple(sorted(rng.choice(count, 2, replace=False).tolist())) for _ in range(edges)}
    return sizes, sorted(pairs)


@pytest.mark.parametrize("seed", range(6))
def test_boxes_keep_apart_and_arrows_run_to_the_right(seed):
    sizes, edges = random_graph(seed, 24, 34)
    placed = layered(sizes, edges)
    places = [(*corner, *size) for corner, size in zip(placed.corners, sizes, strict=True)]
    assert overlaps(places) == []
    assert set(placed.ways) == set(edges)
    for (a, b), way in placed.ways.items():
        assert places[a][0] + places[a][2] <= places[b][0]
        assert way[0] == pytest.approx((places[a][0] + sizes[a][0], places[a][1] + sizes[a][1] / 2))
        assert way[-1] == pytest.approx((places[b][0], places[b][1] + sizes[b][1] / 2))
        xs = [x for x, _ in way]
        assert xs == sorted(xs)
    for x, y, w, h in places:
        assert x >= -1e-9 and x + w <= placed.width + 1e-9
        assert y >= -1e-9 and y + h <= placed.height + 1e-9


def test_an_arrow_past_a_layer_does_not_run_behind_its_boxes():
    sizes = [(40.0, 20.0)] * 6
    placed = layered(sizes, [(0, 1), (1, 2), (2, 3), (0, 3), (4, 1), (5, 2)])
    way = placed.ways[0, 3]
    inside = [  # the straight pieces of the way, one for each layer in between
        (a, b) for a, b in itertools.pairwise(way) if a[1] == b[1]
    ]
    assert len(inside) >= 2
    for (x1, y), (x2, _) in inside:
        for n in (1, 2, 5):
            left, top = placed.corners[n]
            if left < x2 and x1 < left + 40:
                assert y < top or y > top + 20


def test_a_ladder_is_laid_out_without_crossings():
    """Two chains with rungs can be drawn flat; the order of the boxes given crosses them."""
    edges = [(0, 3), (1, 2), (2, 5), (3, 4), (0, 1)]
    placed = layered([(10.0, 10.0)] * 6, edges)
    y = [corner[1] for corner in placed.corners]
    assert (y[2] < y[3]) == (y[4] > y[5])


def test_what_reads_nothing_stands_right_before_its_first_use():
    placed = layered([(10.0, 10.0)] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)][:3] + [(3, 4)])
    assert [x for x, _ in placed.corners] == sorted(x for x, _ in placed.corners)
    late = layered([(10.0, 10.0)] * 5, [(0, 2), (2, 3), (3, 4), (1, 4)])
    assert late.corners[1][0] == late.corners[3][0]


def test_boxes_are_as_near_to_their_neighbours_as_the_gaps_allow():
    placed = layered([(10.0, 10.0)] * 4, [(0, 3), (1, 3), (2, 3)])
    ys = sorted(placed.corners[n][1] for n in range(3))
    assert np.diff(ys) == pytest.approx([10 + GAP] * 2)
    assert placed.corners[3][1] == pytest.approx(ys[1])


def test_one_box_and_none():
    assert layered([], []).corners == []
    alone = layered([(30.0, 20.0)], [])
    assert (alone.corners, alone.width, alone.height) == ([(0.0, 0.0)], 30.0, 20.0)
