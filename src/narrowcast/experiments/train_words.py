"""Options of a training run as the command line writes them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any


def train_words(options: Mapping[str, Any]) -> str:
    """`narrowcast train` with these options."""
    return " ".join(["narrowcast train", *(_word(name, value) for name, value in options.items())])


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool | list | dict | None):
        return f"--set {shlex.quote(f'{name}={json.dumps(value)}')}"
    return f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
