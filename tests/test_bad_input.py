"""Bad input, case by case: it is accepted, or a person reads one clear message.

`CASES` and the rows of bad_input_catalogue.py are also the source of docs/bad-input.md (`make
docs`); a test keeps the page up to date.
"""

from __future__ import annotations

import contextlib
import gzip
import inspect
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pellucid as pel
from pellucid.core.errors import PellucidError
from tests import wrong_calls
from tests.bad_input_catalogue import ARGUMENTS, CATALOGUE, Case
from tests.bad_input_methods import METHODS

FILES = (
    *("test_bad_input.py", "bad_input_catalogue.py", "bad_input_svm.py", "bad_input_linear.py"),
    *("bad_input_nn.py", "bad_input_draw.py", "bad_input_web.py", "bad_input_play.py"),
    *("bad_input_inspect.py", "bad_input_numpy.py", "bad_input_keras.py"),
    *("bad_input_distributed.py", "bad_input_methods.py"),
)
PAGE = Path(__file__).parent.parent / "docs" / "bad-input.md"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 40)


def model(loss: Any = "cross_entropy", units: int = 3, activation: Any = None, rate: Any = 0.1):
    made = pel.Sequential([pel.nn.Dense(units, activation=activation, name="hidden")], seed=0)
    made.compile(pel.optim.SGD(rate), loss=loss, metrics=["accuracy"])
    return made


def fit(x: Any = X, y: Any = Y, **options: Any):
    """One epoch of a small model; the weights must be finite afterwards."""
    made = model(
        **{k: options.pop(k) for k in ("loss", "units", "activation", "rate") if k in options}
    )
    made.fit(x, y, **{"verbose": 0, "seed": 0, **options})
    assert all(np.isfinite(w).all() for w in made.get_weights())
    return made


def streamed_again(query: str, **options: Any) -> Any:
    """Predictions for a query by a model that was fitted on columns a and b of a table."""
    model = pel.Sequential([pel.nn.Dense(1)])
    model.compile("sgd", "squared")
    model.fit(pel.data.stream_table("SELECT 1 AS a, 2 AS b, 3 AS y", "y"), verbose=0)
    return model.predict(pel.data.stream_table(query, **options))


def fit_stream(stream: Any, **options: Any) -> Any:
    return fit(stream, None, **options)


def changed(row: int, column: int, value: float) -> Any:
    x = X.copy()
    x[row, column] = value
    return x


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def saved(folder: Path) -> Path:
    path = folder / "m.safetensors"
    fit().save(path, overwrite=True)
    return path


def truncated(folder: Path) -> Any:
    path = saved(folder)
    path.write_bytes(path.read_bytes()[:-10])
    return pel.load(path)


def edited(folder: Path, **changes: Any) -> Any:
    path = saved(folder)
    data = path.read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    document = json.loads(header["__metadata__"]["pellucid"]) | changes
    header["__metadata__"]["pellucid"] = json.dumps(document)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + n :])
    return pel.load(path)


def bomb(folder: Path) -> Any:
    """64 MB of zeros in 64 KB, behind a header that promises 10 numbers."""
    path = folder / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 10) + bytes(2**26)))
    return pel.data.read_idx(path)


def giant(folder: Path) -> Any:
    path = folder / "giant.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x02" + struct.pack(">II", 2**32 - 1, 2**32 - 1)))
    return pel.data.read_idx(path)


def promise(folder: Path) -> Any:
    path = folder / "short-idx"
    path.write_bytes(b"\0\0\x08\x03" + struct.pack(">III", 60000, 28, 28) + bytes(1000))
    return pel.data.read_idx(path)


def folder_without(folder: Path) -> Any:
    (folder / "notes.txt").write_text("hello")
    return pel.data.load_idx_folder(folder)


def read_text(folder: Path, data: str) -> Any:
    (folder / "sales.csv").write_text(data)
    return pel.data.read_table(folder / "sales.csv")


def read_by_schema(source: Any) -> Any:
    schema = pel.data.read_table({"price": [1.5, 2.5], "city": ["Rom", "Bonn"]}).schema
    return pel.data.read_table(source, schema=schema)


def learned(target: str = "size", **changes: Any) -> Any:
    """A table of 40 sizes, some of its columns changed or its options set."""
    options = {name: changes.pop(name) for name in ("task", "group", "time") if name in changes}
    height = [float(k % 4) for k in range(40)]
    rows = {"height": height, "size": ["S" if h < 2 else "L" for h in height]}
    pel.fit_table({**rows, **changes}, target, quick=True, verbose=0, **options)


TABLES = [
    Case("a target that is no column", lambda p: learned("sizes"), "Did you mean 'size'?"),
    Case(
        "a target that is not known in every row",
        lambda p: learned(size=["S"] * 20 + [None, *["L"] * 19]),
        "must be known in every row, got 1 of 40 rows without, the first in row 21",
    ),
    Case("a target of one class", lambda p: learned(size=["S"] * 40), "must differ between rows"),
    Case(
        "a target of dates",
        lambda p: learned(size=["2024-01-31", "2024-02-29"] * 20),
        "must be numbers or classes, got dates",
    ),
    Case(
        "a target that is different in every row",
        lambda p: learned(size=[f"size {k}" for k in range(40)]),
        "must hold classes that come again",
    ),
    Case(
        "a regression of text",
        lambda p: learned(task="regression"),
        "a regression needs numbers, got 'size' that holds category",
    ),
    Case(
        "a table of ids alone",
        lambda p: learned(height=[f"k{k}" for k in range(40)]),
        "a column beside the target must be of use, got height (ids, texts or constants)",
    ),
    Case(
        "one group in all rows",
        lambda p: learned(shop=["a"] * 40, group="shop"),
        "group must part the rows into two groups or more, got one",
    ),
    Case(
        "times that are text",
        lambda p: learned(time="size"),
        "the target 'size' cannot be drop, group or time too",
    ),
    Case(
        "a target of whole numbers that float64 would round",
        lambda p: learned(size=[2**53 + 3, 2**53 + 5] * 20),
        "must hold whole numbers up to 2^53",
    ),
    Case(
        "a table with a cell of bytes",
        lambda p: pel.data.read_table({"city": [b"Rom", b"Bonn"]}),
        "a cell must be a number, a text or a date, got bytes in 'city'",
    ),
    Case(
        "a table with a cell that is a complex number",
        lambda p: pel.data.read_table({"field": [1j, 2.0]}),
        "got complex in 'field'",
    ),
    Case(
        "a table of few rows",
        lambda p: learned(height=[1.0, 2.0], size=["S", "L"]),
        "10 rows or more are needed to learn from, got 2",
    ),
    Case(
        "a table whose row is too long",
        lambda p: read_text(p, "a,b\n1,2\n3,4,5\n"),
        "each row must have at most 2 cells, as the first one, got 3 in line 3",
    ),
    Case(
        "a table with a quote that is not closed",
        lambda p: read_text(p, 'a,b\n1,"x\n2,y\n'),
        "each quote must be closed, got one that stays open from line 2, column 2",
    ),
    Case(
        "a table with a NUL byte",
        lambda p: read_text(p, "a,b\n1,x\0\n"),
        "a table must be text, got a NUL byte in line 2, character 4",
    ),
    Case("an empty table", lambda p: read_text(p, ""), "must have rows, got an empty file"),
    Case(
        "a table with names alone",
        lambda p: read_text(p, "a,b\n"),
        "must have rows, got names of columns alone",
    ),
    Case(
        "a table that is not there",
        lambda p: pel.data.read_table(p / "none.csv"),
        "there is no such file",
    ),
    Case(
        "a table without a column of the schema",
        lambda p: read_by_schema({"price": [1, 2], "town": ["Rom", "Bonn"]}),
        "each expected column must be there, got none called 'city'",
    ),
    Case(
        "a generator for several epochs",
        lambda p: fit_stream(iter([(X, Y)]), epochs=2),
        "x must give its batches again in each of 2 epochs, got an object of type list_iterator",
    ),
    Case(
        "batches of different widths",
        lambda p: fit_stream([(X, Y), (X[:, 1:], Y)]),
        "batch 2] x must be (N,",
    ),
    Case("an empty stream", lambda p: fit_stream(iter([])), "at least one batch, got none"),
    Case(
        "text in a streamed table",
        lambda p: pel.data.stream_table("SELECT 'x' AS city, 1 AS y", "y"),
        "columns must hold numbers or booleans, got VARCHAR in 'city'",
    ),
    Case(
        "a missing cell in a streamed table",
        lambda p: list(pel.data.stream_table("SELECT NULL::INT AS age, 1 AS y", "y")),
        "each cell must be a finite number, got a missing cell in 'age', row 0",
    ),
    Case(
        "a streamed table whose columns are in another order",
        lambda p: streamed_again("SELECT 1 AS b, 2 AS a", shuffle=False),
        "the columns must be those of fit, 'a', 'b', got 'b' in the place of 'a'",
    ),
    Case(
        "a prediction of a streamed table in a drawn order",
        lambda p: streamed_again("SELECT 1 AS a, 2 AS b"),
        "a table must give its rows in their order, got one that shuffles them",
    ),
    Case(
        "a streamed table without a target",
        lambda p: fit_stream(pel.data.stream_table("SELECT 1 AS a, 2 AS b")),
        "a table must have a target here, got one without",
    ),
    Case(
        "a target that is a column of its own",
        lambda p: pel.fit_table({"height": [1, 2]}, [0, 1]),
        "target must be the name of a column, got an object of type list",
    ),
    Case(
        "a table of columns of unequal length",
        lambda p: pel.data.read_table({"a": [1, 2], "b": [1]}),
        "columns must have equally many rows, got 'a': 2, 'b': 1",
    ),
]
CASES = [
    Case(
        "NaN in the data",
        lambda p: fit(changed(7, 2, np.nan)),
        "x must be finite, got nan in row 7, column 2",
    ),
    Case("infinity in the data", lambda p: fit(changed(3, 0, -np.inf)), "got -inf in row 3"),
    Case(
        "NaN in the targets",
        lambda p: regress(np.where(Y == 0, np.nan, 1.0), 1),
        "y must be finite",
    ),
    Case(
        "a float64 too large for float32",
        lambda p: fit(X.astype(float) * 1e300),
        "must fit float32",
    ),
    Case(
        "targets too large for float32",
        lambda p: regress(X[:, 0].astype(float) * 1e300, 1),
        "y must fit float32",
    ),
    Case(
        "NaN in validation data",
        lambda p: fit(validation_data=(changed(5, 1, np.nan), Y)),
        "got nan in row 5, column 1",
    ),
    Case("a path with a NUL in it", lambda p: pel.load("a\0b"), "Leave out the NUL bytes"),
    Case("a label beyond the classes", lambda p: fit(y=Y + 1), "[0, 2], got 3"),
    Case("a negative label", lambda p: fit(y=Y - 1), "[0, 2], got -1"),
    Case("labels that are whole floats", lambda p: fit(y=Y.astype(float)), None),
    Case("labels that are not whole", lambda p: fit(y=Y + 0.5), "must be whole numbers"),
    Case("labels that are text", lambda p: fit(y=np.array(["a", "b"])[Y % 2]), "np.unique"),
    Case("labels that are booleans", lambda p: fit(y=Y > 0), None),
    Case(
        "labels -1 and 1 for two classes", lambda p: fit(y=Y % 2 * 2 - 1, units=2), "(y + 1) // 2"
    ),
    Case(
        "labels -1 and 1 for binary cross-entropy",
        lambda p: fit(y=Y % 2 * 2 - 1, units=1, loss="binary_cross_entropy"),
        "(y + 1) / 2",
    ),
    Case("labels 0 and 1 for hinge", lambda p: fit(y=Y % 2, units=1, loss="hinge"), "2*y - 1"),
    Case("labels as a column", lambda p: fit(y=Y.reshape(-1, 1)), "y.ravel()"),
    Case("probabilities that do not sum to 1", lambda p: fit(y=ones(40, 3)), "sum to 1"),
    Case(
        "accuracy of a regression",
        lambda p: fit(y=X[:, 0], units=1, loss=pel.nn.Squared()),
        "accuracy needs a classification loss",
    ),
    Case("targets (N,) against outputs (N, 3)", lambda p: regress(X[:, 0], 3), "y must be (N, 3)"),
    Case("targets (N,) against outputs (N, 1)", lambda p: regress(X[:, 0], 1), None),
    Case("one output for classes", lambda p: fit(y=Y % 2, units=1), "Use Dense(2)"),
    Case("two softmaxes", lambda p: double(), "got two"),
    Case(
        "sigmoid with cross-entropy", lambda p: model(activation="sigmoid"), "binary_cross_entropy"
    ),
    Case("fewer labels than rows", lambda p: fit(y=Y[:-3]), "got 40 and 37"),
    Case("no rows", lambda p: fit(X[:0], Y[:0]), "at least one row"),
    Case("no columns", lambda p: fit(ones(40, 0)), "must hold numbers"),
    Case("one row", lambda p: fit(X[:1], Y[:1]), None),
    Case("a batch larger than the data", lambda p: fit(batch_size=1000), None),
    Case("data without columns", lambda p: fit(X[:, 0]), "x.reshape(-1, 1)"),
    Case("images without Flatten", lambda p: fit(ones(40, 8, 8)), "Add Flatten()"),
    Case("images without channels", lambda p: images(ones(40, 8, 8)), "Reshape((8, 8, 1))"),
    Case(
        "images with channels first",
        lambda p: images(ones(40, 3, 8, 8), kernel_size=5),
        "np.moveaxis(x, 1, -1)",
    ),
    Case(
        "images smaller than the kernel",
        lambda p: images(ones(40, 2, 2, 1)),
        "x must hold a window of (3, 3)",
    ),
    Case(
        "a number of filters that is not whole",
        lambda p: images(filters=2.5),
        "filters must be a whole number",
    ),
    Case("a kernel of size 0", lambda p: images(kernel_size=0), "kernel_size must be at least 1"),
    Case(
        "a kernel with too many axes",
        lambda p: images(kernel_size=(3, 3, 3)),
        "a number or 2 numbers",
    ),
    Case("a stride of 0", lambda p: images(strides=0), "strides must be at least 1"),
    Case("an unknown padding", lambda p: images(padding="Same"), "Did you mean 'same'?"),
    Case("a negative padding", lambda p: images(padding=-1), "padding must be at least 0"),
    Case(
        "padding for one of two axes",
        lambda p: images(padding=((1, 2),)),
        "An entry is a number or a pair",
    ),
    Case("a dilation of 0", lambda p: images(dilation=0), "dilation must be at least 1"),
    Case("groups that do not divide the filters", lambda p: images(groups=3), "the 4 filters"),
    Case("groups that do not divide the channels", lambda p: images(groups=2), "the 1 channels"),
    Case(
        "connections of too few filters", lambda p: images(connections=((0,),)), "each of 4 filters"
    ),
    Case(
        "connections to maps that do not exist",
        lambda p: images(connections=((5,),) * 4),
        "below 1, got 5",
    ),
    Case("a maxout without pieces", lambda p: images(pieces=0), "pieces must be at least 1"),
    Case("an unknown kind of bias", lambda p: images(bias="none"), "unknown bias 'none'"),
    Case(
        "a padding value that is not a number",
        lambda p: images(padding_value=None),
        "padding_value must be a number",
    ),
    Case(
        "pooling windows of size 0", lambda p: pel.nn.MaxPool2D(0), "pool_size must be at least 1"
    ),
    Case(
        "a pooling window that covers only padding",
        lambda p: images(more=[pel.nn.MaxPool2D(2, 1, padding=2)]),
        "Pad by less",
    ),
    Case(
        "count_padding that is a number",
        lambda p: pel.nn.AveragePool2D(count_padding=2),
        "count_padding must be True or False",
    ),
    Case("a normalization by 0", lambda p: pel.nn.LocalResponseNorm(k=0), "k must lie in (0, inf)"),
    Case(
        "a normalization over no channels",
        lambda p: pel.nn.LocalResponseNorm(0),
        "size must be at least 1",
    ),
    Case(
        "global pooling after Flatten",
        lambda p: images(more=[pel.nn.Flatten(), pel.nn.GlobalMaxPool()]),
        "Put it before Flatten()",
    ),
    Case(
        "another number of columns in predict",
        lambda p: fit().predict(X[:, :2]),
        'dense "hidden"] x must be (N, 4), got (40, 2)',
    ),
    Case("no epochs", lambda p: fit(epochs=0), None),
    Case(
        "a negative number of epochs",
        lambda p: fit(epochs=-1),
        "epochs must be in [0, 1000000000000], got -1",
    ),
    Case("a batch size of 0", lambda p: fit(batch_size=0), "batch_size must be at least 1"),
    Case("a batch size of 2.5", lambda p: fit(batch_size=2.5), "must be a whole number"),
    Case("a negative rate", lambda p: fit(rate=-0.1), "learning_rate must lie in [0, inf)"),
    Case("a rate that is NaN", lambda p: fit(rate=float("nan")), "got nan"),
    Case("a rate of 0", lambda p: fit(rate=0.0), None),
    Case("object arrays", lambda p: fit(X.astype(object)), "must hold numbers, got object"),
    Case("complex numbers", lambda p: fit(X * 1j), "np.abs(x)"),
    Case("text as data", lambda p: fit(X.astype(str)), "got text"),
    Case("dates as data", lambda p: fit(np.zeros((40, 4), "M8[s]")), "must hold numbers"),
    Case("masked arrays", lambda p: fit(np.ma.masked_less(X, 0)), "x.filled(0)"),
    Case("lists of unequal length", lambda p: fit([[1.0, 2.0], [3.0]], [0, 1]), "equal length"),
    Case("big-endian numbers", lambda p: fit(X.astype(">f8"), Y.astype(">i2")), None),
    Case("read-only arrays", lambda p: fit(np.broadcast_to(X[0], X.shape)), None),
    Case("Fortran order", lambda p: fit(np.asfortranarray(X)), None),
    Case("half-precision numbers", lambda p: fit(X.astype(np.float16)), None),
    Case("nested lists", lambda p: fit(X.tolist(), Y.tolist()), None),
    Case(
        "two layers with the same name",
        lambda p: pel.Sequential([pel.nn.Dense(2, name="a"), pel.nn.Dense(2, name="a")]),
        "layer names must differ",
    ),
    Case("an unknown argument", lambda p: fit(epoch=3), "Did you mean 'epochs'?"),
    Case("an unknown argument of a layer", lambda p: pel.nn.Dense(unit=3), "Did you mean 'units'?"),
    Case("an unknown loss", lambda p: model(loss="hing"), "Did you mean 'hinge'?"),
    Case("Keras's name of a loss", lambda p: model(loss="mse"), "Here it is called 'squared'"),
    Case("an unknown activation", lambda p: model(activation="rleu"), "Did you mean 'relu'?"),
    Case("an unknown optimizer", lambda p: pel.Sequential().compile("adm"), "Did you mean 'adam'?"),
    Case(
        "a class instead of an optimizer",
        lambda p: pel.Sequential().compile(pel.optim.SGD),
        "with brackets",
    ),
    Case("a seed of more than 63 bits", lambda p: fit(seed=2**63), "seed must be in [0,"),
    Case(
        "an object that is not a callback",
        lambda p: fit(callbacks=[3]),
        "expected a Callback, got 3",
    ),
    Case(
        "an object that is not a metric",
        lambda p: pel.Sequential().compile("sgd", "squared", [3]),
        "a metric must be a name or a function",
    ),
    Case("a number as a path", lambda p: pel.load(3), "the path must be text or a Path"),
    Case("weights that are text", lambda p: fit().set_weights(["a", "b"]), "must hold numbers"),
    Case("grad of a number", lambda p: pel.grad(3), "expected a function, got int"),
    Case("grad of an integer", lambda p: pel.grad(lambda x: x * 1.0)(3), "Pass floats"),
    Case("grad of a vector", lambda p: pel.grad(lambda x: x)(ones(3)), "must return one scalar"),
    Case(
        "the derivative of argmax",
        lambda p: pel.grad(lambda x: np.argmax(x) * 1.0)(ones(3)),
        "the derivative passes through argmax",
    ),
    Case(
        "Python's if on a traced value",
        lambda p: pel.grad(lambda x: x if x > 0 else -x)(1.0),
        "where(condition, x, y)",
    ),
    Case(
        "a product of shapes that do not fit",
        lambda p: pel.Tensor(ones(2, 3)) @ ones(2, 3),
        "(2, 3) and (2, 3)",
    ),
    Case(
        "a NumPy function that is not supported", lambda p: np.fft.fft(pel.Tensor(ones(3))), "fft"
    ),
    Case(
        "a wrong derivative of an operation",
        lambda p: pel.op("bad_", lambda xp, x: x * x, lambda x, out: x),
        "must give",
    ),
    Case(
        "fit before compile",
        lambda p: pel.Sequential([pel.nn.Dense(2)]).fit(X, Y),
        "must be compiled first",
    ),
    Case(
        "a learning rate so large that training diverges",
        lambda p: regress(X[:, 0], 1, rate=1e6, epochs=60),
        "the loss must stay finite",
    ),
    Case("a missing file", lambda p: pel.load(p / "m.safetensors"), "cannot be read"),
    Case("a truncated model file", truncated, "truncated"),
    Case("a model file of a later version", lambda p: edited(p, format=3), "reads up to 2"),
    Case("a tampered model file", lambda p: edited(p, input_shapes=[[10**9]]), "must be f32["),
    Case("an output that exists", lambda p: fit().save(saved(p)), "exists already"),
    Case(
        "an output in a folder that does not exist",
        lambda p: fit().save(p / "no" / "m.safetensors"),
        "does not exist",
    ),
    Case("an output that is a folder", lambda p: fit().save(p), "got a folder"),
    Case("a folder without IDX files", folder_without, "must hold train-images-idx3-ubyte"),
    Case("an IDX file shorter than its header says", promise, "60000×28×28"),
    Case("a gzip bomb behind an IDX header", bomb, "the file holds more"),
    Case("an IDX header of 2⁶⁴ numbers", giant, "more than the"),
    *TABLES,
    *CATALOGUE,
]


def regress(y: Any, units: int, rate: float = 0.01, epochs: int = 1) -> Any:
    made = pel.Sequential([pel.nn.Dense(units)], seed=0)
    made.compile(pel.optim.SGD(rate), "squared")
    made.fit(X, y, epochs=epochs, seed=0, verbose=0)


def images(
    x: Any = None, filters: Any = 4, kernel_size: Any = 3, more: Any = (), **options: Any
) -> Any:
    layers = [pel.nn.Conv2D(filters, kernel_size, **options), *more]
    made = pel.Sequential([*layers, pel.nn.Flatten(), pel.nn.Dense(3)], seed=0)
    made.compile("sgd", "cross_entropy")
    made.fit(ones(40, 8, 8, 1) if x is None else x, Y, seed=0, verbose=0)


def double() -> Any:
    made = pel.Sequential(
        [pel.nn.Dense(3, activation="softmax", name="a"), pel.nn.Activation("softmax", name="b")]
    )
    made.compile("sgd", "cross_entropy")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_case(case, tmp_path):
    if case.words is None:
        case.call(tmp_path)
        return
    with pytest.raises(PellucidError) as caught:
        case.call(tmp_path)
    message = str(caught.value)
    assert case.words in message
    assert message.startswith("[")
    assert len(message.splitlines()) == 1
    assert any(f"At {name}:" in message for name in FILES), "the user's line is named"


# Of every layer and optimizer: the row of Dense and that of SGD speak for all.
SHARED = {"name", "input_shape", "regularizer", "learning_rate", "lr", "clip_value", "clip_norm"}
SHARED |= {"clip_each_norm", "decoupled_decay", "gather_steps", "average", "average_every"}
BASES = {
    pel.nn.Layer,
    pel.nn.Initializer,
    pel.nn.Loss,
    pel.nn.Regularizer,
    pel.nn.Symbol,
    pel.optim.Optimizer,
    pel.optim.Schedule,
    pel.optim.Minimizer,
    pel.optim.Objective,
    pel.optim.BatchSize,
    pel.models.RateRange,
}


FOUND = {  # what a fit gives, and what stands in no call of a person's own
    *(pel.svm.Certificate, pel.svm.Certificates, pel.svm.LinearCertificate),
    *(pel.svm.LogisticCertificate, pel.svm.Hyperplane, pel.svm.Descent, pel.svm.Isotonic),
    *(pel.svm.Sigmoid, pel.svm.NotSeparableError, pel.svm.SolverWarning, pel.svm.load),
    pel.svm.ConvergenceWarning,
}


def test_every_argument_of_every_public_constructor_has_its_row():
    found = {row.make: set(row.wrong) for row in ARGUMENTS}
    assert len(found) == len(ARGUMENTS)
    public = {
        pel.Model,
        pel.Sequential,
        pel.Input,
        pel.Metric,
        pel.EarlyStopping,
        pel.ReduceOnPlateau,
        pel.StopBelow,
        pel.SwapAverages,
        pel.CSVLog,
        pel.TensorBoardLog,
        pel.curvature,
        pel.Question,
    }
    for module in (pel.nn, pel.optim, pel.models):
        made = {getattr(module, name) for name in module.__all__}
        public |= {one for one in made if callable(one) and one not in BASES | {pel.load}}
    machines = {getattr(pel.svm, name) for name in pel.svm.__all__}
    public |= {one for one in machines if one not in FOUND}
    assert set(found) == public
    spoken_for = set().union(*found.values())
    for make, rows in found.items():
        assert set(inspect.signature(make).parameters) - SHARED == rows - SHARED, make
    assert spoken_for >= SHARED


@pytest.mark.parametrize("name", list(METHODS))
def test_every_argument_of_a_models_methods_has_its_row(name):
    taken = set(inspect.signature(getattr(pel.Sequential, name)).parameters) - {"self"}
    assert taken == set(METHODS[name][1])


def test_every_method_of_a_model_that_takes_something_has_its_rows():
    # What is pure is called by those who write loops: its arrays are looked at by the layers.
    assert {name for name in wrong_calls.METHODS if _takes(name)} - {"apply"} == set(METHODS)


def _takes(name: str) -> bool:
    return len(inspect.signature(getattr(pel.Sequential, name)).parameters) > 1


ODD_VALUES = [
    None,
    "x",
    b"x",
    "",
    1.5,
    -1,
    0,
    2,
    float("nan"),
    float("inf"),
    True,
    1j,
    10**30,
    10**400,
    object(),
    int,
    [],
    (),
    {},
    [None],
    [[1], [2, 3]],
    (1, 2),
    {"a": 1},
    lambda x: x,
    np.array(2),
    np.array([1, 2]),
    np.array(["a"]),
    np.float32(2),
    np.int64(2),
    np.bool_(True),
    np.datetime64("2026-01-01"),
]


@pytest.mark.filterwarnings("ignore::pellucid.svm.ConvergenceWarning")
@pytest.mark.parametrize("row", ARGUMENTS, ids=lambda row: row.make.__name__)
def test_no_constructor_lets_another_error_out(row):
    for name in inspect.signature(row.make).parameters:
        for value in ODD_VALUES:
            try:
                row.make(**{**row.right, name: value})
            except PellucidError as error:
                lines = str(error).splitlines()
            except Exception as error:
                pytest.fail(f"{name}={value!r} gives {error!r}")
            else:
                continue
            assert len(lines) == 1, lines


def test_an_unwritable_output(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(PellucidError, match="cannot be written"):
        fit().save(tmp_path / "m.safetensors")


def page(folder: Path) -> str:
    """docs/bad-input.md: each case with the message that a person sees."""
    lines = [
        "# Bad input and its messages",
        "",
        "Written by `make docs` from `tests/test_bad_input.py`. Each row is a test. Messages also "
        "name the line of your code, which is left out here.",
        "",
        "| input | what happens |",
        "|---|---|",
    ]
    for case in CASES:
        try:
            case.call(folder)
            told = "accepted"
        except PellucidError as error:
            told = f"`{type(error).__name__}` {error.short}".replace(str(folder), "…")
            told = re.sub(r" of \S+\.py:\d+", "", told)  # lines of this file move
        lines.append(f"| {case.title} | {told.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def test_the_page_is_up_to_date(tmp_path):
    assert PAGE.read_text(encoding="utf-8") == page(tmp_path), "run make docs"


LOSSES = st.sampled_from(
    ["cross_entropy", "binary_cross_entropy", "hinge", "squared", "half_squared", "mse", None, 3]
)
ARRAYS = hnp.arrays(
    dtype=st.one_of(
        hnp.floating_dtypes(endianness="?"),
        hnp.integer_dtypes(endianness="?"),
        hnp.boolean_dtypes(),
        hnp.complex_number_dtypes(),
        hnp.unicode_string_dtypes(),
        st.just(np.dtype(object)),
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
)
ODD = st.one_of(
    st.integers(-2, 40),
    st.floats(),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.just(10**30),
    st.just(np.int64(3)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    x=ARRAYS,
    y=ARRAYS,
    loss=LOSSES,
    units=ODD,
    rate=ODD,
    batch_size=ODD,
    epochs=st.one_of(st.integers(-2, 3), st.floats(), st.none(), st.text(max_size=2)),
    seed=ODD,
    activation=st.sampled_from([None, "relu", "softmax", "sigmoid", "tahn", 3]),
)
def test_nothing_but_our_errors_comes_out_of_training(
    x, y, loss, units, rate, batch_size, epochs, seed, activation
):
    if isinstance(units, int) and units > 1000:
        units = 1000  # a matter of memory, not of checks
    with contextlib.suppress(PellucidError):
        made = pel.Sequential([pel.nn.Dense(units, activation=activation)], seed=seed)
        made.compile(pel.optim.SGD(rate), loss=loss)
        made.fit(x, y, batch_size=batch_size, epochs=epochs, seed=seed, verbose=0)
        made.predict(x)
        assert all(np.isfinite(w).all() for w in made.get_weights())
