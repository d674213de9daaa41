"""The model card: `README.md` of a bundle. Every figure comes from a record; nothing is made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from narrowcast.core.bundle import BundleManifest, public_name
from narrowcast.core.markdown import escape
from narrowcast.core.parity import ParityReport
from narrowcast.core.paths import ProjectPaths
from narrowcast.evaluation.markdown import groups_text
from narrowcast.stages.export.options import Inputs, stage_result
from narrowcast.stages.export.verdict import verdict_section

_MORE_METRICS = 3  # besides the primary one, in the evaluation table


def model_card(manifest: BundleManifest, inputs: Inputs, project: ProjectPaths) -> str:
    """Markdown with front matter."""
    sections = [
        _front_matter(manifest),
        _what_it_is(manifest, inputs),
        verdict_section(manifest.verdict),
        _data(inputs),
        _training(inputs),
        _evaluation([stage_result(project, name) for name in reversed(inputs.evaluated)]),
        _parity(manifest.parity),
        _use(manifest),
        _limits(inputs),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(manifest: BundleManifest) -> str:
    return (
        f"---\nlibrary_name: gguf\nbase_model: {json.dumps(manifest.base['name'], ensure_ascii=False)}\n"
        f"tags: [narrowcast, {manifest.task.profile}]\n---"
    )


def _what_it_is(manifest: BundleManifest, inputs: Inputs) -> str:
    run, task = inputs.run, manifest.task
    labels = f", {len(task.labels)} labels" if task.labels else ""
    base = run.base
    return (
        f"# {escape(manifest.project)}: {task.profile.replace('_', ' ')}{labels}\n\n"
        f"A model for one task, trained by narrowcast {manifest.code_version} as run `{run.run_id}`.\n\n"
        + _table(
            ["", ""],
            [
                ["base", f"{public_name(base.name)} ({base.architecture}, {base.parameters:,} parameters)"],
                ["base licence", base.licence or "not stated"],
                *([["base weights", base.note]] if base.note else []),
                ["base fingerprint", base.fingerprint[:16]],
                ["method", f"{run.method} ({run.method_reason})" if run.method_reason else run.method],
                ["context", f"{base.context_length:,} tokens"],
                ["data-set version", run.dataset_version[:16]],
                ["trained", run.finished],
                *([["quick run", f"trained on {run.drawn}"]] if run.drawn else []),
            ],
        )
    )


def _data(inputs: Inputs) -> str:
    dataset = inputs.dataset
    rows = [
        [
            public_name(each.locator),
            each.mapper,
            f"{each.rows:,}",
            f"{each.accepted:,}",
            each.licence or "not stated",
            each.consent or "not stated",
        ]
        for each in dataset.imports
    ]
    splits = ", ".join(f"{name.value} {file.rows:,}" for name, file in dataset.splits.items())
    origin = ", ".join(f"{name.value} {count:,}" for name, count in dataset.provenance.items())
    leaks = dataset.leakage
    return (
        "## Data\n\n"
        + _table(["source", "mapper", "rows", "accepted", "licence", "consent"], rows)
        + f"\n\nSplits: {splits}. Who wrote the rows: {origin}. Shared between train and held-out rows: "
        f"{leaks.exact_inputs_shared} exact, {leaks.near_duplicates_shared} near-duplicates, "
        f"{leaks.groups_shared} groups."
    )


def _training(inputs: Inputs) -> str:
    run = inputs.run
    figures = [
        ["rows", ", ".join(f"{name} {count:,}" for name, count in run.rows.items())],
        ["steps", f"{run.steps:,}"],
        ["losses", ", ".join(f"{name} {value:.4f}" for name, value in run.losses.items())],
        ["seconds", f"{run.seconds:,.0f}"],
        ["device", run.environment.get("device", "not recorded")],
        ["seed", str(run.seed)],
        ["weights sha256", run.weights_sha256],
    ]
    return "## Training\n\n" + _table(["", ""], figures)


def _evaluation(results: Sequence[dict[str, Any] | None]) -> str:
    rows: list[list[str]] = []
    known = [result for result in results if result]
    for result in known:
        if _rows_of(result) != _rows_of(known[0]):
            continue  # one table, one set of rows
        for each in result["results"]:
            if each["model"] not in [row[0] for row in rows]:
                rows.append([each["model"], each["split"], str(each["n"]), *_metrics(each)])
    if not rows:
        return "## Evaluation\n\nThis run was not evaluated on this data set before it was exported."
    note = "Intervals: 95 %; rows that are alike count as one group."
    return "## Evaluation\n\n" + _table(["model", "split", "rows", "metric", "others"], rows) + f"\n\n{note}"


def _rows_of(result: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(result[name] for name in ("dataset_version", "split", "n", "rows_drawn"))


def _metrics(result: dict[str, Any]) -> list[str]:
    primary, metrics = result["primary"], result["metrics"]
    others = [name for name in metrics if name != primary][:_MORE_METRICS]
    return [
        f"{primary} {_interval(metrics[primary])}",
        ", ".join(f"{name} {metrics[name]['value']:.3f}" for name in others),
    ]


def _interval(value: dict[str, float]) -> str:
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def _parity(report: ParityReport | None) -> str:
    if report is None:
        return "## Parity\n\nNo GGUF file was exported, so nothing was compared."
    rows = [
        [
            each.format,
            f"{each.size_bytes / 1e6:.1f} MB",
            "equal" if each.identical else "not compared",
            "equal" if each.prompt_ids_equal else "differ",
            _figure(each.top1_agreement, ".4f"),
            _figure(each.mean_kl, ".2e"),
            _figure(each.exported, ".3f"),
            _interval(each.metric_difference.model_dump()) if each.metric_difference else "-",
            each.verdict.replace("_", " "),
        ]
        for each in report.formats
    ]
    metric, groups = report.formats[0].metric, groups_text(report.rows, report.formats[0].groups)
    head = ["file", "size", "weights", "prompt ids", "top-1", "KL", metric, "difference", "verdict"]
    runtime = ", ".join(f"{name} {value}" for name, value in report.runtime.items())
    return (
        "## Parity with the measured model\n\n"
        + _table(head, rows)
        + "\n\nWeights: each tensor lies within the rounding of its type, and tokens and settings are equal. "
        f"{report.rows} rows of the {report.split} split{groups}, through the trained model and each file; "
        f"top-1 and KL over {report.formats[0].positions:,} answer positions. The metric may fall by "
        f"{report.tolerance}; a difference whose interval crosses that bar is called not enough data. "
        f"Run with: {runtime}."
    )


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _use(manifest: BundleManifest) -> str:
    lines = ["## Use", "", "```bash", "narrowcast serve"]
    if manifest.smoke:
        lines.append("ollama create my-model -f Modelfile")
    lines.append("```")
    if manifest.smoke:
        text = manifest.smoke.prompt + manifest.smoke.text
        fence = "`" * max(4, 1 + max(map(len, re.findall("`+", text)), default=0))
        lines += [
            "",
            f"A real prompt and what `{manifest.smoke.format}` generated:",
            "",
            f"{fence}text",
            text,
            fence,
        ]
    return "\n".join(lines)


def _limits(inputs: Inputs) -> str:
    held_out = sum(file.rows for name, file in inputs.dataset.splits.items() if name.value != "train")
    lines = [
        "It performs one task, with the prompt of its training; other answers are meaningless.",
        f"{held_out:,} rows of the sources above were held out; scores on other data may differ.",
        "Parity was proven with narrowcast's worker; other programs may tokenise or sample differently.",
    ]
    truncated = {name: count for name, count in inputs.run.rows.items() if name not in ("train", "dev")}
    lines += [
        f"{count:,} train rows were left out: {escape(name)}." for name, count in truncated.items() if count
    ]
    lines += [f"{escape(warning)}." for warning in (each.rstrip(".") for each in inputs.dataset.warnings)]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(map(escape, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    return "\n".join(lines)
