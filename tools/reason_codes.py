"""Writes `docs/reason-codes.md` from the taxonomy; a test compares the two."""

from __future__ import annotations

import json
from pathlib import Path

from narrowcast.reasons import REASONS, StageName

_PAGE = Path(__file__).parents[1] / "docs" / "reason-codes.md"
_HEAD = """# Reason codes

Every event and every error carries one of these codes. `narrowcast events --explain CODE` prints an entry;
with `--json`, an error has its code as `reason_code` and the command to run next as `actionable_fix`.
This page is generated: `python tools/reason_codes.py`.
"""


def render() -> str:
    """The page as Markdown: one table for each stage."""
    parts = [_HEAD]
    for stage in StageName:
        rows = {code: reason for code, reason in REASONS.items() if reason.stage is stage}
        parts.append(
            f"## {stage.value}\n\n| code | severity | meaning | what to run next |\n| --- | --- | --- | --- |"
        )
        parts.extend(
            f"| `{code}` | {reason.severity.value} | {reason.meaning} | {reason.fix} |"
            for code, reason in rows.items()
        )
        parts.append("")
    return "\n".join(parts)


def main() -> None:
    """Write the page, or print the table."""
    from outcome import parser

    if parser(f"{__doc__}\nWith --json, the table is printed and nothing is written.").parse_args().json:
        table = {
            code: {
                "stage": each.stage.value,
                "severity": each.severity.value,
                "meaning": each.meaning,
                "fix": each.fix,
            }
            for code, each in REASONS.items()
        }
        print(json.dumps(table, ensure_ascii=False))
    else:
        _PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
