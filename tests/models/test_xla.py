"""Models under backend="xla": the run of machine code, its errors, files, streams and forks."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core import trees
from pellucid.core.errors import ArgumentError, DataError, DivergenceError
from pellucid.runtime import replay
from pellucid.runtime.threads import available

jax = pytest.importorskip("jax")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 64)


def network(dtype: str = "float32") -> pel.Sequential:
    """Masks, slots and a schedule."""
    model = pel.Sequential(
        [pel.nn.Dense(8, "tanh"), pel.nn.Dropout(0.3), pel.nn.Dense(3)], seed=0, dtype=dtype
    )
    optimizer = pel.optim.SGD(pel.optim.Exponential(0.1, 0.99), momentum=0.9)
    model.compile(optimizer, "cross_entropy", metrics=["accuracy"])
    return model


def large_network(dtype: str = "float32") -> pel.Sequential:
    """Dropout, noise, state of a layer, a penalty, clipping: all that a run can carry."""
    layers = [
        pel.nn.Dense(8, "tanh", regularizer=pel.nn.L2(0.01)),
        pel.nn.BatchNorm(),
        pel.nn.Dropout(0.3),
        pel.nn.GaussianNoise(0.1),
        pel.nn.Dense(3),
    ]
    model = pel.Sequential(layers, seed=0, dtype=dtype)
    optimizer = pel.optim.Adam(pel.optim.Exponential(0.02, 0.99), clip_norm=1.0)
    model.compile(optimizer, "cross_entropy", metrics=["accuracy"])
    return model


def close(one: pel.Sequential, other: pel.Sequential, tolerance: float) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.dtype == b.dtype and a.flags.writeable
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


FIT: dict[str, Any] = {"batch_size": 32, "seed": 5, "verbose": 0, "threads": 1}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("make", "rows", "dtype", "tolerance"),
    [
        (network, 64, "float32", 2e-5),
        pytest.param(large_network, 61, "float64", 1e-12, marks=SLOW),
    ],
)
def test_a_run_is_that_of_machine_code(
    make: Any, rows: int, dtype: str, tolerance: float, tmp_path: Path
) -> None:
    """Order, masks and rates are the same, a smaller last batch too; and a file goes across."""
    x, y = X[:rows].astype(dtype), Y[:rows]
    ours, known = make(dtype), make(dtype)
    given = {**FIT, "sample_weight": np.linspace(0.5, 1.5, rows)}
    for model, backend in ((ours, "xla"), (known, "native")):
        model.fit(x, y, epochs=2, checkpoint=tmp_path / backend, **given, backend=backend)
    close(ours, known, tolerance)
    for name in ("loss", "accuracy"):
        one, other = (model.history.steps[name] for model in (ours, known))
        np.testing.assert_allclose(one, other, rtol=tolerance * 10)
    known.set_weights(ours.get_weights())
    one, other = (known.predict_proba(x, backend=backend) for backend in ("xla", "native"))
    np.testing.assert_allclose(one, other, atol=1e-5 if dtype == "float32" else 1e-12)
    assert known.evaluate(x, y, backend="xla") == pytest.approx(known.evaluate(x, y), rel=1e-5)
    # Each file goes on under the other backend.
    there, back = pel.load(tmp_path / "xla"), pel.load(tmp_path / "native")
    there.fit(x, y, epochs=4, resume=True, **given, backend="native")
    assert there.history.steps["step"][-1] == 8 and "precision" not in there.training
    if make is large_network:
        back.fit(x, y, epochs=4, resume=True, **given, backend="xla")
        close(there, back, tolerance * 5)


def test_a_loss_that_is_not_finite_leaves_the_last_finite_weights() -> None:
    messages, models = [], []
    for backend in ("xla", "native"):
        model = pel.Sequential([pel.nn.Dense(3, "relu"), pel.nn.Dense(1)], seed=0)
        model.compile(pel.optim.SGD(30.0), "squared")
        with pytest.raises(DivergenceError) as caught:
            model.fit(X, X[:, 0], epochs=20, **FIT, backend=backend)
        messages.append(str(caught.value))
        assert all(np.isfinite(w).all() for w in model.get_weights())
        models.append(model)
    assert messages[0] == messages[1]
    assert models[0].history.steps["step"][-1] == models[1].history.steps["step"][-1]


@SLOW
def test_numbers_that_are_not_finite_are_named_with_their_row() -> None:
    x = X.copy()
    x[37, 2] = np.nan
    model = network()
    with pytest.raises(DataError, match="37"):
        model.fit(x, Y, epochs=1, backend="xla", **FIT)
    done = model.history.steps.get("step", ())
    other = network()
    with pytest.raises(DataError, match="37"):
        other.fit(x, Y, epochs=1, backend="native", **FIT)
    assert list(done) == list(other.history.steps.get("step", ()))


@pytest.mark.parametrize("backend", ["native", pytest.param("xla", marks=SLOW)])
def test_an_index_outside_is_named_with_step_and_row(backend: str) -> None:
    """Found on the device in the middle of a slice; the weights are those of the last record."""
    tokens = RNG.integers(0, 5, (40, 2))
    tokens[23, 1] = 6
    model = pel.Sequential([pel.nn.Embedding(5, 3), pel.nn.Flatten(), pel.nn.Dense(1)], seed=0)
    model.compile("sgd", "squared")
    known = pel.Sequential([pel.nn.Embedding(5, 3), pel.nn.Flatten(), pel.nn.Dense(1)], seed=0)
    known.compile("sgd", "squared")
    given: dict[str, Any] = {"batch_size": 4, "seed": 1, "verbose": 0, "backend": backend}
    with pytest.raises(DataError, match=r"got 6 at step \d+, in row 23 of the data") as caught:
        model.fit(tokens, np.ones(40), epochs=1, **given)
    steps = model.history.steps.get("step", ())
    assert len(steps) < int(str(caught.value).split("at step ")[1].split(",")[0])
    if len(steps):
        known.fit(
            np.clip(tokens, 0, 4),
            np.ones(40),
            epochs=1,
            callbacks=_Ends(len(steps)),
            **given,
        )
        close(model, known, 1e-6)


class _Ends(pel.Callback):
    every_step = True

    def __init__(self, step: int):
        self._step = step

    def on_step(self, run: Any) -> None:
        run.stop = run.step >= self._step


@SLOW
def test_streams_and_data_of_any_dtype() -> None:
    """Rows of a stream change in their window; those of arrays are converted on the device."""
    batches = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, 60, 20)] * 20
    ours, known = network(), network()
    for model, backend in ((ours, "xla"), (known, "native")):
        model.fit(batches, batch_size=16, epochs=1, seed=0, verbose=0, backend=backend)
    close(ours, known, 1e-4)
    pixels = RNG.integers(0, 256, (48, 4))
    for dtype in ("uint8", ">i4", "float16"):
        found = []
        for backend in ("xla", "native"):
            model = pel.Sequential([pel.nn.Rescale(1 / 255), pel.nn.Dense(1)], seed=0)
            model.compile("sgd", "squared")
            model.fit(pixels.astype(dtype), pixels[:, 0] / 255, epochs=1, **FIT, backend=backend)
            found.append(model)
        close(*found, 1e-5)


def test_device_and_precision(tmp_path: Path) -> None:
    model = network()
    with pytest.raises(
        ArgumentError, match=r"device must be one that JAX sees, got 'cpu:9'.*cpu:0"
    ):
        model.fit(X, Y, epochs=1, **FIT, backend="xla", device="cpu:9")
    model.fit(X, Y, epochs=1, **FIT, backend="xla", device="cpu:0", precision="bfloat16")
    other = network()
    other.fit(X, Y, epochs=1, **FIT, backend="native")
    apart = max(
        np.abs(a - b).max() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )
    assert 1e-5 < apart < 0.1, "8 bits of the factors"
    lines: list[str] = []
    model.summary(lines.append)
    assert lines[0].endswith("Trained with products of bfloat16, summed in float32")
    model.save(tmp_path / "model")
    again = pel.load(tmp_path / "model")
    assert again.training["precision"] == "bfloat16"
    with pytest.raises(ArgumentError, match="precision must be bfloat16 as before, got None"):
        again.fit(X, Y, epochs=2, **FIT, resume=True)
    again.fit(X, Y, epochs=1, **FIT)
    assert "precision" not in again.training
    with pytest.raises(ArgumentError, match="precision='bfloat16' is of products in float32"):
        network("float64").fit(X, Y, epochs=1, **FIT, backend="xla", precision="bfloat16")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"device": "gpu"}, r"device='gpu' belongs to backend='xla', got backend=None"),
        ({"backend": "native", "precision": "bfloat16"}, r"precision='bfloat16' belongs to"),
        ({"backend": "xla", "precision": "float16"}, r"unknown precision 'float16'"),
        ({"backend": "xla", "device": "cuda"}, r"device must be 'cpu', 'gpu'.*Write 'gpu'"),
        ({"backend": "xla", "device": 0}, r"device must be .* got 0"),
    ],
)
def test_words_that_do_not_fit_are_refused_everywhere(words: dict[str, Any], message: str) -> None:
    model = network()
    calls: list[Any] = [
        lambda: model.fit(X, Y, **words),
        lambda: model.evaluate(X, Y, **words),
        lambda: model.predict(X, **words),
        lambda: model.predict_proba(X, **words),
        lambda: pel.jit(np.sin, **words),
        lambda: pel.curvature(lambda w: np.sum(w * w), (np.ones(2),), **words),
        lambda: pel.rate_range(model, X, Y, steps=10, **words),
    ]
    for call in calls:
        with pytest.raises(ArgumentError, match=message):
            call()


def test_threads_are_one_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.runtime.xla_device.available", lambda: 8)
    for threads in (1, 8):
        pel.jit(np.sin, backend="xla", threads=threads)(np.ones(2))
    with pytest.raises(ArgumentError, match=r"threads must be 1 or all 8, got 3"):
        pel.jit(np.sin, backend="xla", threads=3)(np.ones(2))
    assert available() >= 1


def test_a_persons_own_jax_program_keeps_its_settings() -> None:
    before = jax.numpy.arange(3).dtype, jax.numpy.ones(2).dtype
    pel.jit(lambda x: x * 2, backend="xla")(np.ones(2))
    assert (jax.numpy.arange(3).dtype, jax.numpy.ones(2).dtype) == before
    assert str(before[0]) == "int32"


@SLOW
def test_calls_from_several_threads() -> None:
    f = pel.jit(lambda x: np.tanh(x) @ np.ones((3, 2)), 0, backend="xla")
    x = RNG.normal(size=(6, 3))
    known, found = np.tanh(x) @ np.ones((3, 2)), []
    threads = [threading.Thread(target=lambda: found.append(f(x))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 4
    for one in found:
        np.testing.assert_allclose(one, known, rtol=1e-12)


@SLOW
def test_going_back_over_many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a copy of the state is old, the steps since are taken again."""
    monkeypatch.setattr(replay, "_REPLAYED", 0.0)
    monkeypatch.setattr("pellucid.train.loop._SLICE", 0.0)
    model = pel.Sequential([pel.nn.Dense(3, "relu"), pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(30.0), "squared")
    with pytest.raises(DivergenceError):
        model.fit(X, X[:, 0], epochs=20, **FIT, backend="xla")
    assert all(np.isfinite(w).all() for w in model.get_weights())


HEAD = """
import sys, os, warnings
import numpy as np
import pellucid as pel
"""


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HEAD + code], capture_output=True, text=True, timeout=120
    )


def test_jax_is_imported_by_nobody_who_did_not_ask() -> None:
    done = fresh(
        """
net = pel.Sequential([pel.nn.Dense(1)], seed=0)
net.compile("sgd", "squared")
net.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=0, backend="interpreter")
try:
    net.fit(np.ones((4, 2)), np.ones(4), device="gpu")
except pel.core.errors.ArgumentError:
    pass
assert not {name for name in sys.modules if name.split(".")[0] in ("jax", "jaxlib")}
"""
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how", ["missing", "broken"])
def test_without_a_usable_jax_one_line_says_what_to_install(how: str) -> None:
    broken = {
        "missing": "sys.modules['jax'] = None",
        "broken": "import types; sys.modules['jax'] = types.ModuleType('jax')",
    }
    done = fresh(
        f"""
{broken[how]}
net = pel.Sequential([pel.nn.Dense(1)], seed=0)
net.compile("sgd", "squared")
for call in (
    lambda: net.fit(np.ones((4, 2)), np.ones(4), backend="xla"),
    lambda: net.predict(np.ones((4, 2)), backend="xla"),
    lambda: pel.jit(np.sin, backend="xla")(1.0),
):
    try:
        call()
    except ImportError as error:
        text = str(error)
        assert text.count("\\n") == 0 and "pip install 'pellucid[xla]'" in text, text
        assert "needs JAX" in text
    else:
        raise SystemExit("no error")
assert net.predict(np.ones((4, 2))).shape == (4, 1)
"""
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="forks are POSIX")
def test_a_forked_child_is_told_so_and_works_natively() -> None:
    done = fresh(
        """
warnings.simplefilter("ignore")  # JAX warns of forks
f = pel.jit(lambda x: x * 2, backend="xla")
f(np.ones(2))
child = os.fork()
if not child:
    try:
        f(np.ones(2))
    except pel.core.errors.CompileError as error:
        told = "forked child" in str(error)
        try:
            pel.jit(lambda x: x * 3, backend="xla")(np.ones(2))
        except pel.core.errors.CompileError:
            fine = (pel.jit(lambda x: x * 3, backend="native")(np.ones(2)) == 3).all()
            os._exit(0 if told and fine else 2)
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (f(np.ones(3)) == 2).all()
"""
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("make", [pel.grad, pel.value_and_grad, pel.jacobian, pel.hessian])
def test_derivatives_on_a_backend(make: Any) -> None:
    def f(w: Any, x: Any) -> Any:
        return np.sum(np.tanh(w * x) ** 2)

    w, x = np.linspace(-1, 1, 5), np.arange(5.0)
    for argnums in (0, (0, 1)):
        known = trees.leaves_of(make(f, argnums)(w, x))
        for backend in ("native", "xla"):
            found = trees.leaves_of(make(f, argnums, backend=backend)(w, x))
            for one, other in zip(found, known, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_sparse_rows_are_those_of_the_dense_matrix() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    x = np.where(RNG.random(X.shape) < 0.7, 0, X)
    found = []
    for rows in (x, sparse.csr_matrix(x)):
        model = network()
        model.fit(rows, Y, epochs=2, backend="xla", **FIT)
        measures = model.evaluate(rows, Y, backend="xla", threads=1)
        outputs = model.predict(rows, backend="xla", threads=1)
        found.append(([w.tobytes() for w in model.get_weights()], measures, outputs.tobytes()))
    assert found[0] == found[1]


def test_weights_are_brought_once_for_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.runtime.xla_device import Place

    model = network()
    known = model.predict(X, backend="xla"), model.evaluate(X, Y, backend="xla")
    brought: list[Any] = []
    usual = Place.put

    def put(self: Any, array: Any, apart: bool = False) -> Any:
        if not isinstance(array, jax.Array):
            brought.append(array)
        return usual(self, array, apart)

    monkeypatch.setattr(Place, "put", put)
    found = model.predict(X, backend="xla", batch_size=16)
    assert len(brought) == len(model.get_weights()) + 4  # four chunks
    np.testing.assert_allclose(found, known[0], rtol=1e-6, atol=1e-7)
    brought.clear()
    measures = model.evaluate(X, Y, backend="xla", batch_size=16)
    assert len(brought) == len(model.get_weights()) + 8  # x and y
    assert measures == pytest.approx(known[1], rel=1e-6)
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert not np.allclose(model.predict(X, backend="xla", batch_size=16), found)
