"""`narrowcast recipes list|show`."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.options import JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List and show the named training recipes."
)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the recipes."""
    from narrowcast.cli.output import emit, next_step, table
    from narrowcast.training.recipes.named import named_recipes

    entries = list(named_recipes().values())

    def render() -> None:
        table(
            ["recipe", "method", "needs", "what it is"],
            [[each.name, each.method, ", ".join(each.needs), each.summary] for each in entries],
        )
        next_step(f"narrowcast train --recipe {entries[0].name} --dry-run, or another of them")

    emit([each.model_dump() for each in entries], as_json, render)


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the recipe, as `narrowcast recipes list` lists it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show the options that a recipe sets, and their origin; learning rates by size where it sets none."""
    from narrowcast.cli.output import emit, next_step, say, table
    from narrowcast.errors import UsageError
    from narrowcast.training.recipes.named import named_recipes
    from narrowcast.training.recipes.sizes import size_rates

    recipe = named_recipes().get(name)
    if recipe is None:
        raise UsageError(
            f"no recipe is called {name!r}",
            where=", ".join(named_recipes()),
            next_command="narrowcast recipes list",
        )

    rates = [] if recipe.options.get("learning_rate") else size_rates()

    def render() -> None:
        say(f"[bold]{recipe.name}[/]: {recipe.summary}")
        say(f"  from: {recipe.source}")
        values = {"method": recipe.method, **recipe.options}
        table(
            ["option", "value"], [[key, "auto" if value is None else value] for key, value in values.items()]
        )
        if rates:
            table(
                ["base of about", "rate, all weights", "rate, adapter", "from"],
                [
                    [_size(each.parameters), f"{each.full:g}", f"{each.adapter:g}", each.source]
                    for each in rates
                ],
            )
        next_step(f"narrowcast train --recipe {recipe.name} --dry-run")

    emit({**recipe.model_dump(), "learning_rates": [each.model_dump() for each in rates]}, as_json, render)


def _size(parameters: int) -> str:
    return f"{parameters / 1e9:g} B" if parameters >= 1_000_000_000 else f"{parameters / 1e6:g} M"
