"""Whether a GGUF file is a given model folder: every tensor, every token, every setting.

A file of float weights is compared with the folder. A quantised one is compared with the folder, and with
what llama.cpp makes of the folder today: quantising is deterministic, so a file of the same version has the
same bytes. Where the bytes differ (another version, another machine) a tensor must be as near to the
measured weights as the one made today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.parity import Cause, Mismatch
from narrowcast.errors import ModelError
from narrowcast.models.gguf.bounds import BOUNDS, largest_errors
from narrowcast.models.gguf.reader import GgufContent, GgufTensor, read_gguf
from narrowcast.models.gguf.writer import STOP_KEY, FloatType, GgufPlan

SCALE = 0.003
"""How far a tensor's scale may lie from that of the tensor quantised today. Quantising from another float
type, which rounds otherwise, moves it by 0.00015 on models with random weights."""
ERROR = 1.1
"""How much larger its squared error may be; from another float type at most 1.07."""

_SPECIAL_TOKENS = {
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.padding_token_id",
    STOP_KEY,
}
_TEMPLATE = "tokenizer.chat_template"
_REPOSITORY = "general.base_model.0.repo_url"  # of the catalogue, which may know another one tomorrow
_FREE = {"general.name", "general.file_type", "general.quantization_version", _REPOSITORY}
_NEWER = ("general.license", "general.base_model.")
"""How keys begin that files of older versions lack."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the comparison found.

    Attributes:
        mismatch: None where the file is the model.
        exact: it has the very bytes that quantising the model gives today; float files never need this.
    """

    mismatch: Mismatch | None
    exact: bool


def compare_gguf(
    path: Path,
    plan: GgufPlan,
    file_format: str,
    *,
    source: FloatType,
    quantised: Path | None,
    run_id: str = "",
) -> Identity:
    """Compare a file with the model.

    Args:
        path: the file.
        plan: of the measured model's folder.
        file_format: what the file is called: `f16`, `q8_0`, ...
        source: float type that quantisation begins from.
        quantised: the model quantised today, where `file_format` is a quantisation.
        run_id: of the model; a file that names another one is refused by that name.
    """
    try:
        content = read_gguf(path)
    except ModelError as error:
        return Identity(Mismatch("file", error.what), exact=False)
    today = None if quantised is None else read_gguf(quantised)
    mismatch = (
        _run(content.metadata, run_id)
        or _structure(content, _expected(plan, file_format, today))
        # The one key that depends on the float type is the file type, which is free.
        or _settings(content.metadata, plan.metadata(source))
    )
    if mismatch:
        return Identity(mismatch, exact=False)
    exact = True
    for number, tensor in enumerate(content.tensors):
        other = today.tensors[number] if today else None
        same = other is None or _same_bytes(tensor, other)
        exact = exact and same
        detail = _values(tensor, plan, source, None if same else other)
        if detail:
            return Identity(Mismatch("weights", detail), exact=False)
    return Identity(None, exact)


def _run(metadata: Mapping[str, Any], run_id: str) -> Mismatch | None:
    words = str(metadata.get("general.name", "")).split()
    named = words[-1] if words else ""
    if run_id and named.startswith("exp-") and named != run_id:
        return Mismatch("run", f"the file is of run {named}")
    return None


def _expected(plan: GgufPlan, file_format: str, today: GgufContent | None) -> list[tuple[str, Any, str]]:
    """Name, shape and type of every tensor, in order."""
    if today is not None:
        return [(each.name, each.shape, each.kind) for each in today.tensors]
    kinds = {name: "F32" if len(plan.shape(name)) == 1 else file_format.upper() for name in plan.names()}
    return [(name, plan.shape(name), kind) for name, kind in kinds.items()]


def _structure(found: GgufContent, expected: Sequence[tuple[str, Any, str]]) -> Mismatch | None:
    names, right = [each.name for each in found.tensors], [name for name, _, _ in expected]
    missing, foreign = set(right) - set(names), set(names) - set(right)
    if missing or foreign or len(names) != len(right):
        first = min(missing | foreign, default="one")
        word = "missing" if first in missing else "not of the model"
        return Mismatch("weights", f"tensor {first} is {word}")
    for tensor, (name, shape, kind) in zip(found.tensors, expected, strict=True):
        if tensor.name != name:
            return Mismatch("weights", f"tensor {tensor.name} stands where {name} belongs")
        if tensor.shape != tuple(shape):
            return Mismatch("weights", f"tensor {name} has the shape {tensor.shape}, not {tuple(shape)}")
        if tensor.kind != kind:
            return Mismatch("weights", f"tensor {name} is stored as {tensor.kind}, not {kind}")
    return None


def _settings(found: Mapping[str, Any], expected: Mapping[str, Any]) -> Mismatch | None:
    for key in dict.fromkeys((*expected, *found)):
        if key in _FREE:
            continue
        if key not in found and key.startswith(_NEWER):
            continue
        if key not in found or key not in expected:
            word = "missing" if key not in found else "not of the model"
            return Mismatch(_cause(key), f"{key} is {word}")
        detail = _differing(found[key], expected[key])
        if detail:
            return Mismatch(_cause(key), f"{key}{detail}")
    return None


def _cause(key: str) -> Cause:
    if key == _TEMPLATE:
        return "template"
    if key in _SPECIAL_TOKENS:
        return "eos"
    return "tokenizer" if key.startswith(("tokenizer.", "narrowcast.tokenizer.")) else "metadata"


def _differing(value: Any, expected: Any) -> str:
    """In what two values differ; empty where they are equal. Numbers are stored as float32."""
    import numpy as np

    if isinstance(expected, list | tuple):
        if not isinstance(value, list) or len(value) != len(expected):
            size = len(value) if isinstance(value, list) else 0
            return f" has {size} entries, not {len(expected)}"
        places = (index for index, pair in enumerate(zip(value, expected, strict=True)) if pair[0] != pair[1])
        first = next(places, None)
        return "" if first is None else f" has {value[first]!r} at {first}, not {expected[first]!r}"
    if isinstance(expected, float) and isinstance(value, float | int):
        return "" if np.float32(value) == np.float32(expected) else f" is {value}, not {expected}"
    if value == expected:
        return ""
    return " differs" if isinstance(expected, str) and len(expected) > 40 else f" is {value}, not {expected}"


def _same_bytes(tensor: GgufTensor, other: GgufTensor) -> bool:
    import numpy as np

    return bool(np.array_equal(tensor.data, other.data))


def _values(tensor: GgufTensor, plan: GgufPlan, source: str, made: GgufTensor | None) -> str:
    """What is wrong with a tensor's weights; empty where nothing is.

    Raises:
        ModelError: a type whose error has no bound here.
    """
    import numpy as np

    if tensor.kind not in BOUNDS:
        raise ModelError(f"tensor {tensor.name} is {tensor.kind}, and how exact that is, is not known")
    weights = plan.weights(tensor.name).reshape(-1, tensor.shape[-1])
    beyond, largest = 0, 0.0
    for rows, stored in tensor.values():
        bound = largest_errors(tensor.kind, weights[rows], source)
        excess = np.abs(stored - weights[rows]) - bound * (1 + 1e-5)
        outside = ~(excess <= 0)  # also where the file holds NaN
        beyond += int(outside.sum())
        largest = max(largest, float(np.where(outside, np.abs(stored - weights[rows]), 0).max(initial=0.0)))
    if beyond:
        share = beyond / weights.size
        return (
            f"tensor {tensor.name}: {share:.2%} of its weights lie farther from the measured ones than "
            f"{tensor.kind} can bring them, by up to {largest:.2g}"
        )
    return "" if made is None else _as_a_whole(tensor, made, weights)


def _as_a_whole(tensor: GgufTensor, made: GgufTensor, weights: Any) -> str:
    scale, error = _fit(tensor, weights)
    scale_today, error_today = _fit(made, weights)
    if abs(scale - scale_today) > SCALE:
        return f"tensor {tensor.name} is scaled by {1 + scale - scale_today:.4f}"
    if error > ERROR * error_today:
        return f"tensor {tensor.name} is {error / error_today:.2f} times as inexact as {tensor.kind} makes it"
    return ""


def _fit(tensor: GgufTensor, weights: Any) -> tuple[float, float]:
    """The scale of the stored weights against the measured ones, and their squared error, relative."""
    import numpy as np

    product = square = error = 0.0
    for rows, stored in tensor.values():
        measured = weights[rows].astype(np.float64)
        product += float((measured * stored).sum())
        square += float((measured**2).sum())
        error += float(((stored - measured) ** 2).sum())
    return (product / square, error / square) if square else (1.0, 0.0)
