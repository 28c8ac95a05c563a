"""Transfer: a body learns the digits 0 to 4; a new head on it learns 5 to 9 from 50 images."""

import pellucid as pel
from pellucid.nn import Dense, Flatten, Rescale

data = pel.data.load_digits(seed=0)
low, high, unseen = data.y_train < 5, data.y_train >= 5, data.y_test >= 5
few_x, few_y = data.x_train[high][:50], data.y_train[high][:50] - 5
test_x, test_y = data.x_test[unseen], data.y_test[unseen] - 5

body = pel.Sequential(
    [Rescale(1 / 16), Flatten(), Dense(64, activation="relu"), Dense(32, activation="relu")],
    seed=0,
    name="body",
)
first = pel.Sequential([body, Dense(5)], seed=0)
first.compile(pel.optim.Adam(0.003), loss="cross_entropy")
first.fit(data.x_train[low], data.y_train[low], epochs=20, seed=0, verbose=0)
learnt = body.get_weights()

second = pel.Sequential([body, Dense(5)], seed=1)  # the trained body, a new head
second.compile(pel.optim.Adam(0.01), "cross_entropy", metrics=["accuracy"], rates={"body": 0})
second.fit(few_x, few_y, epochs=60, seed=0, verbose=0)
kept = body.get_weights()
frozen = second.evaluate(test_x, test_y)["accuracy"]
print(f"The head alone, trained on 50 images: {frozen:.1%} right.")

second.compile(pel.optim.Adam(0.001), "cross_entropy", metrics=["accuracy"])
second.fit(few_x, few_y, epochs=60, seed=0, verbose=0)
tuned = second.evaluate(test_x, test_y)["accuracy"]
print(f"Head and body together afterwards: {tuned:.1%} right.")
