"""Batches of a DataLoader of PyTorch, with weights of rows and validation."""

import keras
import numpy as np
import torch
from keras import layers
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(33)
x = rng.normal(size=(640, 8)).astype("float32")
y = (np.sin(x[:, :2]) * x[:, 2:4]).astype("float32")
weights = rng.random(640).astype("float32")


def loader(rows):
    arrays = [torch.from_numpy(one[rows]) for one in (x, y, weights)]
    return DataLoader(TensorDataset(*arrays), batch_size=32)


model = keras.Sequential([layers.Input((8,)), layers.Dense(32, activation="relu"), layers.Dense(2)])
model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
model.fit(loader(slice(0, 512)), validation_data=loader(slice(512, 640)), epochs=2)
print(model.evaluate(loader(slice(512, 640)), verbose=0))
print(model.predict(loader(slice(512, 640)), verbose=0).shape)
