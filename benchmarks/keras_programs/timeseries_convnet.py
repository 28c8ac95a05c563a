"""Convolutions over time with batch normalization, for two classes."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(8)
x = rng.normal(size=(320, 50, 1)).astype("float32")
y = (x[:, :25, 0].mean(axis=1) > x[:, 25:, 0].mean(axis=1)).astype(int)


def make_model(input_shape, classes):
    entry = layers.Input(input_shape)
    x = entry
    for _ in range(3):
        x = layers.Conv1D(filters=16, kernel_size=3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    gap = layers.GlobalAveragePooling1D()(x)
    return keras.models.Model(
        inputs=entry, outputs=layers.Dense(classes, activation="softmax")(gap)
    )


model = make_model(x.shape[1:], 2)
model.compile(
    optimizer="adam",
    loss="sparse_categorical_crossentropy",
    metrics=["sparse_categorical_accuracy"],
)
callbacks = [
    keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=20, min_lr=1e-4),
    keras.callbacks.EarlyStopping(monitor="val_loss", patience=50, verbose=1),
]
model.fit(x, y, batch_size=32, epochs=2, callbacks=callbacks, validation_split=0.2)
