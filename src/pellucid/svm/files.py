"""A fitted machine as a file: arrays beside a JSON document, functions as graph text.

In: a machine, or a file. Out: the file, or a machine that predicts the same bits. Loading runs no
code of the file: it makes a machine of a known class from arguments that its own checks accept, and
takes arrays only if they fit together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.arguments import checked
from pellucid.core.config import from_config, to_config
from pellucid.core.errors import DataError, PellucidError
from pellucid.core.shapes import N
from pellucid.data.sparse import SparseRows
from pellucid.graph.node import TensorType
from pellucid.ops.value import at_most
from pellucid.svm.certificate import KINDS, Certificate, Certificates
from pellucid.svm.expansion import Expansion
from pellucid.svm.kernels import Kernel
from pellucid.svm.own import OwnKernel
from pellucid.train.checkpoint import grouped, most_nodes, read_file, write_file
from pellucid.train.functions import FunctionTable

_ARRAYS = ("vectors", "support", "support_class", "coefficients", "intercepts", "n_iter")
_KINDS: dict[str, type[Any]] = {}
Parts = Mapping[str, dict[str, Any]]  # the arrays of a file, by part
Contents = tuple[dict[str, Any], dict[str, Any]]  # arrays by name, and the document beside them
_READERS: dict[str, Callable[[Parts, Mapping[str, Any]], Any]] = {}


def savable(kind: type[Any]) -> type[Any]:
    """Makes a class of machines known to files by its name."""
    _KINDS[kind.__name__] = kind
    return kind


def readable(name: str, reader: Callable[[Parts, Mapping[str, Any]], Any]) -> None:
    """Makes another kind of machine known to files: how its arrays and document are read.

    A reader checks what it is given with `hold`.
    """
    _READERS[name] = reader


def save(machine: Any, path: str | Path, overwrite: bool) -> None:
    """Writes what `_contents` of a fitted machine says."""
    machine._check_fitted(f"{type(machine).__name__}.save")
    arrays, document = machine._contents()
    write_file(path, arrays, document, overwrite)


def contents(machine: Any) -> Contents:
    """What a file holds of a fitted `Machine`."""
    name = type(machine).__name__
    expansion: Expansion = machine._expansion
    kernel, functions = expansion.kernel, FunctionTable()
    function = None
    if isinstance(kernel, OwnKernel):
        if not kernel.traced:
            raise DataError(
                f"{name}.save",
                "the kernel must be one that can be compiled, got one that is called from Python",
                "Compute with NumPy functions and operators of its arguments alone.",
            )
        function = _written(kernel, expansion, functions)
    proof = machine.certificate
    parts = proof if isinstance(proof, Certificates) else [proof]
    classes = machine.__dict__.get("classes")
    document = {
        "kind": name,
        "parameters": parameters(machine),
        "kernel": to_config(kernel) if isinstance(kernel, Kernel) else function,
        "classes": None if classes is None else classes.tolist(),
        "epsilon": to_config(float(machine.epsilon)) if "epsilon" in machine._FITTED else None,
        "columns": None if machine._columns is None else list(machine._columns),
        "width": machine._width,
        "converged": bool(machine.converged),
        "certificate": [described(one) for one in parts],
    }
    vectors, thin = expansion.vectors, {}
    if isinstance(vectors, SparseRows):
        thin = {"params/columns": vectors.columns, "params/starts": vectors.starts}
        vectors = vectors.data
    values = (
        np.zeros((0, 0)) if vectors is None else vectors,
        expansion.support.astype(np.int64),
        machine._support_class.astype(np.int64),
        expansion.coefficients,
        expansion.intercepts,
        machine.n_iter.astype(np.int64),
    )
    arrays = {f"params/{key}": value for key, value in zip(_ARRAYS, values, strict=True)}
    return arrays | thin | functions.arrays, document


def _written(kernel: OwnKernel, expansion: Expansion, functions: FunctionTable) -> Any:
    """The kernel between any rows and the support vectors, as a graph."""
    assert expansion.vectors is not None
    dtype = dtypes.as_dtype(expansion.vectors.dtype.name)
    known = TensorType(dtype, expansion.vectors.shape)
    rows = TensorType(dtype, (N, known.shape[1]))
    return functions.writer(rows, known)(kernel.blocks)


def parameters(machine: Any) -> dict[str, Any]:
    """The arguments that the machine was made with, as JSON; a function as None."""
    names = list(inspect.signature(type(machine).__init__).parameters)[1:]
    return {name: _plain(getattr(machine, name)) for name in names}


def arguments(described: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that `parameters` wrote."""
    return {
        key: dict(value["pairs"]) if isinstance(value, dict) else value
        for key, value in described.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"pairs": [[_item(key), _item(one)] for key, one in value.items()]}
    return None if callable(value) else _item(value)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def described(certificate: Any) -> dict[str, Any]:
    """The numbers of a certificate as JSON, which has no infinity."""
    return {key: to_config(_item(value)) for key, value in certificate.numbers().items()}


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
        return at_most(most_nodes(parts), read_machine, parts, document)
    except PellucidError as error:
        problem, fix = error.problem, error.fix
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        # A changed description can be wrong in any way; what it says is never trusted further.
        problem, fix = f"{type(error).__name__} {error}", ""
    raise DataError(where, f"the description of the machine does not hold: {problem}", fix)


def read_machine(parts: Parts, document: Mapping[str, Any]) -> Any:
    """A machine from what its file holds."""
    reader = _READERS.get(document["kind"])
    if reader is not None:
        return reader(parts, document)
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
    hold(type(width) is int and width > 0, "width")
    hold(support.shape == owner.shape == (used,), "support")
    hold(support.dtype == owner.dtype == steps.dtype == np.int64, "support")
    hold(intercepts.shape == steps.shape == (count,) and count > 0, "intercepts")
    if "starts" in own:
        vectors = _sparse_rows(own, used, width)
    hold(vectors.shape == ((0, 0) if given else (used, width)), "vectors")
    hold(vectors.dtype in (np.float32, np.float64), "vectors")
    hold(coefficients.dtype == intercepts.dtype == np.float64, "coefficients")
    numbers = (own["vectors"], coefficients, intercepts)
    hold(all(np.isfinite(one).all() for one in numbers), "numbers")
    hold(not given or (not used or 0 <= support.min() <= support.max() < width), "support")
    kernel, shown = _kernel(document, parts, width, vectors.dtype)
    hold(isinstance(kernel, Kernel) or not isinstance(vectors, SparseRows), "kernel")
    machine = kind(**arguments(document["parameters"]) | {"kernel": shown})
    if classes is not None:
        labels = np.array(classes)
        hold(labels.ndim == 1 and len(labels) > 1 and labels.dtype.kind in "biuU", "classes")
        hold(count == machine._problems(len(labels)), "classes")
        hold(not used or 0 <= owner.min() <= owner.max() < len(labels), "support_class")
        in_order = not hasattr(machine, "multi_class") or bool((np.diff(owner) >= 0).all())
        hold(in_order, "support_class")
        machine.classes = labels
    else:
        hold(count == 1 and not hasattr(machine, "multi_class"), "classes")
    if "epsilon" in kind._FITTED:  # NuSVR finds it
        machine.epsilon = float(from_config(document["epsilon"]))
    machine._columns = column_names(document["columns"])
    machine._width, machine._support_class, machine._kernel = width, owner, kernel
    machine.n_iter, machine.converged = steps, bool(document["converged"])
    machine._solved = None
    proof = getattr(kind, "_proof_of", _proof)
    machine._certificate = proof(document["certificate"], count)
    machine._adopt(Expansion(kernel, None if given else vectors, support, coefficients, intercepts))
    return machine


def _sparse_rows(own: Mapping[str, Any], rows: int, width: int) -> SparseRows:
    """Support vectors of which most numbers are 0, if their parts fit together."""
    data, columns, starts = own["vectors"], own["columns"], own["starts"]
    hold(data.ndim == columns.ndim == 1 and len(data) == len(columns), "columns")
    hold(columns.dtype == starts.dtype == np.int64 and starts.shape == (rows + 1,), "starts")
    ends = starts[0] == 0 and starts[-1] == len(data)
    hold(bool(ends and (np.diff(starts) >= 0).all()), "starts")
    hold(not len(columns) or bool(0 <= columns.min() <= columns.max() < width), "columns")
    made = SparseRows(data, columns, starts, width)
    hold(bool((np.diff(made.owner * width + columns) > 0).all()), "columns")
    return made


def column_names(columns: Any) -> tuple[str, ...] | None:
    """The names of the columns of x, where there are some.

    Raises:
        DataError: for anything but texts.
    """
    hold(columns is None or all(isinstance(name, str) for name in columns), "columns")
    return None if columns is None else tuple(columns)


def hold(condition: bool, name: str) -> None:
    """Refuses a file whose part `name` does not fit the others."""
    if not condition:
        raise DataError("load", f"{name} must fit the other parts of the machine")


def _kernel(
    document: Mapping[str, Any], parts: Parts, width: int, dtype: Any
) -> tuple[Kernel | OwnKernel | None, Any]:
    """The kernel, and the argument `kernel` of the machine."""
    config, named = document["kernel"], document["parameters"]["kernel"]
    if config is None:
        hold(named == "precomputed", "kernel")
        return None, named
    if config.get("type") == "function":
        function = FunctionTable(parts).read(config)
        return OwnKernel.loaded(function, width, dtype), function
    kernel = from_config(config)
    hold(isinstance(kernel, Kernel) and named == kernel.kind, "kernel")
    return kernel, named


def _proof(described: Any, count: int) -> Certificate | Certificates:
    made = []
    for one in described:
        numbers = {key: from_config(value) for key, value in one.items()}
        hold(isinstance(numbers["title"], str) and len(numbers["kkt"]) == 6, "certificate")
        hold(numbers.get("kind", "classes") in KINDS, "certificate")
        positive = numbers.get("positive", True)
        hold(type(positive) is bool, "certificate")
        unknown = ("margin", "norm") if not positive else ()
        words = ("title", "kkt", "kind", "positive", *unknown)
        values = [*numbers["kkt"], *(v for k, v in numbers.items() if k not in words)]
        plain = all(type(v) in (int, float) or v is None for v in values)
        hold(plain and not any(v != v for v in values), "certificate")
        hold(all(type(numbers[name]) is float for name in unknown), "certificate")
        made.append(Certificate(**{**numbers, "kkt": tuple(map(float, numbers["kkt"]))}))
    hold(len(made) == count, "certificate")
    return made[0] if count == 1 else Certificates(made)
