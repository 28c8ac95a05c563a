"""Nested containers, taken apart and put together again."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core import trees
from pellucid.core.errors import ArgumentError

Point = namedtuple("Point", "x y")
KEYS = st.text("abcW", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers() | st.text(max_size=2) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.tuples(inner, inner).map(lambda pair: Point(*pair))
    ),
    max_leaves=12,
)


@given(TREES)
def test_round_trip(tree: Any) -> None:
    leaves, structure = trees.flatten(tree)
    again = trees.unflatten(structure, leaves)
    assert again == tree and type(again) is type(tree)
    assert structure.count == len(leaves) == len(trees.paths(tree))
    assert trees.leaves_of(tree) == leaves
    assert trees.with_leaves(tree, leaves) == again
    assert trees.flatten(trees.with_leaves(tree, leaves))[1] == structure
    assert trees.flatten(again)[1] == structure
    assert None not in leaves


@given(TREES)
def test_map_keeps_the_structure(tree: Any) -> None:
    doubled = trees.map_leaves(lambda leaf: leaf * 2, tree)
    assert trees.flatten(doubled)[1] == trees.flatten(tree)[1]
    assert trees.flatten(doubled)[0] == [leaf * 2 for leaf in trees.flatten(tree)[0]]
    pairs = trees.map_leaves(lambda a, b: (a, b) == (b, b), tree, tree)
    assert all(trees.flatten(pairs)[0])


def test_order_and_paths() -> None:
    tree = {"dense": {"W": 1, "b": 2}, "rest": [3, (4, None)], "p": Point(5, 6)}
    assert trees.flatten(tree)[0] == [1, 2, 3, 4, 5, 6]
    assert trees.paths(tree) == ["dense.W", "dense.b", "rest.0", "rest.1.0", "p.0", "p.1"]
    assert trees.paths(7, "x") == ["x"] and trees.paths(None) == []
    assert trees.paths([1, 2], "x") == ["x.0", "x.1"]


def test_a_named_tuple_stays_one_and_a_dict_of_another_class_is_a_dict() -> None:
    assert trees.map_leaves(lambda x: x + 1, Point(1, [2])) == Point(2, [3])
    assert trees.map_leaves(lambda x: x, OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}


def test_none_is_an_empty_container() -> None:
    leaves, structure = trees.flatten({"a": None, "b": 1})
    assert leaves == [1] and trees.unflatten(structure, [5]) == {"a": None, "b": 5}
    assert trees.flatten(None)[0] == []


def test_structures_read_well() -> None:
    structure = trees.flatten({"a": [1, (2, None)]})[1]
    assert repr(structure) == "{'a': [*, (*, None)]}"


def test_what_does_not_fit_is_refused() -> None:
    _, structure = trees.flatten([1, 2])
    with pytest.raises(ArgumentError, match=r"\[trees\] \[\*, \*\] needs 2 leaves, got 3"):
        trees.unflatten(structure, [1, 2, 3])
    for other in ([1], (1, 2), {"a": 1, "b": 2}, [1, [2]], 1):
        with pytest.raises(ArgumentError, match="both trees must have one structure"):
            trees.map_leaves(lambda a, b: a, [1, 2], other)
    with pytest.raises(ArgumentError):
        trees.map_leaves(lambda a, b: a, {"a": 1, "b": 2}, {"b": 1, "a": 2})


def test_every_part_of_a_structure_counts_its_own_leaves() -> None:
    structure = trees.flatten([1, {"a": 2, "b": (3, None)}, [4, 5]])[1]
    assert structure.count == 5
    assert [child.count for child in structure.children] == [1, 2, 2]
    assert [child.count for child in structure.children[1].children] == [1, 1]
    assert [child.count for child in structure.children[1].children[1].children] == [1, 0]
    part = structure.children[1]
    assert trees.unflatten(part, [7, 8]) == {"a": 7, "b": (8, None)}


def test_a_tree_of_classes_of_its_own() -> None:
    class Weights(list):  # type: ignore[type-arg]
        pass

    assert trees.flatten(Weights([1, 2]))[1] == trees.flatten([1, 2])[1]
    assert trees.flatten(Point(1, 2))[1] != trees.flatten((1, 2))[1]
    assert type(trees.with_leaves(Weights([1]), [2])) is list
    with pytest.raises(ArgumentError, match="needs 2 leaves, got 1"):
        trees.unflatten(trees.flatten([1, 2])[1], [1])


def test_what_holds_itself_is_no_tree() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for function in (trees.flatten, trees.leaves_of, trees.paths):
        with pytest.raises(ArgumentError, match="containers must end somewhere"):
            function(endless)
    with pytest.raises(ArgumentError, match="containers must end somewhere"):
        trees.map_leaves(lambda x: x, endless)


def test_a_dict_that_does_more_than_hold_items_is_refused() -> None:
    tree: dict[str, Any] = defaultdict(int, a=1)
    with pytest.raises(ArgumentError, match=r"got defaultdict\..*Convert it: dict\(x\)\."):
        trees.flatten([0, tree])
    assert trees.flatten({1, 2})[0] == [{1, 2}]  # what nobody knows is a leaf


def test_a_read_only_dict_refuses_every_change_and_copies_plain() -> None:
    held = trees.ReadOnly({"a": {"W": 1}})
    changes: list[Any] = [
        lambda: held.__setitem__("a", 2),
        lambda: held.__delitem__("a"),
        lambda: held.__ior__({"a": 2}),
        lambda: held.update(a=2),
        lambda: held.setdefault("b", 2),
        lambda: held.pop("a"),
        lambda: held.popitem(),
        lambda: held.clear(),
    ]
    for change in changes:
        with pytest.raises(ArgumentError, match="cannot be set one by one"):
            change()
    assert held == {"a": {"W": 1}}
    for copied in (copy.copy(held), copy.deepcopy(held), pickle.loads(pickle.dumps(held))):
        assert type(copied) is dict and copied == held
    assert trees.flatten(held)[1] == trees.flatten({"a": {"W": 1}})[1]
