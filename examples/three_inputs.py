"""Three inputs and two outputs: numbers, a category and a week of visits predict two things."""

import numpy as np

import pellucid as pel
from pellucid.nn import Concat, Conv1D, Dense, Embedding, Flatten

rng = np.random.default_rng(0)
x = {
    "profile": rng.normal(size=(600, 3)),  # three numbers of each customer
    "city": rng.integers(0, 4, size=(600, 1)),  # one of four
    "visits": rng.poisson(2.0, size=(600, 7, 1)),  # on each day of the last week
}
worth = np.array([1.0, -1.0, 0.5, 0.0])[x["city"][:, 0]]  # what the city adds
recent = x["visits"][:, 4:, 0].mean(axis=1)
y = {
    "spend": recent + worth + 0.5 * x["profile"][:, 0],
    "stays": (recent + x["profile"][:, 1] > 2).astype(int),
}

profile, city, visits = pel.Input((3,)), pel.Input((1,)), pel.Input((7, 1))
week = Flatten()(Conv1D(4, 3, activation="relu")(visits))
joined = Concat()([profile, Flatten()(Embedding(4, 2)(city)), week])
hidden = Dense(32, activation="tanh")(joined)
model = pel.Model(
    {"profile": profile, "city": city, "visits": visits},
    {"spend": Dense(1)(hidden), "stays": Dense(1, activation="sigmoid")(hidden)},
    seed=0,
)
model.compile(
    pel.optim.Adam(0.01),
    loss={"spend": "squared", "stays": "binary_cross_entropy"},
    metrics={"spend": ["r2"], "stays": ["accuracy"]},
    loss_weights={"spend": 1.0, "stays": 2.0},
)
model.fit(x, y, epochs=60, seed=0, verbose=0)
for name, value in model.evaluate(x, y).items():
    print(f"{name:15} {value:.3f}")
