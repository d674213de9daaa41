"""Which mapper and which columns: named by the user, proposed by introspection, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.stages.import_.halves import joined_with_other_half
from narrowcast.stages.import_.introspect import (
    THRESHOLD,
    IntrospectionReport,
    ProposedMapping,
    ShapeHypothesis,
)
from narrowcast.stages.import_.introspect.blocks import block_warning, blocks
from narrowcast.stages.import_.introspect.label_doubts import (
    counted_names,
    label_doubts,
    label_warnings,
    rare_labels,
)
from narrowcast.stages.import_.introspect.profile import Column, Profile, profile
from narrowcast.stages.import_.introspect.trial import mapping_doubts, try_mapping
from narrowcast.stages.import_.lacking import lacking, nearest_mapping
from narrowcast.stages.import_.mapping import MAPPERS, check_field_map, mapped_columns
from narrowcast.stages.import_.mapping.base import Mapper
from narrowcast.stages.import_.mapping.task import takes_rows_of
from narrowcast.stages.import_.options import Options
from narrowcast.stages.import_.source import IntrospectedSource

# Of these fields, a mapper that has them needs exactly one.
_ALTERNATIVES = frozenset({"target", "fields", "spans"})

# Rows in which a mapping that was given in full is tried, before all rows are read: of many, the first.
_TRIED = 100_000

# A reading whose confidence is lower by less than this is shown beside the one that is taken.
_NEARLY = 0.2


class MappingUncertainError(DataError):
    """Introspection has no mapping it may use without force; `introspection` is what it saw."""

    default_reason_code = "dataset_mapping_uncertain"

    def __init__(self, introspection: IntrospectedSource, what: str, next_command: str) -> None:
        super().__init__(what, where=introspection.source.locator, next_command=next_command)
        self.introspection = introspection

    def to_dict(self) -> dict[str, Any]:
        """With the ranked hypotheses, so that a program can choose a mapping itself."""
        report = self.introspection.report
        return {
            **super().to_dict(),
            "hypotheses": [each.model_dump(mode="json") for each in report.hypotheses],
            "columns": [each.model_dump(mode="json") for each in report.columns],
        }


@dataclass(frozen=True, slots=True)
class ChosenMapping:
    """A mapper with a complete, checked field map."""

    mapper: type[Mapper]
    field_map: dict[str, str]
    confidence: float | None
    """Of introspection's proposal, where that decided."""
    forced: bool = False
    warnings: list[str] = field(default_factory=list)
    """What is against it, and what else the rows may be."""


def given_mapping(rows: Iterable[SourceRow], asked: Options) -> ChosenMapping | None:
    """The mapping of an import that names all of it; None if introspection has to fill gaps.

    Args:
        rows: of the source; the first are read if a mapper is named, to find its columns.
        asked: what the import was asked for.

    Raises:
        UsageError: for unknown mappers, fields and columns.
    """
    if asked.mapper is None:
        return None
    mapper = MAPPERS.get(asked.mapper)
    seen = profile(islice(rows, asked.limit or _TRIED))
    head = list(seen.columns)
    known = all(column in head for column in mapped_columns(mapper, asked.field_map))
    if not known or not _is_complete(mapper, asked.field_map):
        return None
    check_field_map(mapper, asked.field_map, head)
    trial = try_mapping(asked.mapper, asked.field_map, seen.drawn)
    doubts = mapping_doubts(asked.mapper, asked.field_map, seen, trial)
    warnings = [each.what for each in doubts] + _of_the_label(seen, asked.field_map)
    return ChosenMapping(mapper, asked.field_map, None, warnings=warnings)


def _of_the_label(seen: Profile, field_map: Mapping[str, str]) -> list[str]:
    """What the cells say against a label that was named; nothing where the mapping has none."""
    sets = seen.columns.get(field_map.get("labels", ""))
    if sets is not None:
        return rare_labels(counted_names(sets, field_map.get("separator", "")))
    text, label = (seen.columns.get(field_map.get(role, "")) for role in ("text", "label"))
    if text is None or label is None:
        return []
    merged = [block_warning(label.name, label.filled, seen.rows)] * (label.name in blocks(seen))
    return [*merged, *label_doubts(seen, text, label), *label_warnings(seen, text, label), *_rare(label)]


def _rare(label: Column) -> list[str]:
    counts = {str(value): rows for value, rows in label.values.items()}
    return [] if label.distinct is None else rare_labels(counts)


def _is_complete(mapper: type[Mapper], field_map: Mapping[str, str]) -> bool:
    """Whether a map names all that its mapper needs."""
    required = {role.name for role in mapper.roles if role.required}
    alternatives = _ALTERNATIVES & {role.name for role in mapper.roles}
    return required <= field_map.keys() and (not alternatives or bool(alternatives & field_map.keys()))


def choose_mapping(
    introspection: IntrospectedSource, asked: Options, task: TaskSpec | None = None, *, force: bool
) -> ChosenMapping:
    """Complete what the user named with what introspection found.

    Args:
        introspection: what was found.
        asked: what the user named.
        task: of the project: a reading that fits it is preferred to a surer one that does not.
        force: use a doubtful mapping.

    Raises:
        UsageError: for unknown mappers, fields and columns, or where neither a mapper nor `auto` is given.
        MappingUncertainError: if the proposal is under the threshold and not forced.
    """
    _refuse_empty(introspection)
    mapper, field_map = asked.mapper, asked.field_map
    fitting: ShapeHypothesis | ProposedMapping | None
    if mapper is not None:
        chosen = MAPPERS.get(mapper)
        fitting = next((each for each in introspection.report.hypotheses if each.mapper_id == mapper), None)
    elif asked.auto:
        fitting = _of_the_task(introspection, task) or _proposal(introspection)
        chosen = MAPPERS.get(fitting.mapper_id or "")
    else:
        raise UsageError(
            "the import names no mapper",
            where=introspection.source.locator,
            next_command="add --auto, or --mapper NAME with --map FIELD=COLUMN (`narrowcast data mappers`)",
            reason_code="dataset_request_invalid",
        )
    columns = introspection.report.column_names
    if fitting is None and not _is_complete(chosen, field_map):
        _name_another(introspection, chosen)
    complete = _completed(chosen, field_map, fitting, columns)
    check_field_map(chosen, complete, columns)
    guessed = mapper is None or complete != dict(field_map)
    if fitting is None or not guessed:
        return ChosenMapping(chosen, complete, None)
    doubtful = fitting.confidence < THRESHOLD
    if doubtful and not force:
        raise MappingUncertainError(
            introspection,
            f"the best mapping has a confidence of {fitting.confidence:.2f}, under {THRESHOLD:.2f}: "
            f"{fitting.rationale}{_doubt(fitting)}",
            _way_out(introspection, chosen.id, complete),
        )
    warnings = [*fitting.warnings, *_alternatives(introspection.report, fitting)]
    return ChosenMapping(chosen, complete, fitting.confidence, forced=doubtful, warnings=warnings)


def _way_out(introspection: IntrospectedSource, mapper_id: str, field_map: Mapping[str, str]) -> str:
    """The command that imports the rows; questions without their calls need another source or a statement."""
    if mapper_id != "tool_calls_passthrough" or "calls" in field_map or "unanswered" in field_map:
        return _named(mapper_id, field_map)
    other = joined_with_other_half(introspection)
    pairs = ",".join(f"{role}={column}" for role, column in field_map.items())
    return other or f"--mapper {mapper_id} --map '{pairs},unanswered=no_call', if no function is to be called"


def _alternatives(report: IntrospectionReport, fitting: ShapeHypothesis | ProposedMapping) -> list[str]:
    """Other readings that are nearly as sure."""
    return [
        f"{each.confidence:.2f} has {each.shape}: {each.mapper_id} with "
        + ", ".join(f"{role} = {column}" for role, column in each.field_map.items())
        for each in report.hypotheses
        if each.field_map != fitting.field_map and each.confidence > fitting.confidence - _NEARLY
    ]


def _doubt(fitting: ShapeHypothesis | ProposedMapping) -> str:
    return f"; but {fitting.warnings[0]}" if fitting.warnings else ""


def _proposal(introspection: IntrospectedSource) -> ProposedMapping:
    if introspection.report.proposal is None:
        raise MappingUncertainError(
            introspection,
            _no_proposal(introspection),
            joined_with_other_half(introspection)
            or _filled_down(introspection)
            or nearest_mapping(introspection.report)
            or "`narrowcast data mappers`, then name one that fits: --mapper NAME --map FIELD=COLUMN",
        )
    return introspection.report.proposal


def _filled_down(introspection: IntrospectedSource) -> str:
    locator = introspection.filled_locator
    return f"narrowcast data import --auto --locator '{locator}'" if locator else ""


def _of_the_task(introspection: IntrospectedSource, task: TaskSpec | None) -> ShapeHypothesis | None:
    """The surest reading for the project's task where the proposal is for another one; None without."""
    proposal = introspection.report.proposal
    if task is None or task.profile == "unlabelled" or proposal is None:
        return None
    if proposal.task_profile == "unlabelled" or takes_rows_of(task.profile, proposal.task_profile):
        return None
    return next(
        (
            each
            for each in introspection.report.hypotheses
            if each.mapper_id and each.task_profile and takes_rows_of(task.profile, each.task_profile)
        ),
        None,
    )


def _name_another(introspection: IntrospectedSource, mapper: type[Mapper]) -> None:
    """Point to a mapper that reads these rows for the same task, where the one that was named does not.

    Raises:
        UsageError: where there is one.
    """
    others = (each for each in introspection.report.hypotheses if each.task_profile == mapper.profile)
    other = next(others, None)
    if other is None or other.mapper_id is None:
        return
    pairs = ",".join(f"{role}={column}" for role, column in other.field_map.items())
    doubt = f"; but {other.warnings[0]}" if other.confidence < THRESHOLD and other.warnings else ""
    raise UsageError(
        f"{mapper.id} does not read these rows; {other.mapper_id} may: {other.rationale}{doubt}",
        where=introspection.source.locator,
        next_command=f"--mapper {other.mapper_id} --map '{pairs}'",
        reason_code="dataset_request_invalid",
    )


def _completed(
    mapper: type[Mapper],
    field_map: Mapping[str, str],
    fitting: ShapeHypothesis | ProposedMapping | None,
    columns: list[str],
) -> dict[str, str]:
    """The user's map; what it leaves open comes from introspection, or from columns called like their fields.

    A map that names all that is needed is taken as it is: nothing is added to it.
    """
    if _is_complete(mapper, field_map):
        return dict(field_map)
    given = set(field_map)
    required = {role.name for role in mapper.roles if role.required}
    alternatives = _ALTERNATIVES & {role.name for role in mapper.roles}
    if fitting is None:
        return {**{name: name for name in required if name in columns}, **field_map}
    proposed = {
        role: column
        for role, column in fitting.field_map.items()
        if not (role in alternatives and given & alternatives)
    }
    return {**proposed, **field_map}


def _refuse_empty(introspection: IntrospectedSource) -> None:
    report, where = introspection.report, introspection.source.locator
    if report.rows == 0:
        raise DataError(
            "the source has no rows",
            where=where,
            next_command="export the data again",
            reason_code="dataset_source_empty",
        )
    if report.rows == report.unparseable:
        raise DataError(
            f"not one of {report.rows:,} records can be parsed ({report.first_error})",
            where=where,
            next_command=_inspect(introspection),
            reason_code="dataset_records_unreadable",
        )


def _no_proposal(introspection: IntrospectedSource) -> str:
    if introspection.report.hypotheses:
        first = introspection.report.hypotheses[0]
        return f"the rows look like {first.shape}: {first.warnings[0] if first.warnings else 'no mapper'}"
    return f"no mapping can be proposed: {lacking(introspection.report)}; found: {_seen(introspection)}"


def _seen(introspection: IntrospectedSource) -> str:
    """`8,736 rows of 8 columns: Date/Time (string, ...), ...`, the first six."""
    columns = introspection.report.columns
    examples = [
        f"{each.name} ({'/'.join(each.types) or 'empty'}, e.g. {each.example[:30]!r})" for each in columns[:6]
    ]
    more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
    return f"{introspection.report.rows:,} rows of {len(columns)} column(s): {', '.join(examples)}{more}"


def _inspect(introspection: IntrospectedSource) -> str:
    return f"narrowcast data introspect --locator {introspection.source.locator}"


def _named(mapper_id: str, field_map: Mapping[str, str]) -> str:
    pairs = ",".join(f"{role}={column}" for role, column in field_map.items())
    return f"add --force to use it, or name the columns: --mapper {mapper_id} --map '{pairs}'"
