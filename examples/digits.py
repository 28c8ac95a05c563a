"""Handwritten digits: train, measure, save, load."""

import tempfile
from pathlib import Path

import pellucid as pel

data = pel.data.load_digits(seed=0)
model = pel.Sequential(
    [
        pel.nn.Rescale(1 / 16),
        pel.nn.Flatten(),
        pel.nn.Dense(100, activation="relu"),
        pel.nn.Dropout(0.2),
        pel.nn.Dense(10),
    ],
    seed=0,
)
model.compile(
    optimizer=pel.optim.Adam(0.003),
    loss="cross_entropy",
    metrics=["accuracy"],
    regularizer=pel.nn.L2(1e-4),
)
history = model.fit(
    data.x_train,
    data.y_train,
    batch_size=32,
    epochs=20,
    seed=0,
    verbose=0,
    validation_data=(data.x_test, data.y_test),
)
model.summary()
print(history)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.safetensors"
    model.save(path)
    again = pel.load(path)
    print("from the file:", again.evaluate(data.x_test, data.y_test))
    print("the first five:", again.predict_proba(data.x_test[:5]).argmax(axis=1), data.y_test[:5])
