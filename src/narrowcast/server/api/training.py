"""Baselines, preflight, training, search; the runs that came of them."""

from __future__ import annotations

from narrowcast.server.api.route import PROJECT, Route

_TRAINING = f"{PROJECT}/training"

ROUTES = (
    Route("POST", f"{PROJECT}/baselines/run", "baselines.run", example={"options": {"models": ["svm"]}}),
    Route("POST", f"{_TRAINING}/preflight", "training.preflight", example={"autopilot": True}),
    Route("POST", f"{_TRAINING}/run", "training.run", example={"autopilot": True, "one_click": True}),
    Route("POST", f"{_TRAINING}/seeds", "training.seeds", example={"seeds": 3}),
    Route("POST", f"{_TRAINING}/search", "training.search"),
    Route("GET", f"{PROJECT}/runs", "runs.list", key="run_id"),
    Route("GET", f"{PROJECT}/runs/interrupted", "runs.interrupted", key="run_id"),
    Route("GET", f"{PROJECT}/runs/{{run}}", "runs.show"),
    Route("DELETE", f"{PROJECT}/runs/{{run}}", "runs.discard"),
    Route("POST", f"{PROJECT}/runs/{{run}}/rerun", "runs.rerun"),
)
