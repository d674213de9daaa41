"""What a predictor reference stands for, as a hash: equal hash, equal answers to equal prompts."""

from __future__ import annotations

from narrowcast.core.hashing import content_hash
from narrowcast.models.predictors.load import PredictorContext, split_reference
from narrowcast.store.files import sha256_file

# Raised when a fitted baseline or a prompt made here would answer differently.
_VERSION = 1


def fingerprint(reference: str, context: PredictorContext, train_sha256: str) -> str:
    """Hash of the weights behind a reference, or of the rows that it is fitted on.

    Raises:
        ModelError: where the model is not there.
        UsageError: for a reference that does not exist.
    """
    name, argument = split_reference(reference)
    found: dict[str, object] = {"name": name, "version": _VERSION}
    if name == "run":
        from narrowcast.models.loading import read_run_manifest

        found["weights"] = read_run_manifest(context.project, argument).weights_sha256
    elif name == "gguf":
        from narrowcast.models.predictors.llama import gguf_path

        found["weights"] = sha256_file(gguf_path(context.project, argument))
    else:
        found["train"] = train_sha256
        found["seed"] = context.seed
    if name.startswith("base"):
        from narrowcast.models.loading import resolve_base

        found["weights"] = resolve_base(context.base, context.settings).fingerprint
        found["shots"] = context.shots
    return content_hash(found)
