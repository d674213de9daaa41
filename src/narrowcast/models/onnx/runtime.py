"""onnxruntime, which reports to its maker by default; here it does not.

Version 1.31 and later keep an identifier of the device in the home folder and send events over the network,
unless a variable is set before the library is loaded.
"""

from __future__ import annotations

import os
from typing import Any


def silent_onnxruntime() -> Any:
    """The library without its telemetry; a value of the user's own is left as it is."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        onnxruntime.disable_telemetry_events()  # where something else has loaded it before
    return onnxruntime
