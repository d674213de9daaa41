"""Before training it is said whether a GGUF file can be made of the model, and why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from narrowcast.errors import ModelError, StageError
from narrowcast.testing.tiny_families import build_tiny_family
from narrowcast.training.preflight.examine import examine
from tests.support.workshop import Workshop

CODE = "training_export_impossible"


def said(workshop: Workshop, base: Path, formats: list[str] | None = None, *, force: bool = False):
    if formats is not None:
        config = workshop.project.config
        config.write_text(
            yaml.safe_dump({**yaml.safe_load(config.read_text()), "export": {"formats": formats}})
        )
    found = examine(workshop.options(base=str(base)), workshop.context(force=force)).findings
    return [(each.what, each.blocks) for each in found if each.reason_code == CODE]


def test_a_tokenizer_that_llama_cpp_lacks_stops_the_run_unless_no_gguf_is_wanted(workshop, tmp_path):
    base = build_tiny_family(tmp_path / "base", "phi3")
    assert said(workshop, base) == []
    path = base / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"][5]["rstrip"] = True
    path.write_text(json.dumps(tokenizer))
    ((what, blocks),) = said(workshop, base)
    assert what == "llama.cpp would tokenise differently: added token '<|user|>' has rstrip"
    assert blocks
    assert said(workshop, base, force=True) == [(what, False)]
    assert said(workshop, base, ["adapter", "merged"]) == []
    assert len(said(workshop, base, ["merged", "f16"])) == 1
    with pytest.raises((ModelError, StageError), match="has rstrip"):
        workshop.train(force=False, base=str(base))


@pytest.mark.nightly
def test_formats_that_do_not_fit_and_rows_beyond_the_context_are_named(workshop, tmp_path):
    base = build_tiny_family(tmp_path / "base", "mistral", sliding_window=16)
    ((what, _),) = said(workshop, base, ["f16", "q8_0"])
    assert "and a GGUF file of" in what
    assert what.endswith("reads 16")
    wide = build_tiny_family(tmp_path / "wide", "mistral")
    assert said(workshop, wide, ["f16", "q8_0"]) == []
    ((what, _),) = said(workshop, wide, ["q8_0", "q4_k_m"])
    assert what.startswith("q4_k_m needs rows of a multiple of 256 weights")
