"""Held-out bits per byte, defined once for training curves and for the final evaluation.

- **text**: each passage of ``text-valid`` alone, given ``<|endoftext|>`` as context; all of its tokens'
  negative log-likelihood in bits over its UTF-8 bytes.
- **instruct**: each conversation of ``instruct-valid`` rendered as ChatML, alone, from its first
  ``<|im_start|>`` (not scored); bits of all other tokens, markers included, over the UTF-8 bytes of the
  rendering with ``<|im_start|>`` and ``<|im_end|>`` removed (role names and newlines stay).
- **answers**: in the same forward pass, bits of the assistant contents and their ``<|im_end|>`` over the
  UTF-8 bytes of the contents.

Documents longer than ``WINDOW`` tokens are cut into windows without shared context (rare).

``packed`` measures the easier thing that many reports give: documents one after the other, each followed by
``<|endoftext|>``, in blocks of 512 tokens, so that most are read with others before them; bits of all tokens
over the UTF-8 bytes they decode to, markers left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizer import END, PAD, START, records, render
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy

WINDOW = 1024
"""Tokens of context at most, as in the last phase of training."""

Logits = Callable[[Tensor], Tensor]
"""Maps ids (batch, T) to logits (batch, T, vocabulary)."""


@dataclass(frozen=True, slots=True)
class Document:
    """One window: ids, and per predicted token (ids[1:]) whether it belongs to an answer."""

    ids: list[int]
    answers: list[bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """Windows of one kind and the UTF-8 bytes their bits are divided by."""

    documents: list[Document]
    bytes_all: int
    bytes_answers: int


def windows(ids: list[int], answers: list[bool]) -> list[Document]:
    """Cut one document, ``ids`` with flags per id, into windows of at most ``WINDOW`` predictions."""
    starts = range(0, len(ids) - 1, WINDOW)
    return [Document(ids[s : s + WINDOW + 1], answers[s + 1 : s + WINDOW + 1]) for s in starts]


def text_sample(tokenizer: Tokenizer, corpus: Path, limit: int | None = None) -> Sample:
    """Passages of the held-out text file, the first ``limit`` bytes of it or all."""
    documents: list[Document] = []
    size = 0
    pad: int = tokenizer.encode(PAD).ids[0]
    for record in records([corpus / "text-valid.jsonl.xz"]):
        ids = [pad, *tokenizer.encode(record["text"], add_special_tokens=False).ids]
        documents += windows(ids, [False] * len(ids))
        size += len(record["text"].encode())
        if limit is not None and size >= limit:
            break
    return Sample(documents, size, 0)


def instruct_sample(tokenizer: Tokenizer, corpus: Path, limit: int | None = None) -> Sample:
    """Conversations of the held-out instruct file, the first ``limit`` bytes of it or all."""
    documents: list[Document] = []
    size = answer_size = 0
    for record in records([corpus / "instruct-valid.jsonl.xz"]):
        ids: list[int] = []
        flags: list[bool] = []
        for piece, answer in render(record["messages"]):
            part = tokenizer.encode(piece, add_special_tokens=False).ids
            ids += part
            flags += [answer] * len(part)
            content = len(piece.replace(START, "").replace(END, "").encode())
            size += content
            answer_size += content if answer else 0
        documents += windows(ids, flags)
        if limit is not None and size >= limit:
            break
    return Sample(documents, size, answer_size)


@torch.no_grad()
def bits(sample: Sample, logits: Logits, batch_tokens: int = 8192) -> tuple[float, float]:
    """Total bits of all predicted tokens, and of the answers' tokens."""
    ordered = sorted(sample.documents, key=lambda d: len(d.ids))
    total = answers = 0.0
    while ordered:
        width = len(ordered[-1].ids)
        count = max(1, batch_tokens // width)
        batch, ordered = ordered[-count:], ordered[:-count]
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        real = torch.zeros(len(batch), width - 1, dtype=torch.bool)
        answer = torch.zeros(len(batch), width - 1, dtype=torch.bool)
        for row, document in enumerate(batch):
            ids[row, : len(document.ids)] = torch.tensor(document.ids)
            real[row, : len(document.ids) - 1] = True
            answer[row, : len(document.answers)] = torch.tensor(document.answers)
        scores = logits(ids[:, :-1]).flatten(0, 1)
        losses = torch.cat(
            [
                cross_entropy(s.float(), t, reduction="none")
                for s, t in zip(scores.split(1024), ids[:, 1:].flatten().split(1024), strict=True)
            ]
        )
        total += losses[real.flatten()].double().sum().item()
        answers += losses[(answer & real).flatten()].double().sum().item()
    return total / math.log(2), answers / math.log(2)


def bits_per_byte(logits: Logits, samples: Sequence[Sample]) -> dict[str, float]:
    """``text``, ``instruct`` and ``answers`` for ``samples`` = (text sample, instruct sample)."""
    text, instruct = samples
    text_bits, _ = bits(text, logits)
    all_bits, answer_bits = bits(instruct, logits)
    return {
        "text": text_bits / text.bytes_all,
        "instruct": all_bits / instruct.bytes_all,
        "answers": answer_bits / instruct.bytes_answers,
    }


@torch.no_grad()
def packed(tokenizer: Tokenizer, corpus: Path, logits: Logits, blocks: int = 200) -> dict[str, float]:
    """Bits per byte of ``text`` and ``instruct`` in the first ``blocks`` packed blocks of 512 tokens."""
    result: dict[str, float] = {}
    pad: int = tokenizer.encode(PAD).ids[0]
    for kind in ("text", "instruct"):
        ids: list[int] = []
        for record in records([corpus / f"{kind}-valid.jsonl.xz"]):
            text = record["text"] if kind == "text" else "".join(p for p, _ in render(record["messages"]))
            ids += [*tokenizer.encode(text, add_special_tokens=False).ids, pad]
            if len(ids) > blocks * 512:
                break
        total = size = 0.0
        for start in range(0, len(ids) - 512, 512):
            block = torch.tensor(ids[start : start + 513])
            total += cross_entropy(logits(block[None, :-1])[0].float(), block[1:], reduction="sum").item()
            size += len(tokenizer.decode(block[1:].tolist(), skip_special_tokens=True).encode())
        result[kind] = total / math.log(2) / size
    return result
