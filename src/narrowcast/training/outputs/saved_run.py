"""What a finished run leaves: weights, tokenizer, run manifest, a line in the index."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from narrowcast.core.hashing import combined_hash, sha256_hex
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import FinishedRun, RunManifest
from narrowcast.core.seal import Seal
from narrowcast.store.files import sha256_file, write_json
from narrowcast.store.runs import index_run
from narrowcast.store.seals import sealed_folder

_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")


def save_run(
    project: ProjectPaths, model: Any, tokenizer: Any, manifest: RunManifest, seal: Seal
) -> RunManifest:
    """Write `outputs/adapters/<run>/` as a whole, then its line in `registry/runs.jsonl`.

    Weights keep the type they were trained in (float32, or the adapter's): evaluation, merging and
    quantisation all begin from these, so what is measured is what is exported.

    Returns:
        The manifest with the SHA-256 of the weights.
    """
    with sealed_folder(project.adapters / manifest.run_id, seal) as folder:
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; export writes a real one
        tokenizer.save_pretrained(folder)
        written = manifest.model_copy(update={"weights_sha256": weights_sha256(folder)})
        write_json(folder / "run.json", written.model_dump(mode="json"))
    index_run(project, FinishedRun.of(written))
    return written


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the weight files; of the file itself where there is one."""
    hashes = [sha256_file(file) for file in sorted(folder.glob("*.safetensors"))]
    return hashes[0] if len(hashes) == 1 else combined_hash(hashes)


def environment() -> dict[str, str]:
    """Versions and machine facts that can change the weights."""
    import torch

    return versions(_LIBRARIES) | {
        "threads": str(torch.get_num_threads()),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of libraries, and the processor's kind."""
    known = {"python": platform.python_version(), "machine": platform.machine()}
    for name in libraries:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "absent"
    return known


def template_sha256(tokenizer: Any) -> str:
    """SHA-256 of the chat template."""
    return sha256_hex(str(tokenizer.chat_template).encode())
