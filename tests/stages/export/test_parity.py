"""A file that is not the model is caught, with the cause: each part is made wrong on purpose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from narrowcast.core.bundle import BundleManifest, sealed_json
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import AnswerKind
from narrowcast.errors import ModelError, StageError, WorkspaceError
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.ops.export import export, parity
from narrowcast.ops.requests import ExportRequest, ParityRequest, ServeRequest
from narrowcast.ops.serve import find_served
from narrowcast.reasons import StageName
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import sha256_file
from tests.support.export_faults import export_changed

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
    (wrong_weights, "weights"),
]


def resealed(project) -> None:
    """Let the bundle's manifest name the files as they are now, as one would who covers a change."""
    folder = next(project.paths.gguf.glob("exp-*"))
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_bytes())
    files = [each.model_copy(update={"sha256": sha256_file(folder / each.path)}) for each in manifest.files]
    (folder / "bundle.json").write_text(sealed_json(manifest.model_copy(update={"files": files})))


def tell_of_it(project) -> None:
    """An event that names the manifest as it is now, as nobody writes who only edits files."""
    path = next(project.paths.gguf.glob("exp-*/bundle.json"))
    written = {project.paths.relative(path): sha256_file(path)}
    project.trail.emit(StageName.EXPORT, "export_run", "forged", payload={"written": written})


def without_record(project) -> None:
    """A bundle whose project does not know it, such as one that was copied here."""
    tell_of_it(project)
    for path in project.paths.stage_records.glob("export*"):
        path.unlink()


@pytest.mark.parametrize(("spoil", "cause"), DEFECTS, ids=[cause for _, cause in DEFECTS])
def test_a_wrong_file_in_a_bundle_is_caught(trained, tmp_path, spoil, cause):
    result = export(trained, ExportRequest(options={"formats": ["merged", "f16"], **ROWS}))
    folder = shutil.copytree(trained.paths.root / result.files["merged"], tmp_path / "spoilt")
    spoil(folder)
    write_gguf(folder, trained.paths.root / result.files["f16"], "f16")
    with pytest.raises(StageError, match=r"model-f16\.gguf is not the file that the export wrote") as caught:
        parity(trained, ParityRequest(options=ROWS))
    assert caught.value.reason_code == "export_parity_failed"
    resealed(trained)
    with pytest.raises(WorkspaceError, match="the file was edited or replaced"):
        parity(trained, ParityRequest(options=ROWS))
    tell_of_it(trained)
    with pytest.raises(StageError, match="the manifest is not the one that the export wrote"):
        parity(trained, ParityRequest(options=ROWS))
    without_record(trained)
    report = parity(trained, ParityRequest(options=ROWS))
    assert (report.verdict, report.cause) == ("fail", cause)
    assert report.eos_equal == (cause != "eos")
    assert report.prompt_ids_equal == (cause not in ("template", "tokenizer"))
    event = trained.trail.events()[-1]
    assert (event.reason_code, event.payload["cause"]) == ("export_parity_failed", cause)


def edit_prompt(manifest):
    manifest["task"]["instruction"] = "Say yes."


def edit_labels(manifest):
    manifest["task"]["labels"].pop()


def edit_number(manifest):
    manifest["parity"]["formats"][0]["exported"] = 0.123


def edit_hash(manifest):
    manifest["files"][0]["sha256"] = "0" * 64


def add_a_key(manifest):
    manifest["smoke"]["note"] = "checked by hand"


def take_the_hash_out(manifest):
    del manifest["sha256"]


EDITS = [edit_prompt, edit_labels, edit_number, edit_hash, add_a_key, take_the_hash_out]


def test_an_edited_manifest_is_refused_by_parity_and_by_serve(trained, tmp_path):
    export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
    path = next(trained.paths.gguf.glob("*/bundle.json"))
    written = path.read_text()
    for edit in EDITS:
        manifest = json.loads(written)
        edit(manifest)
        assert manifest != json.loads(written)
        path.write_text(json.dumps(manifest))
        for refused in (
            lambda: parity(trained, ParityRequest(options=ROWS)),
            lambda: find_served(trained, ServeRequest()),
            lambda: find_served(trained, ServeRequest(model=str(path.parent / "model-f16.gguf"))),
        ):
            with pytest.raises(ModelError, match=r"the manifest (was edited|has no hash)") as caught:
                refused()
            assert caught.value.next_command == "narrowcast export --force"
    path.write_text(json.dumps(json.loads(written)))  # other spaces are no edit of a copy of the bundle
    copied = shutil.copytree(path.parent, tmp_path / "given away")
    assert find_served(trained, ServeRequest(model=str(copied / "model-f16.gguf"))).task.labels
    with pytest.raises(WorkspaceError, match="the file was edited or replaced"):
        find_served(trained, ServeRequest())


def test_every_file_of_the_bundle_is_compared(trained):
    export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
    folder = next(trained.paths.gguf.glob("exp-*"))
    for name in ("tokenizer.json", "README.md", "model-f16.gguf"):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before + b" ")
        with pytest.raises(StageError, match=f"{name} is not the file"):
            parity(trained, ParityRequest(options=ROWS))
        (folder / name).unlink()
        with pytest.raises(StageError, match=f"{name} is not the file"):
            parity(trained, ParityRequest(options=ROWS))
        (folder / name).write_bytes(before)


def test_another_bundle_under_this_name_is_refused(trained):
    export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
    folder = next(trained.paths.gguf.glob("exp-*"))
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_bytes())
    (folder / "bundle.json").write_text(sealed_json(manifest.model_copy(update={"run_id": "exp-other"})))
    tell_of_it(trained)
    with pytest.raises(StageError, match="the manifest is of run exp-other"):
        parity(trained, ParityRequest(options=ROWS))


def test_a_changed_file_is_not_measured_either(trained):
    export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
    path = next(trained.paths.gguf.glob("*/model-f16.gguf"))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    manifest = load_manifest(trained.paths)
    context = PredictorContext(trained.paths, trained.settings, manifest.task, AnswerKind.LABEL, "", list)
    with pytest.raises(ModelError, match="not the one that passed parity"):
        predictor_factory(ModelRef("gguf:f16")).load(context, "f16")


def test_a_failed_proof_keeps_the_report_and_no_bundle(trained, tmp_path):
    def spoilt(merged, files, name):
        wrong_template(shutil.copytree(merged, tmp_path / "spoilt"))
        write_gguf(tmp_path / "spoilt", files["f16"], "f16", name=name)

    with pytest.raises(StageError, match="not the model that was measured: template") as caught:
        export_changed(trained, {"formats": ["f16", "merged"], **ROWS}, spoilt)
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
    resealed(trained)
    without_record(trained)
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
        "detail", "runtime", "prompt_ids_equal", "eos_equal",
        "top1_agreement", "metric_difference", "cause", "verdict",
    }  # fmt: skip
    assert (answer["eos_equal"], answer["cause"], answer["verdict"]) == (False, "eos", "fail")
