"""Whether a loaded tokenizer does what its `tokenizer.json` says.

transformers 5 builds some tokenizers anew from the class that `tokenizer_config.json` names, and drops parts
of `tokenizer.json` on the way: GPT2Tokenizer loses the splitting of digits of SmolLM2, for example; or adds
tokens for which the model has no row, as GemmaTokenizer does where the file has no <mask>. A model trained
and exported with such a tokenizer sees other tokens than its base was trained on, and nothing fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line

# What tokenizers differ in: digits, white space, contractions, cases, composed and decomposed letters; and
# what follows a special token.
_SPECIALS = 16  # added tokens that are tried
_PROBES = (
    "a  5",
    "I'll pay 1234567 euros, it's 3.14!! DON'T",
    "   leading,\ttabs\r\n\r\nand lines \n",
    "Grüße aus Köln, Straße 12; e\u0301te\u0301",
    "中文テスト 한국어 العربية 👩‍👩‍👧 ½²",
    '{"key": [1, 2.50, null], "snake_case": "CamelCase"}',
)


def faithful_tokenizer(tokenizer: Any, folder: Path) -> Any:
    """The tokenizer, or one that reads `tokenizer.json` as it is where the first does not agree with it.

    Args:
        tokenizer: as the library has loaded it.
        folder: of the model; without `tokenizer.json` there is nothing to compare with.

    Raises:
        ModelError: if neither agrees, or the library numbers added tokens otherwise than the file says.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return tokenizer
    read = _read(file)
    added = {number: str(token) for number, token in read.get_added_tokens_decoder().items()}
    _check_numbers(file, read)
    texts = [*_PROBES, *(f"a {token}b  {token} c" for token in list(added.values())[:_SPECIALS])]
    expected = [read.encode(text, add_special_tokens=False).ids for text in texts]
    agrees = _tokens(tokenizer, texts) == expected
    if agrees and _added(tokenizer) == added and _steps(tokenizer.backend_tokenizer) == _steps(read):
        return tokenizer
    from transformers import PreTrainedTokenizerFast

    plain = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    if _tokens(plain, texts) == expected:
        return plain
    if agrees:
        return tokenizer
    raise ModelError(
        "the tokenizer does not do what its tokenizer.json says",
        where=str(file),
        next_command="narrowcast models list",
    )


def _read(file: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception for a damaged file
        raise ModelError(
            f"tokenizer.json cannot be read: {first_line(error)}",
            where=str(file),
            next_command="narrowcast models list",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _check_numbers(file: Path, read: Any) -> None:
    """The library ignores the `id` of an added token that is not in the vocabulary."""
    for token in json.loads(file.read_bytes()).get("added_tokens") or []:
        if (number := read.token_to_id(token["content"])) != token["id"]:
            raise ModelError(
                f"tokenizer.json numbers {token['content']!r} {token['id']}, and the library {number}",
                where=str(file),
                next_command="narrowcast models list",
            )


def _added(tokenizer: Any) -> dict[int, str]:
    return {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}


def _steps(backend: Any) -> list[Any]:
    """Normaliser, pre-tokeniser and how merges are used, comparable."""
    steps = [each and each.__getstate__() for each in (backend.normalizer, backend.pre_tokenizer)]
    return [*steps, getattr(backend.model, "ignore_merges", None)]


def _tokens(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
