"""The model as the server holds it: opened again when its process dies."""

from __future__ import annotations

import threading
from collections.abc import Callable

from narrowcast.errors import NarrowcastError
from narrowcast.plugins.boundary import reported_error
from narrowcast.server.engine import ServedModel

OnRestart = Callable[[int], None]


class ModelHost:
    """Owns one loaded model; methods block and are called from worker threads.

    Args:
        open_model: loads it.
        on_restart: called with the number of restarts so far after a dead model was replaced.

    Raises:
        ModelError: if the file cannot be loaded at the start.
    """

    def __init__(self, open_model: Callable[[], ServedModel], on_restart: OnRestart) -> None:
        self._open = open_model
        self._on_restart = on_restart
        self._lock = threading.Lock()
        self._model: ServedModel | None = open_model()
        self.restarts = 0

    @property
    def alive(self) -> bool:
        """Whether a request would be answered without a restart."""
        return self._model is not None and self._model.alive

    @property
    def pid(self) -> int | None:
        """The process that computes."""
        return self._model.pid if self._model else None

    def model(self) -> ServedModel:
        """A model that is alive, a new one where the old one died.

        Raises:
            ModelError: if it cannot be started again; the next call tries once more.
        """
        with self._lock:
            if self._model is not None and self._model.alive:
                return self._model
            self._discard()
            self._model = self._open()
            self.restarts += 1
        self._on_restart(self.restarts)
        return self._model

    def revive(self) -> NarrowcastError | None:
        """Open the model again after a death.

        Returns:
            Why it could not be started; a request that comes now gets the same error.
        """
        try:
            self.model()
        except (NarrowcastError, OSError) as error:
            return reported_error(error)
        return None

    def _discard(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def close(self) -> None:
        """Close the model."""
        with self._lock:
            self._discard()
