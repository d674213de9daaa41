"""What turns texts into vectors: a registry, and how one is chosen by name.

`tfidf` needs no weights and is the default; `model2vec:FOLDER` reads a static embedding model from
disk. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable

from narrowcast.plugins.contract import function_of
from narrowcast.plugins.registry import Registry
from narrowcast.similarity.embedders.base import Embedder

__all__ = ["DEFAULT", "EMBEDDERS", "Embedder", "embedder"]

DEFAULT = "tfidf"

# Each is built from what stands after the colon.
EMBEDDERS: Registry[Callable[[str], Embedder]] = Registry(
    "embedder",
    {
        "tfidf": "narrowcast.similarity.embedders.tfidf:TfidfEmbedder",
        "model2vec": "narrowcast.similarity.embedders.static:StaticEmbedder",
    },
    function_of("argument"),
)


def embedder(reference: str = DEFAULT) -> Embedder:
    """A new embedder from `NAME` or `NAME:ARGUMENT`.

    Raises:
        UsageError: for an unknown name or a wrong argument.
        MissingExtraError: if its library is not installed.
    """
    name, _, argument = reference.partition(":")
    return EMBEDDERS.get(name)(argument)
