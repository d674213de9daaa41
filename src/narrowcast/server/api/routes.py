"""All routes, in the order in which they are matched: of two that fit a path, the plainer one comes first."""

from __future__ import annotations

from narrowcast.server.api import data, evaluation, projects, training, workspace
from narrowcast.server.api.route import Route

ROUTES: tuple[Route, ...] = tuple(
    sorted(
        (*projects.ROUTES, *data.ROUTES, *training.ROUTES, *evaluation.ROUTES, *workspace.ROUTES),
        key=lambda route: route.path.count("{"),
    )
)
