"""Fitting: texts and their classes to plain tables of weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from narrowcast.core.work import Work
from narrowcast.models.classifiers.bag import Bag
from narrowcast.models.classifiers.linear import ENCODER, LinearClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def fit_label(
    recipe: LinearRecipe, texts: Sequence[str], targets: Sequence[str], groups: Sequence[str] = ()
) -> LinearClassifier:
    """A classifier that gives each text one of the labels among the targets.

    Args:
        recipe: unfitted.
        texts: by row.
        targets: by row the label.
        groups: by row its group, empty where it has none; probabilities are fitted to rows of other groups.
    """
    features = recipe.transformer()
    inputs = features.fit_transform(list(texts))
    seen = sorted(set(targets))
    if len(seen) == 1:  # a classifier needs two classes; the only one seen is the answer
        return _assembled(recipe, features, seen, *_constant(inputs.shape[1], [0.0]))
    model = fitted(recipe.model(probabilities=True, groups=groups), inputs, targets)
    temperature = getattr(model, "temperature", 1.0)
    weights, bias = columns_of(model, two_sided=recipe.kind == "svm")
    classes = [str(each) for each in model.classes_]
    return _assembled(recipe, features, classes, weights, bias, temperature=temperature)


def fit_label_sets(
    recipe: LinearRecipe, texts: Sequence[str], sets: Sequence[Sequence[str]], work: Work
) -> LinearClassifier:
    """A classifier that gives each text any number of the labels in the sets: one model a label.

    A label of every text has no model and is given to every text.
    """
    import numpy as np

    features = recipe.transformer()
    inputs = features.fit_transform(list(texts))
    # In the order of the targets that name most: what is answered is ordered as what is expected.
    labels = list(dict.fromkeys(label for each in sorted(sets, key=len, reverse=True) for label in each))
    weights, bias = _constant(inputs.shape[1], [1.0] * len(labels))
    work.progress.start(f"fitting a model for each label on {len(texts):,} rows", len(labels))
    for column, label in enumerate(labels):
        work.cancel.check()
        classes = ["yes" if label in each else "no" for each in sets]
        if "no" in classes:
            model = fitted(recipe.model(probabilities=False), inputs, classes)
            own, constant = columns_of(model, two_sided=True)  # classes sorted: no, yes
            weights[:, column], bias[column] = own[:, 1], constant[1]
        work.progress.advance()
    return _assembled(recipe, features, labels, np.asarray(weights), bias, several=True)


def fit_side_by_side(
    recipe: LinearRecipe,
    texts: Sequence[str],
    questions: Sequence[Sequence[str]],
    columns: Sequence[str],
    work: Work,
) -> LinearClassifier:
    """A classifier of several questions on the same features, the columns of one after those of the other.

    Args:
        recipe: unfitted.
        texts: by row.
        questions: of each, by row, its class, of which there are two or more; columns are sorted by class.
        columns: what those of all questions are called.
        work: reports a step for each question.
    """
    import numpy as np

    features = recipe.transformer()
    inputs = features.fit_transform(list(texts))
    work.progress.start(f"fitting a model for each field on {len(texts):,} rows", len(questions))
    parts = []
    for targets in questions:
        work.cancel.check()
        model = fitted(recipe.model(probabilities=False), inputs, targets)
        parts.append(columns_of(model, two_sided=recipe.kind == "svm"))
        work.progress.advance()
    weights, bias = np.hstack([each for each, _ in parts]), np.concatenate([each for _, each in parts])
    return _assembled(recipe, features, columns, weights, bias, temperature=None)


@contextmanager
def many_classes() -> Iterator[None]:
    """Fit on few rows of many classes without scikit-learn's guess that numbers may be meant."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        yield


def fitted(model: Any, inputs: Any, targets: Sequence[str]) -> Any:
    """Fit a scikit-learn model on one BLAS thread.

    The solver's vectors are too small to gain from more, and where another process has one of the cores,
    threads that wait for each other make it several times slower.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1), many_classes():
        return model.fit(inputs, list(targets))


def _constant(features: int, bias: Sequence[float]) -> tuple[Floats, Floats]:
    import numpy as np

    return np.zeros((features, len(bias))), np.array(bias)


def columns_of(model: Any, *, two_sided: bool) -> tuple[Floats, Floats]:
    """Weights of shape (features, classes) and the bias of each class; the library keeps one row for two.

    Args:
        model: fitted.
        two_sided: of two classes each has a margin, one the negative of the other; otherwise the first has
            a score of 0, as the probabilities of a logistic regression are defined.
    """
    import numpy as np

    weights, bias = np.asarray(model.coef_).T, np.asarray(model.intercept_)
    if weights.shape[1] == 1:
        first = -1.0 if two_sided else 0.0
        weights, bias = np.hstack([first * weights, weights]), np.concatenate([first * bias, bias])
    return weights, bias


def _assembled(
    recipe: LinearRecipe,
    features: Any,
    classes: Sequence[str],
    weights: Floats,
    bias: Floats,
    *,
    several: bool = False,
    temperature: float | None = 1.0,
) -> LinearClassifier:
    """Cut the weights into the blocks of the features, in the order in which these stand side by side."""
    import numpy as np

    blocks, bags, start = {}, [], 0
    for name, part in features.transformer_list:
        if name == ENCODER:
            assert recipe.encoder is not None
            width = recipe.encoder.folder.dimensions
        else:
            bags.append(Bag.of(part, name))
            width = len(bags[-1].ngrams)
        blocks[name] = np.ascontiguousarray(weights[start : start + width], dtype=np.float32)
        start += width
    return LinearClassifier(
        classes=tuple(classes),
        bags=tuple(bags),
        blocks=blocks,
        bias=np.asarray(bias, dtype=np.float32),
        several=several,
        temperature=temperature,
    )
