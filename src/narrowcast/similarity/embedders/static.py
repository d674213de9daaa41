"""`model2vec:FOLDER`: a static embedding model (model2vec) in a folder of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from narrowcast.errors import ModelError
from narrowcast.plugins.optional import require
from narrowcast.store.files import sha256_file

if TYPE_CHECKING:
    from narrowcast.similarity.embedders.base import EmbedderContext, Vectors


class StaticEmbedder:
    """Knows its words already: `fit` does nothing."""

    threshold = 0.85

    def __init__(self, folder: str, _context: EmbedderContext | None = None) -> None:
        path = Path(folder).expanduser()
        # For a name that is not a folder, the library would ask the model hub.
        if not folder or not (path / "model.safetensors").is_file():
            raise ModelError(
                "there is no static embedding model in this folder",
                where=folder or "model2vec:",
                next_command="--embedder model2vec:FOLDER, with model.safetensors and tokenizer.json",
            )
        require("model2vec", purpose="a model2vec embedder")
        from model2vec import StaticModel

        self.name = f"model2vec:{folder}"
        self.version = sha256_file(path / "model.safetensors")
        self._model = StaticModel.from_pretrained(path, normalize=True, force_download=False)

    def fit(self, texts: Sequence[str]) -> None:
        """Nothing is learned from the texts."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Dense unit rows in the model's dimensions."""
        import numpy as np

        return np.asarray(self._model.encode(list(texts), use_multiprocessing=False), dtype=np.float32)
