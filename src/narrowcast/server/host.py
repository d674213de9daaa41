"""The model's child process as the server holds it: started again when it dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from narrowcast.errors import NarrowcastError
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.plugins.boundary import reported_error

OnRestart = Callable[[int], None]


class ModelHost:
    """Owns one `LlamaPredictor`; methods block and are called from worker threads.

    Args:
        path: the GGUF file.
        on_restart: called with the number of restarts so far after a dead child was replaced.

    Raises:
        ModelError: if the file cannot be loaded at the start.
    """

    def __init__(self, path: Path, on_restart: OnRestart) -> None:
        self._path = path
        self._on_restart = on_restart
        self._lock = threading.Lock()
        self._predictor: LlamaPredictor | None = LlamaPredictor(LlamaClient(path))
        self.restarts = 0

    @property
    def alive(self) -> bool:
        """Whether a request would be answered without a restart."""
        return self._predictor is not None and self._predictor.client.alive

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._predictor.client.pid if self._predictor else None

    def predictor(self) -> LlamaPredictor:
        """A predictor whose child is alive, a new one where the old one died.

        Raises:
            ModelError: if it cannot be started again; the next call tries once more.
        """
        with self._lock:
            if self._predictor is not None and self._predictor.client.alive:
                return self._predictor
            self._discard()
            self._predictor = LlamaPredictor(LlamaClient(self._path))
            self.restarts += 1
        self._on_restart(self.restarts)
        return self._predictor

    def revive(self) -> NarrowcastError | None:
        """Start a new child after a death.

        Returns:
            Why it could not be started; a request that comes now gets the same error.
        """
        try:
            self.predictor()
        except (NarrowcastError, OSError) as error:
            return reported_error(error)
        return None

    def _discard(self) -> None:
        if self._predictor is not None:
            self._predictor.close()
            self._predictor = None

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._discard()
