"""The gates, in the order in which they are asked. Each is one file with one function of its name."""

from __future__ import annotations

from typing import Any

from narrowcast.factory.gates.base import ConfigurableGate, Gate, GateSettings
from narrowcast.plugins.contract import function_of, subclass_of
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


def _is_gate(found: object) -> str:
    """A function of rows and context, or a gate with settings whose function takes these as well."""
    if not isinstance(found, ConfigurableGate):
        return function_of("rows", "context")(found)
    problem = subclass_of(GateSettings)(found.settings)
    return problem or function_of("rows", "context", "settings")(found.check)


GATES: Registry[Gate | ConfigurableGate[Any]] = Registry(
    "gate",
    {name: f"narrowcast.factory.gates.{name}:{name}" for name in (*REQUIRED, *OPTIONAL)},
    _is_gate,
)


def order(optional: list[str]) -> list[str]:
    """Every required gate and the chosen optional ones; `diversity` stays the last."""
    chosen = [name for name in dict.fromkeys([*OPTIONAL, *optional]) if name in optional]
    return [*REQUIRED[:-1], *chosen, REQUIRED[-1]]
