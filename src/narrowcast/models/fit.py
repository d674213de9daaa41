"""Whether stored weights are those of the model that `config.json` describes.

The library fills a tensor that it does not find with random numbers, and leaves out one that it does not
know, with a warning at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError

_OF_A_LAYER = re.compile(r"\.\d+\..*\.weight$")


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
