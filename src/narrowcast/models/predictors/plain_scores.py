"""Label scores one label after another, for models whose layers cannot share one mask (sliding windows).

Slower than the trie and equal to it; the trie is tested against this.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from narrowcast.models.predictors.prefill import Reader


class PlainScorer:
    """Scores one label set.

    Args:
        reader: the model.
        answers: each label's tokens with the end of turn.
    """

    def __init__(self, reader: Reader, answers: Sequence[Sequence[int]]) -> None:
        self._reader, self._answers = reader, [list(answer) for answer in answers]

    def score(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Log-probability of each label after each prompt, not normalised: [prompts, labels], float32."""
        return torch.stack([self._score(prompt) for prompt in prompts])

    def _score(self, prompt: list[int]) -> torch.Tensor:
        scores = []
        for answer in self._answers:
            ids = torch.tensor([[*prompt, *answer[:-1]]], device=self._reader.device)
            positions = torch.arange(ids.shape[1], device=ids.device)
            picked = positions[len(prompt) - 1 :]
            logits = self._reader.forward(ids, positions[None], None, None, picked)
            target = torch.tensor(answer, device=ids.device)
            scores.append(logits.log_softmax(-1).gather(1, target[:, None]).sum())
        return torch.stack(scores)
