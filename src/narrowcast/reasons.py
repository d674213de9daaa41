"""The closed taxonomy of reason codes: the one place that says what a code means and whose it is.

A code belongs to one stage, has one severity and says what to run next. Errors and events give their code
alone; the rest is looked up here. A stage may emit its own codes and those of the system.
`tests/test_reasons.py` compares this table with the source in both directions, and each fix with the command
line. `narrowcast events --explain CODE` prints an entry.

Imports nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StageName(StrEnum):
    """The stages of the loop as events name them, in the order in which data passes through them."""

    INGESTION = "ingestion"
    CLEANING = "cleaning"
    FACTORY = "factory"
    PREPARE = "prepare"
    BASELINE = "baseline"
    TRAINING = "training"
    EVAL = "eval"
    EXPORT = "export"
    DEPLOYMENT = "deployment"
    SYSTEM = "system"


class Severity(StrEnum):
    """How serious an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Reason:
    """One code: the stage that may emit it, its severity, what it means, and what to run next."""

    stage: StageName
    severity: Severity
    meaning: str
    fix: str = ""
    """Holds at least one `narrowcast` command; empty for codes that report a success."""


_I, _C, _P, _B = StageName.INGESTION, StageName.CLEANING, StageName.PREPARE, StageName.BASELINE
_F = StageName.FACTORY
_T, _E, _X = StageName.TRAINING, StageName.EVAL, StageName.EXPORT
_D, _S = StageName.DEPLOYMENT, StageName.SYSTEM
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

REASONS: dict[str, Reason] = {
    # ingestion
    "dataset_import_run": Reason(_I, _INFO, "rows were imported"),
    "dataset_import_failed": Reason(
        _I, _ERR, "an import failed; nothing was stored", "narrowcast data import --dry-run"
    ),
    "dataset_request_invalid": Reason(
        _I,
        _ERR,
        "a locator, a column, a row or an option of an import is wrong",
        "narrowcast data import --help",
    ),
    "dataset_import_forced": Reason(
        _I, _WARN, "a mapping under 0.80 confidence was forced", "narrowcast data introspect"
    ),
    "dataset_import_removed": Reason(_I, _INFO, "an import and its rows were removed"),
    "dataset_import_unknown": Reason(_I, _ERR, "there is no import with this id", "narrowcast data imports"),
    "dataset_import_cancelled": Reason(
        _I, _WARN, "an import was stopped on request; nothing was stored", "narrowcast data import"
    ),
    "dataset_already_imported": Reason(
        _I, _ERR, "these rows are imported already", "narrowcast data imports"
    ),
    "dataset_mapping_uncertain": Reason(
        _I, _ERR, "no mapping is confident enough to be used", "narrowcast data introspect"
    ),
    "dataset_rows_rejected": Reason(
        _I, _ERR, "not one row could be mapped", "narrowcast data import --dry-run"
    ),
    "dataset_rows_forgotten": Reason(
        _I, _WARN, "rows were deleted from every copy in the project", "narrowcast prepare"
    ),
    "dataset_row_unknown": Reason(_I, _ERR, "no row matches, or more than one", "narrowcast data imports"),
    "dataset_row_reviewed": Reason(_I, _INFO, "rows were reviewed by a person"),
    # cleaning
    "cleaning_run": Reason(_C, _INFO, "texts were cleaned"),
    "cleaning_failed": Reason(
        _C, _ERR, "cleaning failed; nothing was stored", "narrowcast data clean --dry-run"
    ),
    "cleaning_request_invalid": Reason(
        _C, _ERR, "an option of a cleaning is wrong", "narrowcast data clean --help"
    ),
    "cleaning_cancelled": Reason(
        _C, _WARN, "cleaning was stopped on request; nothing was stored", "narrowcast data clean"
    ),
    "cleaning_unknown": Reason(
        _C, _ERR, "the report of a cleaning is missing or damaged", "narrowcast data clean"
    ),
    "cleaning_outlier_threshold_exceeded": Reason(
        _C, _WARN, "more outliers than allowed", "narrowcast data cleanings"
    ),
    "cleaning_pii_block": Reason(
        _C, _ERR, "personal data or secrets block the rows", "narrowcast data clean --help"
    ),
    # factory
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
    # prepare
    "prepare_run": Reason(_P, _INFO, "a data-set version was prepared"),
    "prepare_failed": Reason(_P, _ERR, "no data-set version could be prepared", "narrowcast data ledger"),
    "prepare_request_invalid": Reason(
        _P, _ERR, "an option of a comparison of rows is wrong", "narrowcast data dedupe --help"
    ),
    "prepare_leakage_found": Reason(_P, _ERR, "held-out rows are in the train split", "narrowcast prepare"),
    "dataset_version_unknown": Reason(
        _P, _ERR, "there is no such data-set version", "narrowcast data versions"
    ),
    "prepare_dedupe_run": Reason(_P, _INFO, "rows were compared with each other"),
    "prepare_leakage_audit": Reason(_P, _INFO, "one set of rows was searched for rows of another"),
    "prepare_manifest_missing": Reason(_P, _ERR, "no data set was prepared", "narrowcast prepare"),
    "prepare_split_changed": Reason(
        _P, _ERR, "a prepared file differs from its manifest", "narrowcast prepare --force"
    ),
    # baseline
    "baseline_run": Reason(_B, _INFO, "baselines were measured"),
    "baseline_failed": Reason(_B, _ERR, "a baseline could not be measured", "narrowcast baseline"),
    # training
    "training_run": Reason(_T, _INFO, "a model was trained"),
    "training_started": Reason(_T, _INFO, "training began"),
    "training_resumed": Reason(_T, _INFO, "training continued from a checkpoint"),
    "training_layout_planned": Reason(_T, _INFO, "the layout of each batch is chosen by measured costs"),
    "training_rerun": Reason(_T, _INFO, "a repeated run gave the same weights"),
    "training_rerun_differs": Reason(_T, _WARN, "a repeated run gave different weights", "narrowcast runs"),
    "training_pruned": Reason(
        _T, _INFO, "a trial of a search was stopped early, below the median of the others"
    ),
    "training_seeds": Reason(_T, _INFO, "a recipe was trained with several seeds"),
    "training_search_started": Reason(_T, _INFO, "a search over recipes began or continued"),
    "training_search_trial": Reason(_T, _INFO, "a trial of a search ended"),
    "training_weights_dropped": Reason(_T, _INFO, "weights of trials off the Pareto front were removed"),
    "training_search_finished": Reason(_T, _INFO, "a search over recipes ended, with its best run"),
    "training_search_failed": Reason(
        _T, _ERR, "no trial of a search could be trained", "narrowcast train --dry-run"
    ),
    "training_overfit": Reason(
        _T, _WARN, "the dev loss ended worse than its best", "narrowcast train --early-stopping 3"
    ),
    "training_forgetting": Reason(
        _T,
        _WARN,
        "the loss on general text rose far above that of the base",
        "narrowcast train --recipe sft-lora",
    ),
    "training_oom_retry": Reason(
        _T,
        _WARN,
        "a run that ran out of memory continued with smaller batches",
        "narrowcast train --micro-batch-size 4",
    ),
    "training_tracked": Reason(_T, _INFO, "figures of a run are sent to a tracker"),
    "training_tracker_failed": Reason(
        _T, _WARN, "a tracker did not accept figures; the run was not affected", "narrowcast runs"
    ),
    "training_tracker_unusable": Reason(
        _T, _ERR, "a tracker cannot be used", "narrowcast train, without --track"
    ),
    "training_forced": Reason(
        _T, _WARN, "training without an evaluated baseline was forced", "narrowcast baseline"
    ),
    "training_rows_truncated": Reason(
        _T, _WARN, "rows were left out because they are longer than the context", "narrowcast data ledger"
    ),
    "training_preflight": Reason(_T, _INFO, "a run was checked before it started"),
    "training_preflight_ignored": Reason(
        _T, _WARN, "a run started despite preflight problems", "narrowcast preflight"
    ),
    "training_forecast": Reason(
        _T, _INFO, "time and memory were forecast from optimizer steps on the real rows"
    ),
    "training_forecast_checked": Reason(
        _T, _INFO, "the forecast was compared with the actual time and memory"
    ),
    "training_autopilot": Reason(_T, _INFO, "base, recipe and schedule were chosen for data and machine"),
    "training_rows_too_few": Reason(
        _T, _ERR, "a data set of one row is too small to train on", "narrowcast data import"
    ),
    "training_label_absent": Reason(
        _T, _ERR, "held-out rows carry a label that no training row has", "narrowcast prepare"
    ),
    "training_eval_missing": Reason(_T, _WARN, "a held-out split is missing", "narrowcast prepare"),
    "training_gates_missing": Reason(
        _T,
        _WARN,
        "no release gate checks the model",
        "name gates under evaluate: in narrowcast.yaml, then: narrowcast eval",
    ),
    "training_licence_unclear": Reason(
        _T, _WARN, "the licence of the base is unknown or has terms of its own", "narrowcast models show"
    ),
    "training_device_missing": Reason(
        _T,
        _ERR,
        "the recipe needs hardware or a library that is missing",
        "narrowcast train --recipe sft-lora",
    ),
    "training_memory_short": Reason(
        _T, _ERR, "the run would need more memory than is free", "narrowcast train --micro-batch-size 4"
    ),
    "training_time_short": Reason(
        _T, _WARN, "the run would take longer than its time limit", "narrowcast train --epochs 1"
    ),
    "training_disk_short": Reason(
        _T, _ERR, "checkpoints would not fit on the disk", "free some space, then: narrowcast preflight"
    ),
    "training_baseline_missing": Reason(
        _T, _ERR, "no baseline was measured on this data set", "narrowcast baseline"
    ),
    "training_nothing_to_resume": Reason(_T, _ERR, "no run was interrupted", "narrowcast train"),
    "training_interrupted_run": Reason(
        _T, _ERR, "the same run was interrupted before", "narrowcast train --resume"
    ),
    "training_dispatch_error": Reason(_T, _ERR, "training could not begin", "narrowcast preflight"),
    "training_oom": Reason(
        _T, _ERR, "the machine ran out of memory", "narrowcast train --micro-batch-size 4"
    ),
    "training_diverged": Reason(
        _T, _ERR, "the loss became NaN or infinite", "narrowcast train --learning-rate 1e-4"
    ),
    "training_runtime_error": Reason(_T, _ERR, "training stopped with an error", "narrowcast train --resume"),
    "training_timeout": Reason(_T, _ERR, "training exceeded its time limit", "narrowcast train --resume"),
    "training_cancelled": Reason(_T, _WARN, "training was stopped on request", "narrowcast train --resume"),
    # eval
    "eval_run": Reason(_E, _INFO, "models were measured"),
    "eval_runtime_error": Reason(_E, _ERR, "an evaluation stopped with an error", "narrowcast eval"),
    "eval_model_missing": Reason(_E, _ERR, "there is no model to evaluate", "narrowcast train"),
    "eval_rows_trained_on": Reason(
        _E, _ERR, "held-out rows are in the train split of the measured model", "narrowcast train"
    ),
    "eval_dataset_missing": Reason(_E, _ERR, "there is no evaluation set", "narrowcast prepare"),
    "eval_answers_missing": Reason(
        _E, _ERR, "rows without answers cannot be scored", "narrowcast data review"
    ),
    "eval_gate_failed": Reason(_E, _WARN, "a release gate failed", "narrowcast eval --json"),
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
    # system
    "project_created": Reason(_S, _INFO, "a project was created"),
    "project_migrated": Reason(_S, _INFO, "a project was migrated to the current format"),
    "project_space_freed": Reason(_S, _INFO, "checkpoints or merged weights were removed to free space"),
    "stage_started": Reason(_S, _INFO, "a stage began"),
    "stage_interrupted": Reason(
        _S, _WARN, "the process of a stage ended before the stage did", "narrowcast run"
    ),
    "stage_recovered": Reason(_S, _INFO, "a stage had finished before its process ended"),
    "job_submitted": Reason(_S, _INFO, "a job was submitted"),
    "job_started": Reason(_S, _INFO, "a step of a job began"),
    "job_done": Reason(_S, _INFO, "a job has finished"),
    "job_failed": Reason(
        _S, _ERR, "a step of a job failed", "narrowcast jobs logs, then: narrowcast jobs resume"
    ),
    "job_process_died": Reason(
        _S, _ERR, "the process of a step was killed; finished steps are kept", "narrowcast jobs resume"
    ),
    "job_cancelled": Reason(_S, _WARN, "a job was cancelled", "narrowcast jobs resume"),
    "job_paused": Reason(_S, _INFO, "a job was paused", "narrowcast jobs resume"),
    "job_resumed": Reason(_S, _INFO, "a cancelled, paused, failed or interrupted job was resumed"),
    "job_scheduled": Reason(_S, _INFO, "a schedule was added or removed"),
    "job_unknown": Reason(_S, _ERR, "there is no such job or schedule", "narrowcast jobs list"),
    "job_worker_busy": Reason(_S, _ERR, "a worker is running already", "narrowcast jobs list"),
    "model_unusable": Reason(_S, _ERR, "a model cannot be used", "narrowcast models list"),
    "model_not_downloaded": Reason(_S, _ERR, "a model is not on this machine", "narrowcast models pull"),
    "model_adapter_missing": Reason(_S, _ERR, "a run has no trained weights", "narrowcast train"),
    "model_prompt_too_long": Reason(_S, _ERR, "a prompt fills the model's context", "narrowcast models list"),
    "model_base_changed": Reason(
        _S, _ERR, "the base is not the one that the run was trained on", "narrowcast train --force"
    ),
    "system_import_damaged": Reason(
        _S,
        _ERR,
        "the files of an import are missing or differ from its record",
        "narrowcast data import --force",
    ),
    "system_error": Reason(
        _S, _ERR, "an error without a reason code of its own", "narrowcast events --severity error"
    ),
    "system_cancelled": Reason(
        _S, _WARN, "stopped on request", "run the same command again; narrowcast runs lists the finished runs"
    ),
    "system_config_invalid": Reason(_S, _ERR, "a command or setting is wrong", "narrowcast --help"),
    "system_db_error": Reason(_S, _ERR, "the database reported an error", "narrowcast doctor"),
    "system_db_busy": Reason(_S, _ERR, "another process holds the database", "narrowcast jobs list"),
    "system_db_damaged": Reason(_S, _ERR, "the workspace's database is damaged", "narrowcast doctor"),
    "system_project_missing": Reason(_S, _ERR, "a project's folder is gone", "narrowcast projects"),
    "system_path_invalid": Reason(_S, _ERR, "a path cannot be used", "narrowcast doctor"),
    "system_name_undecodable": Reason(_S, _ERR, "a name is not UTF-8", "narrowcast doctor"),
    "system_text_undecodable": Reason(
        _S, _ERR, "a text is not in its encoding", "narrowcast data introspect"
    ),
    "system_value_too_deep": Reason(_S, _ERR, "a value is nested too deeply", "narrowcast data introspect"),
    "system_memory_short": Reason(_S, _ERR, "the memory does not suffice", "narrowcast doctor"),
    "system_unexpected": Reason(_S, _ERR, "a fault of narrowcast; please report it", "narrowcast doctor"),
    "system_disk_full": Reason(
        _S, _ERR, "the disk is full", "free some space; narrowcast doctor shows how much is free"
    ),
    "system_plugin_failed": Reason(_S, _ERR, "a plug-in failed", "narrowcast plugins"),
    "system_extra_missing": Reason(_S, _ERR, "an optional dependency is not installed", "narrowcast doctor"),
    "system_io_error": Reason(_S, _ERR, "a file or folder cannot be used", "narrowcast doctor"),
    "system_project_busy": Reason(_S, _ERR, "another process has the project", "narrowcast jobs list"),
}
