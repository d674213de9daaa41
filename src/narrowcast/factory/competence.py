"""Models that fail the ten questions of their role are refused, unless forced."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.core.hashing import content_hash, sha256_hex, short
from narrowcast.core.message import Message
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import StageError
from narrowcast.factory.options import TeacherOptions
from narrowcast.store.generations import call_store_path
from narrowcast.store.teachers import CheckedModel, checked_model, keep_checked_model
from narrowcast.teacher.budget import Caps
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient, Terms
from narrowcast.teacher.competence import PASS_MARK, Question, Role, questions
from narrowcast.teacher.settings import Price, TeacherSettings
from narrowcast.teacher.store import CHECK

_LONGEST = 512  # tokens of an answer: some models think aloud first
_TRIES = 3  # answers to each question that the cap covers


def require_competent(ctx: StageContext, role: Role, options: TeacherOptions, price: Price | None) -> None:
    """Ask a model the questions of its role once, and refuse it if it fails them; `--force` does not ask.

    Raises:
        UsageError: if no teacher is set.
        StageError: if it fails, cannot be reached, or the cap leaves no room for the questions.
        CancelledError: on request.
    """
    settings = TeacherSettings.of(ctx.settings, model=options.model)
    calls = [(_call(settings, each, options), each) for each in questions(role)]
    key = content_hash([role, *(call.key for call, _ in calls)])
    outcome = checked_model(ctx.settings.home, key)
    if ctx.force:
        if outcome is not None and not _passes(outcome):
            ctx.emit("factory_teacher_forced", _sentence(outcome), outcome.model_dump())
        return
    if outcome is None:
        run = f"{CHECK}{role}-{short(key)}"  # of its own: what other models answered does not count
        outcome = _asked(ctx, role, run, options, settings, calls, price)
        keep_checked_model(ctx.settings.home, key, outcome)
    if not _passes(outcome):
        raise StageError(
            f"{_sentence(outcome)}; {PASS_MARK} are needed. It would write rows that have to be thrown away"
            if role == "teacher"
            else f"{_sentence(outcome)}; {PASS_MARK} are needed. Its scores would mean nothing",
            where=f"first wrong: {outcome.wrong[0]}",
            next_command="another --model; --force uses this one all the same",
            reason_code="factory_teacher_unfit",
        )


def _asked(
    ctx: StageContext,
    role: Role,
    run: str,
    options: TeacherOptions,
    settings: TeacherSettings,
    calls: Sequence[tuple[Call, Question]],
    price: Price | None,
) -> CheckedModel:
    bound = sum(call.prompt_bound + call.completion_bound for call, _ in calls)
    ctx.progress.note(f"the {role} {settings.model} answers {len(calls)} questions first, once")
    terms = Terms(
        run=run,
        caps=Caps(tokens=_TRIES * bound, cost=options.cap_cost),
        price=price,
        attempts=options.attempts,
        concurrency=options.concurrency,
        timeout=options.timeout,
    )
    answers: dict[str, str] = {}

    def take(call: Call, answer: Answer) -> None:
        answers[call.key] = answer.text

    with TeacherClient(
        settings, call_store_path(ctx.project), terms, Work(ctx.progress, ctx.cancel)
    ) as client:
        client.ask_all((call for call, _ in calls), take)
    if len(answers) < len(calls):
        raise StageError(
            f"the cap leaves no room for the {len(calls)} questions that a {role} answers first",
            where="--cap-cost"
            if options.cap_cost
            else f"{terms.caps.tokens:,} tokens, lost answers included",
            next_command=f"{'a higher --cap-cost; ' if options.cap_cost else ''}--force does not ask them",
            reason_code="factory_cap_reached",
        )
    wrong = [question.prompt for call, question in calls if not question.is_right(answers[call.key])]
    right = len(calls) - len(wrong)
    outcome = CheckedModel(
        model=settings.model,
        endpoint=_endpoint(settings),
        role=role,
        right=right,
        asked=len(calls),
        passed=right >= PASS_MARK,
        wrong=wrong,
    )
    spent = {"tokens": client.tokens, "cost": client.cost}
    ctx.emit("factory_teacher_checked", _sentence(outcome), {**outcome.model_dump(), **spent})
    return outcome


def _call(settings: TeacherSettings, question: Question, options: TeacherOptions) -> Call:
    parameters = dict(options.parameters)
    if options.temperature is not None:
        parameters["temperature"] = 0.0
    if "max_completion_tokens" not in parameters:
        parameters["max_tokens"] = min(options.max_tokens, _LONGEST)
    # At another address the same name may stand for another model, so stored answers do not count there.
    endpoint = int(_endpoint(settings), 16)
    return Call(settings.model, (Message("user", question.prompt),), parameters, sample=endpoint)


def _endpoint(settings: TeacherSettings) -> str:
    return short(sha256_hex(settings.url.encode()))


def _passes(outcome: CheckedModel) -> bool:
    """By what was answered, whatever a kept outcome says of itself."""
    return outcome.asked - len(outcome.wrong) >= PASS_MARK


def _sentence(outcome: CheckedModel) -> str:
    return f"the {outcome.role} {outcome.model} answered {outcome.right} of {outcome.asked} questions rightly"
