"""Addresses of trackers: whether they are another machine, and how they are shown without credentials."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from narrowcast.errors import UsageError

_FILES = ("", "file", "sqlite")
_SECRETS = ("WANDB_API_KEY", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", "DATABRICKS_TOKEN")


def is_remote(address: str) -> bool:
    """Whether figures sent to the address could leave this machine."""
    if address.startswith("databricks"):  # MLflow's name for a service
        return True
    parts = urlsplit(address)
    if parts.scheme.partition("+")[0] in _FILES:
        return False
    host = parts.hostname or ""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def shown(address: str) -> str:
    """The address without user, password, query and fragment."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address.partition("?")[0]
    netloc = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{netloc}{parts.path}"


def scrubbed(text: str) -> str:
    """A message without passwords in addresses and without the keys of trackers."""
    for name in _SECRETS:
        value = os.environ.get(name)
        if value:
            text = text.replace(value, "***")
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)


def refuse_remote(tracker: str, address: str, instead: str) -> UsageError:
    """Offline mode and a tracker on another machine."""
    return UsageError(
        f"offline mode forbids network access, and {tracker} would send figures to another machine",
        where=shown(address),
        next_command=instead,
        reason_code="training_tracker_unusable",
    )
