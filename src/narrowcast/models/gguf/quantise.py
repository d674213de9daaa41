"""Quantise a float GGUF in a child process, and say which tensors llama.cpp did not quantise as asked.

K-quants work on blocks of 256 weights; llama.cpp quietly gives a matrix whose rows are not a multiple of
256 another type. That is reported, and refused where it is most of the file.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, Field

from narrowcast.errors import ModelError
from narrowcast.models.gguf.writer import GgufPlan
from narrowcast.models.llama_cpp import FILE_TYPES, quantise_file
from narrowcast.plugins.optional import require

QUANTISATIONS = tuple(FILE_TYPES)
_BLOCK = 256
_BLOCKS = {"q8_0": 32, "q4_k_m": _BLOCK, "q5_k_m": _BLOCK, "q6_k": _BLOCK}
MOST_UNFIT = 0.5
"""Share of a model's weights that may be stored as another type than asked for."""
# Types that each mixture uses on purpose; anything else among the matrices is a fallback.
_INTENDED = {
    "q8_0": {"Q8_0"},
    "q4_k_m": {"Q4_K", "Q6_K"},
    "q5_k_m": {"Q5_K", "Q6_K"},
    "q6_k": {"Q6_K"},
}


class TensorTypes(BaseModel):
    """What a GGUF file's matrices are stored as."""

    counts: dict[str, int] = Field(description="Matrices by type.")
    fallbacks: dict[str, str] = Field(description="Matrices that are not of an intended type.")
    fallback_share: float = Field(description="Share of the weights in those matrices.")


def unfit_share(plan: GgufPlan, name: str) -> float:
    """The share of a model's weights in matrices that llama.cpp would store as another type than `name`."""
    shapes = [plan.shape(each) for each in plan.tensors if len(plan.shape(each)) > 1]
    block = _BLOCKS.get(name, 1)
    unfit = sum(math.prod(shape) for shape in shapes if shape[-1] % block)
    return unfit / max(1, sum(map(math.prod, shapes)))


def quantise(source: Path, target: Path, name: str) -> TensorTypes:
    """Write `target` from a float `source`.

    Returns:
        What the matrices became.

    Raises:
        ModelError: an unknown name, a failed or crashed quantisation, or a shape that K-quants do not fit.
    """
    require("cyllama", "gguf", purpose="quantising")
    if name not in QUANTISATIONS:
        raise ModelError(f"no quantisation is called {name!r}", where=f"known: {', '.join(QUANTISATIONS)}")
    child = subprocess.run(
        [sys.executable, "-m", "narrowcast.models.gguf.quantise", str(source), str(target), name],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a stop of the parent must not read as a failed quantisation
        check=False,
    )
    if child.returncode != 0 or not target.exists():
        target.unlink(missing_ok=True)
        last = child.stderr.strip().splitlines()[-1:] or ["no output"]
        raise ModelError(
            f"{name} quantisation ended with exit code {child.returncode}: {last[0]}",
            where=str(source),
            next_command="narrowcast export --formats f16",
            reason_code="export_quantization_failed",
        )
    types = tensor_types(target, name)
    if types.fallback_share > MOST_UNFIT:
        target.unlink()
        raise ModelError(
            f"{name} needs rows of a multiple of {_BLOCK} weights; {types.fallback_share:.0%} of this model "
            "would silently be stored as another type",
            where=", ".join(list(types.fallbacks)[:3]),
            next_command="narrowcast export --formats q8_0",
            reason_code="export_quantization_failed",
        )
    return types


def tensor_types(path: Path, name: str) -> TensorTypes:
    """Count the types of a file's matrices; vectors stay float32 always."""
    import gguf

    counts: dict[str, int] = {}
    fallbacks: dict[str, str] = {}
    total = fallen = 0
    for tensor in gguf.GGUFReader(path).tensors:
        if len(tensor.shape) == 1 or tensor.shape[1] == 1:
            continue
        kind, size = tensor.tensor_type.name, int(tensor.n_elements)
        counts[kind] = counts.get(kind, 0) + 1
        total += size
        if kind not in _INTENDED.get(name, {name.upper()}):
            fallbacks[tensor.name] = kind
            fallen += size
    return TensorTypes(counts=counts, fallbacks=fallbacks, fallback_share=fallen / total if total else 0.0)


if __name__ == "__main__":
    quantise_file(*sys.argv[1:4])
