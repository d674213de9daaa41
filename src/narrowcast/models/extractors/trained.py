"""An extractor with the encoder it stands on, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.core.settings import Settings
from narrowcast.models.classifiers.linear import ENCODER, Answer
from narrowcast.models.classifiers.loading import ReadFeatures, TrainedClassifier, encoder_of_run
from narrowcast.models.extractors.extractor import Extractor, extracted
from narrowcast.models.extractors.files import load_extractor, word_tagger
from narrowcast.models.extractors.tagger import spans_of
from narrowcast.store.seals import require_unedited_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.models.encoders.encoder import Encoder

    Floats = NDArray[np.float32]

ReadWords = tuple[ReadFeatures, list[list[int]]]
"""What a classifier reads of a text, and of each word the rows of its features."""


@dataclass(frozen=True, slots=True)
class TrainedExtractor:
    """An extractor that answers.

    Attributes:
        encoder: gives the vectors it wants; None where it wants none.
    """

    extractor: Extractor
    encoder: Encoder | None = None

    @property
    def size_bytes(self) -> int:
        """Of weights and vocabularies, the encoder's included."""
        return (self.extractor.size_bytes or 0) + (self.encoder.folder.size_bytes if self.encoder else 0)

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; the labels of the task play no part."""
        return self.judged(texts, labels)[1]

    def judged(
        self,
        texts: Sequence[str],
        labels: Sequence[str],  # noqa: ARG002 - the contract
    ) -> tuple[list[Floats], list[Answer]]:
        """Scores of values and of tags, one after the other, and the answer, of each text."""
        import numpy as np

        extractor, tagger = self.extractor, word_tagger(self.extractor)
        tables: list[Floats] = []
        answers: list[Answer] = []
        scores = extractor.scores(texts, self.encoder.embed if self.encoder else None)
        for text, row in zip(texts, scores, strict=True):
            tags = tagger.scores(text) if tagger else np.zeros((0, 1), np.float32)
            spans = spans_of(text, tags, tagger.tags) if tagger else []
            tables.append(np.concatenate([row, tags.ravel()]))
            answers.append((extracted(extractor.fields, text, row, spans), None))
        return tables, answers

    def features(self, texts: Sequence[str]) -> list[ReadWords]:
        """What is read of each text."""
        classifier, tagger = self.extractor.classifier, word_tagger(self.extractor)
        nothing: list[ReadFeatures] = [([], {}) for _ in texts]
        read = TrainedClassifier(classifier, self.encoder).features(texts) if classifier else nothing
        words = [tagger.features.of(text) if tagger else [] for text in texts]
        return list(zip(read, words, strict=True))


def load_trained_extractor(
    project: ProjectPaths, manifest: RunManifest, settings: Settings
) -> TrainedExtractor:
    """The extractor of a run.

    Raises:
        ModelError: files missing, or the encoder is not the one that the run was trained on.
        WorkspaceError: `system_file_edited`, if a file of the run is not the one that training wrote.
    """
    folder = project.adapters / manifest.run_id
    require_unedited_folder(project, folder, owner=project.run_manifest(manifest.run_id))
    extractor = load_extractor(folder)
    if extractor.classifier is None or ENCODER not in extractor.classifier.blocks:
        return TrainedExtractor(extractor)
    return TrainedExtractor(extractor, encoder_of_run(manifest, settings))
