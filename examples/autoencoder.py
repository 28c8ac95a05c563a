"""An autoencoder: digits through eight numbers and back. The encoder is a model of its own."""

import numpy as np

import pellucid as pel
from pellucid.nn import Dense, Flatten, Rescale

data = pel.data.load_digits(seed=0)
image = pel.Input((8, 8))
pixels = Flatten()(Rescale(1 / 16)(image))
code = Dense(8, name="code")(Dense(48, activation="relu")(pixels))
picture = Dense(64)(Dense(48, activation="relu")(code))

encoder = pel.Model(image, code)
autoencoder = pel.Model(image, picture, seed=0)  # of the same layers, so of the same weights
autoencoder.compile(pel.optim.Adam(0.003), loss="squared")
target = data.x_train.reshape(-1, 64) / 16
autoencoder.fit(data.x_train, target, epochs=30, seed=0, verbose=0)

unseen = data.x_test.reshape(-1, 64) / 16
error = autoencoder.evaluate(data.x_test, unseen)["loss"]
spread = ((unseen - target.mean(axis=0)) ** 2).sum(axis=1).mean()
print(f"Eight numbers keep {1 - error / spread:.0%} of the variance of digits not seen before.")

known, asked = encoder.predict(data.x_train), encoder.predict(data.x_test)
far = ((asked[:, None] - known) ** 2).sum(axis=2)  # between the codes of all pairs
right = float(np.mean(data.y_train[far.argmin(axis=1)] == data.y_test))
print(f"The training digit with the nearest code is of the right class in {right:.0%} of cases.")
