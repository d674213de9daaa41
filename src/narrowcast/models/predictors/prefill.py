"""Prompts of different lengths in one batch, and the prefix they share computed once.

Prompts are padded on the right and need no mask while they are read: under causal attention nothing sees
what follows it. What is appended later (answers, trie nodes) attends through an explicit mask that
leaves the padding out, at the positions it would have alone. So batching changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from narrowcast.models.head import PickedHead

_SHORTEST_PREFIX = 8  # tokens; below that, copying the cache costs more than it saves


@dataclass(slots=True)
class Batch:
    """Prompts that were read.

    Attributes:
        cache: keys and values, `width` columns a row.
        lengths: [rows], tokens of each prompt; columns after are padding.
        width: columns of the cache.
        logits: [rows, vocabulary], float32, for the token after each prompt.
    """

    cache: Any
    lengths: torch.Tensor
    width: int
    logits: torch.Tensor

    def prompt_mask(self) -> torch.Tensor:
        """[rows, width], true where a column holds a prompt token."""
        return torch.arange(self.width, device=self.lengths.device) < self.lengths[:, None]

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows."""
        self.cache.batch_select_indices(rows)
        self.lengths, self.logits = self.lengths[rows], self.logits[rows]


class Reader:
    """Runs a causal language model over batches.

    Args:
        model: in evaluation mode.
        pad: id that fills short rows.
        bf16: compute matrix products in bf16; residuals and logits stay in float32.
    """

    def __init__(self, model: Any, pad: int, *, bf16: bool) -> None:
        self.model, self.pad = model, pad
        self._bf16 = bf16
        self._head = PickedHead(model)
        self._prefix: list[int] = []
        self._prefix_cache: Any = None
        self.device = model.device
        self.ragged = _attends_everywhere(model.config)
        self.plain_head = _scales_nothing(model.config)

    def close(self) -> None:
        """Free the model and the cached prefix."""
        self._head.close()
        self._prefix_cache = self.model = None

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Inference, in bf16 where asked for."""
        kind = self.device.type
        context = torch.autocast(kind, dtype=torch.bfloat16) if self._bf16 else nullcontext()
        with torch.inference_mode(), context:
            yield

    def read(self, prompts: Sequence[list[int]]) -> Batch:
        """Read prompts; of equal length where the model is not `ragged`."""
        cache, done = self._shared(prompts)
        rest = [prompt[done:] for prompt in prompts]
        width = max(map(len, rest))
        ids = torch.tensor([each + [self.pad] * (width - len(each)) for each in rest], device=self.device)
        lengths = torch.tensor([len(each) for each in rest], device=self.device)
        last = torch.arange(len(rest), device=self.device) * width + lengths - 1
        positions = torch.arange(done, done + width, device=self.device).expand(len(rest), -1)
        logits = self.forward(ids, positions, cache, None, last)
        return Batch(cache, lengths + done, done + width, logits)

    def forward(
        self, ids: torch.Tensor, positions: torch.Tensor, cache: Any, mask: torch.Tensor | None, picked: Any
    ) -> torch.Tensor:
        """Append tokens to a cache.

        Args:
            ids: [rows, n].
            positions: [rows, n].
            cache: is extended by n columns; None keeps none.
            mask: [rows, n, columns], true where a token may look; None for plain causal attention.
            picked: numbers into the flattened [rows × n] grid.

        Returns:
            Float32 logits [picked, vocabulary].
        """
        with self.arithmetic(), self._head.at(picked):
            out = self.model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=None if mask is None else mask[:, None],
                past_key_values=cache,
                use_cache=True,
            )
        logits: torch.Tensor = out.logits.float()
        return logits

    def hidden(
        self, ids: torch.Tensor, positions: torch.Tensor, cache: Any, mask: torch.Tensor, picked: torch.Tensor
    ) -> torch.Tensor:
        """As `forward`, but the states in front of the output layer: [picked, width]."""
        with self.arithmetic():
            out = self.model.get_decoder()(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask[:, None],
                past_key_values=cache,
                use_cache=True,
            )
        states: torch.Tensor = out.last_hidden_state.flatten(0, 1)[picked]
        return states

    def logprobs(self, states: torch.Tensor) -> torch.Tensor:
        """Float32 log-probabilities [n, vocabulary] of states [n, width]; for a `plain_head` alone."""
        with self.arithmetic():
            logits = self.model.get_output_embeddings()(states)
        return logits.float().log_softmax(-1)

    def _shared(self, prompts: Sequence[list[int]]) -> tuple[Any, int]:
        """A cache that holds the prefix all prompts share (empty where it is short), and its length."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.model.config)
        shared = _common_prefix([prompt[:-1] for prompt in prompts])
        if not self.ragged or len(prompts) < 2 or len(shared) < _SHORTEST_PREFIX:
            return cache, 0
        if self._prefix_cache is None or _common_prefix([self._prefix, shared]) != self._prefix:
            self._prefix, self._prefix_cache = shared, DynamicCache(config=self.model.config)
            ids = torch.tensor([shared], device=self.device)
            positions = torch.arange(len(shared), device=self.device)[None]
            self.forward(ids, positions, self._prefix_cache, None, torch.tensor([0], device=self.device))
        for number, layer in enumerate(self._prefix_cache.layers):
            rows = (len(prompts), -1, -1, -1)
            cache.update(layer.keys.expand(rows), layer.values.expand(rows), number)
        return cache, len(self._prefix)


def _scales_nothing(config: Any) -> bool:
    """True where logits are what the output layer returns, without a cap or a scale after it."""
    names = ("final_logit_softcapping", "logits_scaling", "logit_scale")
    return all(getattr(config, name, None) in (None, 1.0) for name in names)


def _common_prefix(rows: Sequence[list[int]]) -> list[int]:
    first, last = min(rows), max(rows)  # whatever lies between begins as both do
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]


def _attends_everywhere(config: Any) -> bool:
    """True where no layer has a sliding window, so that one mask holds for all of them."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return kinds == {"full_attention"} and (
        window is None or getattr(config, "layer_types", None) is not None
    )
