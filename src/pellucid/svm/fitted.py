"""What every estimator of this room shares: attributes that are there after `fit`."""

from __future__ import annotations

from typing import Any, ClassVar

from pellucid.core.errors import ArgumentError, UnknownNameError, nearest

_ELSEWHERE = {
    "score": "Write (machine.predict(x) == y).mean(), or take the class of pellucid.sklearn.",
    "predict_proba": "Write Calibrated(machine).fit(x, y), which has it.",
    "predict_log_proba": "Write Calibrated(machine).fit(x, y), and take the log of predict_proba.",
}


class Fitted:
    """An object whose attributes in `_FITTED` are there after fit; `fit` sets the first of them."""

    _FITTED: tuple[str, ...] = ()
    _ELSEWHERE: ClassVar[
        dict[str, str]
    ] = {}  # what names of other libraries, or machines, mean here

    _names: Any = None  # how messages call the classes, where not by the labels of `fit`

    def _named(self, labels: Any) -> Any:
        return labels if self._names is None else self._names

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def _is_fitted(self) -> bool:
        return self._FITTED[0] in self.__dict__

    def _check_fitted(self, where: str) -> None:
        if not self._is_fitted:
            raise ArgumentError(
                where, "the machine must be fitted, got one that is not", "Call fit first."
            )

    def __getattr__(self, name: str) -> Any:
        if name in type(self)._FITTED:
            raise UnknownNameError(
                self._name, f"{name} is there after fit, got a machine without", "Call fit first."
            )
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(type(self), name):  # a property that failed in itself: its own error says more
            return object.__getattribute__(self, name)
        known = [*self._FITTED, *(one for one in dir(type(self)) if not one.startswith("_"))]
        hint = nearest(name, known, _ELSEWHERE | self._ELSEWHERE)
        raise UnknownNameError(self._name, f"there is no '{name}' here", hint)
