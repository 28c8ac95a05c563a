"""No two files of the package import each other, directly or in a longer circle.

An import for type hints counts as well: whoever reads one file of a circle must read all of them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "pellucid"


def modules(source: Path) -> dict[str, Path]:
    """The package's modules by their dotted names."""
    found = {}
    for path in source.rglob("*.py"):
        parts = [source.name, *path.relative_to(source).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules of ours that a file imports, anywhere in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for one in node.names:  # a module of that package, or a name in it
                inner = f"{base}.{one.name}"
                if inner in known:
                    yield inner
                elif base in known:
                    yield base


def circles(graph: Mapping[str, set[str]]) -> set[tuple[str, ...]]:
    """The strongly connected components of more than one module (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found = set()
    for start in sorted(graph):
        if start in index:
            continue
        work = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = len(index)
        path.append(start)
        while work:
            node, rest = work[-1]
            for after in rest:
                if after not in index:
                    index[after] = low[after] = len(index)
                    path.append(after)
                    work.append((after, iter(sorted(graph[after]))))
                    break
                if after in path:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = path[path.index(node) :]
                    del path[path.index(node) :]
                    if len(members) > 1 or node in graph[node]:
                        found.add(tuple(sorted(members)))
    return found


@functools.cache
def circles_of(source: Path) -> set[tuple[str, ...]]:
    known = modules(source)
    graph = {name: set(imported(name, path, known)) for name, path in known.items()}
    return circles({name: goals - {name} for name, goals in graph.items()})


def test_no_files_import_each_other() -> None:
    assert circles_of(SOURCE) == set(), "open these circles"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "from p import b", "b": "import p.a"}, {("p.a", "p.b")}),
        ({"a": "from p.b import x", "b": "def f():\n    from p.a import y"}, {("p.a", "p.b")}),
        ({"a": "from . import b", "b": "from .a import y"}, {("p.a", "p.b")}),
        (
            {
                "a": "from p import b",
                "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p import c",
                "c": "from p import a\nfrom p import d",
                "d": "",
            },
            {("p.a", "p.b", "p.c")},
        ),
        ({"a": "from p import b, c", "b": "from p import c", "c": "import os"}, set()),
    ],
)
def test_the_check_sees_circles(
    files: dict[str, str], expected: set[tuple[str, ...]], tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    for name, text in {"__init__": "", **files}.items():
        (tmp_path / "p" / f"{name}.py").write_text(text)
    assert circles_of(tmp_path / "p") == expected
