"""The one form of a message, the user's line, the hint with the nearest name, pickling."""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.core import errors
from pellucid.core.errors import (
    ArgumentError,
    CompileError,
    DataError,
    DivergenceError,
    DTypeError,
    GraphError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
    nearest,
    user_line,
)
from pellucid.core.shapes import broadcast

KINDS = [
    (ShapeError, ValueError),
    (DTypeError, TypeError),
    (GraphError, PellucidError),
    (NotDifferentiableError, PellucidError),
    (CompileError, PellucidError),
    (DataError, ValueError),
    (ArgumentError, TypeError),
    (DivergenceError, ArithmeticError),
]


def test_the_message_of_the_documentation() -> None:
    error = ShapeError(
        'dense "hidden"',
        "x must be (N, 784), got (32, 28, 28)",
        "Add Flatten() before Dense.",
        line="train.py:41",
    )
    assert str(error) == (
        '[dense "hidden"] x must be (N, 784), got (32, 28, 28). At train.py:41. '
        "Add Flatten() before Dense."
    )
    assert error.where == 'dense "hidden"' and error.line == "train.py:41"


def test_without_a_fix_and_with_a_full_stop_too_many() -> None:
    assert str(DataError("data", "expected rows, got none.", line="a.py:1")) == (
        "[data] expected rows, got none. At a.py:1."
    )


@pytest.mark.parametrize(("kind", "base"), KINDS)
def test_classes(kind: type[PellucidError], base: type[Exception]) -> None:
    assert issubclass(kind, PellucidError) and issubclass(kind, base)
    with pytest.raises(base, match=r"^\[x\] y\. At test_errors\.py:\d+\. Z\.$"):
        raise kind("x", "y", "Z.")


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS] + [PellucidError])
def test_errors_travel_between_processes(kind: type[PellucidError]) -> None:
    error = kind("fit", "expected 3, got 4", "Do that.", line="train.py:9")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind and str(again) == str(error)
        assert (again.where, again.problem, again.fix, again.line) == (
            "fit",
            "expected 3, got 4",
            "Do that.",
            "train.py:9",
        )


def test_the_user_line_is_the_first_frame_outside_the_package() -> None:
    here = sys._getframe().f_lineno
    with pytest.raises(ShapeError) as caught:
        broadcast("add", (2,), (3,))  # raised three frames down, inside the package
    assert caught.value.line == f"test_errors.py:{here + 2}"
    assert user_line() == f"test_errors.py:{sys._getframe().f_lineno}"


def test_a_neighbour_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    """pellucid_extras beside pellucid is the user's code."""
    assert errors.PACKAGE_FOLDER.endswith(os.sep)
    neighbour = Path(errors.PACKAGE_FOLDER.rstrip(os.sep) + "_extras") / "own.py"
    code = compile("line = user_line()", str(neighbour), "exec")
    space = {"user_line": user_line}
    exec(code, space)
    assert space["line"] == "own.py:1"


def test_a_prompt_has_no_file() -> None:
    source = "from pellucid.core.errors import DataError; print(DataError('a', 'b', 'C.'))"
    folder = Path(pellucid.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert done.stdout == "[a] b. C.\n"


def test_a_package_behind_a_symbolic_link_is_still_the_package(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "pellucid").symlink_to(Path(pellucid.__file__).parent)
    (tmp_path / "mine.py").write_text(
        "from pellucid.core.shapes import broadcast\n"
        "try:\n    broadcast('add', (2,), (3,))\n"
        "except ValueError as error:\n    print(error.line)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "mine.py")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.stdout == "mine.py:3\n"


def test_nearest() -> None:
    assert nearest("adma", ["adam", "sgd"]) == "Did you mean 'adam'? Known: adam, sgd."
    many = [f"name{i}" for i in range(30)]
    assert nearest("nam3", many) == "Did you mean 'name3'?"
    assert nearest("zzz", many).startswith("Known: name0, name1")
    assert nearest("x", []) == "Known: none."
    assert nearest(3, ["3.5"]) != ""


def test_the_line_is_the_persons_own_though_numpy_stands_between():
    """`fromfunction` of no axes calls its function without arguments, from Python code of NumPy."""
    called = np.fromfunction(errors.user_line, ())
    here = inspect.currentframe().f_lineno - 1
    assert called == f"test_errors.py:{here}"
    assert errors.user_line() == f"test_errors.py:{here + 3}"


def test_the_line_is_no_line_of_pythons_own() -> None:
    """Behind a `with` of ours, a thread or an import stand frames of the standard library."""
    here = sys._getframe().f_lineno
    lines: list[str | None] = []
    code = compile("lines.append(user_line())", contextlib.__file__, "exec")
    exec(code, {"user_line": user_line, "lines": lines})
    assert lines == [f"test_errors.py:{here + 3}"]


def test_a_package_below_the_standard_library_is_not_pythons_own() -> None:
    lines: list[str | None] = []
    for folder, shown in (("site-packages", "own.py:1"), ("dist-packages", "own.py:1")):
        file = str(Path(os.__file__).parent / folder / "theirs" / "own.py")
        exec(compile("lines.append(user_line())", file, "exec"), globals() | {"lines": lines})
        assert lines.pop() == shown


def test_a_missing_package_is_told_at_the_persons_line(tmp_path: Path) -> None:
    """The import that fails is one of `importlib`, which is no line of the person's."""
    (tmp_path / "mine.py").write_text(
        "import sys\n"
        "sys.modules['jax'] = None\n"
        "import pellucid as pel\n"
        "try:\n    pel.jit(lambda x: x + 1, backend='xla')(1.0)\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "mine.py")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(pellucid.__file__).parent.parent)},
    )
    assert "At mine.py:5. pip install 'pellucid[xla]'." in done.stdout
