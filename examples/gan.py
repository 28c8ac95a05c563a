"""A GAN's two alternating steps: one network makes numbers, another tells them from real ones."""

import numpy as np

import pellucid as pel
from pellucid.nn import Dense

rng = np.random.default_rng(0)
noise, number = pel.Input((2,)), pel.Input((1,))
generator = pel.Model(noise, Dense(1)(Dense(16, "tanh")(noise)), seed=1)
hidden = Dense(16, "tanh")(Dense(16, "tanh")(number))
discriminator = pel.Model(number, Dense(1)(hidden), seed=2, name="discriminator")
discriminator.compile(pel.optim.Adam(0.01, beta_1=0.5), loss="binary_cross_entropy")

both = pel.Model(noise, discriminator(generator(noise)))  # shares the weights of the two
both.compile(
    pel.optim.Adam(0.002, beta_1=0.5), loss="binary_cross_entropy", rates={"discriminator": 0}
)

how = {"batch_size": "all", "seed": 0, "verbose": 0}
for _ in range(1500):
    real = rng.normal(3.0, 0.5, size=(64, 1))
    made = generator.predict(rng.normal(size=(64, 2)))
    discriminator.fit(np.vstack([real, made]), np.repeat([1, 0], 64), **how)
    both.fit(rng.normal(size=(64, 2)), np.ones(64), **how)  # moves the generator alone

made = generator.predict(rng.normal(size=(2000, 2)))
print(f"real: mean 3.0, deviation 0.5; made: mean {made.mean():.2f}, deviation {made.std():.2f}")
