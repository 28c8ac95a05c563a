"""A training loop from scratch with the stateless API, as the guide for JAX has it."""

import jax
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(38)
x = rng.normal(size=(640, 16)).astype("float32")
y = (x[:, :4] @ rng.normal(size=(4, 5))).argmax(axis=1)

inputs = keras.Input((16,))
h = layers.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
h = layers.BatchNormalization()(h)
model = keras.Model(inputs, layers.Dense(5)(h))
optimizer = keras.optimizers.Adam(learning_rate=1e-2, clipnorm=1.0)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = keras.metrics.SparseCategoricalAccuracy()


def compute_loss_and_updates(free, others, variables, x, y):
    logits, others, losses = model.stateless_call(
        free, others, x, training=True, return_losses=True
    )
    loss = loss_fn(y, logits) + keras.ops.sum(keras.ops.stack(losses))
    variables = accuracy.stateless_update_state(variables, y, logits)
    return loss, (others, variables)


slopes_of = jax.value_and_grad(compute_loss_and_updates, has_aux=True)


@jax.jit
def train_step(state, data):
    free, others, remembered, variables = state
    (loss, (others, variables)), slopes = slopes_of(free, others, variables, *data)
    free, remembered = optimizer.stateless_apply(remembered, slopes, free)
    return loss, (free, others, remembered, variables)


optimizer.build(model.trainable_variables)
state = tuple(
    [variable.value for variable in several]
    for several in (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
        accuracy.variables,
    )
)
curve = []
for first in range(0, 640, 32):
    loss, state = train_step(state, (x[first : first + 32], y[first : first + 32]))
    curve.append(float(loss))

free, others, remembered, variables = state
for variable, value in zip(model.trainable_variables, free, strict=True):
    variable.assign(value)
for variable, value in zip(model.non_trainable_variables, others, strict=True):
    variable.assign(value)
for variable, value in zip(optimizer.variables, remembered, strict=True):
    variable.assign(value)
print(curve[-1], float(accuracy.stateless_result(variables)), int(optimizer.iterations))
print(loss_fn(y, model.predict(x, verbose=0)))
