"""What turns texts into vectors: a registry, and how one is chosen by name.

`tfidf` needs no weights and is the default. `encoder:NAME` is a sentence encoder on this machine,
`encoder-words:NAME` the same together with `tfidf`, `model2vec:FOLDER` a static embedding model; `auto` takes
the best of those that are on this machine. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable

from narrowcast.plugins.contract import function_of
from narrowcast.plugins.registry import Registry
from narrowcast.similarity.embedders.base import Embedder, EmbedderContext

__all__ = ["AUTO", "DEFAULT", "EMBEDDERS", "Embedder", "EmbedderContext", "embedder"]

DEFAULT = "tfidf"
AUTO = "auto"

# Each is built from what stands after the colon, and the context.
EMBEDDERS: Registry[Callable[[str, EmbedderContext], Embedder]] = Registry(
    "embedder",
    {
        "tfidf": "narrowcast.similarity.embedders.tfidf:TfidfEmbedder",
        "encoder": "narrowcast.similarity.embedders.encoder:EncoderEmbedder",
        "encoder-words": "narrowcast.similarity.embedders.encoder:EncoderWithWords",
        "model2vec": "narrowcast.similarity.embedders.static:StaticEmbedder",
    },
    function_of("argument", "context"),
)


def embedder(reference: str = DEFAULT, context: EmbedderContext | None = None) -> Embedder:
    """A new embedder from `auto`, `NAME` or `NAME:ARGUMENT`.

    Raises:
        UsageError: for an unknown name or a wrong argument.
        ModelError: if its weights are not on this machine, or cannot be used.
        MissingExtraError: if its library is not installed.
    """
    context = context or EmbedderContext()
    if reference == AUTO:
        reference = _best(context)
    name, _, argument = reference.partition(":")
    return EMBEDDERS.get(name)(argument, context)


def _best(context: EmbedderContext) -> str:
    """An encoder of the catalogue that is on this machine and has a measured threshold; else `tfidf`."""
    from narrowcast.similarity.embedders.encoder import measured_encoder

    name = measured_encoder(context.settings)
    return f"encoder-words:{name}" if name else DEFAULT
