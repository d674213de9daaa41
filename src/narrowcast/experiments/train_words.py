"""Options of a training run as the command line writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.run import train_option


def train_words(options: Mapping[str, Any]) -> str:
    """`narrowcast train` with these options."""
    return " ".join(["narrowcast train", *(train_option(name, value) for name, value in options.items())])
