"""A model whose compute_loss asks a teacher, and layers that add losses of their own."""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(31)
x = rng.normal(size=(640, 12)).astype("float32")
y = (x[:, :3] @ rng.normal(size=(3, 4))).astype("float32").argmax(axis=1)


class Calm(layers.Layer):
    """Adds the squares of what goes through."""

    def __init__(self, rate=1e-2):
        super().__init__()
        self.rate = rate

    def call(self, inputs):
        self.add_loss(self.rate * ops.mean(ops.square(inputs)))
        return inputs


class Distiller(keras.Model):
    def __init__(self, student, teacher, alpha=0.3, temperature=3.0):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.alpha, self.temperature = alpha, temperature
        self.known = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.taught = keras.losses.KLDivergence()

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        teacher = ops.softmax(self.teacher(x) / self.temperature, axis=1)
        student = ops.softmax(y_pred / self.temperature, axis=1)
        taught = self.taught(teacher, student) * self.temperature**2
        known = self.known(y, y_pred, sample_weight)
        return self.alpha * known + (1 - self.alpha) * taught + sum(self.losses)


teacher = keras.Sequential(
    [layers.Input((12,)), layers.Dense(64, activation="relu"), layers.Dense(4)], name="teacher"
)
student = keras.Sequential(
    [
        layers.Input((12,)),
        layers.Dense(16, activation="relu", kernel_regularizer="l2"),
        Calm(),
        layers.Dense(4),
    ],
    name="student",
)
model = Distiller(student, teacher)
model(x[:2])
teacher.trainable = False
model.compile(optimizer=keras.optimizers.Adam(1e-2), metrics=["sparse_categorical_accuracy"])
model.fit(x, y, epochs=1, sample_weight=rng.random(640))
print(model.evaluate(x, y, verbose=0))
