"""Codes of generated rows: teachers, row gates, judges, balancing."""

from __future__ import annotations

from narrowcast.reasons.reason import Reason, Severity, StageName

_F = StageName.FACTORY
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

FACTORY: dict[str, Reason] = {
    "factory_generate_run": Reason(_F, _INFO, "rows were generated"),
    "factory_generate_failed": Reason(
        _F, _ERR, "a generation stopped; paid answers are kept", "narrowcast data generate"
    ),
    "factory_request_invalid": Reason(
        _F, _ERR, "an option of a generation, a gate or a judge is wrong", "narrowcast data gate --help"
    ),
    "factory_teacher_missing": Reason(
        _F,
        _ERR,
        "no teacher is set, or its address cannot be used",
        "set NARROWCAST_TEACHER_URL and NARROWCAST_TEACHER_MODEL, then: narrowcast data generate",
    ),
    "factory_cap_reached": Reason(
        _F, _WARN, "the spending cap was reached", "narrowcast data generate --cap-tokens N"
    ),
    "factory_cancelled": Reason(
        _F, _WARN, "stopped on request; paid answers are kept", "narrowcast data generate"
    ),
    "factory_held_out_text": Reason(
        _F, _ERR, "a prompt contained the text of a held-out row and was not sent", "narrowcast data generate"
    ),
    "factory_plan_invalid": Reason(
        _F, _ERR, "a plan, prompt or template file is wrong", "narrowcast data generate --dry-run"
    ),
    "factory_rows_missing": Reason(_F, _ERR, "there are no rows to work on", "narrowcast data generate"),
    "factory_teacher_refused": Reason(
        _F,
        _ERR,
        "the teacher refused a request",
        "check address, model and key, then: narrowcast data generate",
    ),
    "factory_teacher_unavailable": Reason(
        _F, _ERR, "the teacher cannot be reached", "narrowcast data generate, which pays for no answer twice"
    ),
    "factory_teacher_checked": Reason(
        _F, _INFO, "a teacher or judge answered ten questions before it was used"
    ),
    "factory_teacher_unfit": Reason(
        _F,
        _ERR,
        "a teacher or judge failed the questions that it is asked first",
        "narrowcast data generate --model NAME, or --force",
    ),
    "factory_teacher_forced": Reason(
        _F,
        _WARN,
        "a teacher or judge was used although it failed the questions",
        "narrowcast data generate --model NAME",
    ),
    "factory_caller_died": Reason(
        _F,
        _ERR,
        "the process that sends requests to the teacher ended",
        "narrowcast data generate, which pays for no answer twice",
    ),
    "factory_gate_run": Reason(_F, _INFO, "rows were checked by the row gates"),
    "factory_gate_failed": Reason(
        _F, _ERR, "the row gates could not be applied, or no row passed", "narrowcast data gate --dry-run"
    ),
    "factory_gate_audit": Reason(_F, _INFO, "imported rows were checked by the row gates"),
    "factory_judge_run": Reason(_F, _INFO, "rows were judged"),
    "factory_judge_failed": Reason(
        _F, _ERR, "judging stopped with an error; paid answers are kept", "narrowcast data judge"
    ),
    "factory_balance_failed": Reason(_F, _ERR, "train rows could not be balanced", "narrowcast prepare"),
    "factory_balance_run": Reason(_F, _INFO, "train rows were balanced"),
    "factory_balance_undone": Reason(_F, _INFO, "rows left out by balancing were restored"),
}
