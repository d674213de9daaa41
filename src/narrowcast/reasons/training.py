"""Codes of models: what they have to beat, training and measuring them."""

from __future__ import annotations

from narrowcast.reasons.reason import Reason, Severity, StageName

_B = StageName.BASELINE
_T = StageName.TRAINING
_E = StageName.EVAL
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

TRAINING: dict[str, Reason] = {
    # baseline
    "baseline_run": Reason(_B, _INFO, "baselines were measured"),
    "baseline_failed": Reason(_B, _ERR, "a baseline could not be measured", "narrowcast baseline"),
    # training
    "training_run": Reason(_T, _INFO, "a model was trained"),
    "training_started": Reason(_T, _INFO, "training began"),
    "training_resumed": Reason(_T, _INFO, "training continued from a checkpoint"),
    "training_run_discarded": Reason(_T, _INFO, "what an interrupted run had left was removed"),
    "training_layout_planned": Reason(_T, _INFO, "the layout of each batch is chosen by measured costs"),
    "training_rerun": Reason(_T, _INFO, "a repeated run gave the same weights"),
    "training_rerun_differs": Reason(_T, _WARN, "a repeated run gave different weights", "narrowcast runs"),
    "training_pruned": Reason(
        _T, _INFO, "a trial of a search was stopped early, below the median of the others"
    ),
    "training_tournament_entrants": Reason(_T, _INFO, "the entrants of a tournament were chosen"),
    "training_tournament": Reason(
        _T, _INFO, "several methods were trained, and the best on dev rows was chosen"
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
    "training_spans_unlearnable": Reason(
        _T,
        _WARN,
        "rows were left out because their spans overlap, or begin or end inside a word",
        "narrowcast data review",
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
        _T,
        _ERR,
        "a data set of one row is too small to train on",
        "narrowcast data import --locator SCHEME:PATH",
    ),
    "training_rows_thin": Reason(
        _T, _WARN, "too few rows to measure", "narrowcast data import --locator SCHEME:PATH"
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
    "training_export_impossible": Reason(
        _T,
        _ERR,
        "no GGUF file could be made of the trained model",
        "narrowcast models list, or formats adapter and merged under export: in narrowcast.yaml",
    ),
    "training_licence_unclear": Reason(
        _T, _WARN, "the licence of the base is unknown or has terms of its own", "narrowcast models show ID"
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
    "training_method_unsuited": Reason(
        _T, _ERR, "the method does not suit the task", "narrowcast train --method auto"
    ),
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
}
