"""Texts to vectors: the transformer of a sentence encoder, its pooling, and its normalisation.

Reimers and Gurevych 2019, "Sentence-BERT". The tokenizer is read from `tokenizer.json` itself, so that the
same text has the same tokens here, in an exported file and elsewhere. Texts are sorted by length and put
into batches of about equal numbers of tokens, so that little is spent on padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.fit import fitting_model
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOKENS_PER_BATCH = 4096  # padding included
_MAX_BATCH = 256  # texts
_UNUSED = "pooler."  # weights that no vector depends on


class Encoder:
    """A loaded sentence encoder, on the CPU in float32.

    Raises:
        ModelError: if the tokenizer or the weights cannot be read.
        MissingExtraError: without torch, transformers or tokenizers.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        require("torch", "transformers", "tokenizers", "safetensors", purpose="a sentence encoder")
        self.folder = folder
        self._tokenizer = _tokenizer(folder)
        self.model = _model(folder)

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
            for rows in _batches([len(each) for each in tokens]):
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
        prompted = [self.folder.prompt + text for text in texts]
        read = [text.lower() for text in prompted] if self.folder.lowered else prompted
        return [each.ids for each in self._tokenizer.encode_batch_fast(read)]

    def pooled(self, ids: Any, mask: Any) -> Any:
        """Vectors of shape (rows, dimensions) of padded rows; gradients flow where they are wanted."""
        import torch

        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.folder.pooling == "cls":
            pooled = states[:, 0]
        else:
            weight = mask[:, :, None].to(states.dtype)
            pooled = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=1) if self.folder.normalised else pooled


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Row numbers by length; padded to its longest text, a batch holds at most `_TOKENS_PER_BATCH` tokens."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and ((len(batch) + 1) * lengths[row] > _TOKENS_PER_BATCH or len(batch) == _MAX_BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token ids and mask of shape (rows, longest); the id of padding does not matter behind the mask."""
    import torch

    longest = max(1, *(len(row) for row in rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[number, : len(row)] = 1
    return ids, mask


def _tokenizer(folder: EncoderFolder) -> Any:
    from tokenizers import Tokenizer

    file = folder.path / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception for a damaged file
        raise _unreadable("the tokenizer cannot be read", file, error) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(folder.longest)
    return tokenizer


def _model(folder: EncoderFolder) -> Any:
    import torch
    from transformers import AutoModel

    return fitting_model(AutoModel, folder.path, unused=[_UNUSED], dtype=torch.float32)


def _unreadable(what: str, path: Path, error: Exception) -> ModelError:
    return ModelError(f"{what}: {first_line(error)}", where=str(path), next_command="narrowcast models list")
