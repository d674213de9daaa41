"""The gates, in the order in which they are asked. Each is one file with one function of its name."""

from __future__ import annotations

from narrowcast.factory.gates.base import Gate
from narrowcast.plugins.contract import function_of
from narrowcast.plugins.registry import Registry

# Cheap ones first; quotas last, so that only rows that are good otherwise fill them.
REQUIRED = (
    "json_validity",
    "row_schema",
    "output_contract",
    "leaked_instructions",
    "triviality",
    "length",
    "eval_leakage",
    "label_consistency",
    "exact_duplicates",
    "semantic_duplicates",
    "diversity",
)
OPTIONAL = (
    "regex",
    "pydantic_model",
    "tool_calls",
    "llm_judge",
    "embedding_clusters",
    "expert_flag",
    "human_review",
)

GATES: Registry[Gate] = Registry(
    "gate",
    {name: f"narrowcast.factory.gates.{name}:{name}" for name in (*REQUIRED, *OPTIONAL)},
    function_of("rows", "context"),
)


def order(optional: list[str]) -> list[str]:
    """Every required gate and the chosen optional ones; `diversity` stays the last."""
    chosen = [name for name in dict.fromkeys([*OPTIONAL, *optional]) if name in optional]
    return [*REQUIRED[:-1], *chosen, REQUIRED[-1]]
