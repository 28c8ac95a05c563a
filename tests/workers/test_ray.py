"""Ray places workers: the bits are those of one process."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import pellucid as pel
from tests.workers.simulated import hash_of
from tests.workers.test_fit import Begins, trained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'pellucid[ray]'")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 4})
    made.add_node(num_cpus=4)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


class Killed(pel.RayWorkers):
    """Actors of which one is killed at random moments."""

    killed = 0

    def open(self, data: Any) -> None:
        super().open(data)
        self._alive: list[Any] = []

    def start(self, given: dict[str, Any]) -> Any:
        one = super().start(given)
        self._alive.append(one)
        return one

    def begin(self) -> None:
        threading.Thread(target=self._kill, daemon=True).start()

    def _kill(self) -> None:
        for _ in range(2):
            time.sleep(random.uniform(0, 1.5))
            living = [one for one in self._alive if one.ended() is None]
            if living:
                random.choice(living).stop()
                self.killed += 1


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_actors_end_in_the_bits_of_one_process(cluster: Any, workers: int) -> None:
    assert hash_of(trained(pel.RayWorkers(workers))) == hash_of(trained())


def test_an_actor_that_dies_changes_no_bit(cluster: Any) -> None:
    launcher: Any = Killed(4)
    model = trained(launcher, 150, callbacks=[Begins(launcher)])
    assert launcher.killed >= 1
    assert hash_of(model) == hash_of(trained(epochs=150))
