"""A linear support-vector machine with probabilities.

Its margins say which class, not how sure that is. One temperature, fitted to margins of rows that the model
was not fitted on, makes probabilities of them (Guo et al. 2017, "On Calibration of Modern Neural Networks");
it changes no answer. Rows of one group are in one fold, and targets are smoothed as Platt (1999,
"Probabilistic Outputs for Support Vector Machines") does: where all n rows are right, that is evidence for
(n + 1) in (n + 2), not for certainty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from narrowcast.models.classifiers.fit import many_classes

CALIBRATION = 2
"""Raised where another temperature would be fitted: stored answers hold probabilities."""
_FOLDS = 3
_INVERSE_REGULARISATION = 1.0  # the library's own; the optimum is flat on short texts
_TEMPERATURES = (1e-4, 1e2)  # times the spread of the scores


class CalibratedSVM:
    """One-vs-rest, squared hinge loss; the interface of a scikit-learn classifier.

    Attributes:
        classes_: the classes, sorted.
        temperature: margins are divided by it before the softmax; None where too few rows of a class are
            there to fit it, and then there are no probabilities.
    """

    def __init__(self, seed: int = 0, *, calibrate: bool = True, groups: Sequence[str] = ()) -> None:
        self._seed, self._calibrate, self._groups = seed, calibrate, groups
        self.temperature: float | None = None

    def fit(self, inputs: Any, targets: Sequence[str]) -> CalibratedSVM:
        """Fit the model on all rows, and the temperature out of fold."""
        import numpy as np

        classes = np.array([str(each) for each in targets])
        with many_classes():
            self._model = self._fresh().fit(inputs, classes)
        self.classes_ = self._model.classes_
        if self._calibrate and min(Counter(targets).values()) >= _FOLDS:
            self.temperature = self._fitted_temperature(inputs, classes)
        return self

    def predict(self, inputs: Any) -> Any:
        """The class with the largest margin."""
        return self._model.predict(inputs)

    @property
    def coef_(self) -> Any:
        """Weights of shape (classes, features); of two classes one row, for the second."""
        return self._model.coef_

    @property
    def intercept_(self) -> Any:
        """Of shape (classes,), as `coef_`."""
        return self._model.intercept_

    def _fresh(self) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=_INVERSE_REGULARISATION, random_state=self._seed)

    def _fitted_temperature(self, inputs: Any, classes: Any) -> float | None:
        import numpy as np

        margins = np.zeros((len(classes), len(self.classes_)))
        known = np.zeros(len(classes), dtype=bool)
        for fit, held_out in self._folds(classes):
            if not len(held_out) or len({*classes[fit]}) < len(self.classes_):
                continue  # all rows of a class are in the groups that were held out
            with many_classes():
                model = self._fresh().fit(inputs[fit], classes[fit])
            margins[held_out], known[held_out] = _margins(model, inputs[held_out]), True
        if not known.any():
            return None
        return fitted_temperature(margins[known], np.searchsorted(self.classes_, classes[known]))

    def _folds(self, classes: Any) -> Any:
        """Rows to fit on and held-out rows, in turn; by class, and by group where there are any."""
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        if not any(self._groups):
            return StratifiedKFold(_FOLDS, shuffle=True, random_state=self._seed).split(classes, classes)
        # A row without a group is one of its own.
        groups = [group or f"row {row}" for row, group in enumerate(self._groups)]
        folds = min(_FOLDS, len({*groups}))
        if folds == 1:
            return []
        return StratifiedGroupKFold(folds, shuffle=True, random_state=self._seed).split(
            classes, classes, groups
        )


def fitted_temperature(scores: Any, right: Any) -> float:
    """The temperature under which smoothed targets are likeliest.

    Args:
        scores: of shape (rows, classes), of rows that the model was not fitted on.
        right: the column of the right class, by row.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows, classes = np.arange(len(right)), scores.shape[1]
    if classes < 2 or not np.ptp(scores):
        return 1.0  # nothing depends on it
    doubt = 1 / (len(right) + 2)  # shared by the other classes
    spread = max(float(np.std(scores - scores.mean(axis=1, keepdims=True))), np.finfo(np.float32).tiny)

    def loss(log_temperature: float) -> float:
        table = log_softmax(scores / np.exp(log_temperature), axis=1)
        likely = table[rows, right]
        others = (table.sum(axis=1) - likely) / (classes - 1)
        return float(-((1 - doubt) * likely + doubt * others).mean())

    bounds = tuple(np.log(np.asarray(_TEMPERATURES) * spread))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _margins(model: Any, inputs: Any) -> Any:
    """Of shape (rows, classes); the library gives one column for two classes."""
    import numpy as np

    margins = model.decision_function(inputs)
    return np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins
