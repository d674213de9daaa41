"""Texts to vectors: the transformer of a sentence encoder, its pooling, and its normalisation.

Reimers and Gurevych 2019, "Sentence-BERT".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.encoders.tokens import Reading, TextTokens, batches
from narrowcast.models.encoders.tokens import padded as padded_rows
from narrowcast.models.fit import fitting_model
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_UNUSED = "pooler."  # weights that no vector depends on


class Encoder:
    """A loaded sentence encoder, on the CPU in float32.

    Attributes:
        folder: it was loaded from.
        model: its transformer.
        module: the torch module that computes vectors of tokens with it.

    Raises:
        ModelError: if the tokenizer or the weights cannot be read.
        MissingExtraError: without torch, transformers or tokenizers.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        require("torch", "transformers", "tokenizers", "safetensors", purpose="a sentence encoder")
        self.folder = folder
        self._tokens = _tokenizer(folder)
        self.model = _model(folder)
        self.module = _module(self.model, folder)

    def embed(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Vectors of shape (texts, dimensions), in the order of the texts.

        Args:
            texts: any; of a long one only the first tokens are read.
            advance: called with the number of texts of each finished batch.
        """
        import numpy as np
        import torch

        vectors = np.zeros((len(texts), self.folder.dimensions), dtype=np.float32)
        tokens = self.tokens(texts)
        with torch.inference_mode():
            for rows in batches([len(each) for each in tokens]):
                ids, mask = padded([tokens[row] for row in rows])
                vectors[rows] = self.pooled(ids, mask).numpy()
                if advance is not None:
                    advance(len(rows))
        return vectors

    def save(self, folder: Path) -> None:
        """Write the encoder with the weights it has now, in the layout it was read from."""
        from shutil import copy2

        from safetensors.torch import save_file

        weights = {
            name: tensor.contiguous()
            for name, tensor in self.model.state_dict().items()
            if not name.startswith(_UNUSED)  # nobody trained them
        }
        folder.mkdir(parents=True)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        for name in self.folder.described_by:
            (folder / name).parent.mkdir(exist_ok=True)
            copy2(self.folder.path / name, folder / name)

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text as the model reads it: prompted, lowered and cut as the encoder asks."""
        return self._tokens.of(texts)

    def pooled(self, ids: Any, mask: Any) -> Any:
        """Vectors of shape (rows, dimensions) of padded rows; gradients flow where they are wanted."""
        return self.module(ids, mask)

    def tables(self, prefix: str = "") -> dict[str, NDArray[np.float32]]:
        """The weights that vectors are computed with by name, each with the prefix before it."""
        named = self.module.transformer.named_parameters()
        return {
            f"{prefix}{name}": table.detach().numpy() for name, table in named if not name.startswith(_UNUSED)
        }


def padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token ids and mask of shape (rows, longest) as tensors."""
    import torch

    ids, mask = padded_rows(rows)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def tokenizer_text(folder: EncoderFolder) -> str:
    """The text of `tokenizer.json`.

    Raises:
        ModelError: if it cannot be read.
    """
    file = folder.path / "tokenizer.json"
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable("the tokenizer cannot be read", file, error) from error


def reading_of(folder: EncoderFolder) -> Reading:
    """How the encoder reads a text."""
    return Reading(folder.prompt, folder.lowered, folder.longest)


def _tokenizer(folder: EncoderFolder) -> TextTokens:
    text = tokenizer_text(folder)
    try:
        return TextTokens(text, reading_of(folder))
    except ValueError as error:
        file = folder.path / "tokenizer.json"
        raise _unreadable("the tokenizer cannot be read", file, error) from error


def _model(folder: EncoderFolder) -> Any:
    import torch
    from transformers import AutoModel

    return fitting_model(AutoModel, folder.path, unused=[_UNUSED], dtype=torch.float32)


def _module(model: Any, folder: EncoderFolder) -> Any:
    from narrowcast.models.encoders.module import SentenceModule

    return SentenceModule(model, folder).eval()


def _unreadable(what: str, path: Path, error: Exception) -> ModelError:
    return ModelError(f"{what}: {first_line(error)}", where=str(path), next_command="narrowcast models list")
