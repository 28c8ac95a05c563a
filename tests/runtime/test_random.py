"""Random numbers: the published vectors, exact conversion, the quantile, the pinned streams."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import DataError
from pellucid.graph.node import TensorType
from pellucid.ops.spec import REGISTRY
from pellucid.ops.value import Builder
from pellucid.runtime import extras
from pellucid.runtime.backend import executor
from pellucid.runtime.extras import (
    normal,
    philox,
    quantile,
    random_bits,
    stream_hash,
    uniform,
    words,
)

# Counter, key, output: Random123's kat_vectors for philox4x32 with 10 rounds.
KNOWN_ANSWERS = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def hexadecimal(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN_ANSWERS)
def test_philox_known_answers(counter: str, key: str, wanted: str) -> None:
    first, second = hexadecimal(key)
    got = philox([np.array([word]) for word in hexadecimal(counter)], (first, second))
    assert [int(word[0]) for word in got] == hexadecimal(wanted)


def test_many_counters_at_once_are_each_alone() -> None:
    counters = np.random.default_rng(0).integers(0, 2**32, (4, 50), dtype=np.uint64)
    together = philox(list(counters), (7, 9))
    for i in range(50):
        alone = philox([word[i : i + 1] for word in counters], (7, 9))
        assert [int(w[0]) for w in alone] == [int(w[i]) for w in together]


def test_where_seed_stream_and_step_enter() -> None:
    """Key = (seed's low word, stream xor seed's high word); counter = (block, 0, step)."""
    seed, step, stream = 0x123456789ABCDEF0, 0xFEDCBA9876543210, "dropout/mask"
    key = (0x9ABCDEF0, stream_hash(stream) ^ 0x12345678)
    wanted = []
    for block in range(3):
        counter = [np.array([w]) for w in (block, 0, 0x76543210, 0xFEDCBA98)]
        wanted += [int(word[0]) for word in philox(counter, key)]
    assert words(seed, step, stream, 10).tolist() == wanted[:10]


# Pinned: a change here breaks every saved run.
PINNED: dict[str, list[Any]] = {
    "bits": [1731367754, 3384320961, 1836708398, 1280899737],
    "uniform32": [0.403115451335907, 0.7879735827445984, 0.42764198780059814],
    "uniform64": [0.4031154721079292, 0.42764199747318554, 0.5086553141078509],
    "normal32": [-0.24529121816158295, -0.18238067626953125, 0.02169736847281456],
    "normal64": [-0.2452912117332209, -0.1823806827587847, 0.021697368487189686],
}


def test_pinned_values() -> None:
    assert stream_hash("") == 0x25CF7112 and stream_hash("hidden/kernel") == 0x7245D19E
    assert words(0, 0, "", 4).tolist() == PINNED["bits"]
    assert uniform(0, 0, "", (3,), float32).tolist() == PINNED["uniform32"]
    assert uniform(0, 0, "", (3,), float64).tolist() == PINNED["uniform64"]
    assert normal(0, 0, "", (3,), float32).tolist() == PINNED["normal32"]
    assert normal(0, 0, "", (3,), float64).tolist() == PINNED["normal64"]


class TestPrefix:
    """A mask does not depend on how it is cut: the first n numbers are the first n numbers."""

    @given(st.integers(0, 40), st.integers(0, 40))
    def test_bits(self, n: int, m: int) -> None:
        short, long = sorted((n, m))
        assert np.array_equal(words(3, 5, "s", long)[:short], words(3, 5, "s", short))

    @pytest.mark.parametrize("draw", [uniform, normal])
    @pytest.mark.parametrize("dtype", [float32, float64])
    def test_floats(self, draw: Any, dtype: Any) -> None:
        whole = draw(1, 2, "s", (12,), dtype)
        assert whole.dtype.name == dtype.name
        assert np.array_equal(draw(1, 2, "s", (3, 4), dtype).reshape(-1), whole)
        assert np.array_equal(draw(1, 2, "s", (2, 3, 2), dtype).reshape(-1), whole)
        assert np.array_equal(draw(1, 2, "s", (5,), dtype), whole[:5])
        assert draw(1, 2, "s", (), dtype) == whole[0] and draw(1, 2, "s", (0, 3), dtype).shape == (
            0,
            3,
        )

    @pytest.mark.parametrize("backend", ["interpreter", "native"])
    @pytest.mark.parametrize("first", [0, 1, 2, 3, 5, 2**32 - 3])
    def test_any_part_is_drawn_alone(self, backend: str, first: int) -> None:
        """From element `first` on: what stands there in the whole stream, in every dtype."""
        builder = Builder()
        with builder:
            numbers = [
                builder.input(name, TensorType(int64, ())) for name in ("seed", "step", "first")
            ]
            drawn = [
                builder.apply(REGISTRY[name], numbers, {"stream": "s", "shape": (7,), **how})
                for name, how in [
                    ("random_bits", {}),
                    *((n, {"dtype": d}) for n in ("uniform", "normal") for d in (float32, float64)),
                ]
            ]
            graph = builder.graph(drawn)
        inputs = [np.array(n) for n in (9, 4, first)]
        bits, *floats = executor(graph, backend=backend)(inputs)
        assert np.array_equal(bits, words(9, 4, "s", first + 7, first))
        for got, (draw, dtype) in zip(
            floats, [(d, t) for d in (uniform, normal) for t in (float32, float64)], strict=True
        ):
            if first < 100:
                assert np.array_equal(got, draw(9, 4, "s", (first + 7,), dtype)[first:])
            else:
                assert np.array_equal(got, draw(9, 4, "s", (7,), dtype, first))

    def test_shapes_of_bits(self) -> None:
        assert np.array_equal(random_bits(1, 2, "s", (2, 3)), words(1, 2, "s", 6).reshape(2, 3))
        assert random_bits(1, 2, "s", ()).dtype == np.uint32


def test_seeds_steps_and_streams_differ() -> None:
    drawn = [
        tuple(words(seed, step, stream, 8).tolist())
        for seed in (0, 1, 2**32, 2**63 - 1)
        for step in (0, 1, 2**32)
        for stream in ("", "a", "b", "a/b", "ab")
    ]
    assert len(set(drawn)) == len(drawn)
    flat = [word for row in drawn for word in row]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize(("seed", "step"), [(-1, 0), (0, -1), (np.int64(-5), 2)])
def test_negative_seeds_and_steps_are_refused(seed: Any, step: Any) -> None:
    with pytest.raises(DataError, match=r"\[random\] seed and step must be ≥ 0, got"):
        words(seed, step, "", 1)


class TestUniform:
    def test_bits_become_floats_exactly(self) -> None:
        n = 20_001  # drawn in two parts
        bits = words(4, 0, "u", n)
        single = uniform(4, 0, "u", (n,), float32)
        assert [int(u * 2.0**24) for u in single.tolist()] == [int(b) >> 8 for b in bits]
        assert all((u * 2.0**24).is_integer() for u in single.tolist())
        pairs = words(4, 0, "u", 2 * n).reshape(-1, 2)
        double = uniform(4, 0, "u", (n,), float64)
        wanted = [((int(a) >> 5) << 26 | int(b) >> 6) for a, b in pairs]
        assert [int(u * 2.0**53) for u in double.tolist()] == wanted
        assert all((u * 2.0**53).is_integer() for u in double.tolist())

    @pytest.mark.parametrize("dtype", [float32, float64])
    def test_it_reaches_0_and_never_1(self, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        for word, wanted in ((0, 0.0), (2**32 - 1, 1 - 2.0 ** (-24 if dtype is float32 else -53))):
            monkeypatch.setattr(
                extras,
                "words",
                lambda s, t, name, stop, start, w=word: np.full(stop - start, w, np.uint32),
            )
            assert uniform(0, 0, "", (1,), dtype)[0] == wanted < 1

    @pytest.mark.parametrize("dtype", [float32, float64])
    def test_moments(self, dtype: Any) -> None:
        u = uniform(0, 0, "moments", (200_000,), dtype).astype(np.float64)
        n = u.size
        assert abs(u.mean() - 0.5) < 4 * math.sqrt(1 / 12 / n)
        assert abs(u.var() - 1 / 12) < 4 * math.sqrt(1 / 180 / n)
        counts = np.bincount((u * 64).astype(int), minlength=64)
        assert np.sum((counts - n / 64) ** 2) / (n / 64) < 63 + 4 * math.sqrt(2 * 63)
        assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / math.sqrt(n)


class TestNormal:
    def test_the_quantile_against_the_standard_library(self) -> None:
        """AS 241 on both sides; ours replaces ln by + − × ÷, so a few units in the last place."""
        edges = [0, 1, 2, 1000, 2**20, 2**40, 2**51 - 1, 2**51, 2**51 + 1, 2**52 - 2, 2**52 - 1]
        rng = np.random.default_rng(0)
        bits = np.array([*edges, *rng.integers(0, 2**52, 2000)], np.uint64)
        got = quantile(bits)
        distribution = NormalDist()
        for k, z in zip(bits.tolist(), got.tolist(), strict=True):
            p = (k + 0.5) / 2**52  # exact: 53 bits
            assert z == pytest.approx(distribution.inv_cdf(p), rel=4e-15, abs=1e-17)

    def test_it_is_odd_monotone_and_finite(self) -> None:
        half = np.array([0, 1, 5, 2**30, 2**50, 2**51 - 1], np.uint64)
        low, high = quantile(half), quantile(np.uint64(2**52 - 1) - half)
        np.testing.assert_allclose(low, -high, rtol=1e-14)
        grid = np.linspace(0, 2**52 - 1, 4001).astype(np.uint64)
        assert np.all(np.diff(quantile(grid)) > 0)
        assert -8.3 < quantile(np.array([0], np.uint64))[0] < -8.1

    def test_the_logarithm(self) -> None:
        x = np.concatenate([np.linspace(1e-16, 1, 5000)[:-1], 2.0 ** -np.arange(1, 54)])
        wanted = np.log(x)
        assert np.all(np.abs(extras._log(x) - wanted) <= 2 * np.spacing(np.abs(wanted)))

    @pytest.mark.parametrize("dtype", [float32, float64])
    def test_moments(self, dtype: Any) -> None:
        z = normal(0, 0, "moments", (200_000,), dtype).astype(np.float64)
        n = z.size
        assert abs(z.mean()) < 4 / math.sqrt(n)
        assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
        assert abs((z**3).mean()) < 4 * math.sqrt(15 / n)
        assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)

    def test_float32_is_float64_rounded(self) -> None:
        single, double = normal(1, 1, "r", (500,), float32), normal(1, 1, "r", (500,), float64)
        assert np.array_equal(single, double.astype(np.float32))
