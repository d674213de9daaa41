"""The one file that knows cyllama, the Python binding that carries llama.cpp without a compiler.

Pinned to 0.2.18. Two of its properties are worked around here: `get_logits_ith` reads `model.n_vocab`,
which its model class lacks; and llama.cpp's AMX kernels crash on quantised weights
(ggml-org/llama.cpp#20824), which `use_extra_bufts = False` avoids.

Used inside child processes only (`llama_worker`, `gguf.quantise`), so that a crash of native code is an
error message and not the end of the caller.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from narrowcast.models.cores import usable_cores

KV_TYPES = {"f32": 0, "f16": 1}  # ggml type numbers
BATCH = 512
"""Tokens in one decode."""
_SMALL = 100_000_000  # parameters
_FIRST_CAPACITY = 4096  # tokens that the cache holds at first
MAX_BRANCHES = 200
"""Continuations scored together; llama.cpp allows 256 sequences."""

Node = tuple[int, int, Sequence[int]]


class ContextExceededError(Exception):
    """More tokens than the model's context holds."""


class LlamaCpp:
    """One model with one context; sequence 0 holds the prompt, others branch off it.

    Args:
        path: a GGUF file.
        threads: of computation; None takes one for a small model, all cores for a larger one.
        kv_type: `f16` as other llama.cpp programs have it, or `f32` for exact comparisons.
    """

    def __init__(self, path: str, *, threads: int | None = None, kv_type: str = "f16") -> None:
        import cyllama.llama.llama_cpp as binding

        class Model(binding.LlamaModel):  # type: ignore[misc, name-defined, unused-ignore]
            @property
            def n_vocab(self) -> int:
                return int(self.get_vocab().n_vocab)

        binding.disable_logging()
        parameters = binding.LlamaModelParams()
        parameters.use_extra_bufts = False
        parameters.n_gpu_layers = 0
        self._binding = binding
        self.model: Any = Model(path, parameters)
        self.vocab: Any = self.model.get_vocab()
        self.context_length = int(self.model.n_ctx_train)
        self._settings = threads or self._threads(), kv_type
        self._capacity = min(self.context_length, _FIRST_CAPACITY)
        self._context = self._new_context()
        self._batch = binding.LlamaBatch(n_tokens=BATCH, embd=0, n_seq_max=MAX_BRANCHES + 1)
        self.held: list[int] = []
        """Tokens whose keys and values sequence 0 holds."""

    def _threads(self) -> int:
        # llama.cpp's threads wait for each other by spinning, dozens of times a token. Where another process
        # has a core, two threads were 57 times slower than one on an 11 M model (8 processes on 2 cores).
        return 1 if self.model.n_params < _SMALL else usable_cores()

    def _new_context(self) -> Any:
        threads, kv_type = self._settings
        parameters = self._binding.LlamaContextParams()
        parameters.n_ctx = self._capacity + BATCH  # room for one batch of branches after a full prompt
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_seq_max = MAX_BRANCHES + 1
        parameters.kv_unified = True  # branches share the prompt's cells
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.type_k = parameters.type_v = KV_TYPES[kv_type]
        parameters.flash_attn_type = 0
        return self._binding.LlamaContext(self.model, parameters)

    def runtime(self) -> dict[str, str]:
        """With what and how the file is computed; answers are proven for this."""
        from importlib.metadata import version

        return {
            "cyllama": version("cyllama"),
            "cached keys and values": self._settings[1],
            "batch": str(BATCH),
            "flash attention": "off",
            "repacked weights": "off",
            "layers on a GPU": "0",
        }

    def metadata(self) -> dict[str, str]:
        """The file's key-value pairs as strings."""
        return dict(self.model.metadata())

    def prefill(self, tokens: Sequence[int], start: int | None = None) -> list[Any]:
        """Let sequence 0 hold exactly `tokens`; what it already holds of them is not computed again.

        Args:
            tokens: the whole sequence, at least one.
            start: logits are wanted from this position on (default: the last alone).

        Returns:
            Arrays of `(vocabulary,)` float32, one for each position from `start`.

        Raises:
            ContextExceededError: if they do not fit.
        """
        if len(tokens) > self.context_length:
            raise ContextExceededError(
                f"{len(tokens)} tokens do not fit the context of {self.context_length}"
            )
        self._make_room(len(tokens))
        first = len(tokens) - 1 if start is None else start
        kept = min(_common_prefix(self.held, tokens), first)
        self._context.memory_seq_rm(0, kept, -1)
        self.held = list(tokens[:kept])
        rows: list[Any] = []
        for begin in range(kept, len(tokens), BATCH):
            end = min(begin + BATCH, len(tokens))
            self._batch.clear()
            for position in range(begin, end):
                self._batch.add(tokens[position], position, [0], position >= first)
            self._decode()
            rows += [self._row(position - begin) for position in range(max(begin, first), end)]
            self.held += tokens[begin:end]
        return rows

    def _make_room(self, tokens: int) -> None:
        """Grow the cache; a model's whole context may need gigabytes that most prompts never use."""
        if tokens <= self._capacity:
            return
        self._capacity = min(self.context_length, max(tokens, 2 * self._capacity))
        self._context.close()
        self._context = self._new_context()
        self.held = []

    @contextmanager
    def branches(self, count: int) -> Iterator[Callable[[Sequence[Node]], list[Any]]]:
        """Branches 1 to `count` after sequence 0, forgotten at the end of the block.

        Yields:
            A function that decodes nodes `(token, depth, branches that pass through it)`, parents in
            earlier calls than their children, at most `BATCH` nodes a call and in all; it returns the
            logits after each, `(vocabulary,)` float32.
        """
        for branch in range(1, count + 1):
            self._context.memory_seq_cp(0, branch, 0, -1)
        try:
            yield self._decode_nodes
        finally:
            for branch in range(1, count + 1):
                self._context.memory_seq_rm(branch, -1, -1)

    def _decode_nodes(self, nodes: Sequence[Node]) -> list[Any]:
        deepest = max(depth for _, depth, _ in nodes)
        if len(self.held) + deepest + 1 > self.context_length:
            raise ContextExceededError(f"an answer does not fit the context of {self.context_length}")
        self._batch.clear()
        for token, depth, numbers in nodes:
            self._batch.add(token, len(self.held) + depth, list(numbers), True)
        self._decode()
        return [self._row(index) for index in range(len(nodes))]

    def _decode(self) -> None:
        try:
            self._context.decode(self._batch)
        except Exception:
            self.forget()
            raise

    def forget(self) -> None:
        """Empty the cache."""
        self._context.kv_cache_clear()
        self.held = []

    def _row(self, index: int) -> Any:
        import numpy as np

        values = self._context.get_logits_ith(index)  # a list; packing it is the fastest way to an array
        return np.frombuffer(struct.pack(f"{len(values)}f", *values), dtype=np.float32)


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    for index, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine != theirs:
            return index
    return min(len(left), len(right))


# llama.cpp's `enum llama_ftype`
FILE_TYPES = {"q8_0": 7, "q4_k_m": 15, "q5_k_m": 17, "q6_k": 18}


def quantise_file(source: str, target: str, name: str) -> None:
    """llama.cpp's quantisation of a float GGUF; runs for seconds to minutes."""
    import cyllama.llama.llama_cpp as binding

    binding.disable_logging()
    parameters = binding.LlamaModelQuantizeParams()
    parameters.ftype = FILE_TYPES[name]
    parameters.nthread = usable_cores()
    binding.model_quantize(source, target, parameters)
