"""Rows: sources, imports, cleaning, duplicates, history, generation."""

from __future__ import annotations

from narrowcast.server.api.route import PROJECT, Route

_DATA = f"{PROJECT}/data"

ROUTES = (
    Route("GET", "/api/sources", "data.sources", key="scheme"),
    Route("GET", "/api/mappers", "data.mappers", key="name"),
    Route("POST", "/api/introspect", "data.introspect", example={"locator": "csv:tickets.csv"}),
    Route("GET", f"{_DATA}/imports", "data.imports", key="id"),
    Route("POST", f"{_DATA}/imports", "data.import", example={"locator": "csv:tickets.csv", "auto": True}),
    Route("GET", f"{_DATA}/imports/{{import_id}}", "data.show_import"),
    Route("DELETE", f"{_DATA}/imports/{{import_id}}", "data.remove_import"),
    Route("GET", f"{_DATA}/ledger", "data.ledger"),
    Route("GET", f"{_DATA}/cleanings", "data.cleanings", key="id"),
    Route("POST", f"{_DATA}/cleanings", "data.clean", example={"locator": "csv:tickets.csv"}),
    Route("POST", f"{_DATA}/dedupe", "data.dedupe", example={"locator": "accepted", "copies": True}),
    Route("POST", f"{_DATA}/leakage", "data.leakage", example={"a": "train", "b": "test"}),
    Route("GET", f"{_DATA}/versions", "data.versions", key="version"),
    Route("GET", f"{_DATA}/diff", "data.diff"),
    Route("GET", f"{_DATA}/lineage", "data.lineage"),
    Route("POST", f"{_DATA}/forget", "data.forget", example={"ids": ["imp-0a1b2c3d4e:17"], "delete": True}),
    Route("GET", f"{_DATA}/generations", "data.generations", key="id"),
    Route("POST", f"{_DATA}/generations", "data.generate", example={"dry_run": True}),
    Route("POST", f"{_DATA}/gate", "data.gate"),
    Route("POST", f"{_DATA}/judge", "data.judge"),
    Route("POST", f"{_DATA}/balance", "data.balance"),
    Route("GET", f"{PROJECT}/dataset", "prepare.show"),
    Route("POST", f"{PROJECT}/prepare", "prepare.run", example={"options": {"dev": 0.1, "test": 0.1}}),
)
