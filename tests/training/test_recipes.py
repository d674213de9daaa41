"""Recipes are options under a name; what is given beside one wins, a contradiction is an error."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from pydantic import ValidationError

from narrowcast.core.task import TaskSpec
from narrowcast.models.loading import load_trained, read_run_manifest, resolve_base
from narrowcast.stages.train import Options
from narrowcast.training.recipes.named import named_recipes
from narrowcast.training.recipes.rank import rank_for
from narrowcast.training.recipes.recipe import choose_recipe
from narrowcast.training.recipes.sizes import rates_for, size_rates


@pytest.mark.parametrize("name", named_recipes())
def test_each_recipe_fills_in_options_that_exist(name):
    recipe = named_recipes()[name]
    options = Options(recipe=name)
    assert options.method == recipe.method
    for key, value in recipe.options.items():
        assert getattr(options, key) == value


def test_options_beside_a_recipe_win():
    assert Options(recipe="qlora-nf4").warmup_ratio == 0.03
    assert Options(recipe="qlora-nf4", warmup_ratio=0.05).warmup_ratio == 0.05
    with pytest.raises(ValidationError, match="contradicts"):
        Options(recipe="dora", method="full")
    with pytest.raises(ValidationError, match="did you mean sft-lora"):
        Options(recipe="sft-lor")


@pytest.mark.parametrize(
    ("profile", "labels", "rows", "rank"),
    [
        ("classification", 3, 300, 4),
        ("classification", 3, 5_000, 8),
        ("classification", 77, 5_000, 16),
        ("structured_extraction", 0, 5_000, 32),
        ("qa", 0, 5_000, 16),
        ("qa", 0, 50_000, 64),
    ],
)
def test_the_rank_follows_task_and_rows(profile, labels, rows, rank):
    task = TaskSpec(profile=profile, labels=[str(number) for number in range(labels)])
    found, why = rank_for(task, rows)
    assert found == rank
    assert why


def test_alpha_is_twice_a_rank_that_was_left_open(tiny_base, settings):
    task = TaskSpec(profile="classification", labels=["a", "b"])
    base = resolve_base(str(tiny_base), settings)
    chosen = choose_recipe(Options(recipe="sft-lora"), base, task, 5_000, 100)
    assert (chosen.method, chosen.lora_rank, chosen.lora_alpha) == ("lora", 8, 16)
    assert "2 labels" in chosen.reasons["lora_rank"]


@pytest.mark.parametrize(
    ("millions", "size"),
    [
        *((0.02, 15), (15, 15), (44, 15), (46, 135), (135, 135), (220, 135), (221, 360), (360, 360)),
        *((599, 360), (601, 1000), (1_700, 1000), (1_999, 1000), (2_001, 4000), (70_000, 4000)),
    ],
)
def test_a_base_takes_the_rates_of_the_size_nearest_by_ratio(millions, size):
    assert rates_for(int(millions * 1e6)).parameters == size * 1_000_000


def test_a_larger_base_takes_no_higher_rate_and_an_adapter_a_higher_one_than_all_weights():
    sizes = size_rates()
    for smaller, larger in pairwise(sizes):
        assert smaller.parameters < larger.parameters
        assert smaller.full >= larger.full
        assert smaller.adapter >= larger.adapter
    assert all(each.adapter > each.full and each.source for each in sizes)


@pytest.mark.parametrize("method", ["full", "lora", "dora"])
@pytest.mark.parametrize("line", size_rates(), ids=lambda line: f"{line.parameters:,}")
def test_the_default_rate_follows_the_base_and_names_its_source(tiny_base, settings, line, method):
    base = replace(resolve_base(str(tiny_base), settings), parameters=line.parameters)
    task = TaskSpec(profile="classification", labels=["a", "b"])
    chosen = choose_recipe(Options(method=method), base, task, 5_000, 100)
    assert chosen.learning_rate == (line.full if method == "full" else line.adapter)
    assert line.source in chosen.reasons["learning_rate"]
    given = choose_recipe(Options(method=method, learning_rate=3e-4), base, task, 5_000, 100)
    assert given.learning_rate == 3e-4
    assert "learning_rate" not in given.reasons


def test_a_dry_run_names_the_source_of_the_rate(workshop, cli_json):
    base = str(workshop.base)
    planned = cli_json("train", "--base", base, "--preflight", "fail-open", "--probe-steps", "0", "--dry-run")
    assert planned["plan"]["recipe"]["learning_rate"] == size_rates()[0].full
    assert size_rates()[0].source in planned["plan"]["reasons"]["learning_rate"]


def test_dora_trains_an_adapter_with_column_lengths_that_merges(workshop):
    result = workshop.train(recipe="dora", epochs=1)
    manifest = read_run_manifest(workshop.project, result.run_id)
    assert (manifest.method, manifest.recipe["recipe"]) == ("dora", "dora")
    from safetensors import safe_open

    with safe_open(workshop.project.root / result.path / "adapter_model.safetensors", "pt") as file:
        assert any("magnitude" in name for name in file.keys())  # noqa: SIM118
    model, _ = load_trained(workshop.project, result.run_id, workshop.opened.settings)
    assert not any("lora" in name for name, _ in model.named_parameters())
