"""Programs of Keras through the door: what they return, and that callbacks see what Keras says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid import keras, nn
from pellucid.core.errors import DivergenceError
from pellucid.keras import layers

PROGRAMS = Path(__file__).parents[2] / "benchmarks" / "keras_programs"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def small(loss="binary_crossentropy", **options):
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile(options.pop("optimizer", "sgd"), loss, **options)
    return model


def exchanged(path):
    text = path.read_text().replace("\nimport keras\n", "\nfrom pellucid import keras\n")
    text = text.replace("\nimport jax\n", "\nimport pellucid as jax\n")
    return text.replace("\nfrom keras", "\nfrom pellucid.keras")


QUICK = ("own_layers",)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(one, marks=() if one.stem in QUICK else pytest.mark.slow)
        for one in sorted(PROGRAMS.glob("*.py"))
    ],
    ids=lambda one: one.stem,
)
def test_a_program_runs_with_the_import_exchanged(path, capsys):
    if "torch" in path.stem:
        pytest.importorskip("torch")
    exec(compile(exchanged(path), str(path), "exec"), {"__name__": "__main__"})


@pytest.mark.one_in(2)
def test_the_objective_and_the_step_of_the_page_run():
    keras.utils.set_random_seed(0)
    text = (PROGRAMS.parents[1] / "docs" / "keras.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(compile(block, "keras.md", "exec"), names)
    x, model = names["x"], names["model"]
    assert names["history"].history["loss"][-1] < names["history"].history["loss"][0]
    assert np.mean((model.predict(x, verbose=0) - x[:, :1]) ** 2) < 1  # by the loop of its own


def test_import_pellucid_does_not_load_the_door():
    code = "import pellucid, sys; assert 'pellucid.keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_count_as_in_keras():
    keras.utils.clear_session()
    made = [layers.Dense(1), layers.Dense(1), layers.MaxPooling2D(), layers.PReLU()]
    assert [one.name for one in made] == ["dense", "dense_1", "max_pooling2d", "p_re_lu"]
    assert keras.Sequential().name == "sequential"


def test_the_forms_of_history_evaluate_and_predict(capsys):
    model = small(metrics=["accuracy", keras.metrics.Precision(name="precise")])
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=2)
    assert history.epoch == [0, 1]
    assert list(history.history) == [
        *("accuracy", "loss", "precise", "val_accuracy", "val_loss", "val_precise")
    ]
    assert capsys.readouterr().out.startswith("Epoch 1/2 - 0s - accuracy: ")
    loss, accuracy, precise = model.evaluate(X, Y, verbose=0)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found == {"accuracy": accuracy, "loss": loss, "precise": precise}
    chosen = model.predict(X, verbose=0)[:, 0] > 0.5
    assert accuracy == pytest.approx(np.mean(chosen == (Y > 0)))
    assert precise == pytest.approx(Y[chosen].mean() if chosen.any() else 0)
    assert isinstance(small().evaluate(X, Y, verbose=0), float)


def test_weights_have_keras_order_and_shapes():
    i = keras.Input((8, 8, 3))
    h = layers.SeparableConv2D(4, 3)(i)
    h = layers.BatchNormalization(name="norm")(h)
    model = keras.Model(i, layers.Dense(2)(layers.Flatten()(h)))
    shapes = [one.shape for one in model.get_weights()]
    assert shapes == [(3, 3, 3, 1), (1, 1, 3, 4), (4,), *[(4,)] * 4, (144, 2), (2,)]
    assert len(model.trainable_weights) == 7
    model.set_weights([np.full(one, n, "float32") for n, one in enumerate(shapes)])
    assert model.get_layer("norm").moving_variance[0] == 6
    assert layers.Dense(3).get_weights() == []


def test_mean_losses_are_keras_means():
    y = RNG.normal(size=(60, 3))
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse", metrics=["mae"])
    loss, mae = model.evaluate(X, y, verbose=0)
    off = model.predict(X, verbose=0) - y
    assert loss == pytest.approx(np.mean(off**2)) and mae == pytest.approx(np.mean(abs(off)))
    first = model.train_on_batch(X[:10], y[:10])
    assert first[0] == pytest.approx(np.mean(off[:10] ** 2))
    squared = keras.losses.MeanSquaredError()(y, y + 1.0)
    assert squared == pytest.approx(1)


def test_penalties_are_keras_penalties():
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1))]
    )
    model.compile("sgd", "mse")
    kernel = model.layers[0].kernel
    y = model.predict(X, verbose=0)
    assert model.evaluate(X, y, verbose=0) == pytest.approx(0.1 * np.sum(kernel**2), rel=1e-5)


def test_callbacks_are_called_in_keras_order():
    seen = []

    class Notes(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch, logs=None):
            seen.append(f"b{batch}")

        def on_train_batch_end(self, batch, logs=None):
            seen.append(f"e{batch}")
            assert logs["loss"] > 0

        def on_epoch_end(self, epoch, logs=None):
            seen.append(f"end {epoch}")
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs=None):
            seen.append("done")

    small().fit(X, Y, epochs=5, batch_size=30, verbose=0, callbacks=[Notes()])
    each = ["b0", "e0", "b1", "e1"]
    assert seen == ["begin", "epoch 0", *each, "end 0", "epoch 1", *each, "end 1", "done"]


@pytest.mark.one_in(4)
def test_rates_that_callbacks_set_are_those_of_the_steps():
    def moved(rates):
        keras.utils.set_random_seed(0)
        model = small(optimizer=keras.optimizers.SGD(0.5))
        before = model.get_weights()
        done = model.fit(
            X, Y, epochs=2, batch_size=60, verbose=0,
            callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])],
        )  # fmt: skip
        assert done.history["learning_rate"] == rates
        return before, model.get_weights()

    before, still = moved([0.0, 0.0])
    assert all(np.array_equal(a, b) for a, b in zip(before, still, strict=True))
    _, once = moved([0.25, 0.0])
    _, twice = moved([0.5, 0.0])
    for start, a, b in zip(before, once, twice, strict=True):
        np.testing.assert_allclose(b - start, 2 * (a - start), atol=1e-6)


@pytest.mark.one_in(4)
def test_early_stopping_gives_the_best_weights_back():
    model = small(optimizer=keras.optimizers.SGD(1.0))
    kept = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept[epoch] = (logs["val_loss"], self.model.get_weights())

    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(X, 1 - Y, epochs=3, validation_data=(X, Y), verbose=0, callbacks=[Keep(), stop])
    best = min(kept.values(), key=lambda one: one[0])[1]
    assert all(np.array_equal(a, b) for a, b in zip(best, model.get_weights(), strict=True))


def test_files(tmp_path):
    model = small(metrics=["accuracy"])
    path = tmp_path / "net.keras"
    saver = keras.callbacks.ModelCheckpoint(str(path), save_best_only=True)
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    board = keras.callbacks.TensorBoard(tmp_path / "logs")
    model.fit(
        X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[saver, table, board]
    )  # fmt: skip
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.evaluate(X, Y, verbose=0)[0] == pytest.approx(model.evaluate(X, Y, verbose=0)[0])
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy")
    assert list((tmp_path / "logs" / "validation").glob("events.out.tfevents.*"))
    model.save_weights(tmp_path / "a.weights.h5")
    other = small()
    other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.one_in(4)
def test_layers_on_arrays():
    layer = layers.Dense(2)
    y = layer(X)
    np.testing.assert_allclose(y, X @ layer.kernel + layer.bias, rtol=1e-5)
    flips = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])
    images = RNG.random((4, 6, 6, 1)).astype("float32")
    assert not np.array_equal(flips(images), images)
    np.testing.assert_array_equal(flips(images, training=False), images)
    norm = layers.BatchNormalization()
    assert abs(norm(X, training=True).mean()) < 1e-5
    assert norm.moving_mean.numpy().any()


def test_the_network_below_is_one_of_ours():
    model = small()
    network = model.network()
    assert isinstance(network, pel.Model)
    assert [type(one) for one in network.layers] == [nn.Dense, nn.Dense]
    model.layers[0].kernel.assign_add(np.ones(model.layers[0].kernel.shape))
    assert np.array_equal(network.layers[0].variables.params["W"], model.layers[0].kernel)


@pytest.mark.one_in(4)
def test_a_run_that_diverges_ends_quietly_with_terminate_on_nan(capsys):
    y = np.full((60, 1), 1e30)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e20), "mse")
    with pytest.raises(DivergenceError):
        model.fit(X, y, epochs=3, verbose=0)
    model.fit(X, y, epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert "terminating" in capsys.readouterr().out
