"""Measuring, comparing, exporting and proving."""

from __future__ import annotations

from narrowcast.server.api.route import PROJECT, Route

ROUTES = (
    Route("POST", f"{PROJECT}/evaluation/run", "evaluation.run", example={"options": {"split": "dev"}}),
    Route(
        "POST",
        f"{PROJECT}/evaluation/compare",
        "evaluation.compare",
        example={"first": "run:exp-0a1b2c3d4e", "second": "svm"},
    ),
    Route("GET", f"{PROJECT}/evaluation", "evaluation.summary"),
    Route("POST", f"{PROJECT}/exports", "exports.run", example={"options": {"formats": ["q8_0"]}}),
    Route("POST", f"{PROJECT}/exports/parity", "exports.parity"),
)
