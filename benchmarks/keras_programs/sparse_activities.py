"""Activity regularizers, penalties of biases, and a kernel that is used twice."""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(32)
x = rng.normal(size=(640, 20)).astype("float32")


class Tied(keras.Model):
    """An autoencoder whose decoder is the encoder's kernel, transposed."""

    def __init__(self):
        super().__init__()
        self.code = layers.Dense(
            8,
            activation="sigmoid",
            activity_regularizer=keras.regularizers.L1(1e-2),
            bias_regularizer=keras.regularizers.L2(1e-2),
        )
        self.norm = layers.BatchNormalization(gamma_regularizer="l2")
        self.calm = layers.ActivityRegularization(l2=1e-3)

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs, training=None):
        h = self.calm(self.norm(self.code(inputs), training=training))
        return ops.matmul(h, ops.transpose(self.code.kernel)) + self.offset


model = Tied()
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(x, x, epochs=1)
print(model.evaluate(x, x, verbose=0))
