"""What belongs to no project: models, jobs, plug-ins."""

from __future__ import annotations

from narrowcast.server.api.route import Route

ROUTES = (
    Route("GET", "/api/models", "models.list"),
    Route("GET", "/api/models/{name}", "models.show"),
    Route("GET", "/api/jobs", "jobs.list", key="id"),
    Route("GET", "/api/jobs/{job}", "jobs.show"),
    Route("POST", "/api/jobs/{job}/cancel", "jobs.stop"),
    Route("POST", "/api/jobs/{job}/pause", "jobs.stop", fixed={"pause": True}),
    Route("POST", "/api/jobs/{job}/resume", "jobs.resume"),
    Route("GET", "/api/jobs/{job}/log", "jobs.log"),
    Route("GET", "/api/plugins", "plugins.list", key="name"),
)
