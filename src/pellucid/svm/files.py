"""A fitted machine as a file: arrays beside a JSON document, functions as graph text.

In: a machine, or a file. Out: the file, or a machine that predicts the same bits. Loading runs no
code of the file: it makes a machine of a known class from arguments that its own checks accept, and
takes arrays only if they fit together.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.arguments import checked
from pellucid.core.config import from_config, to_config
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.ops.value import at_most
from pellucid.svm.certificate import Certificate, Certificates
from pellucid.svm.expansion import Expansion
from pellucid.svm.kernels import Kernel
from pellucid.svm.own import OwnKernel
from pellucid.train.checkpoint import grouped, most_nodes, read_file, write_file
from pellucid.train.functions import FunctionTable

Array = np.ndarray[Any, Any]
_ARRAYS = ("vectors", "support", "support_class", "coefficients", "intercepts", "n_iter")
_KINDS: dict[str, type[Any]] = {}


def savable(kind: type[Any]) -> type[Any]:
    """Makes a class of machines known to files by its name."""
    _KINDS[kind.__name__] = kind
    return kind


def save(machine: Any, path: str | Path, overwrite: bool) -> None:
    """Writes a fitted machine; see `Machine.save`."""
    name = type(machine).__name__
    expansion: Expansion | None = machine.__dict__.get("_expansion")
    if expansion is None:
        raise ArgumentError(
            f"{name}.save", "the machine must be fitted, got one that is not", "Call fit first."
        )
    kernel, functions = expansion.kernel, FunctionTable()
    function = None
    if isinstance(kernel, OwnKernel):
        if not kernel.traced:
            raise DataError(
                f"{name}.save",
                "the kernel must be one that can be traced, got one that is called as it is",
                "Compute with NumPy functions and operators of its arguments alone.",
            )
        function = _written(kernel, expansion, functions)
    proof = machine.certificate
    parts = proof if isinstance(proof, Certificates) else [proof]
    parameters = _parameters(machine)
    classes = machine.__dict__.get("classes")
    document = {
        "kind": name,
        "parameters": {key: _plain(value) for key, value in parameters.items()},
        "kernel": to_config(kernel) if isinstance(kernel, Kernel) else function,
        "classes": None if classes is None else classes.tolist(),
        "epsilon": to_config(float(getattr(machine, "epsilon", 0.0))),
        "columns": None if machine._columns is None else list(machine._columns),
        "width": machine._width,
        "converged": bool(machine.converged),
        "certificate": [_safe(one.numbers()) for one in parts],
    }
    empty = np.zeros((0, 0))
    values = (
        empty if expansion.vectors is None else expansion.vectors,
        expansion.support.astype(np.int64),
        machine._support_class.astype(np.int64),
        expansion.coefficients,
        expansion.intercepts,
        machine.n_iter.astype(np.int64),
    )
    arrays = {f"params/{key}": value for key, value in zip(_ARRAYS, values, strict=True)}
    write_file(path, arrays | functions.arrays, document, overwrite)


def _written(kernel: OwnKernel, expansion: Expansion, functions: FunctionTable) -> Any:
    """The kernel between any rows and the support vectors, as a graph."""
    assert expansion.vectors is not None
    dtype = dtypes.as_dtype(expansion.vectors.dtype.name)
    known = TensorType(dtype, expansion.vectors.shape)
    rows = TensorType(dtype, (N, known.shape[1]))
    return functions.writer(rows, known)(kernel.blocks)


def _parameters(machine: Any) -> dict[str, Any]:
    """The arguments that the machine was made with."""
    names = list(inspect.signature(type(machine).__init__).parameters)[1:]
    return {name: getattr(machine, name) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"pairs": [[_item(key), _item(one)] for key, one in value.items()]}
    return None if callable(value) else _item(value)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _safe(numbers: dict[str, Any]) -> dict[str, Any]:
    return {key: to_config(_item(value)) for key, value in numbers.items()}


@checked
def load(path: str | Path) -> Any:
    """The machine that `save` wrote. It predicts the same bits; loading runs no code of the file.

    Raises:
        DataError: for a file that is missing, truncated, changed, of another kind, or of a newer
            format.
    """
    arrays, document = read_file(path)
    where = f'load "{path}"'
    try:
        parts = grouped(arrays)
        with at_most(most_nodes(parts)):
            return _machine(parts, document)
    except PellucidError as error:
        problem, fix = error.problem, error.fix
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        # A changed description can be wrong in any way; what it says is never trusted further.
        problem, fix = f"{type(error).__name__} {error}", ""
    raise DataError(where, f"the description of the machine does not hold: {problem}", fix)


def _machine(parts: Mapping[str, dict[str, Any]], document: Mapping[str, Any]) -> Any:
    kind = _KINDS.get(document["kind"])
    if kind is None:
        raise DataError(
            "load",
            f"expected a support vector machine, got {document['kind']!r}",
            "Networks are loaded by pel.load(path).",
        )
    own = parts["params"]
    vectors, support, owner, coefficients, intercepts, steps = (own[name] for name in _ARRAYS)
    count, used = coefficients.shape
    classes = document["classes"]
    given = document["kernel"] is None
    width = document["width"]
    _hold(type(width) is int and width > 0, "width")
    _hold(support.shape == owner.shape == (used,), "support")
    _hold(support.dtype == owner.dtype == steps.dtype == np.int64, "support")
    _hold(intercepts.shape == steps.shape == (count,) and count > 0, "intercepts")
    _hold(vectors.shape == ((0, 0) if given else (used, width)), "vectors")
    _hold(vectors.dtype in (np.float32, np.float64), "vectors")
    _hold(coefficients.dtype == intercepts.dtype == np.float64, "coefficients")
    _hold(all(np.isfinite(one).all() for one in (vectors, coefficients, intercepts)), "numbers")
    _hold(not given or (not used or 0 <= support.min() <= support.max() < width), "support")
    kernel, shown = _kernel(document, parts, width, vectors.dtype)
    machine = kind(**_arguments(document["parameters"], shown))
    if classes is not None:
        labels = np.array(classes)
        _hold(labels.ndim == 1 and len(labels) > 1 and labels.dtype.kind in "biuU", "classes")
        _hold(count == machine._problems(len(labels)), "classes")
        ascending = bool((np.diff(owner) >= 0).all())
        inside = not used or 0 <= owner[0] <= owner[-1] < len(labels)
        _hold(ascending and inside, "support_class")
        machine.classes = labels
    else:
        _hold(count == 1 and not hasattr(machine, "several"), "classes")
    if "nu" in machine.__dict__ and hasattr(machine, "predict") and kind.__name__ == "NuSVR":
        machine.epsilon = float(from_config(document["epsilon"]))
    columns = document["columns"]
    _hold(columns is None or all(isinstance(name, str) for name in columns), "columns")
    machine._columns = None if columns is None else tuple(columns)
    machine._width, machine._support_class, machine._kernel = width, owner, kernel
    machine.n_iter, machine.converged = steps, bool(document["converged"])
    machine._solved = None
    machine._certificate = _proof(document["certificate"], count)
    machine._adopt(Expansion(kernel, None if given else vectors, support, coefficients, intercepts))
    return machine


def _hold(condition: bool, name: str) -> None:
    if not condition:
        raise DataError("load", f"{name} must fit the other parts of the machine")


def _kernel(
    document: Mapping[str, Any], parts: Mapping[str, dict[str, Any]], width: int, dtype: Any
) -> tuple[Kernel | OwnKernel | None, Any]:
    """The kernel, and the argument `kernel` of the machine."""
    config, named = document["kernel"], document["parameters"]["kernel"]
    if config is None:
        _hold(named == "precomputed", "kernel")
        return None, named
    if config.get("type") == "function":
        function = FunctionTable(parts).read(config)
        return OwnKernel.loaded(function, width, dtype), function
    kernel = from_config(config)
    _hold(isinstance(kernel, Kernel) and named == kernel.kind, "kernel")
    return kernel, named


def _arguments(parameters: Mapping[str, Any], kernel: Any) -> dict[str, Any]:
    made = {
        key: dict(value["pairs"]) if isinstance(value, dict) else value
        for key, value in parameters.items()
    }
    return made | {"kernel": kernel}


def _proof(described: Any, count: int) -> Certificate | Certificates:
    made = []
    for one in described:
        numbers = {key: from_config(value) for key, value in one.items()}
        _hold(isinstance(numbers["title"], str) and len(numbers["kkt"]) == 6, "certificate")
        values = [*numbers["kkt"], *(v for k, v in numbers.items() if k not in ("title", "kkt"))]
        plain = all(type(v) in (int, float) or v is None for v in values)
        _hold(plain and not any(v != v for v in values), "certificate")
        made.append(Certificate(**{**numbers, "kkt": tuple(map(float, numbers["kkt"]))}))
    _hold(len(made) == count, "certificate")
    return made[0] if count == 1 else Certificates(made)
