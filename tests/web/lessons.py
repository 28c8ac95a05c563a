"""Lessons for tests: models that `pel.lesson` writes, and the page's engine run in node."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid.core import trees
from tests.export.node import node

RNG = np.random.default_rng(0)
X = RNG.normal(size=(105, 2)).astype(np.float32)  # the last batch of ten is a half one
SIGNS = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
STEPS = 2000

RUN = """
const fs = require("fs"), vm = require("vm");
const [page, steps, out, points] = process.argv.slice(1);
const text = fs.readFileSync(page, "utf8");
const script = text.split("</script>")[1].split("<script>")[1];
vm.runInThisContext(`${script.slice(0, script.indexOf("const BLUE"))};globalThis.Engine = Engine`);
const { plan } = JSON.parse(text.split('application/json">')[1].split("</script>")[0]);
Engine.of(plan).then((engine) => {
  const done = engine.advance(Number(steps));
  fs.writeFileSync(out, Buffer.from(engine.buffer, plan.start[0], plan.start[1] - plan.start[0]));
  const told = { done, epoch: engine.epoch, halted: engine.halted, history: engine.history };
  told.outputs = plan.predict ? [...engine.predict(Float32Array.from(JSON.parse(points)))] : [];
  engine.reset();
  engine.scale = 0.5;
  engine.advance(30);
  told.rate = engine.rate();
  if (plan.epochs) {
    engine.advance(Infinity);
    told.end = [engine.epoch, engine.finished, engine.run(1)];
  }
  console.log(JSON.stringify(told));
});
"""


@dataclass
class Lesson:
    """A model, its data, and how it is trained."""

    layers: list[Any]
    optimizer: Any
    loss: str = "squared"
    y: Any = None
    metrics: list[str] = field(default_factory=list)
    penalty: Any = ()
    options: dict[str, Any] = field(default_factory=lambda: {"batch_size": 10})
    validation: bool = False
    x: Any = None

    def model(self) -> pel.Sequential:
        own = copy.deepcopy(self.layers)  # layers own their weights: each model has its own
        made = pel.Sequential(own, seed=1)
        made.compile(self.optimizer, self.loss, metrics=self.metrics, regularizer=self.penalty)
        return made

    @property
    def data(self) -> tuple[Any, Any]:
        return X if self.x is None else self.x, SIGNS if self.y is None else self.y

    def write(self, path: Path, model: pel.Sequential | None = None, **options: Any) -> Path:
        x, y = self.data
        held = (x[:40], y[:40]) if self.validation else None
        return pel.lesson(
            model or self.model(),
            x,
            y,
            path,
            validation_data=held,
            seed=3,
            **self.options,
            **options,
        )


SMALL = Lesson(
    [nn.Dense(4, "tanh"), nn.Dense(2, "tanh"), nn.Dense(1, "tanh")], optim.SGD(0.03, momentum=0.5)
)
MUCH = Lesson(
    [nn.Dense(8, "relu"), nn.BatchNorm(), nn.Dropout(0.2), nn.Dense(3, "softmax")],
    optim.Adam(optim.Cosine(0.02, 1500, 0.001)),
    "cross_entropy",
    CLASSES,
    ["accuracy"],
    nn.L1(1e-3),
    {"batch_size": 10, "epochs": 200},
    validation=True,
)


def plan_of(page: Path) -> dict[str, Any]:
    """What the page reads."""
    text = page.read_text("utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text)
    assert found
    told: dict[str, Any] = json.loads(found.group(1))
    return told


def state_of(model: Any) -> list[np.ndarray]:
    """The arrays that training changes, in the order of the page's."""
    slots = trees.leaves_of(model.slots)
    return [*trees.leaves_of(model.params), *slots, *trees.leaves_of(model.state)]


def read_state(page: Path, memory: bytes) -> list[np.ndarray]:
    """The same from the page's memory, without the step counter."""
    plan, found = plan_of(page)["plan"], []
    names = [name for name in plan["arrays"] if name.startswith("state")]
    for name in names[:-1]:
        told = plan["arrays"][name]
        dtype, start = np.dtype(told["dtype"]), told["address"] - plan["start"][0]
        size = int(np.prod(told["shape"], dtype=int)) * dtype.itemsize
        found.append(np.frombuffer(memory[start : start + size], dtype).reshape(told["shape"]))
    return found


def in_node(page: Path, steps: int, folder: Path, points: Any = ()) -> dict[str, Any]:
    """What the page's engine did in so many steps, with the state under "state"."""
    flat = np.asarray(points, np.float32).reshape(-1).tolist()
    told: dict[str, Any] = json.loads(node(RUN, page, steps, folder / "state", json.dumps(flat)))
    told["state"] = read_state(page, (folder / "state").read_bytes())
    return told


def same_bits(ours: list[np.ndarray], known: list[np.ndarray]) -> None:
    assert len(ours) == len(known) > 0
    for one, other in zip(ours, known, strict=True):
        assert one.shape == other.shape and one.tobytes() == other.tobytes()


def trained(lesson: Lesson, steps: int) -> tuple[Any, Any]:
    """The model after whole epochs of about so many steps in Python, and its history."""
    model = lesson.model()
    x, y = lesson.data
    size = lesson.options["batch_size"]
    epochs = steps // -(-len(x) // (len(x) if size == "all" else size))
    held = (x[:40], y[:40]) if lesson.validation else None
    history = model.fit(
        x, y, epochs=epochs, batch_size=size, seed=3, verbose=0, validation_data=held
    )
    return model, history
