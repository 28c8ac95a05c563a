"""Batches of a generator with steps an epoch, then of a PyDataset."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(26)
data, labels = rng.normal(size=(400, 7)).astype("float32"), rng.normal(size=(400, 1))


def batches():
    while True:
        for start in range(0, 400, 40):
            yield data[start : start + 40], labels[start : start + 40]


class Halves(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return data[index * 100 : index * 100 + 100], labels[index * 100 : index * 100 + 100]


model = keras.Sequential([layers.Input((7,)), layers.Dense(12, "relu"), layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(batches(), steps_per_epoch=5, epochs=2)
model.fit(Halves(), epochs=2, validation_data=(data, labels))
