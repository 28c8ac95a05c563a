"""Mixing of patches and of channels, as the vision example has it."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(21)
images = rng.random((160, 8, 12)).astype("float32")
labels = rng.integers(0, 5, 160)


class MLPMixerLayer(layers.Layer):
    def __init__(self, num_patches, hidden_units, **kwargs):
        super().__init__(**kwargs)
        self.mlp1 = keras.Sequential(
            [layers.Dense(units=num_patches, activation="gelu"), layers.Dense(units=num_patches)]
        )
        self.mlp2 = keras.Sequential(
            [layers.Dense(units=hidden_units, activation="gelu"), layers.Dense(units=hidden_units)]
        )
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def call(self, inputs):
        x = self.normalize(inputs)
        x_channels = keras.ops.transpose(x, axes=(0, 2, 1))
        mlp1_outputs = keras.ops.transpose(self.mlp1(x_channels), axes=(0, 2, 1))
        x = mlp1_outputs + inputs
        return self.mlp2(self.normalize(x)) + x


inputs = layers.Input(shape=(8, 12))
blocks = keras.Sequential([MLPMixerLayer(8, 12) for _ in range(2)])
representation = layers.GlobalAveragePooling1D()(blocks(inputs))
model = keras.Model(inputs=inputs, outputs=layers.Dense(5)(representation))
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=0.005, weight_decay=0.0001),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
model.fit(x=images, y=labels, batch_size=16, epochs=2, validation_split=0.1)
