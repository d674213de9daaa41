"""Encode the corpus once into flat ``uint16`` files that training maps into memory.

Each file is a stream of token ids, every document followed by ``<|endoftext|>``. The highest bit marks
tokens of assistant answers (content and ``<|im_end|>``), so one file carries ids and loss mask.

Run: ``python tools/pretrain/encode.py --corpus CORPUS --work WORK``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizer import corpus_files, records, render
from tokenizers import Tokenizer

ANSWER_BIT = 1 << 15
"""Set on the ids of assistant answers in the encoded streams."""


def batched(items: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of up to ``size`` items (``itertools.batched`` needs Python 3.12)."""
    while batch := list(islice(items, size)):
        yield batch


def pieces(record: dict[str, Any]) -> list[tuple[str, bool]]:
    """A record as ``(piece, is_answer)`` pairs: one plain piece for text, ChatML for conversations."""
    return [(record["text"], False)] if "text" in record else render(record["messages"])


def encode(tokenizer: Tokenizer, batch: Sequence[dict[str, Any]]) -> Iterator[np.ndarray]:
    """Yield one ``uint16`` array per record, closed by ``<|endoftext|>`` (id 0).

    Whole renderings are tokenised (so ids equal what inference sees), and the answer bit is set by
    character offsets.
    """
    split = [pieces(record) for record in batch]
    encodings = tokenizer.encode_batch(["".join(p for p, _ in ps) for ps in split], add_special_tokens=False)
    for parts, encoding in zip(split, encodings, strict=True):
        ids = np.array([*encoding.ids, 0], dtype=np.uint16)
        if any(answer for _, answer in parts):
            starts = np.array([a for a, _ in encoding.offsets])
            position = 0
            for text, answer in parts:
                if answer:
                    low, high = np.searchsorted(starts, [position, position + len(text)])
                    ids[low:high] |= ANSWER_BIT
                position += len(text)
        yield ids


def encode_files(tokenizer: Tokenizer, sources: Sequence[Path], target: Path) -> int:
    """Encode ``sources`` into ``target`` (atomically); return the number of tokens written."""
    total = 0
    partial = target.with_suffix(".part")
    with partial.open("wb") as out:
        for batch in batched(records(sources), 4096):
            joined = np.concatenate(list(encode(tokenizer, batch)))
            joined.tofile(out)
            total += len(joined)
    partial.rename(target)
    return total


def main() -> None:
    """Encode the two training streams, text and instruct."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    tokens = {}
    for kind in ("text", "instruct"):
        sources = corpus_files(options.corpus, kind)
        tokens[kind] = encode_files(tokenizer, sources, options.work / f"{kind}.bin")
        if not options.json:
            print(kind, tokens[kind], flush=True)
    if options.json:
        print(json.dumps({"tokens": tokens}))


if __name__ == "__main__":
    main()
