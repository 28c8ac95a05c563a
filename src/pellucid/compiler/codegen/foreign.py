"""Object files for other machines than this one, made in a process of their own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence

from pellucid.compiler.codegen import emit_object
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.target import Target
from pellucid.core.errors import CompileError

_PATIENCE = 300  # seconds
_KEPT = 8  # objects that are kept for modules that come again
_made: dict[bytes, bytes] = {}


def foreign_object(modules: Sequence[ir.Module], target: Target) -> bytes:
    """The machine code of modules for `target` as one object file.

    Functions of one name that are not seen from outside stay apart.

    Raises:
        CompileError: where LLVM makes none.
    """
    told = {
        "path": [place for place in sys.path if place],
        "triple": target.triple,
        "cpu": target.cpu,
        "features": target.features,
        "level": target.level,
    }
    given = b"\0".join([json.dumps(told).encode(), *(str(one).encode() for one in modules)])
    key = hashlib.sha256(given).digest()
    if key not in _made:
        _made[key] = _emitted(given, target)
        while len(_made) > _KEPT:
            del _made[next(iter(_made))]
    return _made[key]


def _emitted(given: bytes, target: Target) -> bytes:
    """What the program made of its input."""
    try:
        run = subprocess.run(
            [sys.executable, "-I", emit_object.__file__],
            input=given,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, TypeError, ValueError, subprocess.TimeoutExpired) as error:
        raise _failed(target, f"{type(error).__name__}: {error}") from None
    if run.returncode:
        lines = run.stderr.decode(errors="replace").strip().splitlines()
        said = next((line for line in reversed(lines) if line and line[0] not in " #"), "nothing")
        raise _failed(target, f"exit code {run.returncode}, {said}")
    return run.stdout


def _failed(target: Target, got: str) -> CompileError:
    return CompileError(
        target.triple.split("-")[0],
        f"a Python process must make the code with llvmlite, got {got}",
        "See that `python -c 'import llvmlite.binding'` works.",
    )
