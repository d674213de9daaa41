"""What a run's manifest says of how it was trained."""

from __future__ import annotations

from typing import Any

import pytest

from narrowcast.core.run import BaseRecord, RunManifest, train_options
from narrowcast.training.options import Options


def _manifest(**changed: Any) -> RunManifest:
    values: dict[str, Any] = {
        "run_id": "exp-0000000001", "method": "full", "method_reason": "15 M parameters",
        "base": BaseRecord(
            name="b", path="b", fingerprint="f", architecture="qwen3", parameters=1, context_length=1
        ),
        "dataset_version": "v", "recipe": {}, "seed": 0, "rows": {}, "tokens": {}, "steps": 1, "seconds": 1,
        "tokens_per_second": 1, "losses": {}, "weights_dtype": "float32", "weights_sha256": "0",
        "chat_template_sha256": "0", "code_version": "0", "environment": {}, "started": "", "finished": "",
    }  # fmt: skip
    return RunManifest.model_validate({**values, **changed})


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({}, "--base b"),
        ({"method": "lora", "method_reason": "asked for"}, "--method lora --base b"),
        ({"method": "encoder", "method_reason": "asked for"}, "--method encoder --base b"),
    ],
)
def test_the_options_of_a_run_name_its_method_where_an_option_did(
    changed: dict[str, Any], options: str
) -> None:
    assert _manifest(**changed).train_options == options


def test_what_decides_the_id_of_a_run_is_said_unless_it_is_usual() -> None:
    usual = Options().model_dump(mode="json")
    assert train_options(usual) == "--method auto --base embedded"
    no_matter = {"oom_retries", "forgetting_check", "track"}
    when_to_stop = {"checkpoint_every", "checkpoint_minutes", "time_limit_minutes"}
    for name in usual.keys() - no_matter - when_to_stop - {"features"}:
        assert f"--{name.replace('_', '-')} 7" in train_options({**usual, name: 7}), name
    changed = {"method": "lora", "lora_alpha": None, "target_modules": ["q_proj"], "budget_minutes": 5.0}
    assert train_options({**usual, **changed}) == (
        "--method lora --base embedded --budget-minutes 5.0 --set lora_alpha=null "
        "--set 'target_modules=[\"q_proj\"]'"
    )
