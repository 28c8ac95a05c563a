"""What follows the training of a network, epoch by epoch, by scikit-learn's rules.

In: an estimator, whose attributes are written, and the run of its `fit`. Out: curves, the end of a
run that no longer makes progress, learning rates that fall, and the best weights at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pellucid.sklearn.tasks import Tasks
from pellucid.train.callback import Callback, Run

_SMALLEST_RATE = 1e-6  # below it "adaptive" no longer lowers the rate
_FACTOR = 5.0  # by which it does
_FLAT = 2.2e-9  # scipy's, which scikit-learn's networks have


class Following(Callback):
    """What both kinds of runs do after an epoch.

    Args:
        estimator: has `n_iter_`, `loss_` and so on.
        rows: rows that an epoch takes.
        offset: what the loss is counted from.
        tasks: scikit-learn's own callbacks.
    """

    every_step = False
    reads_model = False

    def __init__(self, estimator: Any, rows: int, offset: float, tasks: Tasks):
        self.estimator, self.rows, self.offset, self.tasks = estimator, rows, offset, tasks
        self.rested = False

    @property
    def only_averages(self) -> bool:  # type: ignore[override]
        return not self.tasks.active

    def on_start(self, run: Run) -> None:
        self.tasks.begin()

    def on_measured(self, run: Run) -> None:
        """What goes with the weights of the epoch, wherever Ctrl-C ends the run."""
        mine = self.estimator
        mine.n_iter_ += 1
        mine.t_ += self.rows
        mine.loss_ = run.logs["loss"] + self.offset

    def on_epoch(self, run: Run) -> None:
        mine = self.estimator
        if mine.verbose:
            print(f"Iteration {mine.n_iter_}: loss {mine.loss_:.8g}")
        self.measure(run)
        asked = self.tasks.active
        if asked:
            run.publish()
            asked = self.tasks.end()
        run.stop = run.stop or self.rested or asked
        if self.tasks.active and not run.stop and run.epoch < run.epochs:
            self.tasks.begin()

    def measure(self, run: Run) -> None:
        raise NotImplementedError


class Descent(Following):
    """Follows a minimizer: it rests where the gradient is 0 or steps lower nothing.

    Args:
        tol: the norm of the gradient that counts as 0.
        evaluations: the most evaluations of the objective.
        flat: a step that lowers the objective by a smaller part of it, or of 1, is the last one.

    Attributes:
        slope: the norm of the last gradient.
    """

    def __init__(self, *args: Any, tol: float, evaluations: float = math.inf, flat: float = _FLAT):
        super().__init__(*args)
        self.tol, self.most, self.flat, self.before = tol, evaluations, flat, math.inf
        self.slope = math.inf

    def measure(self, run: Run) -> None:
        loss = run.logs["loss"]
        fallen = self.before - loss
        least = self.flat * max(abs(loss), 1.0)
        flat = math.isfinite(self.before) and fallen <= least
        self.slope = run.logs["gradient_norm"]
        self.rested = flat or self.slope <= self.tol
        self.before = loss
        if run.evaluations >= self.most:
            run.stop = True


class Progress(Following):
    """Follows steps along gradients: it rests after epochs without progress.

    Args:
        rate: the first learning rate; None where the optimizer has its own.
        score: of the rows that are held back, by the weights that the model has; None: the loss
            counts.
        remember: keeps the best weights over several calls of `partial_fit`, where that is asked.
    """

    def __init__(
        self,
        *args: Any,
        rate: float | None,
        score: Callable[[], float] | None,
        remember: Callable[[], None] | None = None,
    ):
        super().__init__(*args)
        self.rate, self.score, self.remember = rate, score, remember
        self.best = 0

    @property
    def only_averages(self) -> bool:  # type: ignore[override]
        falls = self.estimator.learning_rate == "invscaling" and self.rate is not None
        return super().only_averages and self.score is None and not falls

    def on_start(self, run: Run) -> None:
        super().on_start(run)
        run.rate_scale = self.estimator._rate_scale
        if self.score is not None and self.remember is None:
            run.keep([])  # the weights of the start are the best so far

    def on_measured(self, run: Run) -> None:
        super().on_measured(run)
        self.estimator.loss_curve_.append(self.estimator.loss_)
        if self.score is None:
            self._by_loss()

    def measure(self, run: Run) -> None:
        mine = self.estimator
        if self.score is not None:
            run.publish()
            self._by_score(run, self.score())
        if mine.learning_rate == "invscaling" and self.rate is not None:
            mine._rate_scale = (mine.t_ + 1) ** -mine.power_t
        if mine._no_improvement_count > mine.n_iter_no_change:
            self._without_progress()
        run.rate_scale = mine._rate_scale

    def _by_loss(self) -> None:
        mine = self.estimator
        worse = mine.loss_ > mine.best_loss_ - mine.tol
        mine._no_improvement_count = mine._no_improvement_count + 1 if worse else 0
        mine.best_loss_ = min(mine.best_loss_, mine.loss_)

    def _by_score(self, run: Run, score: float) -> None:
        mine = self.estimator
        mine.validation_scores_.append(score)
        if mine.verbose:
            print(f"Validation score {score:.6g}")
        worse = not score >= mine.best_validation_score_ + mine.tol
        mine._no_improvement_count = mine._no_improvement_count + 1 if worse else 0
        if score > mine.best_validation_score_:
            mine.best_validation_score_ = score
            if self.remember is not None:
                self.remember()
            else:
                self.best = run.epoch
                run.keep([])

    def _without_progress(self) -> None:
        mine = self.estimator
        lowers = mine.learning_rate == "adaptive" and self.rate is not None
        if lowers and self.rate * mine._rate_scale > _SMALLEST_RATE:
            mine._rate_scale /= _FACTOR
            mine._no_improvement_count = 0
            if mine.verbose:
                print(f"Learning rate {self.rate * mine._rate_scale:g}")
        else:
            self.rested = True

    def on_end(self, run: Run) -> None:
        if self.score is not None and self.remember is None:
            run.restore(self.best)
