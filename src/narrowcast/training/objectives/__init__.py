"""What training minimises, by name.

An objective is one file that holds an `ObjectiveDefinition`, and one line below. Third parties add theirs
by an entry point of the group `narrowcast.objective`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.plugins.registry import Registry

if TYPE_CHECKING:
    from narrowcast.training.objectives.base import ObjectiveDefinition

OBJECTIVES: Registry[ObjectiveDefinition] = Registry(
    "objective",
    {
        "sft": "narrowcast.training.objectives.sft:SFT",
        "dpo": "narrowcast.training.objectives.dpo:DPO",
    },
)
