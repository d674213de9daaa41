"""What the methods `linear` and `encoder` train: a classifier, a tagger or an extractor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from narrowcast.core.hashing import combined_hash
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.linear import Answer, LinearClassifier
from narrowcast.models.extractors.extractor import Extractor
from narrowcast.models.taggers.tagger import TokenTagger
from narrowcast.store.files import sha256_file

Shipped = LinearClassifier | TokenTagger | Extractor
"""Its tables; the encoder is beside them."""


class TrainedModel(Protocol):
    """One in memory, with its encoder where it has one."""

    @property
    def size_bytes(self) -> int:
        """Of weights and vocabularies, the encoder's included."""

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text."""

    def judged(self, texts: Sequence[str], labels: Sequence[str]) -> tuple[list[Any], list[Answer]]:
        """Of each text the table that its answer is made of, and the answer."""

    def features(self, texts: Sequence[str]) -> list[Any]:
        """What is read of each text; equal in the exported file."""


def save_shipped(folder: Path, model: Shipped) -> None:
    """Write its tables and what they stand for."""
    if isinstance(model, TokenTagger):
        from narrowcast.models.taggers.files import save_tagger

        return save_tagger(folder, model)
    if isinstance(model, Extractor):
        from narrowcast.models.extractors.files import save_extractor

        return save_extractor(folder, model)
    from narrowcast.models.classifiers.files import save_classifier

    return save_classifier(folder, model)


def load_trained(project: ProjectPaths, manifest: RunManifest, settings: Settings) -> TrainedModel:
    """The model of a run.

    Raises:
        ModelError: files missing, or the encoder is not the one that the run was trained on.
        WorkspaceError: `system_file_edited`, if a file of the run is not the one that training wrote.
    """
    from narrowcast.models.extractors import files as of_extractors
    from narrowcast.models.taggers import files as of_taggers

    folder = project.adapters / manifest.run_id
    if (folder / of_taggers.DESCRIPTION).exists():
        from narrowcast.models.taggers.trained import load_trained_tagger

        return load_trained_tagger(project, manifest)
    if (folder / of_extractors.DESCRIPTION).exists():
        from narrowcast.models.extractors.trained import load_trained_extractor

        return load_trained_extractor(project, manifest, settings)
    from narrowcast.models.classifiers.loading import load_trained_classifier

    return load_trained_classifier(project, manifest, settings)


def shipped_files(folder: Path) -> list[Path]:
    """Its tables and what they stand for."""
    from narrowcast.models.classifiers import files as of_classifiers
    from narrowcast.models.extractors import files as of_extractors
    from narrowcast.models.taggers import files as of_taggers

    others = [[each.TABLES, each.DESCRIPTION] for each in (of_taggers, of_extractors)]
    of_classifier = [of_classifiers.TABLES, of_classifiers.DESCRIPTION]
    names = next((each for each in others if (folder / each[1]).exists()), of_classifier)
    return [folder / name for name in names]


def stored_bytes(folder: Path) -> int:
    """The size of these files.

    Raises:
        ModelError: if one is missing.
    """
    try:
        return sum(file.stat().st_size for file in shipped_files(folder))
    except OSError as error:
        raise ModelError(
            f"the classifier cannot be read: {first_line(error)}",
            where=str(folder),
            next_command="narrowcast train --force",
            reason_code="model_adapter_missing",
        ) from error


def shipped_sha256(folder: Path) -> str:
    """SHA-256 over these files, and the weights of its own encoder."""
    from narrowcast.models.classifiers.files import OWN_ENCODER

    files = [*shipped_files(folder), *sorted((folder / OWN_ENCODER).glob("*.safetensors"))]
    return combined_hash([sha256_file(each) for each in files])
