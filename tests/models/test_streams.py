"""Streams in the place of arrays: fit, evaluate and predict on batches that come one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.train.test_early_stopping import Interrupt

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, DivergenceError, ShapeError
from pellucid.runtime import native_executor
from pellucid.train import rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(230, 3)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
WEIGHTS = RNG.random(230).astype(np.float32)


def model(**options: Any) -> pel.Sequential:
    layers = [nn.Dense(8, "tanh", input_shape=(3,)), nn.Dropout(0.2), nn.Dense(2)]
    made = pel.Sequential(layers, seed=1)
    options = {"optimizer": optim.Adam(0.01), "metrics": ["accuracy"], **options}
    made.compile(loss="cross_entropy", **options)
    return made


def shuffled(size: int, *arrays: Any) -> Callable[[int], Iterator[tuple[Any, ...]]]:
    """A generator function: all rows, in an order that follows from the epoch."""

    def batches(epoch: int) -> Iterator[tuple[Any, ...]]:
        order = np.random.default_rng(epoch).permutation(len(X))
        for start in range(0, len(X), size):
            yield tuple(array[order[start : start + size]] for array in arrays or (X, Y))

    return batches


def trained(stream: Any, **options: Any) -> pel.Sequential:
    made = model()
    made.fit(stream, **{"epochs": 3, "seed": 2, "verbose": 0, **options})
    return made


def same(one: pel.Sequential, other: pel.Sequential) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_steps_do_not_depend_on_how_the_rows_were_cut(monkeypatch):
    whole = trained(shuffled(230), batch_size=32)
    assert same(whole, trained(shuffled(7), batch_size=32))
    assert same(whole, trained(shuffled(32)))  # each batch is a step
    monkeypatch.setattr(rows, "WINDOW", 1)
    monkeypatch.setattr("pellucid.models.streaming.WINDOW", 1)  # two steps fit: it wraps around
    assert same(whole, trained(shuffled(45), batch_size=32))
    assert same(whole, trained(shuffled(32)))
    assert not same(whole, trained(shuffled(32), seed=3))


def test_a_step_is_that_of_fit_on_the_same_rows():
    """All rows in one step, whose order is then but the order of sums."""

    def plain(*given: Any, **options: Any) -> pel.Sequential:
        made = pel.Sequential([nn.Dense(8, "tanh", input_shape=(3,)), nn.Dense(2)], seed=1)
        made.compile(optim.SGD(0.1), "cross_entropy")
        made.fit(*given, epochs=4, seed=2, verbose=0, class_weight={0: 2.0}, **options)
        return made

    pairs = zip(
        plain([(X, Y, WEIGHTS)]).get_weights(),
        plain(X, Y, batch_size="all", sample_weight=WEIGHTS).get_weights(),
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [None, 32])
@pytest.mark.parametrize("step", [5, 8, 13])
def test_a_resumed_run_is_the_whole_run(size, step, tmp_path):
    whole = trained(shuffled(32), batch_size=size)
    begun = model()
    with pytest.raises(KeyboardInterrupt):
        begun.fit(
            *(shuffled(32),), batch_size=size, epochs=3, seed=2, verbose=0,
            callbacks=Interrupt(step),
        )  # fmt: skip
    begun.save(tmp_path / "m.safetensors")
    again = pel.load(tmp_path / "m.safetensors")
    again.fit(shuffled(32), batch_size=size, epochs=3, verbose=0, resume=True)
    assert same(whole, again)
    assert again.history.epochs == whole.history.epochs


def test_a_run_is_not_resumed_on_other_batches():
    begun = model()
    with pytest.raises(KeyboardInterrupt):
        begun.fit(shuffled(32), epochs=3, seed=2, verbose=0, callbacks=Interrupt(12))
    with pytest.raises(ArgumentError, match="to resume, data must be"):
        begun.fit(shuffled(32, X + 1, Y), epochs=3, verbose=0, resume=True)
    with pytest.raises(ArgumentError, match="batch_size must be None, each batch a step, as"):
        begun.fit(shuffled(32), batch_size=32, epochs=3, verbose=0, resume=True)
    with pytest.raises(ArgumentError, match="to resume, batch_size must be None"):
        begun.fit(X, Y, epochs=3, verbose=0, resume=True)


def test_measures_and_predictions_are_those_of_the_arrays():
    made = model(metrics=["accuracy", "f1"])
    made.fit(X, Y, epochs=2, seed=0, verbose=0)
    cut = list(shuffled(17, X, Y, WEIGHTS)(0))
    rows = [np.concatenate(column) for column in zip(*cut, strict=True)]
    options: dict[str, Any] = {"batch_size": 50, "class_weight": {1: 3.0}}
    expected = made.evaluate(rows[0], rows[1], sample_weight=rows[2], **options)
    assert made.evaluate(iter(cut), **options) == expected
    x = [batch[0] for batch in cut]
    np.testing.assert_array_equal(made.predict(iter(x)), made.predict(rows[0]))
    np.testing.assert_array_equal(made.predict_proba(iter(cut)), made.predict_proba(rows[0]))


def test_a_stream_may_fill_the_same_arrays_for_each_batch():
    """In the model's own dtypes, where nothing converts and so copies them."""

    def anew() -> Iterator[Any]:
        for start in range(0, 230, 23):
            rows = slice(start, start + 23)
            yield X[rows].copy(), Y[rows].copy(), WEIGHTS[rows].copy()

    def again() -> Iterator[Any]:
        held = (np.empty_like(X[:23]), np.empty_like(Y[:23]), np.empty_like(WEIGHTS[:23]))
        for batch in anew():
            for own, given in zip(held, batch, strict=True):
                own[:] = given
            yield held

    one = trained(again, batch_size=32, validation_data=again)
    other = trained(anew, batch_size=32, validation_data=anew)
    assert same(one, other) and one.history.epochs == other.history.epochs
    measured = one.evaluate(X, Y, sample_weight=WEIGHTS, batch_size=50)
    assert one.evaluate(again, batch_size=50) == measured
    np.testing.assert_array_equal(one.predict(again), one.predict(X))


def test_validation_data_may_be_a_stream():
    cut = shuffled(50)
    one = trained(shuffled(32), validation_data=lambda: cut(0))
    order = np.random.default_rng(0).permutation(len(X))
    other = trained(shuffled(32), validation_data=(X[order], Y[order]))
    assert one.history.epochs == other.history.epochs


def test_endless_streams_end_where_they_are_cut():
    def endless() -> Iterator[Any]:
        while True:
            yield X[:10], Y[:10]

    made = trained(lambda: itertools.islice(endless(), 6), epochs=2)
    assert made.training["step"] == 12


def test_a_generator_is_one_epoch():
    assert same(trained(shuffled(32)(0), epochs=1), trained(shuffled(32), epochs=1))


def test_several_inputs_and_outputs_come_in_their_form():
    a, b = pel.Input((2,), name="a"), pel.Input((1,), name="b")
    joined = nn.Concat()([a, b])
    made = pel.Model({"a": a, "b": b}, [nn.Dense(1)(joined), nn.Dense(1)(joined)], seed=0)
    made.compile("sgd", "squared")
    parts = {"a": X[:, :2], "b": X[:, 2:]}
    made.fit([(parts, [X[:, :1], X[:, 1:2]])] * 2, verbose=0)
    assert made.training["step"] == 2
    found = made.predict(iter([({"a": X[:5, :2], "b": X[:5, 2:]},)]))
    np.testing.assert_array_equal(found[0], made.predict(parts)[0][:5])


def test_a_callback_knows_the_steps_from_the_second_epoch_on():
    seen = []

    class Steps(pel.Callback):
        def on_epoch(self, run: Any) -> None:
            seen.append(run.steps_per_epoch)

        def on_start(self, run: Any) -> None:
            seen.append(run.steps_per_epoch)

    trained(shuffled(32), callbacks=Steps(), epochs=2)
    trained(list(shuffled(32)(0)), callbacks=Steps(), epochs=1)
    assert seen == [None, 8, 8, 8, 8]


def test_a_model_that_diverges_keeps_its_last_finite_weights(monkeypatch):
    monkeypatch.setattr("pellucid.models.streaming.WINDOW", 1)
    made = pel.Sequential([nn.Dense(1, input_shape=(3,))], seed=0)
    made.compile(optim.SGD(1e6), "squared")
    with pytest.raises(DivergenceError):
        made.fit([(X[:32], X[:32, :1])] * 50, epochs=2, verbose=0)
    assert all(np.isfinite(w).all() for w in made.get_weights())


FIRST = (X[:9], Y[:9])
REFUSED = [
    ([FIRST, (X[:9, :2], Y[:9])], {}, ShapeError, r"batch 2\] x must be \(N, 3\), got \(9, 2\)"),
    ([FIRST, (X[:10], Y[:10])], {}, DataError, "must have at most 9 rows, as the first one"),
    ([FIRST, (X[:9], Y[:9], Y[:9])], {}, DataError, "batch 2.* weights or none"),
    ([FIRST, (X[:9] * np.nan, Y[:9])], {}, DataError, "batch 2.* must be finite, got nan in row 0"),
    ([FIRST, (X[:9], Y[:9] + 2)], {}, DataError, r"batch 2.* labels must lie in \[0, 1\]"),
    ([FIRST, (X[:9],)], {}, DataError, r"batch 2\] a batch must be \(x, y\) or .* got 1 parts"),
    ([FIRST, (X[:9], np.eye(2)[Y[:9]])], {}, DataError, "y of all batches must be"),
    (iter([]), {}, DataError, "at least one batch, got none"),
    (iter([FIRST]), {"epochs": 2}, ArgumentError, "again in each of 2 epochs"),
    (X, {}, ArgumentError, "y must be given with x, got ndarray alone"),
    (lambda a, b: [], {}, ArgumentError, "one that takes a, b"),
    (lambda: 3, {}, ArgumentError, "must return batches, got an object of type int"),
    ([FIRST], {"batch_size": "all"}, ArgumentError, "must be a number, got 'all'"),
    ([FIRST], {"batch_size": optim.GrowingBatch(2)}, ArgumentError, "highest number of rows"),
    ([FIRST], {"sample_weight": Y}, ArgumentError, "come with its batches"),
    ([FIRST], {"class_weight": "balanced"}, ArgumentError, "must be {class: weight}"),
    ([FIRST], {"epochs": 2, "validation_data": iter([FIRST])}, ArgumentError, "again in each"),
]


@pytest.mark.parametrize(("stream", "options", "kind", "said"), REFUSED)
def test_what_is_refused(stream, options, kind, said):
    with pytest.raises(kind, match=said):
        model().fit(stream, verbose=0, **options)


def test_more_that_is_refused():
    with pytest.raises(ArgumentError, match="a stream gives y with each batch"):
        model().fit(iter([FIRST]), Y, verbose=0)
    with pytest.raises(ArgumentError, match="for which a step needs all rows"):
        model(optimizer="lbfgs").fit([FIRST], verbose=0)
    with pytest.raises(DataError, match="got none"):
        model().predict(iter([]))

    class Once:
        """Looks as if it could be read again."""

        def __init__(self) -> None:
            self.left = [FIRST]

        def __iter__(self) -> Iterator[Any]:
            while self.left:
                yield self.left.pop()

    with pytest.raises(DataError, match="got none in epoch 2"):
        model().fit(Once(), epochs=2, verbose=0)
    with pytest.raises(DataError, match=r"validation_data.* each time it is measured, got none"):
        model().fit(X, Y, epochs=2, verbose=0, validation_data=Once())


def test_what_a_generator_raises_comes_through_and_the_weights_stay():
    def broken() -> Iterator[Any]:
        yield FIRST
        raise ValueError("no more")

    made = model()
    before = made.get_weights()
    with pytest.raises(ValueError, match="no more"):
        made.fit(broken, verbose=0)
    assert made.training["step"] == 1
    assert not np.array_equal(before[0], made.get_weights()[0])


@pytest.mark.parametrize("dtype", ["<f4", "<f2", ">f4", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_trains_as_the_array(dtype, order, tmp_path, monkeypatch):
    """Where its rows cannot be read as they lie, they go through a window."""
    monkeypatch.setattr("pellucid.models.streaming.WINDOW", 1)
    x = np.round(X * 4).clip(0, 9).astype(dtype)
    place = np.memmap(tmp_path / "x", dtype, "w+", shape=x.shape, order=order)
    place[:] = x
    assert same(trained(x, y=Y, batch_size=16), trained(place, y=Y, batch_size=16))


def test_a_memory_map_is_never_read_into_memory_at_once(tmp_path, monkeypatch):
    place = np.memmap(tmp_path / "x", ">f2", "w+", shape=(5000, 3))
    place[:] = np.tile(X, (22, 1))[:5000]
    seen = []
    gather = np.memmap.__getitem__

    def watched(array: Any, key: Any) -> Any:
        found = gather(array, key)
        seen.append(len(found) if isinstance(key, np.ndarray) else 0)
        return found

    monkeypatch.setattr(np.memmap, "__getitem__", watched)
    copied = []
    readable = native_executor.readable
    monkeypatch.setattr(
        native_executor,
        "readable",
        lambda x: copied.append(np.shares_memory(x, place)) or readable(x),
    )
    trained(place, y=np.arange(5000) % 2, batch_size=50, epochs=1)
    assert copied and not any(copied)
    assert 50 <= max(seen) < 200
