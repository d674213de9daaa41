"""Downloads from the Hugging Face Hub into its standard cache; no pickles, no code."""

from __future__ import annotations

from pathlib import Path

from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.folder import weight_files
from narrowcast.plugins.optional import require

PATTERNS = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "tokenizer.model", "LICENSE*"]


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of a complete earlier download, or None."""
    require("huggingface_hub", purpose="reading the Hub cache")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True, allow_patterns=PATTERNS))
        weight_files(folder)
    except (LocalEntryNotFoundError, ModelError):
        return None
    return folder


def pull(hub_id: str, settings: Settings, *, revision: str | None = None, again: bool = False) -> Path:
    """Download a model into the standard cache; complete files are fetched again only where that is asked.

    Raises:
        ModelError: offline, unknown or gated model, or a broken connection.
    """
    if settings.offline:
        raise ModelError(
            f"{hub_id} is not on this machine, and NARROWCAST_OFFLINE forbids downloading it",
            where=hub_id,
            next_command=f"with a network: narrowcast models pull {hub_id}",
            reason_code="model_not_downloaded",
        )
    require("huggingface_hub", purpose="downloading a model")
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(hub_id, revision=revision, allow_patterns=PATTERNS, force_download=again)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{hub_id} cannot be downloaded: {lines[0]}",
            where=hub_id,
            next_command=f"check the network, the name and your access, then narrowcast models pull {hub_id}",
            reason_code="model_not_downloaded",
        ) from error
    return Path(folder)
