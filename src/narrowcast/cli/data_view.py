"""What `narrowcast data` prints for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.text import Text

from narrowcast.cli.output import next_step, say, table

if TYPE_CHECKING:
    from narrowcast.connectors.base import SourceDescription
    from narrowcast.core.ledger import Ledger
    from narrowcast.core.manifest import ImportRecord
    from narrowcast.core.task import TaskSpec
    from narrowcast.ops.imports import ImportOutcome
    from narrowcast.ops.sources import MapperInfo, SourceInfo
    from narrowcast.pipeline.project import Project
    from narrowcast.stages.import_.introspect import IntrospectionReport
    from narrowcast.stages.import_.options import ImportPlan, ImportPreview
    from narrowcast.stages.import_.source import IntrospectedSource

_SHOWN_LABELS = 6
_LISTED = 70  # characters of names


def show_sources(found: Sequence[SourceInfo]) -> None:
    """One line per kind of source, with what it needs."""
    table(
        ["locator", "source", "needs"],
        [(each.form, each.meaning.rstrip("."), _needed(each)) for each in found],
    )


def _needed(source: SourceInfo) -> str:
    if source.extra is None:
        return ""
    return source.extra if source.installed else f"pip install 'narrowcast[{source.extra}]'"


def show_mappers(found: Sequence[MapperInfo]) -> None:
    """One line per mapper."""
    rows = []
    for each in found:
        fields = [*each.required, *(f"[{name}]" for name in each.optional)]
        rows.append((Text(each.id, no_wrap=True), each.task_profile, each.meaning, " ".join(fields)))
    table(["mapper", "task", "rows", "fields, \\[optional]"], rows)


def show_source(source: SourceDescription) -> None:
    """What was found out about the file, each guess in its own line."""
    size = f", {_size(source.bytes)}" if source.bytes is not None else ""
    say(f"[bold]{escape(source.locator)}[/]  {source.format}{size}")
    facts = [
        f"encoding {source.encoding}" if source.encoding else "",
        f"delimiter {source.delimiter}" if source.delimiter else "",
        "" if source.header is None else "with a header" if source.header else "without a header",
    ]
    if any(facts):
        say(f"  {', '.join(fact for fact in facts if fact)}")
    for note in source.notes:
        say(f"  [dim]{escape(note)}[/]")


def show_introspection(found: IntrospectedSource, *, with_next: bool = True) -> None:
    """Source, columns, hypotheses, proposal."""
    report = found.report
    show_source(found.source)
    unparseable = f", {report.unparseable:,} of them unparseable" if report.unparseable else ""
    say(f"  {report.rows:,} rows{unparseable}\n")
    table(
        ["column", "type", ("empty", "right"), ("distinct", "right"), ("words", "right"), "example"],
        [
            (
                each.name,
                ", ".join(each.types) or "nothing",
                f"{each.empty:,}",
                "many" if each.distinct is None else f"{each.distinct:,}",
                "" if each.mean_words is None else f"{each.mean_words:.1f}",
                each.example,
            )
            for each in report.columns[:30]
        ],
    )
    for note in report.notes:
        say(f"  [dim]{escape(note)}[/]")
    show_hypotheses(report)
    if with_next:
        _next_after_introspection(found)


def show_hypotheses(report: IntrospectionReport) -> None:
    """Ranked readings of the rows with their reasons."""
    if not report.hypotheses:
        say("[yellow]no known shape fits these rows[/]")
        return
    rows = [
        (
            _confidence(each.confidence),
            each.shape,
            each.mapper_id or "not trainable yet",
            "\n".join(f"{role} = {column}" for role, column in each.field_map.items()),
            "\n".join([each.rationale, *(f"! {warning}" for warning in each.warnings)]),
        )
        for each in map(report.as_proposed, report.hypotheses)
    ]
    table([("confidence", "right"), "shape", "mapper", "fields", "reason"], rows)
    counts = report.hypotheses[0].label_counts
    if counts:
        say(f"  {_labels(counts)}")


def _confidence(value: float) -> Text:
    return Text(f"{value:.2f}", style="green" if value >= 0.8 else "yellow")


def _labels(counts: dict[str, int]) -> str:
    names = list(counts)
    numbers = list(counts.values())
    listing = ", ".join(f"{escape(name)} ({counts[name]:,})" for name in names[:_SHOWN_LABELS])
    more = f", … {len(names) - _SHOWN_LABELS} more" if len(names) > _SHOWN_LABELS else ""
    spread = f"{min(numbers):,} to {max(numbers):,} rows each"
    return f"[bold]{len(names)} labels[/], {spread}: {listing}{more}"


def _next_after_introspection(found: IntrospectedSource) -> None:
    proposal = found.report.proposal
    locator = found.source.locator
    if found.filled_locator and (proposal is None or proposal.needs_force):
        next_step(f"narrowcast data introspect --locator '{found.filled_locator}'")
    elif proposal is None:
        next_step("narrowcast data mappers, then data import with --mapper and --map, if one of them fits")
    elif proposal.needs_force:
        pairs = ",".join(f"{role}={column}" for role, column in proposal.field_map.items())
        next_step(
            f"narrowcast data import --locator '{locator}' --mapper {proposal.mapper_id} --map '{pairs}'"
        )
    else:
        next_step(f"narrowcast data import --locator '{locator}' --auto")


def show_dry_run(report: ImportPreview) -> None:
    """Counts, breakdown, a few rows."""
    show_source(report.plan.source)
    _show_mapping(report.plan.mapper, report.plan.field_map, report.plan.confidence)
    _show_warnings(report.plan)
    _show_counts(report.plan.mapper, report.rows, report.accepted, report.rejected)
    for reason, rejects in report.rejected_sample.items():
        for each in rejects[:2]:
            value = each.raw if each.data is None else _short(each.data)
            say(
                f"  [yellow]{reason}[/] row {each.index}: {escape(each.detail)} [dim]{escape(_cut(value))}[/]"
            )
    if report.sample:
        say("\n[bold]the first accepted rows[/]")
        table(
            ["input", "target"],
            [(_cut(_short(each["inputs"])), _cut(_short(each["target"]))) for each in report.sample],
        )
    _show_task(report.task)
    for note in report.notes:
        say(f"  {escape(note)}")
    say("[dim]dry run: nothing was written[/]")
    if report.would_fail:
        say(f"[red]the import would fail:[/] {escape(report.would_fail)}")
    else:
        next_step("the same command without --dry-run")


def show_import(outcome: ImportOutcome, project: Project) -> None:
    """What was read, mapped and kept, and where it is."""
    record = outcome.record
    if outcome.plan is not None:
        show_source(outcome.plan.source)
    _show_mapping(record.mapper, record.field_map, record.confidence)
    if outcome.plan is not None:
        _show_warnings(outcome.plan)
    _show_counts(record.mapper, record.rows, record.accepted, record.rejected)
    _show_task(outcome.task)
    if outcome.change == "unchanged":
        say(f"  [bold]{record.id}[/] is up to date: neither the source nor its mapping has changed")
        next_step("narrowcast prepare, or narrowcast run for the whole pipeline")
        return
    if outcome.replaced:
        say(f"  replacing {', '.join(outcome.replaced)}")
    into = f", all into {record.into}" if record.into else ""
    say(f"  kept as [bold]{record.id}[/] in {escape(str(project.paths.root))}/{outcome.written_path}{into}")
    if record.rejected:
        say(f"  [dim]rejected rows: data/rejected/{record.id}.jsonl[/]")
    next_step("narrowcast prepare, or narrowcast run for the whole pipeline")


def _show_mapping(mapper: str, field_map: dict[str, str], confidence: float | None) -> None:
    pairs = ", ".join(f"{role} = {column}" for role, column in field_map.items())
    by = "named by you" if confidence is None else f"proposed with a confidence of {confidence:.2f}"
    say(f"  mapped with [bold]{mapper}[/]: {escape(pairs)}  [dim]({by})[/]")


def _show_warnings(plan: ImportPlan) -> None:
    for warning in plan.warnings:
        say(f"  [yellow]! {escape(warning)}[/]")


def _show_counts(mapper: str, rows: int, accepted: int, rejected: dict[str, int]) -> None:
    from narrowcast.stages.import_.mapping import rejection_reasons

    meanings = rejection_reasons(mapper)
    lost = sum(rejected.values())
    say(f"\n[bold]{rows:,} rows[/] = [green]{accepted:,} accepted[/] + {lost:,} rejected")
    if rejected:
        table(
            [("rows", "right"), "reason", "meaning"],
            [(f"{count:,}", reason, meanings.get(reason, "")) for reason, count in rejected.items()],
        )


def _show_task(task: TaskSpec) -> None:
    name = task.profile + (f", {task.scoring_mode}" if task.scoring_mode else "")
    details = ""
    if task.labels:
        details = f"{len(task.labels)} labels: {_listed(task.labels)}"
    elif task.output_schema:
        details = f"fields: {_listed(_schema_names(task.output_schema))}"
    say(f"  task [bold]{name}[/] [dim](by {task.proposed_by})[/] {escape(details)}")


def _listed(names: Sequence[str]) -> str:
    """As many whole names as fit into a line, and how many more there are."""
    kept: list[str] = []
    for name in names:
        if kept and sum(map(len, kept)) + 2 * len(kept) + len(name) > _LISTED:
            break
        kept.append(_cut(name, _LISTED))
    more = f" and {len(names) - len(kept):,} more" if len(names) > len(kept) else ""
    return ", ".join(kept) + more


def _schema_names(schema: dict[str, Any]) -> list[str]:
    properties = schema.get("properties", {})
    if list(properties) == ["spans"]:
        kinds = properties["spans"].get("items", {}).get("properties", {}).get("type", {}).get("enum", [])
        return [str(each) for each in kinds]
    return list(properties)


def show_imports(records: Sequence[ImportRecord]) -> None:
    """One line an import."""
    if not records:
        say("nothing was imported yet")
        next_step("narrowcast data import --locator csv:PATH --auto")
        return
    table(
        [
            "import",
            "source",
            "mapper",
            "into",
            ("rows", "right"),
            ("accepted", "right"),
            ("rejected", "right"),
        ],
        [
            (
                each.id,
                each.locator,
                each.mapper,
                each.into or "split by prepare",
                f"{each.rows:,}",
                f"{each.accepted:,}",
                f"{sum(each.rejected.values()):,}",
            )
            for each in records
        ],
    )


def show_ledger(found: Ledger) -> None:
    """One line per stage."""
    if not found.stages:
        say("no rows yet")
        next_step("narrowcast data import --locator csv:PATH --auto")
        return
    table(
        ["stage", ("rows in", "right"), ("rows out", "right"), ("rejected", "right"), "reasons", "balanced"],
        [
            (
                each.stage,
                f"{each.rows_in:,}",
                f"{each.rows_out:,}",
                f"{sum(each.rejected.values()):,}",
                ", ".join(f"{reason} {count:,}" for reason, count in each.rejected.items()),
                Text("yes", style="green") if each.balanced else Text("no", style="bold red"),
            )
            for each in found.stages
        ],
    )
    if found.balanced:
        say("[green]every row is accounted for[/]")
    else:
        say("[bold red]the counts do not balance: a file was changed outside narrowcast[/]")
        next_step(
            "narrowcast data imports, then data remove and data import for the one that does not balance"
        )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str | None, length: int = 160) -> str:
    flat = " ".join((text or "").split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


def _size(count: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:,.1f} GiB"
