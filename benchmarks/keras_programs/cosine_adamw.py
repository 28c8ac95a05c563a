"""AdamW with a warm-up and a cosine, gradients clipped."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(20)
x = rng.normal(size=(640, 16)).astype("float32")
y = keras.utils.to_categorical(rng.integers(0, 4, 640))
inputs = keras.Input((16,))
x1 = layers.LayerNormalization(epsilon=1e-6)(layers.Dense(32, activation="silu")(inputs))
outputs = layers.Dense(4)(layers.Add()([x1, layers.Dense(32)(x1)]))
model = keras.Model(inputs, outputs)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, 15, alpha=0.1, warmup_target=1e-2, warmup_steps=5
)
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=rate, weight_decay=1e-2, clipnorm=1.0),
    loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    metrics=[
        keras.metrics.CategoricalAccuracy(name="accuracy"),
        keras.metrics.TopKCategoricalAccuracy(2, name="top-2"),
    ],
)
model.fit(x, y, epochs=1)
