"""Who takes part: what suits the task, is on this machine, and fits the budget."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.run import ModelKind
from narrowcast.errors import ModelError, UsageError
from narrowcast.experiments.autopilot import forecast_minutes, machine, suited_bases, tokens_of_rows
from narrowcast.experiments.measured_run import has_begun
from narrowcast.experiments.tournament.result import Entrant, Entry, Limits, Lineup
from narrowcast.models.embedded import EMBEDDED_NAME
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.onnx.layout import FORMAT
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.stages.train import STAGE
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import handler_for
from narrowcast.training.classifiers.head import HEADS, LINEAR, METHODS
from narrowcast.training.classifiers.tuning import chosen_tuning
from narrowcast.training.options import Options, unused_by
from narrowcast.training.preflight.budget import budget_seconds
from narrowcast.training.recipes.recipe import default_epochs

_ENCODER = "minilm"


def entrants(project: Project, limits: Limits, overrides: dict[str, Any]) -> Lineup:
    """What takes part, cheapest first, and what does not, with the reason.

    What has been trained, or has begun, takes nothing of the budget and always takes part.

    Args:
        project: whose data set is prepared.
        limits: kinds of models and minutes.
        overrides: training options that all share, such as `rows`.

    Raises:
        DataError: if nothing was prepared.
        UsageError: for wrong options of the export; if nothing is left to train.
    """
    formats = export_formats(project)
    taking: list[Entrant] = []
    out: list[Entry] = []
    left = limits.minutes
    for each in sorted(_all(project, overrides), key=lambda one: one.minutes):
        if limits.only and each.kind not in limits.only:
            continue
        why = _unsuited(project, each, formats)
        if not why and each.kind == "decoder" and not has_begun(project, {**overrides, **each.options}):
            _keep_within(project, each, limits)
        cost = 0.0 if not why and has_begun(project, {**overrides, **each.options}) else each.minutes
        if not why and taking and cost > max(left, 0.0):
            why = f"about {cost:,.0f} minutes, and {max(left, 0.0):,.0f} of the budget are left"
        if why:
            out.append(Entry(**each.model_dump(), left_out=why))
        else:
            taking.append(each)
            left -= cost
    if not taking:
        raise UsageError(
            "nothing is left to train",
            where="; ".join(f"{each.name}: {each.left_out}" for each in out)
            or f"only {', '.join(limits.only)}",
            next_command="narrowcast run, without --only",
        )
    return Lineup(taking=taking, out=out)


def export_formats(project: Project) -> list[str]:
    """The formats that `narrowcast.yaml` asks for; empty where it leaves them open.

    Raises:
        UsageError: for wrong options of the export.
    """
    return list(stage_options(project, stage("export")).formats)


def encoder_of(project: Project) -> tuple[str, EncoderFolder] | None:
    """The encoder that `narrowcast.yaml` names as base, else the default one; None where there is none."""
    named = project.config.stage_options("train").get("base")
    for name in (named, _ENCODER):
        with suppress(ModelError):  # a language model, or not here: the baselines name what brings it
            if name:
                return str(name), resolve_encoder(str(name), project.settings)
    return None


def _all(project: Project, overrides: dict[str, Any]) -> list[Entrant]:
    manifest = load_manifest(project.paths)
    rows = min(manifest.splits[Split.TRAIN].rows, overrides.get("rows") or 10**9)
    tokens = tokens_of_rows(project, manifest, rows)
    gpu, memory_gb, per_second = machine()
    suited: list[Entrant] = []
    answer = handler_for(manifest.task).answer
    if any(answer in answers for answers in METHODS.values()):
        known = _classifiers(project, answer, rows, tokens, per_second)
        suited += [each for each in known if answer in METHODS[each.options["method"]]]
    for entry, method in suited_bases(manifest, gpu=gpu, memory_gb=memory_gb):
        options = _options(project, {"method": "auto", "base": entry.id})
        epochs = options.epochs or default_epochs(rows, options.batch_size)
        minutes = forecast_minutes(entry.parameters_m * 1e6, tokens, per_second, method, epochs)
        suited.append(_entrant(f"{method} {entry.id}", "decoder", minutes, method="auto", base=entry.id))
    return suited


def _keep_within(project: Project, entrant: Entrant, limits: Limits) -> None:
    """Give a language model at most the minutes of the tournament, where training would allow it others.

    These are not what the others leave of them: that changes once they are trained, and with it the run.
    """
    if 60 * limits.minutes < budget_seconds(_options(project, entrant.options)):
        entrant.options["budget_minutes"] = limits.minutes


def _options(project: Project, options: dict[str, Any]) -> Options:
    """Of training; the default ones where `narrowcast.yaml` contradicts them, which `_unsuited` names."""
    with suppress(UsageError):
        return Options.model_validate(stage_options(project, STAGE, options).model_dump())
    return Options.model_validate({})


def _entrant(name: str, kind: ModelKind, minutes: float, **options: Any) -> Entrant:
    """Method and base are always named: `narrowcast.yaml` may name others."""
    return Entrant(name=name, kind=kind, minutes=minutes, options=options)


def _classifiers(
    project: Project, answer: AnswerKind, rows: int, tokens: float, per_second: float
) -> list[Entrant]:
    texts, fitting = ["words", "characters"], _fitting(rows)

    def linear(sees: str, features: list[str], minutes: float, base: str, classifier: str) -> Entrant:
        how = {"method": "linear", "base": base, "features": features, "classifier": classifier}
        return _entrant(f"linear ({sees})", "linear", minutes, **how)

    chosen = answer in LINEAR and LINEAR[answer].has_features
    suited = [
        linear("words, characters", texts, fitting, EMBEDDED_NAME, "svm")
        if chosen
        else linear("each word", [], fitting, EMBEDDED_NAME, "logistic")
    ]
    known = encoder_of(project)
    if known is None:
        return suited
    name, encoder = known
    once = forecast_minutes(encoder.parameters, tokens, per_second, "frozen")
    tuned: list[Entrant] = []
    if answer in HEADS:
        how = {"method": "encoder", "base": name}
        epochs = chosen_tuning(_options(project, how), rows, HEADS[answer].measured, {}).epochs
        minutes = forecast_minutes(encoder.parameters, tokens, per_second, "full", epochs) + once
        tuned = [_entrant(f"encoder ({name}, fine-tuned)", "encoder", minutes, **how)]
    if chosen:
        suited += [
            linear(name, ["encoder"], once + fitting, name, "logistic"),
            linear(f"{name}, words, characters", ["encoder", *texts], once + 4 * fitting, name, "svm"),
        ]
    return [*suited, *tuned]


def _fitting(rows: int) -> float:
    """Minutes that a linear model takes: seen with Banking77, 6,000 rows and 77 labels in 20 seconds."""
    return rows / 18_000


def _unsuited(project: Project, entrant: Entrant, formats: list[str]) -> str:
    """What `narrowcast.yaml` says that contradicts an entrant; "" where nothing does."""
    configured = project.config.stage_options(STAGE.name)
    unused = unused_by(entrant.options["method"], configured.keys() - entrant.options.keys() - {"recipe"})
    if unused:
        return f"the method {entrant.options['method']} has no use for {', '.join(sorted(unused))}"
    try:
        stage_options(project, STAGE, entrant.options)
    except UsageError as error:
        return error.what
    other = [each for each in formats if (each == FORMAT) == (entrant.kind == "decoder")]
    return f"it has no format {', '.join(other)}, which the export asks for" if other else ""
