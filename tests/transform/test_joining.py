"""`pellucid.numpy.r_`, `c_` and `array`: NumPy's results, and gradients through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError

draw = np.random.default_rng(0)
x, y, m = draw.normal(size=3), draw.normal(size=3), draw.normal(size=(3, 2))
KEYS: list[tuple[Any, ...]] = [
    (x, y),
    (x,),
    (m, m),
    (2, 3.5),
    (1, 2),
    (x, slice(1, 4)),
    ("1", m, m),
    ("0,2", x, y),
    ("1,2,0", x, y),
    ("0,3,1", x, y),
    ("0,3,-1", m, m),
    ("1,3,1", x, m[:, 0]),
]
MORE: list[tuple[Any, ...]] = [
    (x, 1.0, y),
    (slice(0, 1, 5j), x),
    (x, slice(1, 3, 0.5)),
    (np.float32(2), x),
]


@pytest.mark.parametrize("name", ["r_", "c_"])
def test_parts_stand_as_in_numpy(name: str) -> None:
    for key in [*KEYS, *(MORE if name == "r_" else [])]:
        own = tuple(pel.Tensor(part) if isinstance(part, np.ndarray) else part for part in key)
        for given in (key, own):
            found, wanted = getattr(pnp, name)[given], getattr(np, name)[key]
            assert found.dtype == wanted.dtype and found.shape == wanted.shape, key
            np.testing.assert_array_equal(found.numpy(), wanted)


def test_gradients_flow_through() -> None:
    weights = draw.normal(size=(3, 4))

    def loss(a: Any, b: Any) -> Any:
        return np.sum(pnp.c_[a, b * b, np.ones(3), a] * weights) + np.sum(pnp.r_[a[0], 1:3] ** 2)

    da, db = pel.grad(loss, (0, 1))(x, y)
    first = np.array([2 * x[0], 0, 0])
    np.testing.assert_allclose(da, weights[:, 0] + weights[:, 3] + first, 1e-12)
    np.testing.assert_allclose(db, 2 * y * weights[:, 1], 1e-12)
    H = pel.hessian(lambda v: np.sum(pnp.array([[v[0] * v[1], 2.0], [v[2], v[0]]]) ** 3))(x)
    t, u = x[0], x[1]
    cross = 9 * (t * u) ** 2
    np.testing.assert_allclose(H[0, :2], [6 * t * u**3 + 6 * t, cross], 1e-12)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ((), "got nothing"),
        (("r", m), "whole numbers, got 'r'"),
        (("0,2,5", x), "must lie in"),
        ((slice("a", 3), x), "a slice must hold numbers"),
        (("0,99,0", x), "whole numbers, got '0,99,0'"),
    ],
)
def test_refusals(key: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        pnp.r_[key]
