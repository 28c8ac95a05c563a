"""What a person looks at: pictures, curves, and the derivation of a gradient.

matplotlib and SymPy are imported here and nowhere else, each at first use; pictures need neither.
"""

from typing import TYPE_CHECKING

from pellucid.core.forks import load
from pellucid.core.names import unknown_names

if TYPE_CHECKING:
    from pellucid.viz.figures import frames
    from pellucid.viz.functions import plot, surface
    from pellucid.viz.neurons import neuron, timeline
    from pellucid.viz.plane import boundary, contours, features
    from pellucid.viz.svg import Picture as Picture
    from pellucid.viz.svg import beside

__all__ = [  # and Picture, which these make
    "beside",
    "boundary",
    "contours",
    "features",
    "frames",
    "neuron",
    "plot",
    "surface",
    "timeline",
]

_MODULES = {  # loaded at first use
    **dict.fromkeys(("Picture", "beside"), "svg"),
    **dict.fromkeys(("boundary", "contours", "features"), "plane"),
    **dict.fromkeys(("plot", "surface"), "functions"),
    **dict.fromkeys(("neuron", "timeline"), "neurons"),
    "frames": "figures",
}

if not TYPE_CHECKING:
    _unknown = unknown_names("pellucid.viz", __all__, {"draw": "Write pel.draw."})

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            _unknown(name)
        found = getattr(load(f"pellucid.viz.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
