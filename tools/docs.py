"""Writes the generated pages of docs/: `make docs`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import docs_lectures, docs_losses, docs_numpy, docs_tables  # noqa: E402


def bad_input() -> None:
    """docs/bad-input.md and docs/bad-input-keras.md, from the tables of the tests."""
    from tests import test_bad_input
    from tests.keras import wrong_page

    wrong_page.write()
    with tempfile.TemporaryDirectory() as folder:
        test_bad_input.PAGE.write_text(test_bad_input.page(Path(folder)), encoding="utf-8")


XOR_HEAD = """# One training step of the XOR network, printed in full

Written by `make docs`. A network with two inputs, two ReLU units and one output takes one step of
gradient descent (squared loss, learning rate 0.5) on the four points of XOR. This page shows the
whole step: the graph you read here is the graph that trains. The lecture's weights solve XOR
exactly; here the output weights start at (1, -1) instead of (1, -2), so that the step has something
to do. Each line is one node:

    name: type = operation(inputs, attributes)  → value

`f32[N,2]` is a float32 matrix with N rows and 2 columns, where N is the number of rows in the
batch: here 4. `contract(x, W, batch=(), summed=((1, 0),))` is the matrix product: it sums over axis
1 of x and axis 0 of W. Read it aloud: *v10 is x times the hidden weights; v11 adds the bias; v12 is
its ReLU …*
"""


def xor_step() -> None:
    """docs/xor-step.md: the step graph with the value of every node."""
    (ROOT / "docs" / "xor-step.md").write_text(xor_page(), encoding="utf-8")


def xor_page() -> str:
    import numpy as np

    import pellucid as pel
    from pellucid.graph.text import print_graph
    from pellucid.runtime import interpreter
    from pellucid.transform.show import short

    model = pel.Sequential(
        [
            pel.nn.Dense(2, activation="relu", name="hidden", input_shape=(2,)),
            pel.nn.Dense(1, name="out"),
        ],
        seed=0,
    )
    model.compile(pel.optim.SGD(0.5), "squared")
    model.set_weights([[[1, 1], [1, 1]], [0, -1], [[1], [-1]], [0]])
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    graph = model.training_graph(x, y)
    scalars = [np.asarray(0, np.int64), np.asarray(0, np.int64), np.asarray(0.5, np.float32)]
    values = interpreter.step(graph, [*model.get_weights(), *scalars, x, y])
    text = print_graph(graph, [short(value) for value in values], lines=False)
    head, *rows = text.rstrip().splitlines()
    loss = graph.outputs[-1]
    update = next(
        i
        for i, node in enumerate(graph.nodes)
        if node.op == "multiply"
        and "rate"
        in [
            graph.nodes[source].attrs[0][1]
            for source in node.inputs[:1]
            if graph.nodes[source].op == "input"
        ]
    )
    count = len(graph.inputs)
    parts = [
        XOR_HEAD,
        f"## Inputs\n\n```\n{head}\n" + "\n".join(rows[:count]) + "\n```",
        "## Forward: from the points to the loss\n\n```\n"
        + "\n".join(rows[count : loss + 1])
        + "\n```",
        "## Backward: from the loss to every gradient\n\n```\n"
        + "\n".join(rows[loss + 1 : update])
        + "\n```",
        "## Update: weights minus rate times gradient\n\n```\n"
        + "\n".join(rows[update:])
        + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


SOFTMAX_HEAD = """# The gradient of softmax regression, derived

Written by `make docs`. The probability of class k is p[i,k] = e^z[i,k] / Σ_k e^z[i,k] with
z = x·W + b, and the objective is the mean of -ln p[i,y[i]]. The gradient with respect to the logits
is *probability minus target*:

    ∂J/∂z[i,k] = (p[i,k] - [y[i] = k]) / N

No rule for softmax is built in. `pel.explain` reads the lines below off the graph, one operation a
line, applies each operation's own derivative and simplifies the result. Tests evaluate every line
and compare it with the numbers of the gradient.
`[y[i] = k]` is 1 where the condition holds, else 0.

```python
def cost(W, b, x, y):
    z = x @ W + b
    return -np.mean(np.sum(pel.numpy.one_hot(y, 3) * pel.numpy.log_softmax(z), axis=1))


print(pel.explain(cost, W, b, x, y, argnums=(0, 1)))
```
"""


def softmax_gradient() -> None:
    """docs/softmax-gradient.md: softmax with cross-entropy derived down to p - t."""
    (ROOT / "docs" / "softmax-gradient.md").write_text(softmax_page(), encoding="utf-8")


def softmax_page() -> str:
    import numpy as np

    import pellucid as pel

    def cost(W, b, x, y):  # type: ignore[no-untyped-def]
        z = x @ W + b
        return -np.mean(np.sum(pel.numpy.one_hot(y, 3) * pel.numpy.log_softmax(z), axis=1))

    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
    shown = pel.explain(cost, draw.normal(size=(4, 3)), np.zeros(3), x, y, argnums=(0, 1))
    return f"{SOFTMAX_HEAD}\n```\n{shown}\n```\n"


def operations() -> None:
    """docs/operations.md: what the registry-driven tests cover; all of them run for it."""
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", "tests/ops"],
        cwd=ROOT,
        check=True,
        env=os.environ | {"PELLUCID_REPORT": "docs/operations.md"},
        stdout=subprocess.DEVNULL,
    )


def lectures() -> None:
    """docs/lectures.md: all tests of the lectures run for it, in a process of their own."""
    subprocess.run([sys.executable, docs_lectures.__file__], cwd=ROOT, check=True)


def main() -> None:
    bad_input()
    xor_step()
    softmax_gradient()
    docs_numpy.main()
    docs_losses.main()
    docs_tables.main()
    operations()
    lectures()


if __name__ == "__main__":
    main()
