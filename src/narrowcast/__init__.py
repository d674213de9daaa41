"""narrowcast compiles a narrow task into a small specialist model, and proves that it is worth shipping.

This module is the public Python API: the names of `__all__`, which `docs/api.md` describes. A name is loaded
when it is first used, so that importing the package costs nothing. `docs/architecture.md` explains the rooms
below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.core.ledger import Ledger
    from narrowcast.core.manifest import ImportRecord
    from narrowcast.core.model_ref import ModelRef
    from narrowcast.core.parity import ParityReport
    from narrowcast.core.progress import CancelToken, Progress
    from narrowcast.core.settings import Settings
    from narrowcast.core.work import Work
    from narrowcast.duplicates.dedupe import DedupeReport, dedupe
    from narrowcast.duplicates.leakage import LeakageAudit, leakage
    from narrowcast.duplicates.requests import DedupeRequest, LeakageRequest
    from narrowcast.errors import (
        CancelledError,
        DataError,
        GateError,
        MissingExtraError,
        ModelError,
        NarrowcastError,
        PluginError,
        ProjectBusyError,
        StageError,
        UsageError,
        WorkspaceError,
    )
    from narrowcast.evaluation.result import MeasureResult, ModelResult
    from narrowcast.experiments.requests import SearchRequest, SeedsRequest, TrainRequest
    from narrowcast.experiments.search.result import SearchResult
    from narrowcast.experiments.search.run import search
    from narrowcast.experiments.seeds import SeedsResult, train_seeds
    from narrowcast.factory.requests import BalanceRequest, GateRequest, GenerateRequest, JudgeRequest
    from narrowcast.factory.spec import SpecAnswers
    from narrowcast.ops.clean import clean
    from narrowcast.ops.evaluate import CompareResult, baseline, compare, evaluate
    from narrowcast.ops.export import export, parity
    from narrowcast.ops.generations import balance, gate, generate, judge
    from narrowcast.ops.imports import ImportOutcome, import_rows, imports, remove_import
    from narrowcast.ops.ledger import ledger
    from narrowcast.ops.preflight import PreflightResult, preflight
    from narrowcast.ops.prepare import prepare
    from narrowcast.ops.requests import (
        BaselineRequest,
        CleanRequest,
        CompareRequest,
        EvaluateRequest,
        ExportRequest,
        ImportRequest,
        ParityRequest,
        PreflightRequest,
        PrepareRequest,
        RunRequest,
    )
    from narrowcast.ops.run import RunResult, run
    from narrowcast.ops.sources import IntrospectRequest, introspect
    from narrowcast.ops.train import train
    from narrowcast.pipeline.project import Project
    from narrowcast.stages.balance import BalanceResult
    from narrowcast.stages.export.options import ExportResult
    from narrowcast.stages.gate.audit import AuditResult
    from narrowcast.stages.gate.result import GateResult
    from narrowcast.stages.generate.result import GeneratePreview, GenerateResult
    from narrowcast.stages.import_.options import ImportPreview
    from narrowcast.stages.import_.source import IntrospectedSource
    from narrowcast.stages.judge.result import JudgeResult
    from narrowcast.stages.prepare.options import PrepareResult
    from narrowcast.stages.train.contract import TrainResult
    from narrowcast.store.cleanings import CleanReport

__all__ = [
    "AuditResult",
    "BalanceRequest",
    "BalanceResult",
    "BaselineRequest",
    "CancelToken",
    "CancelledError",
    "CleanReport",
    "CleanRequest",
    "CompareRequest",
    "CompareResult",
    "DataError",
    "DedupeReport",
    "DedupeRequest",
    "EvaluateRequest",
    "ExportRequest",
    "ExportResult",
    "GateError",
    "GateRequest",
    "GateResult",
    "GeneratePreview",
    "GenerateRequest",
    "GenerateResult",
    "ImportOutcome",
    "ImportPreview",
    "ImportRecord",
    "ImportRequest",
    "IntrospectRequest",
    "IntrospectedSource",
    "JudgeRequest",
    "JudgeResult",
    "LeakageAudit",
    "LeakageRequest",
    "Ledger",
    "MeasureResult",
    "MissingExtraError",
    "ModelError",
    "ModelRef",
    "ModelResult",
    "NarrowcastError",
    "ParityReport",
    "ParityRequest",
    "PluginError",
    "PreflightRequest",
    "PreflightResult",
    "PrepareRequest",
    "PrepareResult",
    "Progress",
    "Project",
    "ProjectBusyError",
    "RunRequest",
    "RunResult",
    "SearchRequest",
    "SearchResult",
    "SeedsRequest",
    "SeedsResult",
    "Settings",
    "SpecAnswers",
    "StageError",
    "TrainRequest",
    "TrainResult",
    "UsageError",
    "Work",
    "WorkspaceError",
    "__version__",
    "balance",
    "baseline",
    "clean",
    "compare",
    "dedupe",
    "evaluate",
    "export",
    "gate",
    "generate",
    "import_rows",
    "imports",
    "introspect",
    "judge",
    "leakage",
    "ledger",
    "parity",
    "preflight",
    "prepare",
    "remove_import",
    "run",
    "search",
    "train",
    "train_seeds",
]

# Module to the names that are loaded from it.
_NAMES = {
    "narrowcast.core.ledger": "Ledger",
    "narrowcast.core.manifest": "ImportRecord",
    "narrowcast.core.model_ref": "ModelRef",
    "narrowcast.core.parity": "ParityReport",
    "narrowcast.core.progress": "CancelToken Progress",
    "narrowcast.core.settings": "Settings",
    "narrowcast.core.work": "Work",
    "narrowcast.duplicates.dedupe": "DedupeReport dedupe",
    "narrowcast.duplicates.leakage": "LeakageAudit leakage",
    "narrowcast.duplicates.requests": "DedupeRequest LeakageRequest",
    "narrowcast.errors": "CancelledError DataError GateError MissingExtraError ModelError NarrowcastError "
    "PluginError ProjectBusyError StageError UsageError WorkspaceError",
    "narrowcast.evaluation.result": "MeasureResult ModelResult",
    "narrowcast.experiments.requests": "SearchRequest SeedsRequest TrainRequest",
    "narrowcast.experiments.search.result": "SearchResult",
    "narrowcast.experiments.search.run": "search",
    "narrowcast.experiments.seeds": "SeedsResult train_seeds",
    "narrowcast.factory.requests": "BalanceRequest GateRequest GenerateRequest JudgeRequest",
    "narrowcast.factory.spec": "SpecAnswers",
    "narrowcast.ops.clean": "clean",
    "narrowcast.ops.evaluate": "CompareResult baseline compare evaluate",
    "narrowcast.ops.export": "export parity",
    "narrowcast.ops.generations": "balance gate generate judge",
    "narrowcast.ops.imports": "ImportOutcome import_rows imports remove_import",
    "narrowcast.ops.ledger": "ledger",
    "narrowcast.ops.preflight": "PreflightResult preflight",
    "narrowcast.ops.prepare": "prepare",
    "narrowcast.ops.requests": "BaselineRequest CleanRequest CompareRequest EvaluateRequest ExportRequest "
    "ImportRequest ParityRequest PreflightRequest PrepareRequest RunRequest",
    "narrowcast.ops.run": "RunResult run",
    "narrowcast.ops.sources": "IntrospectRequest introspect",
    "narrowcast.ops.train": "train",
    "narrowcast.pipeline.project": "Project",
    "narrowcast.stages.balance": "BalanceResult",
    "narrowcast.stages.export.options": "ExportResult",
    "narrowcast.stages.gate.audit": "AuditResult",
    "narrowcast.stages.gate.result": "GateResult",
    "narrowcast.stages.generate.result": "GeneratePreview GenerateResult",
    "narrowcast.stages.import_.options": "ImportPreview",
    "narrowcast.stages.import_.source": "IntrospectedSource",
    "narrowcast.stages.judge.result": "JudgeResult",
    "narrowcast.stages.prepare.options": "PrepareResult",
    "narrowcast.stages.train.contract": "TrainResult",
    "narrowcast.store.cleanings": "CleanReport",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
