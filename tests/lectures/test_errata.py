"""Where the lectures contradict themselves or each other: which version holds here."""

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as jnp
from pellucid import Sequential, nn
from pellucid import optim as optimizers
from pellucid.nn import Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
T = X @ [1.0, -2.0, 0.5] + 0.25


def line(loss="squared", penalty=(), rate=0.1):
    model = Sequential([Dense(1, input_shape=(3,))], seed=0, dtype="float64")
    model.compile(optimizers.SGD(rate), loss, regularizer=penalty)
    return model


@pytest.mark.lecture("T1.K.squared-or-half")
def test_the_two_squared_errors_differ_by_two():
    """One lecture squares the error, two halve it: two names here, and twice the rate for one."""
    ends = []
    for loss, rate in (("squared", 0.05), ("half_squared", 0.1), ("half_squared", 0.05)):
        model = line(loss, rate=rate)
        before = model.evaluate(X, T)["loss"]
        model.fit(X, T, batch_size=10, epochs=3, seed=0, verbose=0)
        ends.append((before, model.get_weights()[0]))
    (whole, w), (half, same), (_, other) = ends
    assert whole == pytest.approx(2 * half, rel=1e-14)
    np.testing.assert_allclose(w, same, rtol=1e-12)
    assert abs(w - other).max() > 1e-3


@pytest.mark.lecture("T1.K.example-6.1")
def test_the_parameters_of_example_6_1():
    """Example 6.1 has 159,010 parameters: 200 biases stand where 200·200 is printed."""
    model = Sequential([Dense(200, "relu", input_shape=(784,)), Dense(10)])
    assert model.count_params() == 784 * 200 + 200 + 200 * 10 + 10 == 159_010
    assert 784 * 200 + 200 * 200 + 200 * 10 + 10 == 198_810 != model.count_params()


@pytest.mark.lecture("T1.K.equation-6.16b")
def test_every_layer_adds_its_own_bias():
    """In (6.16b) layer L - 1 adds b⁽ᴸ⁻¹⁾, not the b⁽¹⁾ that is printed."""
    model = Sequential(
        [
            Dense(4, "tanh", bias_initializer="normal", input_shape=(3,)),
            Dense(4, "tanh", bias_initializer="normal"),
            Dense(4, "tanh", bias_initializer="normal"),
            Dense(2),
        ],
        seed=0,
        dtype="float64",
    )
    weights = model.get_weights()
    kernels, biases = weights[::2], weights[1::2]

    def outputs(biases):
        q = X
        for w, b in zip(kernels[:-1], biases[:-1], strict=True):
            q = np.tanh(q @ w + b)
        return q @ kernels[-1] + biases[-1]

    printed = [biases[0], biases[1], biases[0], biases[3]]  # L = 4
    np.testing.assert_allclose(model.predict(X), outputs(biases), rtol=1e-11)
    assert abs(model.predict(X) - outputs(printed)).max() > 1e-3


@pytest.mark.lecture("T1.K.layers-from-1")
def test_layers_are_counted_from_one():
    """The parameters are W₁, …, W_L: layers are counted from 1, not from 0."""
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    assert list(model.parameters()) == ["dense_1", "dense_2"]


@pytest.mark.lecture("T1.K.l1-half")
def test_half_the_absolute_weights():
    """The lectures' L1 regularizer is ½‖w‖₁, ours ‖w‖₁ without the half: their λ is our λ/2."""
    strength = 0.3
    plain, ours = line(), line(penalty=nn.L1(strength / 2))
    w, _ = plain.get_weights()
    lectures = strength * 0.5 * np.abs(w).sum()
    extra = ours.evaluate(X, T)["loss"] - plain.evaluate(X, T)["loss"]
    assert extra == pytest.approx(lectures, rel=1e-12)
    for model in (plain, ours):
        model.fit(X, T, batch_size=30, seed=0, verbose=0)
    moved = plain.get_weights()[0] - 0.1 * strength * 0.5 * np.sign(w)
    np.testing.assert_allclose(ours.get_weights()[0], moved, rtol=1e-12)
    assert "½‖w‖₁ is our λ/2" in nn.regularizers.__doc__


@pytest.mark.lecture("T1.K.penalty-not-divided")
def test_the_penalty_is_not_divided_by_the_number_of_points():
    """A minibatch slide divides λ by N; our objective is the mean loss + (λ/2)‖w‖², λ as it is."""
    plain, penalised = line(), line(penalty=nn.L2(0.3))
    w, _ = plain.get_weights()
    for count in (1, 10, 30):
        x, t = X[:count], T[:count]
        extra = penalised.evaluate(x, t)["loss"] - plain.evaluate(x, t)["loss"]
        assert extra == pytest.approx(0.15 * np.sum(w**2), rel=1e-12)
    # The slide's (1/N)ΣL + (λ/N)·½‖w‖² is ours with λ/N; it names the N of its minibatch.
    slide = line(penalty=nn.L2(0.3 / 10))
    slide.fit(X[:10], T[:10], batch_size=10, verbose=0)
    slope = 2 / 10 * X[:10].T @ (X[:10] @ w[:, 0] - T[:10]) + 0.3 / 10 * w[:, 0]
    np.testing.assert_allclose(slide.get_weights()[0][:, 0], w[:, 0] - 0.1 * slope, rtol=1e-12)
    assert "(λ/N)·Ω on a minibatch slide is our λ/N" in nn.regularizers.__doc__.replace("\n", " ")


@pytest.mark.lecture("T1.K.jax-snippet")
@pytest.mark.lecture("T1.K.snippet-imports")
def test_the_printed_jax_program_lacks_a_factor():
    """The JAX program's label probability is p·t + (1 - p)(1 - t); its last factor is missing."""
    inputs, targets = X, (T > 0).astype(float)

    def predict(W, b, inputs):
        return jnp.sigmoid(jnp.matmul(inputs, W) + b)

    def printed(W, b):
        preds = predict(W, b, inputs)
        label_probs = preds * targets + (1 - preds)
        return -np.sum(jnp.log(label_probs))

    def loss(W, b):
        preds = predict(W, b, inputs)
        label_probs = preds * targets + (1 - preds) * (1 - targets)
        return -jnp.sum(jnp.log(label_probs))

    W, b = np.array([0.5, -1.0, 0.25]), np.float64(0.1)
    grad = pel.grad
    W_grad, b_grad = grad(loss, (0, 1))(W, b)
    p = 1 / (1 + np.exp(-(inputs @ W + b)))
    np.testing.assert_allclose(W_grad, inputs.T @ (p - targets), rtol=1e-11)
    np.testing.assert_allclose(b_grad, np.sum(p - targets), rtol=1e-11)
    bce = nn.ProbabilityBinaryCrossEntropy()
    known = bce.per_row(pel.Tensor(targets[:, None]), pel.Tensor(p[:, None])).sum()
    assert float(pel.Tensor(loss(W, b))) == pytest.approx(float(known), rel=1e-12)
    # As printed a label 1 costs nothing, whatever is predicted.
    wrong, _ = grad(printed, (0, 1))(W, b)
    np.testing.assert_allclose(wrong, inputs.T @ (p * (targets == 0)), rtol=1e-11)


@pytest.mark.lecture("T1.K.adam-lr")
@pytest.mark.lecture("T1.K.snippet-imports")
def test_the_keras_program_runs_as_printed(capsys):
    """The Keras program runs as it is printed, Adam(lr=…) and input_shape= included."""
    nin, nh, nout = 3, 5, 2
    Xtr, ytr, Xts, yts = X[:20], (T[:20] > 0).astype(int), X[20:], (T[20:] > 0).astype(int)

    model = Sequential()
    model.add(Dense(units=nh, input_shape=(nin,), activation="sigmoid", name="hidden"))
    model.add(Dense(units=nout, activation="softmax", name="output"))

    opt = optimizers.Adam(lr=0.001)
    model.compile(optimizer=opt, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    hist = model.fit(Xtr, ytr, epochs=30, batch_size=100, validation_data=(Xts, yts))

    assert opt == optimizers.Adam(0.001) and opt.rate(0) == 0.001
    assert model.count_params() == 3 * 5 + 5 + 5 * 2 + 2
    assert list(model.parameters()) == ["hidden", "output"]
    assert set(hist.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(curve) == 30 for curve in hist.history.values())
    assert hist.history["loss"][-1] < hist.history["loss"][0]
    surprise = -np.log(model.predict(Xts)[np.arange(10), yts]).mean()
    assert hist.history["val_loss"][-1] == pytest.approx(surprise, rel=1e-5)
    assert "Epoch 30/30" in capsys.readouterr().out
