"""The taxonomy is closed: every code used in the source is listed, every listed code is well-formed."""

import ast
from pathlib import Path

import narrowcast
from narrowcast.audit.reasons import REASONS
from narrowcast.core.names import Severity

SOURCE = Path(narrowcast.__file__).parent
CALLS = {"emit", "_emit"}
KEYWORDS = {"reason_code", "success_code", "failure_code"}


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _used_codes(path: Path) -> set[str]:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            used |= {code for k in node.keywords if k.arg in KEYWORDS and (code := _literal(k.value))}
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "emit" and node.args:
                first_texts = [text for argument in node.args[:2] if (text := _literal(argument))]
                used |= set(first_texts[:1])
        if isinstance(node, ast.Assign) and _literal(node.value):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if "default_reason_code" in names:
                used.add(_literal(node.value) or "")
    return used


def test_every_code_in_the_source_is_in_the_taxonomy() -> None:
    unknown = {
        f"{path.relative_to(SOURCE)}: {code}"
        for path in SOURCE.rglob("*.py")
        for code in _used_codes(path)
        if code not in REASONS
    }
    assert not unknown


def test_codes_of_the_workflow_document_hold_literally() -> None:
    promised = {
        "ingestion": "dataset_import_run dataset_import_failed",
        "cleaning": "cleaning_outlier_threshold_exceeded cleaning_pii_block",
        "training": "training_dispatch_error training_oom training_runtime_error training_timeout "
        "training_cancelled",
        "eval": "eval_runtime_error eval_judge_unavailable eval_dataset_missing",
        "export": "export_run_failed export_artifact_missing export_quantization_failed",
        "deployment": "deployment_smoke_failed deployment_drift_detected deployment_promote_blocked "
        "deployment_rollback_no_predecessor",
    }
    for stage, codes in promised.items():
        for code in codes.split():
            assert REASONS[code].stage == stage


def test_errors_say_what_they_mean() -> None:
    for code, reason in REASONS.items():
        assert code == code.lower()
        assert reason.meaning, code
        assert isinstance(reason.severity, Severity)
