"""A linear support-vector machine with probabilities.

Its margins say which class, not how sure that is. One temperature, fitted to margins of rows that the model
was not fitted on, makes probabilities of them (Guo et al. 2017, "On Calibration of Modern Neural Networks");
it changes no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from narrowcast.models.classifiers.fit import many_classes

_FOLDS = 3
_INVERSE_REGULARISATION = 1.0  # the library's own; the optimum is flat on short texts
_TEMPERATURES = (1e-2, 1e2)


class CalibratedSVM:
    """One-vs-rest, squared hinge loss; the interface of a scikit-learn classifier.

    Attributes:
        classes_: the classes, sorted.
        temperature: margins are divided by it before the softmax; None where too few rows of a class are
            there to fit it, and then there are no probabilities.
    """

    def __init__(self, seed: int = 0, *, calibrate: bool = True) -> None:
        self._seed, self._calibrate = seed, calibrate
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

    def _fitted_temperature(self, inputs: Any, classes: Any) -> float:
        import numpy as np
        from sklearn.model_selection import StratifiedKFold

        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=self._seed)
        margins = np.zeros((len(classes), len(self.classes_)))
        for fit, held_out in folds.split(np.zeros(len(classes)), classes):
            with many_classes():
                model = self._fresh().fit(inputs[fit], classes[fit])
            margins[held_out] = _margins(model, inputs[held_out])
        return fitted_temperature(margins, np.searchsorted(self.classes_, classes))


def fitted_temperature(scores: Any, right: Any) -> float:
    """The temperature under which the right classes are likeliest.

    Args:
        scores: of shape (rows, classes), of rows that the model was not fitted on.
        right: the column of the right class, by row.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(right))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(scores / np.exp(log_temperature), axis=1)[rows, right].mean())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _margins(model: Any, inputs: Any) -> Any:
    """Of shape (rows, classes); the library gives one column for two classes."""
    import numpy as np

    margins = model.decision_function(inputs)
    return np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins
