"""A trained classifier of a project into memory, with the encoder it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.core.settings import Settings
from narrowcast.models.classifiers.files import OWN_ENCODER, load_classifier
from narrowcast.models.classifiers.linear import ENCODER, Answer, LinearClassifier, answers_of
from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.loading import require_same_base
from narrowcast.store.seals import require_unedited_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.models.encoders.encoder import Encoder

    Floats = NDArray[np.float32]

ReadFeatures = tuple[list[int], dict[BagKind, tuple[list[int], list[int]]]]
"""Tokens of a text, and by kind of bag the columns of its n-grams and how often each occurs."""


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """A classifier that answers.

    Attributes:
        encoder: gives the vectors it wants; None where it wants none.
    """

    classifier: LinearClassifier
    encoder: Encoder | None = None

    @property
    def size_bytes(self) -> int:
        """Of weights and vocabularies, the encoder's included."""
        return self.classifier.size_bytes + (self.encoder.folder.size_bytes if self.encoder else 0)

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text."""
        return self.judged(texts, labels)[1]

    def judged(self, texts: Sequence[str], labels: Sequence[str]) -> tuple[list[Floats], list[Answer]]:
        """Log-probabilities of classes, or scores where there are none, and the answer, of each text."""
        if not texts:
            return [], []
        classifier = self.classifier
        scores = classifier.scores(texts, self.encoder.embed if self.encoder else None)
        logs = classifier.log_probabilities(scores)
        answers = answers_of(classifier.classes, scores, logs, labels, several=classifier.several)
        return list(scores if logs is None else logs), answers

    def features(self, texts: Sequence[str]) -> list[ReadFeatures]:
        """Tokens, and counted n-grams by kind of bag, of each text."""
        bags = [bag.vocabulary for bag in self.classifier.bags]
        tokens = self.encoder.tokens(texts) if self.encoder else [[] for _ in texts]
        counted = [{each.kind: each.counted(text) for each in bags} for text in texts]
        return list(zip(tokens, counted, strict=True))


def load_trained_classifier(
    project: ProjectPaths, manifest: RunManifest, settings: Settings
) -> TrainedClassifier:
    """The classifier of a run.

    Raises:
        ModelError: files missing, or the encoder is not the one that the run was trained on.
        WorkspaceError: `system_file_edited`, if a file of the run is not the one that training wrote.
    """
    folder = project.adapters / manifest.run_id
    require_unedited_folder(project, folder, owner=project.run_manifest(manifest.run_id))
    classifier = load_classifier(folder)
    if ENCODER not in classifier.blocks:
        return TrainedClassifier(classifier)
    from narrowcast.models.encoders.encoder import Encoder

    if manifest.method == "encoder":
        return TrainedClassifier(classifier, Encoder(read_encoder_folder(folder / OWN_ENCODER)))
    return TrainedClassifier(classifier, encoder_of_run(manifest, settings))


def encoder_of_run(manifest: RunManifest, settings: Settings) -> Encoder:
    """The encoder that a run took as it was.

    Raises:
        ModelError: it is not on this machine, or not the one that the run was trained on.
    """
    from narrowcast.models.encoders.encoder import Encoder

    encoder = resolve_encoder(manifest.base.name, settings)
    require_same_base(manifest, encoder.fingerprint(), str(encoder.path))
    return Encoder(encoder)
