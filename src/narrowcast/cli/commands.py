"""What the root command offers, as data: read without loading a command, pydantic or typer."""

from __future__ import annotations

# name → (module:attribute, help panel, one line of help). The attribute is a function or a typer.Typer.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("narrowcast.cli.demo:demo", "Start", "Run the whole pipeline on the built-in task, offline."),
    "init": ("narrowcast.cli.projects:init", "Start", "Create a project."),
    "run": ("narrowcast.cli.run:run", "Start", "Run the pipeline of a project."),
    "projects": ("narrowcast.cli.projects:projects", "Start", "List the projects."),
    "project": (
        "narrowcast.cli.project:app",
        "Start",
        "Rename, move, delete, back up and restore projects.",
    ),
    "use": ("narrowcast.cli.projects:use", "Start", "Choose the current project."),
    "status": (
        "narrowcast.cli.projects:status",
        "Start",
        "Show the current project, what is stale, and what is next.",
    ),
    "gc": ("narrowcast.cli.gc:gc", "Start", "Show and free what runs hold on the disk."),
    "migrate": (
        "narrowcast.cli.projects:migrate",
        "Start",
        "Migrate an older project to the current format.",
    ),
    "data": ("narrowcast.cli.data:app", "Data", "Clean, import, generate, review and trace rows."),
    "prepare": (
        "narrowcast.cli.prepare:prepare",
        "Data",
        "Split rows into train, dev and test.",
    ),
    "baseline": ("narrowcast.cli.evaluate:baseline", "Model", "Measure what a fine-tuned model has to beat."),
    "preflight": (
        "narrowcast.cli.preflight:preflight",
        "Model",
        "Check a training run before it starts.",
    ),
    "recipes": ("narrowcast.cli.recipes:app", "Model", "List and show the training recipes."),
    "train": ("narrowcast.cli.train:train", "Model", "Train a model on the prepared rows."),
    "runs": ("narrowcast.cli.runs:app", "Model", "List, show and discard training runs."),
    "search": ("narrowcast.cli.search:search", "Model", "Search recipes and base models."),
    "rerun": ("narrowcast.cli.rerun:rerun", "Model", "Repeat a run and compare the weights."),
    "eval": ("narrowcast.cli.evaluate:evaluate", "Model", "Measure models on held-out rows."),
    "compare": ("narrowcast.cli.evaluate:compare", "Model", "Compare two models on the same held-out rows."),
    "models": ("narrowcast.cli.models:app", "Model", "List, show and download base models."),
    "export": ("narrowcast.cli.export:export", "Ship", "Export the trained model as a bundle."),
    "parity": ("narrowcast.cli.export:parity", "Ship", "Check exported files against the trained model."),
    "serve": ("narrowcast.cli.serve:serve", "Ship", "Serve an exported model over the OpenAI protocol."),
    "events": ("narrowcast.cli.audit:events", "Audit", "Show the events of a project."),
    "audit": ("narrowcast.cli.audit:app", "Audit", "Verify the audit trail."),
    "call": (
        "narrowcast.cli.call:call",
        "Audit",
        "Call an operation by name, with JSON in and out.",
    ),
    "jobs": ("narrowcast.cli.jobs:app", "Model", "Run long commands as durable jobs."),
    "plugins": ("narrowcast.cli.plugins:plugins", "Audit", "List the installed plug-ins."),
    "doctor": ("narrowcast.cli.doctor:doctor", "Audit", "Check the machine and the installation."),
}
