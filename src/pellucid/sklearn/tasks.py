"""scikit-learn's own callbacks, which it has since 1.9: an iteration is a task of `fit`.

In: what `set_callbacks` was given. Out: calls of their hooks. Before 1.9 there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class CallbackSupportMixin:
        """Stands for scikit-learn's, or for nothing where it is older."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]: ...

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:

        class CallbackSupportMixin:
            pass

        def with_callbacks(method):
            return method


__all__ = ["CallbackSupportMixin", "Tasks", "managed"]


@with_callbacks
def _end(estimator: Any) -> None:
    """Does nothing, behind which scikit-learn tears down what `Tasks` set up."""


@contextmanager
def managed(estimator: Any) -> Iterator[None]:
    """A `fit` behind which callbacks are torn down, whether it ended well or not."""
    try:
        yield
    finally:
        _end(estimator)


class Tasks:
    """The task `fit` of an estimator, and in it a task for each iteration.

    Args:
        data: X, y and metadata, as hooks may ask for them.
        fitted: the attributes that make a fitted estimator of a fresh one.
        iterations: how many there are at most.
    """

    def __init__(
        self,
        estimator: Any,
        data: Mapping[str, Any],
        fitted: Callable[[], dict[str, Any]],
        iterations: int,
    ):
        self.estimator, self.data, self.fitted = estimator, dict(data), fitted
        self.active = bool(getattr(estimator, "_skl_callbacks", ()))
        if self.active:
            self.whole = estimator._init_callback_context(max_subtasks=iterations)
            self.whole.call_on_fit_task_begin(estimator=estimator, **self.data)

    def begin(self) -> None:
        """Before an iteration."""
        if self.active:
            self.one = self.whole.subcontext(task_name="iteration")
            self.one.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self) -> bool:
        """After it; whether a callback asks for the end of training."""
        return bool(
            self.one.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=self.fitted
            )
        )

    def close(self) -> None:
        """After all of them."""
        if self.active:
            self.whole.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=self.fitted
            )
