"""Weights into a model, if they are those of the model that `config.json` describes.

The library fills a tensor that it does not find with random numbers, and leaves out one that it does not
know, with a warning at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line

_OF_A_LAYER = re.compile(r"\.\d+\..*\.weight$")


def fitting_model(kind: Any, folder: Path, *, unused: Iterable[str] = (), **options: Any) -> Any:
    """A model in evaluation mode from a local folder: safetensors, and no code of the folder.

    Args:
        kind: the library's class that loads it, such as `AutoModelForCausalLM`.
        folder: of the model.
        unused: see `require_fitting`.
        options: of `from_pretrained`, such as `dtype`.

    Raises:
        ModelError: if the weights cannot be read, or are not those of the model.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what matters is raised; the rest is noise in a terminal
    try:
        model, report = kind.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            output_loading_info=True,
            **options,
        )
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError(
            f"the weights cannot be read: {first_line(error)}",
            where=str(folder),
            next_command="narrowcast models list",
        ) from error
    require_fitting(report, folder, unused=unused)
    return model.eval()


def require_fitting(report: Mapping[str, Any], folder: Path, *, unused: Iterable[str] = ()) -> None:
    """Refuse weights that lack a tensor of the model, or hold a layer that it does not have.

    Args:
        report: what `from_pretrained` returns with `output_loading_info`.
        folder: for the message.
        unused: beginnings of the names of tensors that nothing is computed with.

    Raises:
        ModelError: it names a tensor.
    """
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(tuple(unused)))
    unknown = sorted(name for name in report["unexpected_keys"] if _OF_A_LAYER.search(name))
    if missing or unknown:
        raise ModelError(
            f"the weights are not those of the model in config.json: {len(missing):,} tensors are missing "
            f"and {len(unknown):,} unknown, e.g. {(missing + unknown)[0]}",
            where=str(folder),
            next_command="narrowcast models list",
        )
