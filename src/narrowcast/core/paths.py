"""Every path of a project, named once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProjectPaths:
    """The folders and files of one project, all below `root`."""

    root: Path

    @property
    def config(self) -> Path:
        """The project's configuration."""
        return self.root / "narrowcast.yaml"

    @property
    def raw(self) -> Path:
        """Rows as the sources gave them: `<import>.jsonl`."""
        return self.root / "data" / "raw"

    @property
    def accepted(self) -> Path:
        """Mapped examples: `<import>.jsonl`."""
        return self.root / "data" / "accepted"

    @property
    def rejected(self) -> Path:
        """Rejected rows with their reasons: `<import>.jsonl`."""
        return self.root / "data" / "rejected"

    @property
    def cleaned(self) -> Path:
        """Cleaned sources: `<id>/` with rows, chunks, metadata, rejects and report."""
        return self.root / "data" / "cleaned"

    @property
    def prepared(self) -> Path:
        """`<version>/manifest.json` with its splits."""
        return self.root / "data" / "prepared"

    @property
    def evaluation(self) -> Path:
        """dev, test and golden rows, by name."""
        return self.root / "data" / "eval"

    @property
    def specs(self) -> Path:
        """Task and data specification."""
        return self.root / "specs"

    @property
    def runs(self) -> Path:
        """Training runs: `<run>/` with checkpoints, trace and run manifest."""
        return self.root / "training" / "runs"

    def forced_note(self, run_id: str) -> Path:
        """Where it stands that a run began without a baseline; beside its folder, so that it outlives it."""
        return self.runs / f"{run_id}.forced.json"

    def unfinished_note(self, run_id: str) -> Path:
        """What a run was asked for, from its first step until its weights are saved."""
        return self.runs / run_id / "unfinished.json"

    def dropped_note(self, run_id: str) -> Path:
        """Where it stands that, and why, the weights of a run were removed."""
        return self.runs / run_id / "dropped.json"

    @property
    def searches(self) -> Path:
        """Studies: `<study>/` with journal, result and pictures."""
        return self.root / "training" / "search"

    @property
    def tournaments(self) -> Path:
        """Who takes part in each tournament: `<key>.json`."""
        return self.root / "training" / "tournaments"

    @property
    def adapters(self) -> Path:
        """Trained adapters or full weights: `<run>/`."""
        return self.root / "outputs" / "adapters"

    def run_manifest(self, run_id: str) -> Path:
        """What a finished training run was."""
        return self.adapters / run_id / "run.json"

    @property
    def merged(self) -> Path:
        """Merged safetensors: `<run>/`."""
        return self.root / "outputs" / "merged"

    @property
    def gguf(self) -> Path:
        """GGUF bundles: `<run>/`."""
        return self.root / "outputs" / "gguf"

    @property
    def reports(self) -> Path:
        """Evaluation reports: `<name>/`."""
        return self.root / "outputs" / "eval_reports"

    @property
    def measured_calls(self) -> Path:
        """Paid answers of endpoints to held-out rows, apart from those that make training data."""
        return self.root / "outputs" / "endpoint_calls.jsonl"

    @property
    def registry(self) -> Path:
        """Records that diff well: stages, imports, data sets, runs."""
        return self.root / "registry"

    @property
    def imports(self) -> Path:
        """One line per committed import."""
        return self.registry / "imports.jsonl"

    @property
    def datasets(self) -> Path:
        """One line per prepared data-set version."""
        return self.registry / "datasets.jsonl"

    @property
    def run_index(self) -> Path:
        """One line per finished training run."""
        return self.registry / "runs.jsonl"

    @property
    def run_records(self) -> Path:
        """The stage record of each training run of several: `<run>.json`."""
        return self.registry / "runs"

    @property
    def stage_records(self) -> Path:
        """The last result of each stage, with the hash of its inputs."""
        return self.registry / "stages"

    @property
    def running(self) -> Path:
        """The stage runs under way: `<stage>.json`."""
        return self.registry / "running"

    @property
    def format(self) -> Path:
        """The number of the format that the project's files have."""
        return self.registry / "format.json"

    @property
    def events(self) -> Path:
        """The trail: one event per line."""
        return self.registry / "events.jsonl"

    @property
    def events_head(self) -> Path:
        """Number and hash of the newest event."""
        return self.registry / "events.head.json"

    @property
    def spool(self) -> Path:
        """Events that could not be written to the trail."""
        return self.registry / "events.spool.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the project."""
        return self.registry / "lock"

    def relative(self, path: Path) -> str:
        """`path` below the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()
