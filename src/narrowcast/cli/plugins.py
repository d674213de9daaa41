"""`narrowcast plugins`."""

from __future__ import annotations

from narrowcast.cli.options import JsonOption


def plugins(as_json: JsonOption = False) -> None:
    """List the installed plug-ins, and why one cannot be used."""
    from rich.markup import escape

    from narrowcast.cli.output import emit, say, table
    from narrowcast.ops.plugins import plugins as installed

    entries = installed()

    def render() -> None:
        if not entries:
            say("no plug-in is installed")
            return
        table(
            ["kind", "name", "from", "state"],
            [
                [each.kind, each.name, f"{each.distribution} {each.version}", each.problem or "ok"]
                for each in entries
            ],
        )
        for each in entries:
            for name, meaning in each.settings.items():
                say(f"  gate {each.name}: [bold]--setting {each.name}.{name}=VALUE[/]  {escape(meaning)}")
            for reason, meaning in each.reasons.items():
                say(f"  mapper {each.name} rejects [bold]{reason}[/]: {escape(meaning)}")

    emit([each.model_dump() for each in entries], as_json, render)
