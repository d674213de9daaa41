"""A tagger with the encoder it stands on, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.errors import ModelError
from narrowcast.models.classifiers.files import OWN_ENCODER
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.encoders.folder import EncoderFolder, read_encoder_folder
from narrowcast.models.encoders.tokens import IDS, MASK
from narrowcast.models.taggers.files import load_tagger
from narrowcast.models.taggers.tagger import SURFACE, TokenTagger, span_answer, word_tables
from narrowcast.models.taggers.windows import ReadText, WordTokens
from narrowcast.store.seals import require_unedited_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.models.encoders.encoder import Encoder

    Floats = NDArray[np.float32]


class TrainedTagger:
    """A tagger that answers.

    Attributes:
        tagger: its tables.
        encoder: whose transformer gives the states.
        module: computes them.
    """

    def __init__(self, tagger: TokenTagger, encoder: Encoder) -> None:
        import torch

        from narrowcast.models.taggers.module import TokenModule

        self.tagger, self.encoder = tagger, encoder
        self.module = TokenModule(encoder.model, torch.from_numpy(tagger.surface)).eval()
        self._tokens = word_tokens(encoder.folder)

    @property
    def size_bytes(self) -> int:
        """Of weights, the encoder's included."""
        return self.tagger.size_bytes + self.encoder.folder.size_bytes

    def answers(self, texts: Sequence[str], labels: Sequence[str]) -> list[Answer]:
        """An answer to each text; the labels of the task play no part."""
        return self.judged(texts, labels)[1]

    def judged(
        self,
        texts: Sequence[str],
        labels: Sequence[str],  # noqa: ARG002 - the contract
    ) -> tuple[list[Floats], list[Answer]]:
        """Log-probabilities of tags, of shape (words, tags), and the answer, of each text."""
        read = self._tokens.of(texts)
        kinds = self.tagger.kinds
        tables = word_tables(read, len(self.tagger.bias), self._computed)
        answers: list[Answer] = [
            (span_answer(*each, kinds), None) for each in zip(texts, read, tables, strict=True)
        ]
        return tables, answers

    def features(self, texts: Sequence[str]) -> list[ReadText]:
        """What is read of each text."""
        return self._tokens.of(texts)

    def _computed(self, batch: dict[str, Any]) -> Floats:
        import numpy as np
        import torch

        arrays = [torch.from_numpy(batch[name]) for name in (IDS, MASK, SURFACE)]
        with torch.inference_mode():
            scores = self.module(*arrays) @ torch.from_numpy(self.tagger.weight)
            logs = torch.log_softmax(scores + torch.from_numpy(self.tagger.bias), dim=2)
        return np.asarray(logs.numpy())


def load_trained_tagger(project: ProjectPaths, manifest: RunManifest) -> TrainedTagger:
    """The tagger of a run, with the encoder that was trained with it.

    Raises:
        ModelError: files missing or damaged.
        WorkspaceError: `system_file_edited`, if a file of the run is not the one that training wrote.
    """
    from narrowcast.models.encoders.encoder import Encoder

    folder = project.adapters / manifest.run_id
    require_unedited_folder(project, folder, owner=project.run_manifest(manifest.run_id))
    return TrainedTagger(load_tagger(folder), Encoder(read_encoder_folder(folder / OWN_ENCODER)))


def word_tokens(folder: EncoderFolder) -> WordTokens:
    """How an encoder reads words.

    Raises:
        ModelError: if its tokenizer cannot be used word by word.
    """
    from narrowcast.models.encoders.encoder import reading_of, tokenizer_text

    try:
        return WordTokens(tokenizer_text(folder), reading_of(folder))
    except ValueError as error:
        raise ModelError(
            f"the tokenizer cannot be used: {error}",
            where=str(folder.path / "tokenizer.json"),
            next_command="narrowcast models list",
        ) from error
