"""The table of operations. Importing this package fills the registry."""

from pellucid.ops import (
    compare,
    contract,
    depthwise,
    elementwise,
    gather,
    inverse,
    movement,
    order,
    random,
    reduce,
)
from pellucid.ops.spec import REGISTRY

__all__ = [
    "REGISTRY",
    "compare",
    "contract",
    "depthwise",
    "elementwise",
    "gather",
    "inverse",
    "movement",
    "order",
    "random",
    "reduce",
]
