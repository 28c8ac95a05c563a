"""Convolution: LeNet-5's layers, and a small network of its kind on the bundled digits."""

import pellucid as pel
from pellucid.nn import Conv2D, Dense, Flatten, MaxPool2D, Rescale

pel.models.lenet5(seed=0).summary()

data = pel.data.load_digits(seed=0)
x_train, x_test = data.x_train[..., None], data.x_test[..., None]  # (N, 8, 8, 1): channels last
model = pel.Sequential(
    [
        Rescale(1 / 16),
        Conv2D(12, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Conv2D(24, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(10),
    ],
    seed=0,
)
model.compile(pel.optim.Adam(0.003), loss="cross_entropy", metrics=["accuracy"])
model.fit(x_train, data.y_train, batch_size=32, epochs=8, seed=0, verbose=0)
print()
model.summary()
print(f"\nTest error: {1 - model.evaluate(x_test, data.y_test)['accuracy']:.1%}")
