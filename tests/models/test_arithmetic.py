"""What is computed on the processor follows from the processor."""

from __future__ import annotations

import pytest
import torch

from narrowcast.models.arithmetic import best_precision, processor_precision


@pytest.mark.parametrize("fast", [True, False])
def test_a_gpu_decides_for_what_is_computed_on_it_alone(monkeypatch, fast):
    alone = processor_precision()
    assert best_precision() == alone or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: fast)
    assert best_precision()[0] == ("bf16" if fast else "fp32")
    assert processor_precision() == alone
