"""The model card: `README.md` of a bundle. Every figure comes from a record; nothing is made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from narrowcast.core.bundle import BundleManifest, public_name
from narrowcast.core.markdown import escape
from narrowcast.core.parity import ParityReport, compared_columns
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import NO_BASE, BaseRecord
from narrowcast.evaluation.markdown import groups_text
from narrowcast.stages.export.exporter import CardWords
from narrowcast.stages.export.options import Inputs, stage_result
from narrowcast.stages.export.verdict import verdict_section

_MORE_METRICS = 3  # besides the primary one, in the evaluation table


def model_card(manifest: BundleManifest, inputs: Inputs, words: CardWords, project: ProjectPaths) -> str:
    """Markdown with front matter."""
    sections = [
        _front_matter(manifest, words),
        _what_it_is(manifest, inputs),
        verdict_section(manifest.verdict),
        _data(inputs),
        _training(inputs),
        _evaluation([stage_result(project, name) for name in reversed(inputs.evaluated)]),
        _parity(manifest.parity, words),
        _use(manifest, words),
        _limits(inputs, words),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(manifest: BundleManifest, words: CardWords) -> str:
    name = manifest.base["name"]
    base = "" if name == NO_BASE else f"base_model: {json.dumps(name, ensure_ascii=False)}\n"
    return f"---\nlibrary_name: {words.library}\n{base}tags: [narrowcast, {manifest.task.profile}]\n---"


def _what_it_is(manifest: BundleManifest, inputs: Inputs) -> str:
    run, task = inputs.run, manifest.task
    labels = f", {len(task.labels)} labels" if task.labels else ""
    return (
        f"# {escape(manifest.project)}: {task.profile.replace('_', ' ')}{labels}\n\n"
        f"A model for one task, trained by narrowcast {manifest.code_version} as run `{run.run_id}`.\n\n"
        + _table(
            ["", ""],
            [
                *(_base(run.base) if run.base.name != NO_BASE else []),
                ["method", run.how],
                *([["sees", _seen(run.recipe)]] if run.method == "linear" else []),
                ["data-set version", run.dataset_version[:16]],
                ["trained", run.finished],
                *([["quick run", f"trained on {run.drawn}"]] if run.drawn else []),
            ],
        )
    )


def _base(base: BaseRecord) -> list[list[str]]:
    return [
        ["base", f"{public_name(base.name)} ({base.architecture}, {base.parameters:,} parameters)"],
        ["base licence", base.licence or "not stated"],
        *([["base weights", base.note]] if base.note else []),
        ["base fingerprint", base.fingerprint[:16]],
        ["context", f"{base.context_length:,} tokens"],
    ]


def _seen(recipe: Mapping[str, Any]) -> str:
    """What a linear model sees of a text, and the model over it; a tagger of spans has no choice."""
    features = ", ".join(recipe["features"]) or "each word and its neighbours"
    return f"{features} ({recipe['classifier']})"


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
        *([["steps", f"{run.steps:,}"]] if run.steps else []),
        ["losses", ", ".join(f"{name} {value:.4f}" for name, value in run.losses.items()) or "none"],
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


def _parity(report: ParityReport | None, words: CardWords) -> str:
    if report is None:
        return "## Parity\n\nNo file that answers was exported, so nothing was compared."
    columns = compared_columns(report)
    rows = [
        [
            each.format,
            f"{each.size_bytes / 1e6:.1f} MB",
            "equal" if each.identical else "not compared",
            "equal" if each.prompt_ids_equal else "differ",
            *(column.of(each) for column in columns),
            _figure(each.exported, ".3f"),
            _interval(each.metric_difference.model_dump()) if each.metric_difference else "-",
            each.verdict.replace("_", " "),
        ]
        for each in report.formats
    ]
    metric, groups = report.formats[0].metric, groups_text(report.rows, report.formats[0].groups)
    heads = [column.head for column in columns]
    head = ["file", "size", "weights", "prompt ids", *heads, metric, "difference", "verdict"]
    runtime = ", ".join(f"{name} {value}" for name, value in report.runtime.items())
    seen = report.formats[0].positions
    positions = f"; top-1 and KL over {seen:,} answer positions" if seen else ""
    return (
        "## Parity with the measured model\n\n" + _table(head, rows) + f"\n\n{words.compared} "
        f"{report.rows} rows of the {report.split} split{groups}, through the trained model and each file"
        f"{positions}. The metric may fall by "
        f"{report.tolerance}; a difference whose interval crosses that bar is called not enough data. "
        f"Run with: {runtime}."
    )


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _use(manifest: BundleManifest, words: CardWords) -> str:
    lines = ["## Use", "", "```bash", "narrowcast serve"]
    if manifest.smoke:
        lines += words.commands
    lines.append("```")
    if manifest.smoke:
        text = manifest.smoke.prompt + words.between + manifest.smoke.text
        fence = "`" * max(4, 1 + max(map(len, re.findall("`+", text)), default=0))
        lines += [
            "",
            f"A real prompt and what `{manifest.smoke.format}` answered:",
            "",
            f"{fence}text",
            text,
            fence,
        ]
    return "\n".join(lines)


def _limits(inputs: Inputs, words: CardWords) -> str:
    held_out = sum(file.rows for name, file in inputs.dataset.splits.items() if name.value != "train")
    lines = [
        "It performs one task, with the prompt of its training; other answers are meaningless.",
        f"{held_out:,} rows of the sources above were held out; scores on other data may differ.",
        words.elsewhere,
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
