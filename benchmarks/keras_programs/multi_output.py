"""One body, two heads, losses with weights, targets in a dict."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(6)
title = rng.normal(size=(640, 30)).astype("float32")
tags = rng.integers(0, 2, size=(640, 12)).astype("float32")
priority, department = rng.random((640, 1)), rng.integers(0, 4, 640)
title_input = keras.Input(shape=(30,), name="title")
tags_input = keras.Input(shape=(12,), name="tags")
x = layers.concatenate([layers.Dense(32, activation="relu")(title_input), tags_input])
priority_pred = layers.Dense(1, activation="sigmoid", name="priority")(x)
department_pred = layers.Dense(4, name="department")(x)
model = keras.Model(
    inputs=[title_input, tags_input],
    outputs={"priority": priority_pred, "department": department_pred},
)
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={
        "priority": keras.losses.BinaryCrossentropy(from_logits=False),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
)
model.fit(
    {"title": title, "tags": tags},
    {"priority": priority, "department": department},
    epochs=1,
    batch_size=32,
)
