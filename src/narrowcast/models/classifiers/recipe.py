"""What a linear classifier is made of: the features of a text, and the model over them.

Four usual combinations are baselines by name; a run of the method `linear` may take any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from narrowcast.models.classifiers.features import text_features

if TYPE_CHECKING:
    from narrowcast.models.classifiers.linear import Embed
    from narrowcast.models.encoders.encoder import Encoder

Feature = Literal["words", "characters", "encoder"]
Kind = Literal["logistic", "svm"]

_MAX_ITERATIONS = 1000
# A common choice for short texts; the optimum is flat.
_INVERSE_REGULARISATION = 20.0
# Vectors of length 1 want less regularisation than TF-IDF: of 3 to 300, the middle was best on 2,000 held-out
# train rows of Banking77, and 10 to 100 were within 0.003.
_OF_VECTORS = 30.0

NAMED: Mapping[str, tuple[tuple[Feature, ...], Kind]] = {
    "tfidf": (("words",), "logistic"),
    "tfidf-chars": (("words", "characters"), "logistic"),
    "svm": (("words", "characters"), "svm"),
    "encoder": (("encoder",), "logistic"),
    "encoder-svm": (("encoder", "words", "characters"), "svm"),
}
"""Baseline to what it is made of."""


@dataclass(frozen=True, slots=True)
class LinearRecipe:
    """An unfitted linear classifier.

    Attributes:
        features: what it sees.
        kind: logistic regression, whose probabilities are exact, or a support-vector machine, calibrated.
        seed: of the support-vector machine's coordinate descent and of its folds.
        encoder: loaded, where it is among the features.
        shared: vectors of train rows that another model has asked for are taken from here.
    """

    features: tuple[Feature, ...]
    kind: Kind
    seed: int = 0
    encoder: Encoder | None = None
    shared: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def named(
        cls, name: str, seed: int = 0, encoder: Encoder | None = None, shared: dict[str, Any] | None = None
    ) -> LinearRecipe:
        """That of a baseline."""
        features, kind = NAMED[name]
        return cls(features, kind, seed, encoder, {} if shared is None else shared)

    @property
    def embed(self) -> Embed | None:
        """From texts to the encoder's vectors; None where it has no encoder."""
        return self.encoder.embed if self.encoder else None

    def transformer(self) -> Any:
        """An unfitted transformer from texts to a matrix."""
        kinds = [each for each in self.features if each != "encoder"]
        encoder = self.encoder if "encoder" in self.features else None
        return text_features(*kinds, encoder=encoder, shared=self.shared)

    def model(self, *, probabilities: bool, groups: Sequence[str] = ()) -> Any:
        """An unfitted classifier; with probabilities, if asked for, fitted across the groups of its rows."""
        if self.kind == "svm":
            from narrowcast.models.classifiers.calibrated_svm import CalibratedSVM

            return CalibratedSVM(self.seed, calibrate=probabilities, groups=groups)
        from sklearn.linear_model import LogisticRegression

        strength = _OF_VECTORS if self.features == ("encoder",) else _INVERSE_REGULARISATION
        return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)


def baseline_of(features: tuple[str, ...], kind: str) -> str | None:
    """The baseline that is made of the same, if one is; of no features, the one that tags spans."""
    if not features:
        return "tfidf"
    for name, (known, how) in NAMED.items():
        if set(known) == set(features) and how == kind:
            return name
    return None
