"""Train the byte-level BPE of the embedded base and define its chat rendering.

The pre-tokeniser is Qwen2's split pattern followed by GPT-2's byte alphabet, so that llama.cpp reads
the result with ``tokenizer.ggml.pre = "qwen2"``. There is no normaliser (Qwen2 applies NFC): every byte
string of valid UTF-8 round-trips. Digits are single tokens.

Run: ``python tools/pretrain/tokenizer.py --corpus CORPUS --work WORK``
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
"""Padding and document boundary (id 0), start of a turn (id 1), end of a turn and EOS (id 2)."""

SPECIALS = (PAD, START, END, *(f"<|reserved_{i}|>" for i in range(5)))
"""The first eight ids; the reserved ones are untrained and free for tools or field marks."""

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def records(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield the JSON records of xz-compressed JSONL files, in order."""
    for path in paths:
        with lzma.open(path, "rb") as lines:
            for line in lines:
                yield json.loads(line)


def corpus_files(corpus: Path, kind: str) -> list[Path]:
    """The training files of ``kind`` ("text" or "instruct"); the ``valid`` file is never among them."""
    return sorted(p for p in corpus.glob(f"{kind}-*.jsonl.xz") if "valid" not in p.name)


def render(messages: Sequence[Mapping[str, str]]) -> list[tuple[str, bool]]:
    """ChatML as ``(piece, is_answer)`` pairs; joined, equal to ``chat_template.jinja`` without tools.

    An answer piece is an assistant turn's content with its closing ``<|im_end|>``: what a loss on
    answers alone covers.
    """
    pieces: list[tuple[str, bool]] = []
    for message in messages:
        pieces.append((f"{START}{message['role']}\n", False))
        pieces.append((message["content"] + END, message["role"] == "assistant"))
        pieces.append(("\n", False))
    return pieces


def plain(record: Mapping[str, Any]) -> str:
    """A record's text as the vocabulary trainer sees it, without special markers."""
    if "text" in record:
        return str(record["text"])
    return "\n".join(f"{m['role']}\n{m['content']}" for m in record["messages"])


def train(corpus: Path, vocab_size: int, characters: int) -> Tokenizer:
    """Train on the first ``characters / 2`` characters of each kind; the corpus files are shuffled."""

    def sample() -> Iterator[str]:
        for kind in ("text", "instruct"):
            seen = 0
            for record in records(corpus_files(corpus, kind)):
                text = plain(record)
                seen += len(text)
                yield text
                if seen > characters // 2:
                    break

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[AddedToken(s, special=True, normalized=False) for s in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=24,
        show_progress=False,
    )
    tokenizer.train_from_iterator(sample(), trainer)
    return tokenizer


def main() -> None:
    """Train and write ``tokenizer.json`` into the work folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--characters", type=int, default=50_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    tokenizer = train(options.corpus, options.vocab_size, options.characters)
    tokenizer.save(str(options.work / "tokenizer.json"))
    size, specials = tokenizer.get_vocab_size(), {each: tokenizer.token_to_id(each) for each in SPECIALS[:3]}
    if options.json:
        print(json.dumps({"vocabulary": size, "specials": specials}))
    else:
        print("vocabulary", size, list(specials.values()))


if __name__ == "__main__":
    main()
