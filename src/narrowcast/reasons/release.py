"""Codes of what leaves the project: exporting and serving."""

from __future__ import annotations

from narrowcast.reasons.reason import Reason, Severity, StageName

_X = StageName.EXPORT
_D = StageName.DEPLOYMENT
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

RELEASE: dict[str, Reason] = {
    # export
    "export_run": Reason(_X, _INFO, "a bundle was written and passed parity"),
    "export_run_failed": Reason(_X, _ERR, "an export failed; no bundle was kept", "narrowcast export"),
    "export_artifact_missing": Reason(_X, _ERR, "the trained weights are missing", "narrowcast train"),
    "export_quantization_failed": Reason(
        _X, _ERR, "a file could not be quantised", "narrowcast export --formats f16"
    ),
    "export_parity_failed": Reason(
        _X, _ERR, "an exported file differs from the model that was measured", "narrowcast parity --json"
    ),
    "export_parity_proven": Reason(_X, _INFO, "an exported file passed parity again"),
    "export_parity_uncertain": Reason(
        _X, _WARN, "too few rows to tell whether the metric fell", "narrowcast parity --parity-rows 500"
    ),
    "export_format_unsuited": Reason(
        _X, _ERR, "the model cannot be written in that format", "narrowcast export --help"
    ),
    "export_model_rejected": Reason(
        _X, _ERR, "the model failed a gate or lost to a baseline, so it was not exported", "narrowcast eval"
    ),
    "export_model_forced": Reason(
        _X,
        _WARN,
        "a model that failed a gate or lost to a baseline was exported on request",
        "narrowcast eval",
    ),
    # deployment
    "deployment_model_rejected": Reason(
        _D, _ERR, "the model failed a gate or lost to a baseline, so it is not served", "narrowcast eval"
    ),
    "deployment_model_forced": Reason(
        _D, _WARN, "a model that failed a gate or lost to a baseline is served on request", "narrowcast eval"
    ),
    "deployment_serve_started": Reason(_D, _INFO, "a model is served"),
    "deployment_worker_restarted": Reason(
        _D, _WARN, "the process of the model died and was restarted", "narrowcast export --formats f16"
    ),
}
