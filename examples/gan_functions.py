"""The two steps of gan.py as one pure function: apply, grad, update, and jit around it."""

import numpy as np

import pellucid as pel
from pellucid.nn import Dense

rng = np.random.default_rng(0)
G = pel.Sequential([Dense(16, "tanh", input_shape=(2,)), Dense(1)], seed=1)
D = pel.Sequential([Dense(16, "tanh", input_shape=(1,)), Dense(16, "tanh"), Dense(1)], seed=2)
make_rule, tell_rule = pel.optim.Adam(0.002, beta_1=0.5), pel.optim.Adam(0.01, beta_1=0.5)


def surprise(logits):
    return np.mean(np.logaddexp(0, -logits))  # of -ln σ(logit)


def judged(tell, make, noise):
    return D.apply(tell, D.state, G.apply(make, G.state, noise)[0])[0]


@pel.jit
def step(make, make_slots, tell, tell_slots, real, noise):
    """A step of the discriminator's weights `tell`, then one of the generator's, `make`."""

    def telling(tell):
        return surprise(D.apply(tell, D.state, real)[0]) + surprise(-judged(tell, make, noise[0]))

    tell, tell_slots = tell_rule.update(pel.grad(telling)(tell), tell_slots, tell)
    slope = pel.grad(lambda make: surprise(judged(tell, make, noise[1])))(make)
    make, make_slots = make_rule.update(slope, make_slots, make)
    return make, make_slots, tell, tell_slots


now = G.params, make_rule.init(G.params), D.params, tell_rule.init(D.params)
for _ in range(1500):
    now = step(*now, rng.normal(3.0, 0.5, size=(64, 1)), rng.normal(size=(2, 64, 2)))
made = G.apply(now[0], G.state, rng.normal(size=(2000, 2)))[0].numpy()
print(f"real: mean 3.0, deviation 0.5; made: mean {made.mean():.2f}, deviation {made.std():.2f}")
