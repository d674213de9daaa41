"""Projects: list, make, rename, delete; their state, and the whole pipeline."""

from __future__ import annotations

from narrowcast.server.api.route import PROJECT, Route

ROUTES = (
    Route("GET", "/api/projects", "projects.list", key="id"),
    Route(
        "POST",
        "/api/projects",
        "projects.create",
        example={"name": "tickets", "task": "classification", "labels": ["billing", "delivery"]},
    ),
    Route("GET", PROJECT, "projects.show"),
    Route("PATCH", PROJECT, "projects.rename", example={"name": "support-tickets"}),
    Route("DELETE", PROJECT, "projects.delete"),
    Route("GET", f"{PROJECT}/plan", "projects.plan"),
    Route("POST", f"{PROJECT}/run", "projects.run", example={"only": ["linear"], "budget_minutes": 10}),
)
