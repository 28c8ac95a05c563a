"""Layers of one's own with weights, inside a model of one's own."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(13)
x = rng.normal(size=(640, 10)).astype("float32")
y = x[:, :3] * 2


class Linear(layers.Layer):
    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.w) + self.b


class MLPBlock(layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear_1 = Linear(32)
        self.linear_2 = Linear(32)
        self.linear_3 = Linear(3)

    def call(self, inputs):
        x = keras.activations.relu(self.linear_1(inputs))
        x = keras.activations.relu(self.linear_2(x))
        return self.linear_3(x)


model = keras.Sequential([layers.Input((10,)), MLPBlock()])
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=1e-2), loss=keras.losses.MeanSquaredError()
)
model.fit(x, y, epochs=1)
print(len(model.trainable_weights), model.count_params())
