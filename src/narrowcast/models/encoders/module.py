"""The computation of a sentence encoder as one torch module: transformer, pooling, normalisation."""

from __future__ import annotations

import torch

from narrowcast.models.encoders.folder import EncoderFolder


class SentenceModule(torch.nn.Module):  # type: ignore[misc]  # torch is not followed
    """Token ids and mask, of shape (rows, tokens), to vectors of shape (rows, dimensions).

    Args:
        transformer: loaded, in evaluation mode.
        folder: says how its token vectors are pooled.
    """

    def __init__(self, transformer: torch.nn.Module, folder: EncoderFolder) -> None:
        super().__init__()
        self.transformer = transformer
        self._pooling, self._normalised = folder.pooling, folder.normalised

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The vectors."""
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self._pooling == "cls":
            pooled = states[:, 0]
        else:
            weight = attention_mask[:, :, None].to(states.dtype)
            pooled = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=1) if self._normalised else pooled
