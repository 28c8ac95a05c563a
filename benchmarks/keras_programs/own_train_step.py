"""A train_step and a test_step of one's own, in the form of the guide for JAX."""

import jax
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(37)
x = rng.normal(size=(640, 12)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + 0.3 * x[:, 2:3]).astype("float32")
weights = rng.random(640).astype("float32")


class Tracked(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
        self.loss_fn = keras.losses.Huber()

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae_metric]

    def compute_loss_and_updates(self, free, others, x, y, weights, training=False):
        y_pred, others, losses = self.stateless_call(
            free, others, x, training=training, return_losses=True
        )
        loss = self.loss_fn(y, y_pred, sample_weight=weights) + sum(losses)
        return loss, (y_pred, others)

    def measured(self, variables, loss, y, y_pred):
        count = len(self.loss_tracker.variables)
        first = self.loss_tracker.stateless_update_state(variables[:count], loss)
        second = self.mae_metric.stateless_update_state(variables[count:], y, y_pred)
        logs = {
            self.loss_tracker.name: self.loss_tracker.stateless_result(first),
            self.mae_metric.name: self.mae_metric.stateless_result(second),
        }
        return logs, first + second

    def train_step(self, state, data):
        free, others, remembered, variables = state
        x, y, weights = data if len(data) == 3 else (*data, None)
        slopes_of = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, others)), slopes = slopes_of(free, others, x, y, weights, training=True)
        free, remembered = self.optimizer.stateless_apply(remembered, slopes, free)
        logs, variables = self.measured(variables, loss, y, y_pred)
        return logs, (free, others, remembered, variables)

    def test_step(self, state, data):
        free, others, variables = state
        x, y = data
        loss, (y_pred, others) = self.compute_loss_and_updates(free, others, x, y, None)
        logs, variables = self.measured(variables, loss, y, y_pred)
        return logs, (free, others, variables)


inputs = keras.Input((12,))
h = layers.Dense(24, activation="tanh", kernel_regularizer="l2")(inputs)
h = layers.BatchNormalization()(h)
outputs = layers.Dense(1)(h)
model = Tracked(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(1e-2))
model.fit(x, y, sample_weight=weights, epochs=2, validation_data=(x[:64], y[:64]))
print(model.evaluate(x, y, verbose=0, return_dict=True))
