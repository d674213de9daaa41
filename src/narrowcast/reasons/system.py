"""Codes of everything around the stages: projects, jobs, models as files, the machine."""

from __future__ import annotations

from narrowcast.reasons.reason import Reason, Severity, StageName

_S = StageName.SYSTEM
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

SYSTEM: dict[str, Reason] = {
    "system_request_invalid": Reason(
        _S, _ERR, "a request over HTTP was refused before it reached an operation", "narrowcast call"
    ),
    "project_unknown": Reason(
        _S, _ERR, "there is no project of this number, name or folder", "narrowcast projects"
    ),
    "project_created": Reason(_S, _INFO, "a project was created"),
    "project_migrated": Reason(_S, _INFO, "a project was migrated to the current format"),
    "project_renamed": Reason(_S, _INFO, "a project got another name"),
    "project_moved": Reason(_S, _INFO, "a project was moved to another folder"),
    "project_deleted": Reason(_S, _WARN, "a project was deleted", "narrowcast project restore FILE"),
    "project_backed_up": Reason(_S, _INFO, "a backup of a project was written"),
    "project_restored": Reason(_S, _WARN, "a project was restored from a backup", "narrowcast audit verify"),
    "trail_accepted": Reason(
        _S, _WARN, "a trail that ends before the remembered event was accepted", "narrowcast audit verify"
    ),
    "backup_damaged": Reason(
        _S, _ERR, "a backup is damaged or unsafe; nothing was restored", "narrowcast project backup FILE"
    ),
    "system_disk_short": Reason(
        _S, _ERR, "the disk is too small for what is to be written", "narrowcast gc --dry-run"
    ),
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
        _S, _ERR, "a step of a job failed", "narrowcast jobs list, then: narrowcast jobs logs JOB"
    ),
    "job_process_died": Reason(
        _S, _ERR, "the process of a step was killed; finished steps are kept", "narrowcast jobs resume JOB"
    ),
    "job_cancelled": Reason(_S, _WARN, "a job was cancelled", "narrowcast jobs resume JOB"),
    "job_paused": Reason(_S, _INFO, "a job was paused", "narrowcast jobs resume JOB"),
    "job_resumed": Reason(_S, _INFO, "a cancelled, paused, failed or interrupted job was resumed"),
    "job_scheduled": Reason(_S, _INFO, "a schedule was added or removed"),
    "job_unknown": Reason(_S, _ERR, "there is no such job or schedule", "narrowcast jobs list"),
    "job_worker_busy": Reason(_S, _ERR, "a worker is running already", "narrowcast jobs list"),
    "model_unusable": Reason(_S, _ERR, "a model cannot be used", "narrowcast models list"),
    "model_not_downloaded": Reason(_S, _ERR, "a model is not on this machine", "narrowcast models pull ID"),
    "model_damaged": Reason(
        _S, _ERR, "the files of a pulled model were damaged or replaced", "narrowcast models pull ID --force"
    ),
    "model_other_content": Reason(
        _S, _ERR, "a downloaded model is not the one in the catalogue", "narrowcast models list"
    ),
    "model_code_run": Reason(_S, _INFO, "the rules of a file, which the user named, answered held-out rows"),
    "model_rows_sent": Reason(
        _S, _WARN, "held-out rows were sent to an endpoint, as the user asked", "narrowcast baseline"
    ),
    "model_rules_missing": Reason(_S, _ERR, "a rules file is not there", "narrowcast baseline"),
    "model_rules_failed": Reason(_S, _ERR, "the code of a rules file failed", "narrowcast baseline"),
    "model_needs_yes": Reason(_S, _ERR, "a model does what only the user may decide", "narrowcast baseline"),
    "model_cap_reached": Reason(
        _S, _ERR, "the cap on what an endpoint may be asked was reached", "narrowcast baseline --cap-tokens N"
    ),
    "model_adapter_missing": Reason(_S, _ERR, "a run has no trained weights", "narrowcast train"),
    "model_prompt_too_long": Reason(_S, _ERR, "a prompt fills the model's context", "narrowcast models list"),
    "model_base_changed": Reason(
        _S, _ERR, "the base is not the one that the run was trained on", "narrowcast train --force"
    ),
    "system_file_edited": Reason(
        _S, _ERR, "a file is not the one that its stage wrote", "narrowcast audit verify"
    ),
    "system_import_damaged": Reason(
        _S,
        _ERR,
        "the files of an import are missing or differ from its record",
        "narrowcast data import --locator SCHEME:PATH --force",
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
        _S, _ERR, "a text is not in its encoding", "narrowcast data introspect --locator SCHEME:PATH"
    ),
    "system_value_too_deep": Reason(
        _S, _ERR, "a value is nested too deeply", "narrowcast data introspect --locator SCHEME:PATH"
    ),
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
