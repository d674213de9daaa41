"""Base models and trained runs into memory: from a local folder or the Hub cache, safetensors only.

A name is resolved to a folder once, and the folder is checked before anything heavy is imported; the
network is used only for a Hub id that was asked for, and never where the settings say offline.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import BaseRecord, RunManifest, is_run_id
from narrowcast.core.settings import Settings
from narrowcast.errors import DataError, ModelError
from narrowcast.models.catalogue import find, looks_like_hub_id, near_names
from narrowcast.models.chat import check_template
from narrowcast.models.embedded import EMBEDDED_NAME, embedded_base
from narrowcast.models.fit import fitting_model
from narrowcast.models.folder import ModelFolder, read_model_folder
from narrowcast.models.installed import installed, source_of
from narrowcast.models.noted import require_noted
from narrowcast.models.tokenizer_file import faithful_tokenizer
from narrowcast.plugins.optional import require
from narrowcast.store.files import read_json
from narrowcast.store.seals import require_unedited, require_unedited_folder


@dataclass(frozen=True, slots=True)
class ResolvedBase:
    """A base model on this machine that was checked.

    Attributes:
        name: as it was asked for.
        path_or_id: the folder to load from.
        is_local: the name was a folder or the embedded base, not a Hub id.
        fingerprint: SHA-256 over configuration, tokenizer and weights (`models.folder`).
        context_length: longest sequence in tokens.
        parameters: stored weights, tied embeddings counted once.
        architecture: transformers' model type, e.g. `qwen3`.
        size_bytes: of the weight files.
        licence: as the catalogue or the model's own files say; empty where nobody does.
        note: what differs from the original, such as `dequantised from Q4_1`.
    """

    name: str
    path_or_id: str
    is_local: bool
    fingerprint: str
    context_length: int
    parameters: int
    architecture: str
    size_bytes: int
    licence: str = ""
    note: str = ""

    def record(self) -> BaseRecord:
        """What a run manifest keeps of it."""
        return BaseRecord(
            name=self.name,
            path=self.path_or_id,
            fingerprint=self.fingerprint,
            architecture=self.architecture,
            parameters=self.parameters,
            context_length=self.context_length,
            licence=self.licence,
            note=self.note,
        )


def resolve_base(name: str, settings: Settings) -> ResolvedBase:
    """Find and check a base model.

    Args:
        name: `embedded`, a catalogue id, a Hub id (`owner/name`), the name of an import, or a folder.
        settings: where they say offline, a Hub id must be in the cache already.

    Raises:
        ModelError: unknown name (with near ones), not downloaded, damaged, or a folder that cannot be used.
    """
    local = _local_folder(name) or installed(name, settings)
    folder = local or _from_hub(name, settings)
    found: ModelFolder = read_model_folder(folder)
    entry, source, fingerprint = find(name), source_of(folder), found.fingerprint()
    if not _is_path(name):
        require_noted(folder, fingerprint)
    return ResolvedBase(
        name=name,
        path_or_id=str(folder),
        is_local=local is not None,
        fingerprint=fingerprint,
        context_length=found.context_length,
        parameters=found.parameters,
        architecture=found.architecture,
        size_bytes=found.size_bytes,
        licence=source.licence if source else entry.licence if entry else "",
        note=source.note if source else "",
    )


def load_tokenizer(base: ResolvedBase) -> Any:
    """The base's tokenizer, with a chat template that was checked.

    Raises:
        ModelError: if it has none, or one without a generation prompt.
    """
    return tokenizer_from(Path(base.path_or_id))


def load_model(base: ResolvedBase, dtype: Any = None, quantisation: Any = None) -> Any:
    """The base as a causal language model in evaluation mode, on the CPU.

    Args:
        base: a resolved base.
        dtype: torch dtype of the weights; None keeps the stored one.
        quantisation: of transformers, e.g. `BitsAndBytesConfig`; None leaves the weights as they are.

    Raises:
        ModelError: if the weights cannot be read.
    """
    return model_from(Path(base.path_or_id), dtype, quantisation)


def tokenizer_from(folder: Path) -> Any:
    """Load and check the tokenizer of a model folder; the dates in its chat template are pinned."""
    require("transformers", "tokenizers", purpose="loading a tokenizer")
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        tokenizer("Where is my card?")  # settings of a wrong type show when they are used
    except MemoryError:
        raise
    except Exception as error:
        raise _unreadable("the tokenizer cannot be read", folder, error) from error
    tokenizer = faithful_tokenizer(tokenizer, folder)
    if isinstance(tokenizer.chat_template, str):
        from narrowcast.models.template_environment import pin_dates

        tokenizer.chat_template = pin_dates(tokenizer.chat_template)
    check_template(tokenizer, str(folder))
    return tokenizer


def model_from(folder: Path, dtype: Any = None, quantisation: Any = None) -> Any:
    """Load the weights of a model folder."""
    require("torch", "transformers", "safetensors", purpose="loading a model")
    from transformers import AutoModelForCausalLM

    return fitting_model(
        AutoModelForCausalLM, folder, dtype=dtype or "auto", quantization_config=quantisation
    )


def read_run_manifest(project: ProjectPaths, run_id: str) -> RunManifest:
    """`run.json` of a trained run.

    Raises:
        ModelError: if the run has no trained weights; the base is never a stand-in.
        WorkspaceError: `system_file_edited`, if it is not the one that training wrote.
    """
    path = project.run_manifest(run_id)
    if not is_run_id(run_id) or not path.exists():
        raise _no_weights(project, run_id)
    require_unedited(project, path)
    try:
        return RunManifest.model_validate(read_json(path))
    except (ValidationError, DataError) as error:
        raise _unreadable("the run manifest cannot be read", path, error) from error


def _no_weights(project: ProjectPaths, run_id: str) -> ModelError:
    note = project.dropped_note(run_id)
    if is_run_id(run_id) and note.exists():
        dropped = read_json(note)
        return ModelError(
            f"the weights of run {run_id!r} were removed after the search {dropped['study']}",
            where=str(note),
            next_command=dropped["command"],
            reason_code="model_adapter_missing",
        )
    return ModelError(
        f"there are no trained weights of run {run_id!r}",
        where=str(project.adapters / run_id),
        next_command="narrowcast runs, then narrowcast train",
        reason_code="model_adapter_missing",
    )


def load_trained(
    project: ProjectPaths, run_id: str, settings: Settings, dtype: Any = None
) -> tuple[Any, Any]:
    """The trained model, adapter merged in, and its tokenizer.

    Args:
        project: where the run lies.
        run_id: `exp-…`.
        settings: decide where the base of an adapter may come from.
        dtype: torch dtype to load in; None keeps the stored one, float32 for an adapter.

    Raises:
        ModelError: weights or adapter missing, or the base is not the one that was trained on.
        WorkspaceError: `system_file_edited`, if a file of the run is not the one that training wrote.
    """
    manifest, folder = read_run_manifest(project, run_id), project.adapters / run_id
    full = manifest.method == "full"
    if not full:
        _require_adapter(manifest, folder)
    require_unedited_folder(project, folder, owner=project.run_manifest(run_id))
    if full:
        read_model_folder(folder)
    tokenizer = tokenizer_from(folder)
    return model_from(folder, dtype) if full else _merged(manifest, folder, settings, dtype), tokenizer


def _require_adapter(manifest: RunManifest, folder: Path) -> None:
    if not (folder / "adapter_model.safetensors").exists():
        raise ModelError(
            f"the adapter of run {manifest.run_id!r} is gone",
            where=str(folder / "adapter_model.safetensors"),
            next_command=f"narrowcast train {manifest.train_options} --force",
            reason_code="model_adapter_missing",
        )


def require_same_base(manifest: RunManifest, fingerprint: str, where: str) -> None:
    """The base or encoder that is found now must be the one that a run began from.

    Raises:
        ModelError: `model_base_changed`.
    """
    if fingerprint != manifest.base.fingerprint:
        raise ModelError(
            f"the base {manifest.base.name!r} is not the one that run {manifest.run_id!r} was trained on",
            where=where,
            next_command=f"restore that base, or narrowcast train {manifest.train_options} --force",
            reason_code="model_base_changed",
        )


def _merged(manifest: RunManifest, folder: Path, settings: Settings, dtype: Any) -> Any:
    require("peft", purpose="loading an adapter")
    import torch
    from peft import PeftModel

    base = resolve_base(manifest.base.name, settings)
    require_same_base(manifest, base.fingerprint, base.path_or_id)
    # Merged in float32 whatever the base is stored in: a bf16 sum would lose most of a small update.
    with quiet_peft():
        model = PeftModel.from_pretrained(load_model(base, torch.float32), str(folder), local_files_only=True)
        merged = model.merge_and_unload()
    return (merged.to(dtype) if dtype else merged).eval()


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Hide the names that peft still uses and transformers has deprecated; nobody here can act on them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*gradient_checkpointing")
        yield


def _is_path(name: str) -> bool:
    return Path(name).expanduser().is_dir()


def _local_folder(name: str) -> Path | None:
    if name == EMBEDDED_NAME:
        return embedded_base()
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if name.startswith((".", "~")) or path.is_absolute() or name.count("/") > 1:
        raise ModelError(
            "the model folder does not exist", where=str(path), next_command="narrowcast models list"
        )
    return None


def _from_hub(name: str, settings: Settings) -> Path:
    from narrowcast.models.hub import cached_snapshot, pull
    from narrowcast.models.packages import unpacked

    entry = find(name)
    hub_id = entry.hub_id if entry else name
    if not hub_id or not looks_like_hub_id(hub_id):
        near = near_names(name)
        raise ModelError(
            f"no base model is called {name!r}",
            where=f"near: {', '.join(near)}" if near else "",
            next_command="narrowcast models list",
        )
    here = cached_snapshot(hub_id) or (entry and unpacked(entry.id, entry.package, settings))
    return here or pull(hub_id, settings)


def _unreadable(what: str, path: Path, error: Exception) -> ModelError:
    lines = str(error).splitlines() or [type(error).__name__]
    return ModelError(f"{what}: {lines[0]}", where=str(path), next_command="narrowcast models list")
