"""A rate that falls by a schedule, and one that a callback sets."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(19)
x = rng.normal(size=(320, 10)).astype("float32")
y = x.sum(axis=1, keepdims=True)
model = keras.Sequential([layers.Dense(20, activation="tanh", input_shape=(10,)), layers.Dense(1)])
schedule = keras.optimizers.schedules.ExponentialDecay(
    initial_learning_rate=1e-2, decay_steps=4, decay_rate=0.5, staircase=True
)
model.compile(optimizer=keras.optimizers.SGD(schedule, momentum=0.8), loss="mae")
model.fit(x, y, epochs=1)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mean_squared_error")


def scheduler(epoch, lr):
    return lr if epoch < 1 else lr * 0.5


callback = keras.callbacks.LearningRateScheduler(scheduler)
history = model.fit(x, y, epochs=2, callbacks=[callback], verbose=2)
print(history.history["learning_rate"])
