"""What the optimizer of a model remembers, and whether a run may go on with it."""

from __future__ import annotations

from typing import Any

from pellucid.core import notices
from pellucid.core.errors import ArgumentError
from pellucid.keras.networks import Network
from pellucid.keras.session import settle


class Remembering(Network):
    """A network that knows what its optimizer has trained."""

    optimizer: Any = None

    def _counted(self) -> None:
        """Lets the optimizer know how many steps it has done here."""
        other = self.optimizer.counted_by
        if other is not None and other != self._steps_done and other():
            notices.once(
                "[keras.compile] this optimizer trained another model, and begins anew with this "
                "one: Keras would go on with what it remembers of the other's weights."
            )
        self.optimizer.counted_by = self._steps_done

    def _take_over(self, optimizer: Any) -> None:
        """Takes the optimizer of a file, and what the network of the file remembers of it."""
        frozen = {id(one) for one in self._frozen()}
        self.optimizer, self._trained = optimizer, (optimizer, _trained(self._network, frozen))
        optimizer.counted_by = self._steps_done

    def _steps_done(self) -> int:
        """How many steps the optimizer has done with this model."""
        settle()
        network = self.trained_network()
        return int(network.training.get("step", 0)) if self._remembers(network) else 0

    def trained_network(self) -> Any:
        """The Model of ours that fit trains; None before there is one."""
        return self._network if self._objective is None else self._objective.network

    def _remembers(self, network: Any) -> bool:
        """Whether a network has slots of the optimizer."""
        same = self._trained is not None and self._trained[0] is self.optimizer
        return same and network is not None and network.slots is not None

    def _check_trained(self, where: str, network: Any, frozen: set[int], remembers: bool) -> None:
        """Refuses, as Keras does, to train other layers than the optimizer has slots of."""
        trained = _trained(network, frozen)
        if remembers and self._trained[1].keys() != trained.keys():
            known = self._trained[1]
            changed = [one for key, one in {**known, **trained}.items()
                       if (key in known) is not (key in trained)]  # fmt: skip
            raise ArgumentError(
                f"keras.{where}",
                "the layers that are trained must be those that the optimizer has trained, got "
                f"another trainable of {', '.join(changed)}",
                "Call compile with a new optimizer behind a change of trainable.",
            )
        self._trained = (self.optimizer, trained)


def _trained(network: Any, frozen: set[int]) -> dict[int, str]:
    """{id: name} of the layers with weights that are not frozen."""
    layers = network.architecture.unique().items()
    return {id(one): name for name, one in layers if id(one) not in frozen and one.variables.params}
