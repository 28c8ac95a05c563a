"""A siamese network: one body reads two digits, and their distance says whether they are one."""

import numpy as np

import pellucid as pel
from pellucid.nn import Basis, Concat, Dense, Flatten, Rescale

body = pel.Sequential(
    [Rescale(1 / 16), Flatten(), Dense(64, activation="relu"), Dense(8)], name="body"
)


def distance(both):
    """How far the two halves of each row are apart, (N, 1)."""
    return np.sqrt(np.sum((both[:, :8] - both[:, 8:]) ** 2, axis=1, keepdims=True) + 1e-12)


def contrastive(same, far):
    """Pulls equal digits together, and pushes others 1 apart (Hadsell et al., CVPR 2006)."""
    return (same * far**2 + (1 - same) * np.maximum(1 - far, 0) ** 2)[:, 0]


def pairs(x, y, count, seed):
    """Pairs of images, and whether their classes are equal: half of them are."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(y), count)
    second = [rng.choice(np.flatnonzero((y == y[i]) == (k % 2))) for k, i in enumerate(first)]
    return [x[first], x[second]], (y[first] == y[second]).astype(float)


one, other = pel.Input((8, 8)), pel.Input((8, 8))
model = pel.Model([one, other], Basis(distance)(Concat()([body(one), body(other)])), seed=0)
model.compile(pel.optim.Adam(0.003), loss=contrastive)
data = pel.data.load_digits(seed=0)
model.fit(*pairs(data.x_train, data.y_train, 4000, seed=0), epochs=20, seed=0, verbose=0)
images, same = pairs(data.x_test, data.y_test, 1000, seed=1)
right = np.mean((model.predict(images)[:, 0] < 0.5) == same)
print(f"{right:.1%} of 1,000 pairs of unseen images are told apart or together rightly.")
