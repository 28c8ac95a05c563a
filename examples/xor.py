"""XOR: no line separates it, two ReLU units do. From ten random starts, how many find the way?"""

import numpy as np

import pellucid as pel

x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([0, 1, 1, 0])


def learn(hidden: int, seed: int) -> bool:
    """Whether a network with so many hidden units learns all four points."""
    layers = [pel.nn.Dense(hidden, activation="relu")] if hidden else []
    model = pel.Sequential([*layers, pel.nn.Dense(1)], seed=seed)
    model.compile(pel.optim.SGD(0.5), loss="binary_cross_entropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=4, epochs=500, seed=seed, verbose=0)
    return model.evaluate(x, y)["accuracy"] == 1.0


for hidden in (0, 2, 4, 8):
    solved = sum(learn(hidden, seed) for seed in range(10))
    print(f"{hidden} hidden units: {solved} of 10 starts solve XOR")
