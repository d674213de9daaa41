"""The computation under a tagger as one torch module: the transformer, with how each word is written."""

from __future__ import annotations

from typing import Any

import torch

from narrowcast.models.taggers.words import SURFACES


class TokenModule(torch.nn.Module):  # type: ignore[misc]  # torch is not followed
    """Token ids, mask and surfaces, of shape (rows, tokens), to states of shape (rows, tokens, dimensions).

    Args:
        transformer: loaded.
        surface: table of shape (surfaces + 1, dimensions) that is added to the tokens' own embeddings; by
            default of zeros, with which the transformer computes what it did.
    """

    def __init__(self, transformer: Any, surface: Any = None) -> None:
        super().__init__()
        self.transformer = transformer
        width = transformer.get_input_embeddings().embedding_dim
        self.surface = torch.nn.Embedding(SURFACES + 1, width)
        with torch.no_grad():
            self.surface.weight.zero_() if surface is None else self.surface.weight.copy_(surface)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, surfaces: torch.Tensor
    ) -> torch.Tensor:
        """The last hidden states."""
        embedded = self.transformer.get_input_embeddings()(input_ids) + self.surface(surfaces)
        return self.transformer(inputs_embeds=embedded, attention_mask=attention_mask).last_hidden_state
