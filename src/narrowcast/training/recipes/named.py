"""Named recipes: data in `recipes.yaml`, read once and validated."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class NamedRecipe(BaseModel):
    """Options under a name.

    Attributes:
        method: what is trained; auto leaves it to the base's size and the machine.
        source: where the values come from.
        needs: what the machine must have.
        options: option name to value; None leaves it to the heuristics.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    method: Literal["auto", "lora", "dora", "qlora", "full"]
    summary: str
    source: str
    needs: list[Literal["gpu", "bitsandbytes"]] = Field(default_factory=list)
    options: dict[str, Any]


@cache
def named_recipes() -> dict[str, NamedRecipe]:
    """Every named recipe, in the order of the file."""
    import yaml

    text = files("narrowcast.training.recipes").joinpath("recipes.yaml").read_text(encoding="utf-8")
    recipes = [NamedRecipe.model_validate(entry) for entry in yaml.safe_load(text)["recipes"]]
    return {recipe.name: recipe for recipe in recipes}


def with_recipe(given: dict[str, Any]) -> dict[str, Any]:
    """Options as given, laid over those of the recipe they name.

    Raises:
        ValueError: unknown recipe, or a method that contradicts it.
    """
    name = given.get("recipe")
    if not name:
        return given
    recipe = named_recipes().get(name)
    if recipe is None:
        near = get_close_matches(str(name), named_recipes(), n=1, cutoff=0.4)
        meant = f"; did you mean {near[0]}" if near else ""
        raise ValueError(f"no recipe is called {name!r}{meant}; there are: {', '.join(named_recipes())}")
    method = given.get("method", recipe.method)
    if recipe.method not in ("auto", method):
        raise ValueError(f"recipe {name!r} trains with {recipe.method}, which method={method} contradicts")
    return {"method": recipe.method, **recipe.options, **given}
