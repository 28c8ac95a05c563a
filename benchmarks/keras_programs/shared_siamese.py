"""Two inputs through one network, compared by the length of their difference."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(14)
a, b = rng.random((640, 8, 8, 1)), rng.random((640, 8, 8, 1))
y = rng.integers(0, 2, 640).astype("float32")


def euclidean_distance(vects):
    x, y = vects
    sum_square = keras.ops.sum(keras.ops.square(x - y), axis=1, keepdims=True)
    return keras.ops.sqrt(keras.ops.maximum(sum_square, 1e-7))


def contrastive_loss(margin=1):
    def loss(y_true, y_pred):
        square_pred = keras.ops.square(y_pred)
        margin_square = keras.ops.square(keras.ops.maximum(margin - y_pred, 0))
        return keras.ops.mean((1 - y_true) * square_pred + y_true * margin_square)

    return loss


input = layers.Input((8, 8, 1))
x = layers.Conv2D(4, (5, 5), activation="tanh")(input)
x = layers.AveragePooling2D(pool_size=(2, 2))(x)
x = layers.Flatten()(x)
x = layers.Dense(10, activation="tanh")(x)
embedding_network = keras.Model(input, x)
input_1, input_2 = layers.Input((8, 8, 1)), layers.Input((8, 8, 1))
tower_1, tower_2 = embedding_network(input_1), embedding_network(input_2)
merge_layer = layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
output_layer = layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(merge_layer))
siamese = keras.Model(inputs=[input_1, input_2], outputs=output_layer)
siamese.compile(loss=contrastive_loss(margin=1), optimizer="RMSprop", metrics=["accuracy"])
siamese.fit([a, b], y, batch_size=32, epochs=1)
