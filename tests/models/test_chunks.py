"""`fit(chunks=C)`: sums over a batch in chunks that meet in a fixed tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.compiler.test_blocks import met

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError
from pellucid.ops.spec import REGISTRY, Linear
from pellucid.runtime import training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6)).astype(np.float32)
LABELS = np.arange(200) % 3
IMAGES = RNG.normal(size=(40, 6, 6, 2)).astype(np.float32)
TOKENS = RNG.integers(0, 9, (200, 4))


def dense() -> list[nn.Layer]:
    return [nn.Dense(16, "relu"), nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(3)]


def convolution() -> list[nn.Layer]:
    return [
        nn.DepthwiseConv2D(3),
        nn.Conv2D(4, 3, activation="relu"),
        nn.Flatten(),
        nn.Dense(3),
    ]


def embedding() -> list[nn.Layer]:
    return [nn.Embedding(9, 4), nn.Flatten(), nn.Dense(3)]


KINDS: dict[str, tuple[Callable[[], list[nn.Layer]], np.ndarray]] = {
    "dense": (dense, X),
    "convolution": (convolution, IMAGES),
    "embedding": (embedding, TOKENS),
}
EACH = ["dense", pytest.param("convolution", marks=pytest.mark.slow), "embedding"]


def made(layers: Callable[[], list[nn.Layer]] = dense, **options: Any) -> pel.Sequential:
    net = pel.Sequential(layers(), seed=1)
    net.compile(**{"optimizer": optim.Adam(0.01), "metrics": ["accuracy"]} | options)
    return net


def weights(net: pel.Sequential) -> bytes:
    return b"".join(array.tobytes() for array in (*net.get_weights(),))


def fitted(
    kind: str = "dense", net: pel.Sequential | None = None, **options: Any
) -> pel.Sequential:
    layers, x = KINDS[kind]
    net = net or made(layers)
    given = {"batch_size": 24, "epochs": 2, "seed": 3, "verbose": 0, "chunks": 5} | options
    net.fit(x, LABELS[: len(x)], **given)
    return net


def test_a_step_is_the_tree_of_gradients_of_chunks() -> None:
    """Each chunk's gradient by itself; 2⁻ᵏ of a mean over 2ᵏ times as many rows is exact."""
    x, y = X[:128], RNG.normal(size=(128, 2)).astype(np.float32)
    net = pel.Sequential([nn.Dense(5, "tanh"), nn.Dense(2)], seed=0)
    net.compile(optim.SGD(0.5), "squared")
    net.build((6,))
    before = net.get_weights()
    names = [(layer, name) for layer, own in net.params.items() for name in own]
    parts: list[list[np.ndarray]] = []
    for chunk in np.split(np.arange(128), 8):
        slope = pel.jit(pel.grad(net.objective(x[chunk], y[chunk])))(net.params)
        parts.append([np.asarray(slope[layer][name]) / np.float32(8) for layer, name in names])
    net.fit(x, y, batch_size=128, shuffle=False, verbose=0, chunks=8)
    for n, (old, new) in enumerate(zip(before, net.get_weights(), strict=True)):
        wanted = old - np.float32(0.5) * met([part[n] for part in parts])
        assert new.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("kind", EACH)
def test_the_bits_do_not_depend_on_threads(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WORTH_THREADS", 0)
    known = weights(fitted(kind, threads=1))
    assert weights(fitted(kind, threads=2)) == known


def test_one_chunk_is_the_whole_batch() -> None:
    whole = fitted(chunks=None)
    assert weights(fitted(chunks=1)) == weights(whole) != weights(fitted(chunks=5))
    assert "chunks" not in whole.training


def test_one_chunk_of_depthwise_convolutions_is_the_whole_batch() -> None:
    """Their kernels' gradients are summed over images behind a kernel of their own."""

    def layers() -> list[nn.Layer]:
        return [nn.DepthwiseConv1D(3), nn.GlobalAveragePool(), nn.Dense(3)]

    def trained(chunks: int | None) -> bytes:
        net = made(layers, optimizer="sgd", metrics=[])
        net.fit(IMAGES[:, 0], LABELS[:40], batch_size=24, seed=3, verbose=0, chunks=chunks)
        return weights(net)

    assert trained(1) == trained(None) != trained(5)


def test_whole_numbers_of_numpys_are_written_to_files(tmp_path: Path) -> None:
    path, five, two = tmp_path / "net.pel", np.int64(5), np.int64(2)
    net = pel.Sequential([nn.Dense(1)], seed=1)
    net.compile("sgd", "squared")
    net.fit(
        X, X[:, :1], epochs=five, chunks=five, steps_per_epoch=two, initial_epoch=two, verbose=0
    )
    net.save(path)
    stored = pel.load(path).training
    assert [stored[name] for name in ("epoch", "chunks", "steps_per_epoch")] == [5, 5, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_interpreter_takes_the_same_steps(kind: str) -> None:
    ours, known = fitted(kind), fitted(kind, backend="interpreter")
    np.testing.assert_allclose(
        np.frombuffer(weights(ours), np.float32),
        np.frombuffer(weights(known), np.float32),
        atol=1e-4,
    )
    np.testing.assert_allclose(ours.history.epochs["loss"], known.history.epochs["loss"], rtol=1e-5)


@pytest.mark.slow
def test_xla_takes_the_same_steps() -> None:
    pytest.importorskip("jax")
    ours, known = fitted(), fitted(backend="xla")
    np.testing.assert_allclose(
        np.frombuffer(weights(ours), np.float32),
        np.frombuffer(weights(known), np.float32),
        atol=1e-4,
    )


def test_a_run_in_chunks_is_resumed_in_the_same_ones(tmp_path: Path) -> None:
    whole = weights(fitted(epochs=4))
    path = tmp_path / "run.pel"
    fitted(checkpoint=path)
    again = pel.load(path)
    assert again.training["chunks"] == 5
    for other in (4, None):
        with pytest.raises(ArgumentError, match=f"chunks must be 5 as before, got {other}"):
            fitted(net=again, epochs=4, resume=True, chunks=other)
    assert weights(fitted(net=again, epochs=4, resume=True)) == whole
    plain = fitted(chunks=None)
    with pytest.raises(ArgumentError, match="chunks must be None as before, got 5"):
        fitted(net=plain, epochs=4, resume=True)


def test_a_model_keeps_the_programs_of_all_chunks_apart() -> None:
    def again(net: pel.Sequential, chunks: int | None) -> bytes:
        net.set_weights([np.ones((6, 3), np.float32), np.zeros(3, np.float32)])
        return weights(fitted(net=net, chunks=chunks, epochs=1))

    def fresh() -> pel.Sequential:
        net = pel.Sequential([nn.Dense(3)], seed=0)
        net.compile(optim.SGD(0.1))
        net.build((6,))
        return net

    net = fresh()
    cut, whole, once_more = again(net, 4), again(net, None), again(net, 4)
    assert cut == once_more != whole == again(fresh(), None)


def test_batches_of_a_stream_are_cut_as_well() -> None:
    def stream() -> Any:
        for begin in range(0, 200, 50):
            yield X[begin : begin + 50], LABELS[begin : begin + 50]

    known = fitted(shuffle=False)
    net = made()
    net.fit(stream, batch_size=24, epochs=2, seed=3, verbose=0, chunks=5)
    assert weights(net) == weights(known)
    with pytest.raises(ArgumentError, match="steps of one size, got the batches of a stream"):
        made().fit(stream, verbose=0, chunks=5)


@pytest.mark.parametrize(
    ("options", "compiled", "message"),
    [
        ({"chunks": 0}, {}, "chunks must be at least 1, got 0"),
        ({"chunks": 2.0}, {}, r"chunks must be a whole number, got 2\.0"),
        ({"batch_size": optim.GrowingBatch(8)}, {}, "steps of one size, got a GrowingBatch"),
        (
            {"batch_size": "all"},
            {"optimizer": optim.LBFGS()},
            r"an optimizer that takes one gradient a step, got LBFGS\(",
        ),
    ],
)
def test_what_cannot_be_cut(options: Any, compiled: Any, message: str) -> None:
    net = made(**compiled)
    with pytest.raises(ArgumentError, match=message):
        fitted(net=net, **options)
    assert net.training.get("chunks") is None


def test_a_loss_that_mixes_rows_otherwise_is_refused_with_its_line() -> None:
    def ranked(y_true: Any, y_pred: Any) -> Any:
        order = np.argsort(np.transpose(y_true)[0])
        return np.mean(np.square(y_true - y_pred), -1) + 0 * order

    net = pel.Sequential([nn.Dense(1)], seed=0)
    net.compile(loss=ranked)
    with pytest.raises(ArgumentError, match=r"argsort of .* together in another way") as caught:
        net.fit(X, X[:, :1], verbose=0, chunks=4)
    assert "test_chunks.py" in str(caught.value)
    net.fit(X, X[:, :1], verbose=0)


def test_operations_of_ones_own_are_looked_into(request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: REGISTRY.pop("centred_in_chunks"))
    centred = pel.op(
        "centred_in_chunks",
        forward=lambda xp, x: x - xp.sum(x, axis=0) / 32,
        derivative=Linear((lambda ct, x: ct - pel.numpy.sum(ct, 0) / 32,)),
    )
    net = pel.Sequential([nn.Dense(4), nn.Activation(centred), nn.Dense(3)], seed=0)
    net.compile()
    net.fit(X, LABELS, batch_size=32, verbose=0, chunks=4)
    (graph,) = (one for one in net.programs.graphs.values() if "block=8" in str(one))
    assert [node.op for node in graph.nodes if "block" in dict(node.attrs)].count("sum") >= 2


def test_a_file_with_broken_chunks_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "run.pel"
    net = fitted()
    net.training["chunks"] = -1
    net.save(path)
    with pytest.raises(DataError, match=r"training\.chunks must be 1 or more, got -1"):
        pel.load(path)
