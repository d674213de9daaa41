"""What a search will do: its space, the options all trials share, and those of a point in the space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.run import CLASSIFIERS
from narrowcast.errors import UsageError
from narrowcast.experiments.measured_run import require_dev_rows
from narrowcast.experiments.requests import SearchRequest
from narrowcast.experiments.search.space import Space, check_space, default_spaces, read_space, read_vary
from narrowcast.models.loading import ResolvedBase, resolve_base
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import family_of
from narrowcast.training.options import Options
from narrowcast.training.recipes.recipe import Recipe, choose_recipe

RUNGS = 6  # evaluations of a trial, at each of which it can be ended
_ASSUMED_LENGTH = 1  # tokens; the longest row decides the micro-batch alone, which is not asked for here


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """A search before it begins."""

    study: str
    """Its id; equal space, options, data and bases give the same study, which then continues."""
    space: Space
    fixed: dict[str, Any]
    """Options that all trials share."""
    manifest: DatasetManifest
    bases: dict[str, ResolvedBase]
    """Base models by name."""
    project: Project
    first: Options
    """The options as given, before anything is varied."""

    @property
    def seed(self) -> int:
        """Of the points, and of every trial's training."""
        return self.first.seed

    def start(self) -> dict[str, Any]:
        """The point of the first trial: what the recipe would do by itself."""
        recipe = self._recipe(self.first)
        return {
            name: dimension.start(_default(name, self.first, recipe))
            for name, dimension in self.space.items()
        }

    def options_of(self, point: dict[str, Any]) -> dict[str, Any]:
        """Training options of a point, in the form of the command line's."""
        plain = {name: value for name, value in point.items() if not self.space[name].relative}
        options = self._options(plain)
        recipe = self._recipe(options)
        values = {
            name: dimension.settle(point[name], _default(name, options, recipe))
            for name, dimension in self.space.items()
        }
        if "lora_rank" in values and not {"lora_alpha"} & {*self.fixed, *values}:
            values["lora_alpha"] = 2 * values["lora_rank"]
        steps = self._recipe(self._options(values)).steps(self.manifest.splits[Split.TRAIN].rows)
        return {
            **self.fixed,
            **values,
            "select_by": "metric",
            "select_rows": self.first.select_rows,
            "eval_every": self.fixed.get("eval_every") or max(1, math.ceil(steps / RUNGS)),
            "probe_steps": 0,
            "forgetting_check": False,
        }

    def varied(self, options: dict[str, Any]) -> dict[str, Any]:
        """Those of a trial's options that the space varies."""
        return {name: options[name] for name in self.space}

    def _options(self, values: dict[str, Any]) -> Options:
        return stage_options(self.project, STAGE, {**self.fixed, **values})

    def _recipe(self, options: Options) -> Recipe:
        rows = self.manifest.splits[Split.TRAIN].rows
        return choose_recipe(options, self.bases[options.base], self.manifest.task, rows, _ASSUMED_LENGTH)


def plan_search(project: Project, request: SearchRequest) -> SearchPlan:
    """Choose the space and check all of it.

    Options given in the request or in `narrowcast.yaml` are not varied, unless `vary` or `space` names them.

    Raises:
        UsageError: for what cannot be varied.
        StageError: if there are no dev rows to score trials on.
        ModelError: if a base is not on this machine.
    """
    fixed = dict(request.options)
    given = {**project.config.stage_options("train"), **fixed}
    manifest = load_manifest(project.paths)
    require_dev_rows(project, "score trials on")
    first = stage_options(project, STAGE, fixed)
    named = {**(read_space(request.space) if request.space else {}), **read_vary(request.vary)}
    _refuse_classifiers([first.method, *(named["method"].ends() if "method" in named else [])])
    bases = [first.base, *(str(each) for each in (named["base"].ends() if "base" in named else []))]
    resolved = {name: resolve_base(name, project.settings) for name in bases}
    if not named:
        method = choose_recipe(first, resolved[first.base], manifest.task, 1, _ASSUMED_LENGTH).method
        named = {name: each for name, each in default_spaces()[method].items() if name not in given}
    suitable = {manifest.task.profile, family_of(manifest.task.profile)}
    kept = {name: each for name, each in named.items() if not each.tasks or suitable.intersection(each.tasks)}
    fixed = {name: value for name, value in fixed.items() if name not in kept}
    check_space(kept, {name: value for name, value in given.items() if name not in kept})
    key = {
        "space": {name: each.model_dump(mode="json") for name, each in kept.items()},
        "options": stage_options(project, STAGE, fixed).identity(),
        "dataset": manifest.version,
        "bases": {name: each.fingerprint for name, each in resolved.items()},
    }
    study = f"search-{content_hash(key)[:10]}"
    return SearchPlan(study, kept, fixed, manifest, resolved, project, first)


def _refuse_classifiers(methods: Sequence[object]) -> None:
    """A classifier has no recipe that could be varied.

    Raises:
        UsageError: if one is among the methods.
    """
    unsuited = [str(each) for each in methods if each in CLASSIFIERS]
    if unsuited:
        raise UsageError(
            f"a search varies how a language model is trained; the method {unsuited[0]} trains a classifier",
            where="method",
            next_command="narrowcast run, which tries the classifiers that suit the task",
        )


def _default(name: str, options: Options, recipe: Recipe) -> Any:
    value = getattr(recipe, name, None)
    return getattr(options, name) if value is None else value
