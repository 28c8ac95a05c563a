"""A small network that learns the rows of probabilities of a larger one."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(31)
x = rng.normal(size=(640, 15)).astype("float32")
teacher = keras.Sequential(
    [layers.Input((15,)), layers.Dense(64, "relu"), layers.Dense(6, "softmax")]
)
student = keras.Sequential(
    [layers.Input((15,)), layers.Dense(8, "relu"), layers.Dense(6, "softmax")]
)
soft = np.exp(x @ rng.normal(size=(15, 6)))
soft /= soft.sum(axis=1, keepdims=True)
student.compile(
    optimizer=keras.optimizers.Lion(1e-3),
    loss=keras.losses.KLDivergence(),
    metrics=["categorical_accuracy", "cosine_similarity"],
)
student.fit(x, soft, epochs=1, sample_weight=rng.random(640))
print(teacher.predict(x[:2]).shape)
