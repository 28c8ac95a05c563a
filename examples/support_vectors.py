"""Support vector machines: margin, slack and C; a kernel; the proof that comes with each fit."""

import numpy as np

import pellucid as pel

draw = np.random.default_rng(0)
t = np.repeat([1, -1], 30)
x = draw.normal(size=(60, 2)) + 1.2 * t[:, None]

print("  C  margin  support vectors  slack")
for C in (0.01, 1.0, 100.0):
    plane = pel.svm.soft_margin(x, t, C=C)
    print(f"{C:5g}  {plane.margin:5.2f}  {len(plane.support):15}  {plane.slack.sum():5.2f}")

try:
    pel.svm.hard_margin([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
except pel.svm.NotSeparableError as error:
    print("\nXOR has no margin:", error.problem)

angle = draw.uniform(0, 2 * np.pi, 200)
inside = np.arange(200) < 100
ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(inside, 0.5, 1.0)[:, None]
machine = pel.svm.SVC("rbf", C=10.0).fit(ring, inside)
accuracy = (machine.predict(ring) == inside).mean()
print(f"\nA ring around a ring: {accuracy:.0%} right with {len(machine.support)} support vectors")
print(machine.certificate)
