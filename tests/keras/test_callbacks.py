"""Callbacks: which way a metric is better, files behind steps, a run that goes on after a crash."""

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError
from pellucid.keras import callbacks, metrics

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=40) > 0).astype("float32")
OPTIONS = {"batch_size": 10, "shuffle": False, "verbose": 0}


def model(**options):
    keras.utils.clear_session()
    made = keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    made.set_weights([np.ones(3), np.zeros(3), *made.get_weights()[2:4], np.ones((3, 1)), [0.0]])
    made.compile(options.pop("optimizer", "adam"), "binary_crossentropy", **options)
    return made


def own(y_true, y_pred):
    return y_pred[:, 0]


@pytest.mark.parametrize(
    ("monitor", "sign"),
    [("auc_1", -1), ("val_precision", -1), ("mse", 1), ("val_loss", 1), ("accuracy", -1)],
)
def test_which_way_is_better(monitor, sign):
    several = [metrics.AUC(name="auc_1"), metrics.Precision(name="precision"), "mse", "accuracy"]
    made = model(metrics=several)
    watcher = callbacks.EarlyStopping(monitor)
    watcher.set_model(made)
    assert watcher._better(1.0, 2.0) == (sign == 1)


def test_a_way_that_is_not_known_is_asked_for():
    for name in ("own", "true_positives"):
        made = model(metrics=[own, metrics.TruePositives(name="true_positives")])
        with pytest.raises(ArgumentError, match=r"mode='max' or mode='min'"):
            made.fit(X, Y, callbacks=[callbacks.EarlyStopping(name)], **OPTIONS)
    made.fit(X, Y, callbacks=[callbacks.EarlyStopping("own", mode="max")], **OPTIONS)


def test_files_behind_steps(tmp_path):
    path = str(tmp_path / "{epoch}_{batch}.weights.h5")
    saver = callbacks.ModelCheckpoint(path, save_freq=3, save_weights_only=True)
    made = model()
    made.fit(X, Y, epochs=2, callbacks=[saver], **OPTIONS)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["1_3.weights.h5", "2_2.weights.h5"]
    once = model()
    once.fit(X, Y, epochs=1, callbacks=[Crash(1, 2)], **OPTIONS)
    other = model()
    other.load_weights(tmp_path / "1_3.weights.h5")
    for one, wanted in zip(other.get_weights(), once.get_weights(), strict=True):
        np.testing.assert_array_equal(one, wanted)


class Crash(callbacks.Callback):
    """Ends a run behind a step of an epoch, quietly or not."""

    def __init__(self, epoch, batch, error=None):
        super().__init__()
        self.place, self.error, self.ended = (epoch, batch), error, False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            self.model.stop_training = True
            if self.error is not None:
                raise self.error

    def on_train_end(self, logs=None):
        self.ended = True


def test_a_run_that_was_cut_off_goes_on(tmp_path):
    whole = model()
    whole.fit(X, Y, epochs=5, **OPTIONS)
    folder, crash = tmp_path / "backup", Crash(4, 1, RuntimeError("power"))
    with pytest.raises(RuntimeError, match="power"):
        model().fit(
            X, Y, epochs=5, callbacks=[callbacks.BackupAndRestore(folder), crash], **OPTIONS
        )
    assert not crash.ended
    assert [one.name for one in folder.iterdir()] == ["epoch_3.keras"]
    again = model()
    history = again.fit(X, Y, epochs=5, callbacks=[callbacks.BackupAndRestore(folder)], **OPTIONS)
    assert history.epoch == [3, 4]
    for one, wanted in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, wanted)
    assert not folder.exists()


def test_averages_of_weights_stand_behind_fit():
    def optimizer(**more):
        return keras.optimizers.SGD(0.5, **more)

    plain = model(optimizer=optimizer())
    averaged = model(optimizer=optimizer(use_ema=True, ema_momentum=0.5))
    steps = []

    class Steps(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(self.model.layers[-1].get_weights()[0])

    plain.fit(X, Y, epochs=2, callbacks=[Steps()], **OPTIONS)
    averaged.fit(X, Y, epochs=2, **OPTIONS)
    mean = steps[0]
    for step in steps[1:]:
        mean = 0.5 * mean + 0.5 * step
    np.testing.assert_allclose(averaged.layers[-1].get_weights()[0], mean, rtol=1e-5)


def test_what_is_refused(tmp_path):
    for make, words in (
        (lambda: callbacks.BackupAndRestore(""), "backup_dir must name a folder"),
        (lambda: callbacks.BackupAndRestore(tmp_path, save_freq=0), "save_freq must be"),
        (lambda: callbacks.BackupAndRestore(tmp_path, double_checkpoint=True), "double_checkpoint"),
        (lambda: callbacks.ModelCheckpoint("a.keras", save_freq="step"), "save_freq must be"),
    ):
        with pytest.raises(ArgumentError, match=words):
            make()


@pytest.mark.parametrize("stop", [0, 2, 3, 5])
def test_an_epoch_that_a_step_ends_is_validated_too(stop):
    x = np.arange(32, dtype="float32").reshape(16, 2) / 32

    class Stopping(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.steps, self.epochs = 0, []

        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.steps == stop
            self.steps += 1

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append((epoch, sorted(logs)))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    seen = Stopping()
    both = (x, x[:, :1])
    history = model.fit(
        *both, batch_size=4, epochs=3, validation_data=both, callbacks=[seen], verbose=0
    ).history
    epochs = stop // 4 + 1
    assert seen.epochs == [(n, ["loss", "mae", "val_loss", "val_mae"]) for n in range(epochs)]
    assert [len(curve) for curve in history.values()] == [epochs] * 4
    wanted = model.evaluate(*both, verbose=0)
    found = [history["val_loss"][-1], history["val_mae"][-1]]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
