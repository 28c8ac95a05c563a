"""Ratings of films by users: a model of one's own with embeddings."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(12)
users, films, size = 60, 40, 8
x = np.stack([rng.integers(0, users, 1280), rng.integers(0, films, 1280)], axis=1)
y = rng.random(1280)


class RecommenderNet(keras.Model):
    def __init__(self, users, films, size, **kwargs):
        super().__init__(**kwargs)
        self.user_embedding = layers.Embedding(
            users,
            size,
            embeddings_initializer="he_normal",
            embeddings_regularizer=keras.regularizers.l2(1e-6),
        )
        self.user_bias = layers.Embedding(users, 1)
        self.film_embedding = layers.Embedding(films, size, embeddings_initializer="he_normal")
        self.film_bias = layers.Embedding(films, 1)

    def call(self, inputs):
        user, film = self.user_embedding(inputs[:, 0]), self.film_embedding(inputs[:, 1])
        dot = keras.ops.sum(user * film, axis=1, keepdims=True)
        return keras.ops.sigmoid(dot + self.user_bias(inputs[:, 0]) + self.film_bias(inputs[:, 1]))


model = RecommenderNet(users, films, size)
model.compile(
    loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(learning_rate=0.001)
)
model.fit(x=x, y=y, batch_size=64, epochs=1, verbose=1, validation_data=(x[:99], y[:99]))
