"""Native training runs: slices, threads, dtype and layout of the data change no step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import DataError, DivergenceError
from pellucid.runtime.interpreter_executor import InterpreterTrainer
from pellucid.runtime.native_executor import NativeTrainer
from pellucid.train.callback import Callback, Run
from pellucid.train.engines import Job

ROWS, FEATURES = 230, 12


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return x, x[:, :3] ** 2


def model(rate: float = 0.01, wide: int = 40, **options: Any) -> pel.Sequential:
    net = pel.Sequential([pel.nn.Dense(wide, activation="relu"), pel.nn.Dense(3)], seed=1)
    net.compile(pel.optim.SGD(rate, momentum=0.9), loss="squared", **options)
    return net


def trained(x: np.ndarray, y: np.ndarray, net: pel.Sequential | None = None, **how: Any) -> bytes:
    net = net or model()
    history = net.fit(
        x, y, **{"batch_size": 32, "epochs": 3, "seed": 5, "verbose": 0, "backend": "native", **how}
    )
    steps = [value for values in history.steps.values() for value in values]
    return b"".join(w.tobytes() for w in net.get_weights()) + repr(steps).encode()


class Watch(Callback):
    """Makes every step a slice of its own."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_step(self, run: Run) -> None:
        self.steps.append(run.step)


def test_slices_change_nothing() -> None:
    x, y = data()
    watch = Watch()
    assert trained(x, y) == trained(x, y, callbacks=watch)
    assert watch.steps == list(range(1, 25))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.runtime.training.WORTH_THREADS", 0)
    x, y = data()
    known = trained(x, y, model(wide=300), threads=1)
    assert trained(x, y, model(wide=300), threads=threads) == known


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "n", [1, 3, 4, 1027, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 5, 1000))]
)
def test_the_order_of_the_rows_is_the_same(n: int) -> None:
    x, y = np.zeros((n, FEATURES), np.float32), np.zeros((n, 3), np.float32)
    net = model()
    net.fit(x, y, epochs=0, verbose=0)
    job = Job(net.training_graph(x, y), 4, [np.array(0)], (x,), (y,), 32, np.dtype(np.float32))
    state = [np.zeros(t.shape, t.dtype.name) for t in job.graph.input_types[: job.leaves]]
    ours, known = NativeTrainer(job, state, 1, {}), InterpreterTrainer(job, state)
    for seed, epoch in ((0, 0), (1, 5), (2**62 + 12345, 2**40)):
        np.testing.assert_array_equal(ours.order(seed, epoch), known.order(seed, epoch))


def test_native_equals_the_interpreter_but_for_rounding() -> None:
    x, y = data()
    one, other = model(), model()
    ours = one.fit(x, y, batch_size=32, epochs=2, seed=5, verbose=0, backend="native")
    known = other.fit(x, y, batch_size=32, epochs=2, seed=5, verbose=0, backend="interpreter")
    np.testing.assert_allclose(ours.steps["loss"], known.steps["loss"], rtol=1e-4)
    np.testing.assert_allclose(ours.epochs["loss"], known.epochs["loss"], rtol=1e-4)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "kind",
    [
        "b1",
        "i4",
        "u8",
        "f2",
        ">f4",
        "f16",
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("i1", "u2", "f8")),
    ],
)
def test_data_of_any_dtype_are_converted_as_they_are_gathered(kind: str) -> None:
    dtype = np.dtype(np.longdouble) if kind == "f16" else np.dtype(kind)
    x, y = data()
    given = (np.abs(x) * 2).astype(dtype)
    assert trained(given, y) == trained(given.astype(np.float32), y)


def test_rows_are_read_where_they_lie() -> None:
    x, y = data()
    known = trained(x, y)
    wide = np.zeros((ROWS, 2, FEATURES), np.float32)
    wide[:, 1] = x
    odd = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    odd[:] = x
    for given in (wide[:, 1], np.asfortranarray(x), x[::-1].copy()[::-1], odd):
        assert trained(given, y) == known
    frozen = x.copy()
    frozen.flags.writeable = False
    assert trained(frozen, y) == known


def test_a_float32_array_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    seen: list[np.ndarray] = []
    plain = np.ascontiguousarray

    def watched(array: Any, *more: Any, **named: Any) -> Any:
        seen.append(array)
        return plain(array, *more, **named)

    monkeypatch.setattr("pellucid.runtime.training.np.ascontiguousarray", watched)
    trained(x, y)
    assert all(array is not x for array in seen)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, FEATURES - 1])
def test_a_number_that_is_not_finite_is_named_and_earlier_steps_stay(
    value: float, column: int
) -> None:
    x, y = data()
    x[77, column] = value
    net = model()
    with pytest.raises(DataError, match=f"x must be finite, got .* in row 77, column {column}"):
        net.fit(x, y, batch_size=10, epochs=2, seed=5, verbose=0, backend="native")
    assert all(np.isfinite(w).all() for w in net.get_weights())
    other = model()
    with pytest.raises(DataError):
        other.fit(x, y, batch_size=10, epochs=2, seed=5, verbose=0, backend="interpreter")
    assert net.training["step"] == other.training["step"] > 0
    assert net.history.steps["step"] == other.history.steps["step"]


def test_a_number_that_overflows_in_the_models_dtype_is_named() -> None:
    x, y = data()
    large = x.astype(float)
    large[9, 3] = 1e300
    with pytest.raises(DataError, match=r"x must fit float32, got 1e\+300 in row 9, column 3"):
        model().fit(large, y, seed=5, verbose=0, backend="native")


@pytest.mark.parametrize("rate", [3.0, 1e18])
def test_a_loss_that_is_not_finite_leaves_the_last_finite_weights(rate: float) -> None:
    x, y = data()
    ours, known = model(rate), model(rate)
    errors = []
    for net, backend in ((ours, "native"), (known, "interpreter")):
        with pytest.raises(DivergenceError) as caught:
            net.fit(x, y, batch_size=16, epochs=9, seed=5, verbose=0, backend=backend)
        errors.append(str(caught.value).replace("inf", "nan"))
        assert all(np.isfinite(w).all() for w in net.get_weights())
    assert errors[0].split("the first value")[0] == errors[1].split("the first value")[0]
    assert ours.training["step"] == known.training["step"]
    for a, b in zip(ours.get_weights(), known.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2)


def test_a_run_that_is_resumed_ends_in_the_same_bits() -> None:
    x, y = data()
    known = trained(x, y)

    class Stop(Callback):
        def on_step(self, run: Run) -> None:
            run.stop = run.step == 11

    net = model()
    trained(x, y, net, callbacks=Stop())
    assert net.training["step"] == 11
    assert trained(x, y, net, resume=True, seed=None) == known


def test_validation_in_the_middle_of_an_epoch_ends_a_slice() -> None:
    x, y = data()
    net = model()
    history = net.fit(
        x,
        y,
        batch_size=32,
        epochs=3,
        seed=5,
        verbose=0,
        backend="native",
        validation_data=(x, y),
        validate_every=5,
    )
    assert history.validation["step"] == [5, 8, 10, 15, 16, 20, 24]


def test_code_is_compiled_once_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    net = model()
    trained(x, y, net)
    monkeypatch.setattr("pellucid.runtime.native_executor.TrainingCode", None)
    trained(x, y, net, batch_size=17)
    trained(x[:50], y[:50], net, batch_size=100)


def test_a_batch_larger_than_the_data_is_one_step_an_epoch() -> None:
    x, y = data()
    net = model()
    history = net.fit(x, y, batch_size=1000, epochs=4, seed=5, verbose=0, backend="native")
    assert history.steps["step"] == [1, 2, 3, 4]
