"""Logits only where they are needed: a hook in front of a model's output layer.

It works through the model's own `forward`, so that soft caps, scales, wrappers and adapters stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class PickedHead:
    """While `at(positions)` is open, the output layer sees these hidden states alone.

    [rows, tokens, width] becomes [n, width], so the model returns logits [n, vocabulary].
    """

    def __init__(self, model: Any) -> None:
        self._positions: Any = None
        self._hook = model.get_output_embeddings().register_forward_pre_hook(self._pick)

    @contextmanager
    def at(self, positions: Any) -> Iterator[None]:
        """Args: positions: [n], numbers into the flattened [rows × tokens] grid."""
        self._positions = positions
        try:
            yield
        finally:
            self._positions = None

    def rows(self, grid: Any) -> Any:
        """Those of a [rows, tokens, width] grid that are picked, [n, width]."""
        return grid.flatten(0, 1).index_select(0, self._positions)

    def close(self) -> None:
        """Take the hook away."""
        self._hook.remove()

    def _pick(self, _layer: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self._positions is None:
            return None
        return (self.rows(arguments[0]), *arguments[1:])
