"""The table of a run, and whether it meets its bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.fuzz.kinds import KINDS
from tests.fuzz.record import GENERIC, PROBLEMS

GENERIC_SHARE = 0.01


def table(found: Sequence[dict[str, Any]]) -> str:
    """One line for each kind, then the codes, then the sums."""
    lines = [
        f"{'kind':18}{'inputs':>8}{'accepted':>10}{'refused':>9}{'generic':>9}{'problems':>10}{'cpu max':>9}"
    ]
    for kind in [*(each for each in KINDS if any(row["kind"] == each for row in found)), "all"]:
        rows = [row for row in found if kind in ("all", row["kind"])]
        refused = [row["code"] for row in rows if row["code"]]
        counts = (len(rows), sum(row["accepted"] for row in rows), len(refused))
        generic, problems = (
            sum(code in GENERIC for code in refused),
            sum(bool(row["problem"]) for row in rows),
        )
        most = max((row["cpu"] for row in rows), default=0)
        lines.append(
            f"{kind:18}{counts[0]:8,}{counts[1]:10,}{counts[2]:9,}{generic:9,}{problems:10,}{most:8.1f}s"
        )
    codes = Counter(row["code"] for row in found if row["code"])
    lines += ["", "refused by code", *(f"{count:8,}  {code}" for code, count in codes.most_common())]
    problems = Counter(row["problem"] for row in found)
    lines += ["", *(f"{problems[each]:8,}  {each}" for each in PROBLEMS)]
    lines.append(f"{generic_share(found):8.2%}  of the refusals in a generic code ({', '.join(GENERIC)})")
    return "\n".join(lines)


def generic_share(found: Sequence[dict[str, Any]]) -> float:
    """Of all refusals, those whose code says nothing."""
    refused = [row["code"] for row in found if row["code"]]
    return sum(code in GENERIC for code in refused) / len(refused) if refused else 0.0


def meets_the_bars(found: Sequence[dict[str, Any]]) -> bool:
    """No problem at all, and few generic codes."""
    return not any(row["problem"] for row in found) and generic_share(found) <= GENERIC_SHARE
