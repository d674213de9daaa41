"""How far a stored weight may lie from the weight that was quantised, by the format it is stored in.

Each bound follows from the block layouts in ggml's `ggml-common.h` and from the rounding of its reference
quantisers (`ggml-quants.c`, `quantize_row_*_ref`). With A the largest magnitude of a block, R its range and
`half(x)` the rounding error of a float16 scale x:

- F32: none. F16: half a unit in the last place, |w| / 2^11; 2^-25 where it is subnormal. BF16: |w| / 2^8.
- Q8_0, blocks of 32: d = A / 127, w ≈ d q. Half a step, and |q| ≤ 127 times the error of d.
- Q5_0, blocks of 32: d = A / 16, q in -16..15. The extreme of the other sign is clipped by a whole step.
- Q5_1, blocks of 32: d = R / 31, w ≈ d q + min. Half a step.
- Q4_K, Q5_K, super-blocks of 8 x 32: w ≈ d s q - dmin m with 6-bit s and m. The search tries steps up to
  R / 14 (Q5_K: R / 30) and may clip by one; s and m are rounded to 1/63 of the super-block's largest, half of
  which counts up to 15 (31) times for s and once for m.
- Q6_K, super-blocks of 16 x 16: w ≈ d s (q - 32) with 8-bit s. The search tries steps up to A / 31 and may
  clip the extreme of the other sign by two; s is rounded to 1/128 of the largest, half of which counts up to
  32 times.

These bounds hold for each weight and are wide for K-quants: a scale that is off by 2 % lies within
them. So tensors are judged as a whole too (`narrowcast.models.gguf.identity`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Bound = Callable[[Any], Any]


def largest_errors(kind: str, weights: Any, source: str) -> Any:
    """The bound on each weight's error.

    Args:
        kind: type of the stored tensor, a key of `BOUNDS`.
        weights: `(rows, width)` float32, before they were quantised.
        source: float type of the file that was quantised (`f16`, `bf16`, `f32`); it has rounded already.

    Returns:
        `(rows, width)` float32.
    """
    import numpy as np

    if kind in ("F32", "F16", "BF16"):
        return BOUNDS[kind](weights)
    before: Any = {"f16": _half, "bf16": _bf16, "f32": _none}[source](weights)
    bound = BOUNDS[kind](weights) + before
    return np.asarray(bound, dtype=np.float32)


def _none(weights: Any) -> Any:
    return weights * 0


def _half(values: Any) -> Any:
    """The rounding error of float16."""
    import numpy as np

    return np.maximum(np.abs(values) * 2.0**-11, 2.0**-25)


def _bf16(values: Any) -> Any:
    import numpy as np

    return np.abs(values) * 2.0**-8


def _blocks(weights: Any, size: int) -> Any:
    return weights.reshape(len(weights), -1, size)


def _spread(bounds: Any, weights: Any) -> Any:
    """One bound a block, to one a weight."""
    import numpy as np

    return np.repeat(bounds, weights.shape[-1] // bounds.shape[-1], axis=-1)


def _q8_0(weights: Any) -> Any:
    import numpy as np

    step = np.abs(_blocks(weights, 32)).max(-1) / 127
    return _spread(step / 2 + 127 * _half(step), weights)


def _q5_0(weights: Any) -> Any:
    import numpy as np

    step = np.abs(_blocks(weights, 32)).max(-1) / 16
    return _spread(step + 16 * _half(step), weights)


def _q5_1(weights: Any) -> Any:
    blocks = _blocks(weights, 32)
    low = blocks.min(-1)
    step = (blocks.max(-1) - low) / 31
    return _spread(step / 2 + 31 * _half(step) + _half(low), weights)


def _affine(levels: int, widest: int) -> Bound:
    """Q4_K and Q5_K: `levels` is the largest q, `widest` divides the range into the largest step tried."""

    def bound(weights: Any) -> Any:
        import numpy as np

        blocks = _blocks(weights, 32)
        low = np.minimum(blocks.min(-1), 0)
        step = (blocks.max(-1) - low) / widest
        largest_step, largest_min = _of_super_block(step, 8), _of_super_block(-low, 8)
        scales = levels * (largest_step / 126 + 63 * _half(largest_step / 63))
        minima = largest_min / 126 + 63 * _half(largest_min / 63)
        return _spread(step + scales + minima, weights)

    return bound


def _q6_k(weights: Any) -> Any:
    import numpy as np

    step = np.abs(_blocks(weights, 16)).max(-1) / 31
    largest = _of_super_block(step, 16)
    return _spread(2 * step + 32 * (largest / 256 + 128 * _half(largest / 128)), weights)


def _of_super_block(values: Any, blocks: int) -> Any:
    """The largest of each super-block, once for each of its blocks."""
    import numpy as np

    return np.repeat(_blocks(values, blocks).max(-1), blocks, axis=-1)


BOUNDS: dict[str, Bound] = {
    "F32": _none,
    "F16": _half,
    "BF16": _bf16,
    "Q8_0": _q8_0,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q4_K": _affine(15, 14),
    "Q5_K": _affine(31, 30),
    "Q6_K": _q6_k,
}
