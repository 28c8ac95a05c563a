"""What a function of one's own closes over is saved in its shape: numbers, vectors, none at all."""

import numpy as np
import pytest

import pellucid as pel

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
CLOSED_OVER = {
    "a number without axes": np.array(2.0, np.float32),
    "one number": np.array([2.0], np.float32),
    "a vector": np.array([1.0, -2.0, 0.5], np.float32),
    "columns of Fortran": np.asfortranarray(np.arange(18.0).reshape(6, 3)[:3]),
    "every second": np.arange(6.0)[::2],
    "a Tensor without axes": pel.Tensor(np.float32(3.0)),
}


@pytest.mark.parametrize("name", CLOSED_OVER)
def test_a_model_with_a_constant_is_loaded_to_the_same_bits(name, tmp_path):
    held = CLOSED_OVER[name]

    def function(v):
        return v @ held if np.ndim(held) == 2 else v * held

    net = pel.Sequential([pel.nn.Basis(function), pel.nn.Dense(1)], seed=0)
    net.compile("sgd", "squared")
    net.fit(X, X[:, 0], batch_size=3, verbose=0, seed=0, backend="interpreter")
    net.save(tmp_path / "m")
    back = pel.load(tmp_path / "m")
    here = {"backend": "interpreter"}
    np.testing.assert_array_equal(back.predict(X, **here), net.predict(X, **here))
    back.fit(X, X[:, 0], batch_size=3, epochs=2, verbose=0, resume=True, backend="interpreter")
    net.fit(X, X[:, 0], batch_size=3, epochs=2, verbose=0, resume=True, backend="interpreter")
    np.testing.assert_array_equal(back.get_weights()[0], net.get_weights()[0])
