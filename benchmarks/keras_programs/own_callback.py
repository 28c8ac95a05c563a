"""A callback with hooks of steps and epochs."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(27)
x = rng.normal(size=(320, 9)).astype("float32")
y = (x[:, :1] > 0).astype("float32")


class Recorder(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        if logs.get("val_loss", 1) < 0.01:
            self.model.stop_training = True


recorder = Recorder()
model = keras.Sequential([layers.Input((9,)), layers.Dense(8, "tanh"), layers.Dense(1, "sigmoid")])
model.compile(
    optimizer=keras.optimizers.Adagrad(0.05), loss="binary_crossentropy", metrics=["accuracy"]
)
note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, sorted(logs)))
model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[recorder, note], verbose=0)
print(len(recorder.losses))
