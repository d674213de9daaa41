"""A file that is not the model is caught, with the cause: each part is made wrong on purpose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from narrowcast.errors import StageError
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.ops.export import export, parity
from narrowcast.ops.requests import ExportRequest, ParityRequest
from narrowcast.stages.export import bundle as bundle_module

pytestmark = pytest.mark.nightly

ROWS = {"parity_rows": 12}


def wrong_eos(folder: Path) -> None:
    for name, key in (("generation_config.json", "eos_token_id"), ("tokenizer_config.json", "eos_token")):
        path = folder / name
        values = json.loads(path.read_text())
        path.write_text(json.dumps({**values, key: 0 if key == "eos_token_id" else "<|endoftext|>"}))


def wrong_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("+ message['role'] + '\\n'", "+ message['role'] + ': '"))


def wrong_merges(folder: Path) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][20:]
    path.write_text(json.dumps(tokenizer))


def wrong_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["model.layers.0.self_attn.q_proj.weight"] *= -1
    tensors["model.layers.1.mlp.down_proj.weight"] = tensors["model.layers.1.mlp.down_proj.weight"].flip(0)
    save_file(tensors, path, {"format": "pt"})


DEFECTS = [
    (wrong_eos, "eos"),
    (wrong_template, "template"),
    (wrong_merges, "tokenizer"),
    (wrong_weights, "numerics"),
]


@pytest.mark.parametrize(("spoil", "cause"), DEFECTS, ids=[cause for _, cause in DEFECTS])
def test_a_wrong_file_in_a_bundle_is_caught(trained, tmp_path, spoil, cause):
    result = export(trained, ExportRequest(options={"formats": ["merged", "f16"], **ROWS}))
    folder = shutil.copytree(trained.paths.root / result.files["merged"], tmp_path / "spoilt")
    spoil(folder)
    write_gguf(folder, trained.paths.root / result.files["f16"], "f16")
    report = parity(trained, ParityRequest(options=ROWS))
    assert (report.verdict, report.cause) == ("fail", cause)
    assert report.eos_equal == (cause != "eos")
    assert report.prompt_ids_equal == (cause not in ("template", "tokenizer"))
    event = trained.trail.events()[-1]
    assert (event.reason_code, event.payload["cause"]) == ("export_parity_failed", cause)


def test_a_failed_proof_keeps_the_report_and_no_bundle(trained, monkeypatch):
    def spoilt(merged, *arguments):
        wrong_template(merged)
        return write(merged, *arguments)

    write = bundle_module.write_gguf_files
    monkeypatch.setattr(bundle_module, "write_gguf_files", spoilt)
    with pytest.raises(StageError, match="not the model that was measured: template") as caught:
        export(trained, ExportRequest(options={"formats": ["f16", "merged"], **ROWS}))
    assert caught.value.reason_code == "export_parity_failed"
    assert not list(trained.paths.gguf.glob("*"))
    assert not list(trained.paths.merged.glob("*"))
    (kept,) = trained.paths.reports.glob("parity-*.json")
    assert json.loads(kept.read_text())["cause"] == "template"
    assert trained.trail.events()[-1].reason_code == "export_parity_failed"


def test_a_wrong_file_ends_the_command_with_code_three(trained, tmp_path, cli):
    result = export(trained, ExportRequest(options={"formats": ["merged", "f16"], **ROWS}))
    folder = shutil.copytree(trained.paths.root / result.files["merged"], tmp_path / "spoilt")
    wrong_eos(folder)
    write_gguf(folder, trained.paths.root / result.files["f16"], "f16")
    done = cli(
        "--home",
        trained.settings.home,
        "parity",
        "--project",
        trained.paths.root,
        "--parity-rows",
        4,
        "--json",
        code=3,
    )
    answer = json.loads(done.stdout)
    assert set(answer) >= {
        "prompt_ids_equal", "eos_equal", "top1_agreement", "metric_difference", "cause", "verdict",
    }  # fmt: skip
    assert set(answer["metric_difference"]) == {"value", "low", "high"}
    assert (answer["eos_equal"], answer["cause"], answer["verdict"]) == (False, "eos", "fail")
