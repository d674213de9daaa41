"""From a row of logits to a token: greedy, or temperature and nucleus sampling with a seed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.models.llama_scoring import log_softmax
from narrowcast.models.llama_vocabulary import LlamaVocabulary


@dataclass(slots=True)
class Sampler:
    """How the next token is chosen. Temperature 0 is greedy: the first of the largest logits."""

    temperature: float
    top_p: float
    top_logprobs: int
    """Alternatives to report with each token; -1 reports nothing."""
    generator: Any

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Sampler:
        """From a `generate` request; everything has a default but the prompt."""
        import numpy as np

        return cls(
            temperature=float(request.get("temperature", 0.0)),
            top_p=float(request.get("top_p", 1.0)),
            top_logprobs=int(request.get("top_logprobs", -1)),
            generator=np.random.default_rng(request.get("seed")),
        )

    def choose(self, row: Any) -> int:
        """The next token; `row` is `(vocabulary,)`."""
        import numpy as np

        if self.temperature <= 0.0:
            return int(row.argmax())
        probabilities = np.exp(log_softmax(row / self.temperature))
        order = np.argsort(-probabilities, kind="stable")
        cumulative = np.cumsum(probabilities[order])
        kept = order[: int(np.searchsorted(cumulative, self.top_p)) + 1]
        weights = probabilities[kept] / probabilities[kept].sum()
        return int(self.generator.choice(kept, p=weights))

    def report(self, row: Any, token: int, vocabulary: LlamaVocabulary) -> dict[str, Any]:
        """Log-probabilities of the chosen token and its alternatives, at temperature 1."""
        import numpy as np

        if self.top_logprobs < 0:
            return {}
        scores = log_softmax(row)
        best = np.argsort(-scores, kind="stable")[: self.top_logprobs]
        return {
            "logprob": float(scores[token]),
            "bytes": list(vocabulary.bytes_of(token)),
            "top": [[list(vocabulary.bytes_of(int(each))), float(scores[each])] for each in best],
        }


def encode_rows(rows: Sequence[Any]) -> list[str]:
    """Rows as base64 of little-endian float32."""
    return [base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") for row in rows]


def decode_rows(rows: Sequence[str]) -> Any:
    """Inverse of `encode_rows`: an array of `(rows, vocabulary)` float32."""
    import numpy as np

    return np.stack([np.frombuffer(base64.b64decode(row), dtype="<f4") for row in rows])
