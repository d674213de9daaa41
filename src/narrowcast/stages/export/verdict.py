"""A model that failed its gates or lost to a baseline is exported on request only, and its card says so."""

from __future__ import annotations

import json
import re

from narrowcast.core.bundle import public_name
from narrowcast.core.stage import StageContext
from narrowcast.core.verdict import RunVerdict
from narrowcast.errors import StageError
from narrowcast.stages.export.options import Inputs

_PATH = re.compile(r"[\w-]+:[/~.][^\s,;()\"]*")


def require_success(inputs: Inputs, ctx: StageContext) -> None:
    """Continue where no evaluation speaks against the model, or with an event where that was forced.

    Raises:
        StageError: `export_model_rejected`.
    """
    verdict = inputs.verdict
    if verdict is None or not verdict.blocks:
        return
    if not ctx.force:
        raise StageError(
            verdict.conclusion.sentence,
            where=verdict.report,
            next_command=f"{verdict.conclusion.next[0]}, or narrowcast export {verdict.run_id} --force",
            reason_code="export_model_rejected",
        )
    ctx.emit(
        "export_model_forced",
        f"exported on request: {verdict.conclusion.sentence}",
        {"run_id": verdict.run_id, "standing": verdict.conclusion.standing},
    )


def _sentence(text: str) -> str:
    """With a capital letter in front, unless it begins with the reference of a model."""
    first = text.partition(" ")[0]
    return text if ":" in first else f"{text[:1].upper()}{text[1:]}"


def public_verdict(verdict: RunVerdict | None) -> RunVerdict | None:
    """The verdict without the folders of this machine: a baseline may be `rules:/home/me/rules.py`."""
    if verdict is None:
        return None
    text = verdict.model_dump_json()
    names = [
        json.dumps(each.against, ensure_ascii=False)[1:-1] for each in verdict.baselines
    ] + _PATH.findall(text)
    for name in sorted(set(names), key=len, reverse=True):
        text = text.replace(name, public_name(name))
    return RunVerdict.model_validate_json(text)


def verdict_section(verdict: RunVerdict | None) -> str:
    """The verdict as a section of the model card."""
    if verdict is None:
        return "## Verdict\n\nThis run was not evaluated on this data set before it was exported."
    lines = [
        f"## Verdict: {verdict.conclusion.standing.replace('_', ' ')}",
        f"{_sentence(verdict.conclusion.sentence)}.",
        f"Judged on {verdict.n:,} {verdict.split} rows in {verdict.groups:,} groups.",
    ]
    lines += [
        f"- gate `{gate.gate_id}`: {gate.verdict.replace('_', ' ')} ({gate.reason})" for gate in verdict.gates
    ]
    lines += [
        f"- against `{each.against}`: {each.difference.value:+.3f} ({each.difference.low:+.3f} "
        f"to {each.difference.high:+.3f}) {each.difference.metric}: {each.verdict}"
        for each in verdict.baselines
    ]
    head, listed = lines[:3], lines[3:]
    return "\n\n".join([*head, "\n".join(listed)]).rstrip()
