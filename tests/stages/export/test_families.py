"""Each family of the catalogue, with its own tokenizer and template: trained, exported, proven, answering."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.prediction import PromptRequest
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.tasks import handler_for
from narrowcast.testing.tiny_families import TinyFamily, build_tiny_family
from tests.stages.export.conftest import WORDS, opened_copy, sentences, train_project
from tests.support.progress import Notes

FAMILIES = get_args(TinyFamily)


@pytest.mark.parametrize(
    ("family", "method"),
    [
        *((family, "lora") for family in FAMILIES),
        *(pytest.param(family, "full", marks=pytest.mark.nightly) for family in FAMILIES),
    ],
)
def test_a_family_goes_from_training_to_an_answer_of_its_file(family, method, tmp_path: Path):
    base = build_tiny_family(tmp_path / "base", family)
    spec = TaskSpec(profile="classification", labels=list(WORDS))
    learned = {"epochs": 6, "learning_rate": 5e-3, "method": method}
    train_project(tmp_path / "home", spec, sentences(40), dev=10, base=base, **learned)
    for project in opened_copy(tmp_path / "home", tmp_path):
        shown = Notes()
        result = export(project, ExportRequest(options={"parity_rows": 8, "tolerance": 1.0}), Work(shown))
        # Of the default formats, q4_k_m needs wider rows.
        assert list(result.files) == ["f16", "q8_0"]
        assert "without q4_k_m: its blocks are 256 weights wide, the model's rows 128" in shown.notes
        assert result.parity.verdict != "fail"
        for file in result.parity.formats:
            assert (file.identical, file.templates_equal) == (True, True)
            assert (file.prompt_ids_equal, file.eos_equal) == (True, True)
        f16 = result.parity.formats[0]
        assert f16.top1_agreement >= 0.99
        assert f16.mean_kl < 1e-5
        manifest = load_manifest(project.paths)
        turns = handler_for(manifest.task).to_messages(
            read_split(project.paths, manifest, Split.DEV)[0].inputs
        )
        context = PredictorContext(project.paths, project.settings, manifest.task, AnswerKind.LABEL, "", list)
        with predictor_factory(ModelRef("gguf:q8_0")).load(context, "q8_0") as predictor:
            chosen, free = predictor.predict(
                [PromptRequest(tuple(turns), labels=tuple(WORDS)), PromptRequest(tuple(turns), max_tokens=8)]
            )
        assert chosen.text in WORDS
        assert free.text == free.text.lstrip()  # the space that a tokenizer adds is nobody's answer
