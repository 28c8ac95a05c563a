"""A linear part beside a deep one."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(16)
wide, deep = rng.normal(size=(640, 6)), rng.normal(size=(640, 14))
y = wide[:, 0] - deep[:, 1] ** 2
input_wide, input_deep = layers.Input(shape=(6,)), layers.Input(shape=(14,))
hidden_1 = layers.Dense(30, activation="relu")(input_deep)
hidden_2 = layers.Dense(30, activation="relu")(hidden_1)
concat = layers.Concatenate()([input_wide, hidden_2])
output = layers.Dense(1, name="main")(concat)
aux = layers.Dense(1, name="aux")(hidden_2)
model = keras.Model(inputs=[input_wide, input_deep], outputs=[output, aux])
model.compile(
    loss=["mse", "mse"],
    loss_weights=[0.9, 0.1],
    optimizer=keras.optimizers.Adam(1e-3),
    metrics=[["mae"], ["mae"]],
)
history = model.fit([wide, deep], [y, y], epochs=1, validation_split=0.1)
print(sorted(history.history))
