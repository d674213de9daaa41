"""SentencePiece's BPE: `tokenizer.json` lists pairs in order, GGUF has a score for each token.

llama.cpp joins the two neighbours that make the token of the highest score, whatever pair they are. That is
the same as going through the list of pairs if

- the pairs of one token stand together, so that a score can stand for their place;
- each pair of tokens, or of single characters, that makes a token is in the list;
- no pair makes a special token, a byte or an unused one.

What SentencePiece trained fulfils all three; a tokenizer that does not is refused. Where a space is added
differs from tokenizer to tokenizer (`prefix_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

SPACE = "▁"
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
Prefix = Literal["never", "first", "always"]
"""Where a space is added: nowhere, at the very beginning, or also after each special token."""

_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
_PREPEND = {"type": "Prepend", "prepend": SPACE}
_SPLIT = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}

Pair = tuple[str, str]


def is_sentence_pieces(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a `tokenizer.json` is of this kind."""
    return bool(tokenizer.get("model", {}).get("byte_fallback"))


def prefix_of(tokenizer: Mapping[str, Any]) -> Prefix | None:
    """Where a space is added; None for a way that llama.cpp does not have."""
    normalizer, pre = tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer")
    if normalizer is None and pre and pre.get("type") == "Metaspace" and pre.get("replacement") == SPACE:
        scheme = pre.get("prepend_scheme", "always")
        return scheme if scheme in ("never", "first") else None
    if normalizer == _REPLACE and pre in (None, _SPLIT):
        return "never"
    if normalizer == {"type": "Sequence", "normalizers": [_PREPEND, _REPLACE]} and pre is None:
        return "always"
    return None


def with_prefix(prefix: Prefix) -> dict[str, Any]:
    """`prefix_of` reversed: normaliser, pre-tokeniser and decoder of a `tokenizer.json`."""
    steps: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if prefix != "never":
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    first = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": False}
    sequence = {"type": "Sequence", "normalizers": [_PREPEND, _REPLACE]}
    return {
        "normalizer": {"never": _REPLACE, "first": None, "always": sequence}[prefix],
        "pre_tokenizer": first if prefix == "first" else None,
        "decoder": {"type": "Sequence", "decoders": steps},
    }


def sentence_piece_problems(tokenizer: Mapping[str, Any]) -> list[str]:
    """What of a `tokenizer.json` llama.cpp would do otherwise."""
    model, added = tokenizer["model"], tokenizer.get("added_tokens", [])
    if model.get("type") != "BPE":
        return [f"its model is {model.get('type')}"]
    settings = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
    problems = [f"{name} is set" for name in settings if model.get(name)]
    prefix, vocab = prefix_of(tokenizer), model["vocab"]
    if prefix is None:
        problems.append("its normaliser and pre-tokeniser are of no form that is known here")
    if any(each not in vocab for each in BYTES):
        problems.append("it has no tokens for some bytes")
    split = (tokenizer.get("pre_tokenizer") or {}).get("split", True)
    if prefix in ("never", "first") and tokenizer.get("normalizer") is None and split:
        inner = next((each for each in vocab if SPACE in each[1:]), None)
        problems += [f"it splits at spaces, and the token {inner!r} has one inside"] if inner else []
    if prefix == "always":
        problems += [f"added token {each['content']!r} is normalised" for each in added if each["normalized"]]
    if problems:
        return problems
    apart = {each["content"] for each in added}
    special = {each["content"] for each in added if each.get("special")}
    return [*_order_problems(model, apart), *_pair_problems(model, apart, special)][:1]


def run_problems(path: Path, added: Iterable[Mapping[str, Any]]) -> list[str]:
    """Added tokens of several spaces (Gemma's), of which `tokenizer.json` does not make one token.

    llama.cpp takes such a run out of a text before it merges; the longest that is a token, from the left.
    """
    plain = [each for each in added if not each.get("special")]
    runs = {each["content"]: each["id"] for each in plain if SPACE in each["content"]}
    if not runs:
        return []
    from tokenizers import Tokenizer

    library = Tokenizer.from_file(str(path))
    for run, number in runs.items():
        ids = library.encode(f"x{run.replace(SPACE, ' ')}y", add_special_tokens=False).ids
        if run.strip(SPACE) or ids[1:-1] != [number]:
            return [f"{len(run)} spaces do not become the added token {run!r}"]
    return []


def pairs_of(model: Mapping[str, Any]) -> list[Pair]:
    """The pairs of a `tokenizer.json`, of either form."""
    pairs = (each.split(" ", 1) if isinstance(each, str) else each for each in model["merges"])
    return [(left, right) for left, right in pairs]


def scores_of(tokens: Sequence[str], model: Mapping[str, Any], apart: Iterable[str]) -> list[float]:
    """A score for each token: the place of its pairs in the list, negative."""
    order = _merge_order(pairs_of(model), set(apart))
    return [-float(order.get(token, len(order))) for token in tokens]


def _merge_order(pairs: Iterable[Pair], apart: set[str]) -> dict[str, int]:
    """The tokens that pairs make, in order; without those that are taken out of a text before."""
    tokens = dict.fromkeys(left + right for left, right in pairs)
    return {token: number for number, token in enumerate(each for each in tokens if each not in apart)}


def _order_problems(model: Mapping[str, Any], apart: set[str]) -> Iterable[str]:
    tokens = [left + right for left, right in pairs_of(model)]
    order = _merge_order(pairs_of(model), apart)
    numbers = [order[token] for token in tokens if token in order]
    if any(later < sooner for sooner, later in pairwise(numbers)):
        yield "the merges of one token do not stand together"
    first = next((at for at, token in enumerate(tokens) if token in order), len(tokens))
    if any(token in apart for token in tokens[first:]):
        yield "merges of added tokens stand among the others"


def _pair_problems(model: Mapping[str, Any], apart: set[str], special: set[str]) -> Iterable[str]:
    known, vocab = set(pairs_of(model)), model["vocab"]
    never = {*BYTES, *special, model.get("unk_token") or ""}
    for token in sorted(never):
        if any(_splits(token, vocab, set())):
            yield f"the text {token!r} would become the token of this name"
    for token in vocab.keys() - never - apart:
        for left, right in _splits(token, vocab, apart):
            if (left, right) not in known:
                yield f"{left!r} and {right!r} make a token, but are not among its merges"


def _splits(token: str, vocab: Mapping[str, int], apart: set[str]) -> Iterable[Pair]:
    """The pairs of neighbours, of tokens or single characters, that make a token."""
    for at in range(1, len(token)):
        left, right = token[:at], token[at:]
        stand = (at == 1 or left in vocab) and (len(right) == 1 or right in vocab)
        if stand and left not in apart and right not in apart:
            yield left, right
