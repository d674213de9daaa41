"""One prompt for training, evaluation, export and serving, on any day, whatever the template asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.core.message import Message
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.models.chat import prompt_text, render_prompt
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.loading import load_trained
from narrowcast.models.template import text_of
from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest
from narrowcast.pipeline.project import Project
from tests.stages.export.conftest import WORDS, opened_copy, sentences, train_project

pytestmark = pytest.mark.nightly

DATED = (
    "{%- if strftime_now is defined %}{%- set today = strftime_now('%d %b %Y') %}{%- else %}"
    "{%- set today = 'no date' %}{%- endif %}{{- '<|im_start|>system\\nToday Date: ' + today + '\\n\\n' }}"
    "{%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] | trim }}"
    "{%- set messages = messages[1:] %}{%- endif %}{{- '<|im_end|>\\n' }}"
    "{%- for message in messages %}{{- '<|im_start|>' + message['role'] + '\\n' }}"
    "{{- message['content'] | trim + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
MARKED = (
    "{%- for message in messages %}{{- '<|im_start|>' + message['role'] + '\\n' }}"
    "{%- if message['role'] == 'assistant' %}{%- generation %}{{- message['content'] + '<|im_end|>' }}"
    "{%- endgeneration %}{%- else %}{{- message['content'] + '<|im_end|>' }}{%- endif %}{{- '\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


@pytest.mark.parametrize(("template", "holds"), [(DATED, "26 Jul 2024"), (MARKED, "<|im_start|>system")])
def test_a_template_is_rendered_alike_from_training_to_the_file(tmp_path: Path, template, holds):
    home = tmp_path / "trained"
    spec = TaskSpec(profile="classification", labels=list(WORDS))
    rows = sentences(120)
    learned = {"epochs": 6, "learning_rate": 3e-3, "method": "lora"}
    train_project(home, spec, rows, dev=40, template=template, **learned)
    project: Project
    for project in opened_copy(home, tmp_path):
        result = export(project, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
        (f16,) = result.parity.formats
        assert (f16.identical, f16.templates_equal, f16.prompt_ids_equal) == (True, True, True)
        _, tokenizer = load_trained(project.paths, result.run_id, Settings.from_environment())
        turns = [Message("system", "Name the topic."), Message("user", rows[0].inputs["text"])]
        text = prompt_text(tokenizer, turns)
        assert holds in text
        with LlamaClient(project.paths.root / result.files["f16"]) as client:
            assert text_of(client.prompt_pieces(turns)) == text
            assert client.tokenize_prompt(turns) == render_prompt(tokenizer, turns)
            # Other programs ask their own clock, so the file's own template must not.
            assert "strftime_now(" not in client.info.chat_template
