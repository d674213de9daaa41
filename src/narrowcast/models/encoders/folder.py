"""What a folder of a sentence encoder holds, in the layout of sentence-transformers.

`modules.json` lists the steps: a transformer, a pooling of its token vectors, and mostly a normalisation.
Other steps are refused, and so is a folder that does not say how to pool: a guess would give vectors that
look right and are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from narrowcast.errors import ModelError
from narrowcast.models.folder import digest_of, read_list, read_object, stored_values, weight_files

Pooling = Literal["mean", "cls"]

_MODULES = "modules.json"
_OWN = "sentence_bert_config.json"
_TOKENIZER = "tokenizer_config.json"
_KNOWN_STEPS = ("Transformer", "Pooling", "Normalize")
_FILES = ("config.json", "tokenizer.json", _MODULES)
_DEFAULT_LONGEST = 512
# Of these, positions count from behind that of padding: a table of 514 with padding at 1 holds 512 tokens.
_COUNT_BEHIND_PADDING = frozenset({
    "bertweet", "camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
_ANY_LENGTH = 10**9  # transformers writes 1e30 for a tokenizer without a limit
_PADDING = 1  # where config.json does not say it


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """A sentence encoder that can be loaded.

    Attributes:
        path: the folder.
        architecture: transformers' model type.
        dimensions: of a vector.
        longest: tokens of a text that are read.
        pooling: `mean` over the tokens, or the first token, `cls`.
        normalised: vectors have length 1.
        prompt: what the publisher puts before each text; mostly nothing.
        lowered: texts are put in lower case first.
        parameters: stored weights.
        weights: safetensors files.
    """

    path: Path
    architecture: str
    dimensions: int
    longest: int
    pooling: Pooling
    normalised: bool
    prompt: str
    lowered: bool
    parameters: int
    weights: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of the weight files."""
        return sum(file.stat().st_size for file in self.weights)

    @property
    def described_by(self) -> list[str]:
        """Files besides the weights that decide a vector, relative to the folder."""
        return [name for name in (*_FILES, *_optional(self.path)) if (self.path / name).exists()]

    def fingerprint(self) -> str:
        """SHA-256 over weights, tokenizer and everything that decides a vector."""
        return digest_of(self.path, self.described_by, self.weights)


def is_encoder(path: Path) -> bool:
    """Whether a folder is one of a sentence encoder, usable or not."""
    return (path / _MODULES).is_file()


def read_encoder_folder(path: Path) -> EncoderFolder:
    """Check the folder of a sentence encoder, without loading it.

    Raises:
        ModelError: what is missing, or cannot be used: no pooling, an unknown step, pickled weights.
    """
    for name in _FILES:
        if not (path / name).is_file():
            raise _refuse(f"{name} is missing, so this is not a sentence encoder", path)
    config = read_object(path / "config.json")
    dimensions = config.get("hidden_size")
    if not isinstance(dimensions, int) or dimensions < 1:
        raise _refuse(f"config.json says no hidden_size: {dimensions!r}", path)
    steps, weights = _steps(path), weight_files(path)
    own = read_object(path / _OWN) if (path / _OWN).is_file() else {}
    return EncoderFolder(
        path=path,
        architecture=str(config.get("model_type", "")),
        dimensions=dimensions,
        longest=_longest(path, own, config),
        pooling=_pooling(path, steps),
        normalised="Normalize" in steps,
        prompt=_prompt(path),
        lowered=own.get("do_lower_case") is True,
        parameters=stored_values(weights),
        weights=weights,
    )


def _steps(path: Path) -> dict[str, str]:
    """Kind of step to its folder, in order."""
    listed = read_list(path / _MODULES)
    steps = {}
    for each in listed:
        if not isinstance(each, dict):
            raise _refuse(f"{_MODULES} lists something that is not a step", path)
        kind = str(each.get("type", "")).rpartition(".")[2]
        if kind not in _KNOWN_STEPS:
            raise _refuse(f"{_MODULES} has the step {kind!r}; known are {', '.join(_KNOWN_STEPS)}", path)
        steps[kind] = str(each.get("path", ""))
    return steps


def _pooling(path: Path, steps: dict[str, str]) -> Pooling:
    folder = steps.get("Pooling")
    file = path / (folder or "") / "config.json"
    if not folder or Path(folder).name != folder or not file.is_file():
        raise _refuse("nothing says how token vectors are pooled (1_Pooling/config.json)", path)
    config = read_object(file)
    named = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    on = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    modes = [named.get(mode, mode) for mode in on] or [str(config.get("pooling_mode", ""))]
    if modes == ["mean"]:
        return "mean"
    if modes == ["cls"]:
        return "cls"
    raise _refuse(f"the pooling {', '.join(modes) or 'none'} is not known; known are mean and cls", path)


def _longest(path: Path, own: dict[str, Any], config: dict[str, Any]) -> int:
    """The shortest of what the folder says of a text's length, in tokens."""
    positions = config.get("max_position_embeddings") or None
    if positions is not None and config.get("model_type") in _COUNT_BEHIND_PADDING:
        padding = config.get("pad_token_id")
        positions = _length(positions, path) - _length(_PADDING if padding is None else padding, path, 0) - 1
    given = own.get("max_seq_length") or _tokenizers_longest(path)
    lengths = [_length(each, path) for each in (positions, given) if each is not None]
    return min(lengths, default=_DEFAULT_LONGEST)


def _tokenizers_longest(path: Path) -> Any:
    """`model_max_length`; None where it is not said, or stands for any length."""
    file = path / _TOKENIZER
    longest = read_object(file).get("model_max_length") if file.is_file() else None
    return None if isinstance(longest, int | float) and longest > _ANY_LENGTH else longest


def _length(given: Any, path: Path, least: int = 1) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise _refuse(f"the longest text is given as {given!r}", path)
    return given


def _prompt(path: Path) -> str:
    file = path / "config_sentence_transformers.json"
    config = read_object(file) if file.is_file() else {}
    prompts, name = config.get("prompts"), config.get("default_prompt_name")
    return str(prompts.get(name, "")) if isinstance(prompts, dict) and name else ""


def _optional(path: Path) -> list[str]:
    own = read_object(path / _OWN) if (path / _OWN).is_file() else {}
    names = [_OWN, "config_sentence_transformers.json", *([] if own.get("max_seq_length") else [_TOKENIZER])]
    return [
        *names,
        *(f"{file.parent.name}/config.json" for file in sorted(path.glob("*_Pooling/config.json"))),
    ]


def _refuse(what: str, path: Path) -> ModelError:
    return ModelError(
        what,
        where=str(path),
        next_command="narrowcast models list, which names encoders that can be used",
    )
