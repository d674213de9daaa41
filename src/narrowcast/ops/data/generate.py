"""`narrowcast data generate`: rows of a plan, by a teacher or from templates."""

from __future__ import annotations

from typing import Any, Literal

from narrowcast.core.example import Example
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.errors import NarrowcastError
from narrowcast.factory.candidate import write_candidates
from narrowcast.factory.generate import PlanWork
from narrowcast.factory.generation import (
    GenerationPaths,
    GenerationRecord,
    generation_id,
)
from narrowcast.factory.held_out import HeldOutGuard, held_out_rows, quotable_rows
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.plan import load_plan
from narrowcast.factory.prompts import load_prompt
from narrowcast.ops.data.generate_fill import fill
from narrowcast.ops.data.generate_labels import label_texts
from narrowcast.ops.data.generate_report import (
    CostEstimate,
    GenerateOutcome,
    GeneratePreview,
    emit_failure,
    emit_run,
)
from narrowcast.ops.data.generate_templates import from_templates
from narrowcast.ops.data.generations import (
    description_of,
    factory_options,
    price_of,
    prompt_folder,
    spending_of,
    task_of,
    teacher_client,
)
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl, write_jsonl, write_text
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.settings import TeacherSettings

# For estimates alone: characters a token of English text, and tokens of a short row.
_CHARACTERS_A_TOKEN = 4
_TOKENS_A_ROW = 60
# What does not change which rows are asked for does not make another generation.
_NOT_CONTENT = {
    "concurrency",
    "attempts",
    "timeout",
    "cap_cost",
    "cap_tokens",
    "price_prompt",
    "price_completion",
}


def generate(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> GenerateOutcome | GeneratePreview:
    """Generate the rows of the plan. Answers that were paid for before are not asked for again.

    Raises:
        UsageError: for wrong options, or where no teacher is set.
        DataError: where task, plan, prompt or templates are missing or wrong.
        StageError: where the teacher refuses or can not be reached; what was paid for is kept.
        CancelledError: on request; what was paid for is kept.
    """
    options = factory_options(project, "generate", GenerateOptions, overrides)
    shown, token = progress or NullProgress(), cancel or CancelToken()
    if options.source == "templates":
        return from_templates(project, options, dry_run=dry_run)
    if options.source == "label":
        return label_texts(project, options, dry_run=dry_run, progress=shown, cancel=token)
    setup = _Setup(project, options, dry_run=dry_run)
    if dry_run:
        return setup.preview()
    try:
        with project.lock("data generate"):
            record = setup.run(shown, token)
    except Exception as error:
        emit_failure(project, setup.id, error)
        raise
    finally:
        shown.finish()
    emit_run(project, record)
    return GenerateOutcome(record=record, path=project.paths.relative(setup.paths.rows))


class _Setup:
    """Everything a teacher's generation needs, read and checked before anything is spent."""

    def __init__(self, project: Project, options: GenerateOptions, *, dry_run: bool) -> None:
        task = task_of(project)
        self.project, self.options = project, options
        plan = load_plan(prompt_folder(project) / "plan.yaml", task)
        template = load_prompt(prompt_folder(project), "generate")
        description = description_of(project)
        self.prompt_sha256 = sha256_hex(template.encode())
        self.teacher = _teacher(project, options, required=not dry_run)
        model = self.teacher.model if self.teacher else "(no teacher is set)"
        self.id = generation_id(
            plan=plan.model_dump(mode="json"),
            task=task.model_dump(mode="json"),
            template=self.prompt_sha256,
            description=description,
            model=model,
            options=options.model_dump(mode="json", exclude=_NOT_CONTENT),
        )
        self.paths = GenerationPaths(project.paths, self.id)
        self.held_out = held_out_rows(project.paths)
        guard = HeldOutGuard(self.held_out)
        self.quotable = self._quotable(guard)
        self.work = PlanWork(
            task,
            plan,
            options,
            model=model,
            template=template,
            description=description,
            quotable=self.quotable,
            guard=guard,
        )

    def _quotable(self, guard: HeldOutGuard) -> list[Example]:
        """The rows that were quotable when this generation began: later splits must not change its calls."""
        if not self.options.examples:
            return []
        if self.paths.quoted.exists():
            rows = [Example.from_dict(row) for row in read_jsonl(self.paths.quoted)]
            return [row for row in rows if not guard.forbids(row)]
        return quotable_rows(self.project.paths, self.held_out)

    def preview(self) -> GeneratePreview:
        """The plan, the first prompt, what it may cost."""
        asked = list(self.work.round())
        price = price_of(self.options)
        prompt = sum(len(m.content) for each in asked for m in each.call.messages) // _CHARACTERS_A_TOKEN
        rows = sum(work.wanted for work in self.work.work)
        bounds = (
            sum(each.call.prompt_bound for each in asked),
            sum(each.call.completion_bound for each in asked),
        )
        estimate = CostEstimate(
            calls=len(asked),
            expected_tokens=prompt + rows * _TOKENS_A_ROW,
            expected_cost=price.of(prompt, rows * _TOKENS_A_ROW) if price else None,
            bound_tokens=sum(bounds),
            bound_cost=price.of(*bounds) if price else None,
        )
        return GeneratePreview(
            generation=self.id,
            writer=self.teacher.model if self.teacher else "",
            cells=self.work.progress_by_cell(),
            quotable=len(self.quotable),
            held_out=len(self.held_out),
            prompt=asked[0].call.messages[0].content if asked else "",
            estimate=estimate,
        )

    def run(self, progress: Progress, cancel: CancelToken) -> GenerationRecord:
        """Ask, then write rows and record."""
        assert self.teacher is not None
        write_jsonl(self.paths.quoted, (row.to_dict() for row in self.quotable))
        price = price_of(self.options)
        with teacher_client(self.project, self.teacher, self.id, self.options, progress, cancel) as teacher:
            self.work.run(teacher, progress)
            filled = not self.options.fill or fill(
                self.project, self.work, teacher, self.paths, progress, cancel
            )
        rows = self.work.candidates(price)
        _, digest = write_candidates(self.paths.rows, rows)
        cells = self.work.progress_by_cell()
        record = GenerationRecord(
            id=self.id,
            source="teacher",
            writer=self.teacher.model,
            options=self.options.model_dump(mode="json"),
            prompt_sha256=self.prompt_sha256,
            cells=cells,
            quoted=len(self.quotable),
            rows=len(rows),
            unreadable=sum(row.error is not None for row in rows),
            rows_sha256=digest,
            spending=spending_of(teacher, self.options, stored_calls=self.work.stored_calls),
            stopped=self._stopped(teacher, filled),
        )
        write_text(self.paths.record, record.model_dump_json(indent=2) + "\n")
        return record

    def _stopped(self, teacher: TeacherClient, filled: bool) -> Literal["", "cap", "samples", "gates"]:
        if teacher.exhausted:
            return "cap"
        if self.work.short_of_samples:
            return "samples"
        return "" if filled else "gates"


def _teacher(project: Project, options: GenerateOptions, *, required: bool) -> TeacherSettings | None:
    try:
        return TeacherSettings.from_environment(model=options.model, offline=project.settings.offline)
    except NarrowcastError:
        if required:
            raise
        return None
