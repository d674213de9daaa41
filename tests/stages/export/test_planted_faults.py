"""Every planted fault ends an export, on a skilled model and on a weak one, at 100 rows and at 8."""

from __future__ import annotations

import json
import shutil

import pytest

from narrowcast.core.parity import FLOAT_FORMATS, ParityReport
from narrowcast.errors import StageError
from narrowcast.models.gguf.quantise import quantise
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE as TRAIN
from tests.support.export_faults import FAULTS, FORMATS, Fault, Spoil, export_changed, plant

pytestmark = pytest.mark.nightly


def spoilt_export(project: Project, rows: int, spoil: Spoil) -> tuple[ParityReport, StageError]:
    """Export, with the files replaced after they were written; the report and the error."""
    with pytest.raises(StageError, match="is not the model that was measured") as caught:
        export_changed(project, {"formats": list(FORMATS), "parity_rows": rows}, spoil)
    assert caught.value.reason_code == "export_parity_failed"
    run_id = (project.paths.stage_records / "train" / "current").read_text().strip()
    assert not (project.paths.gguf / run_id).exists()
    kept = project.paths.reports / f"parity-{run_id}.json"
    return ParityReport.model_validate(json.loads(kept.read_text())), caught.value


# Nothing is run where a file is not the model, so the number of rows says nothing; a few are tried with more.
CASES = [(8, fault) for fault in FAULTS] + [(100, fault) for fault in FAULTS[4:12:3]]


@pytest.mark.parametrize(("rows", "fault"), CASES, ids=[f"{fault.name}-{rows}" for rows, fault in CASES])
def test_a_planted_fault_is_refused_and_named(either, tmp_path, rows, fault: Fault):
    report, error = spoilt_export(
        either, rows, lambda merged, files, name: plant(fault, merged, files, name, tmp_path / "planted")
    )
    assert {each.format: each.cause for each in report.formats} == dict.fromkeys(FORMATS, fault.cause)
    assert all(fault.named in each.detail for each in report.formats)
    assert fault.cause in error.what
    assert fault.named in error.what


@pytest.mark.parametrize("rows", [8, 100])
def test_a_file_of_another_format_is_refused(either, rows):
    def swap(_, files, __):
        shutil.copyfile(files["q4_k_m"], files["f16"])
        shutil.copyfile(files["q4_k_m"], files["q8_0"])

    report, _ = spoilt_export(either, rows, swap)
    assert {each.format: each.cause for each in report.formats} == {"f16": "weights", "q8_0": "weights"}


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_cut_file_is_refused(either, share):
    def cut(_, files, __):
        for path in files.values():
            path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    report, _ = spoilt_export(either, 8, cut)
    assert {each.cause for each in report.formats} == {"file"}


@pytest.mark.parametrize("renamed", [False, True])
def test_a_file_of_another_run_is_refused(either, tmp_path, renamed):
    """Also where it was given this run's name: one more step of training is another model."""
    base = json.loads(next(either.paths.adapters.glob("*/run.json")).read_text())["base"]["path"]
    first = either.paths.stage_records / "train" / "current"
    run_id = first.read_text()
    export(either, ExportRequest(options={"formats": ["merged"]}))
    options = {"base": base, "batch_size": 8, "epochs": 1, "learning_rate": 1e-4, "method": "lora"}
    either.runner().run(TRAIN, stage_options(either, TRAIN, options), force=True)
    assert first.read_text() != run_id
    merged = either.paths.merged / run_id.strip()

    def other(_, files, name):
        ours = name if renamed else name.rpartition(" ")[0] + f" {run_id.strip()}"
        plant(Fault("", "", "", lambda folder: None), merged, files, ours, tmp_path / "planted")

    report, _ = spoilt_export(either, 8, other)
    assert {each.cause for each in report.formats} == ({"weights"} if renamed else {"run"})
    assert renamed or all(run_id.strip() in each.detail for each in report.formats)


def test_a_tensor_of_a_former_checkpoint_is_refused(either, tmp_path):
    """One matrix as it was before training, which moved that of the weak model less than 8 bits can tell."""
    from safetensors.torch import load_file, save_file

    run = json.loads(next(either.paths.adapters.glob("*/run.json")).read_text())
    before = load_file(f"{run['base']['path']}/model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    moved = {}

    def older(folder):
        tensors = load_file(folder / "model.safetensors")
        moved["by"] = float((tensors[name].float() - before[name]).std() / before[name].std())
        tensors[name] = before[name].to(tensors[name].dtype)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    def spoil(merged, files, title):
        plant(Fault("", "", "", older), merged, files, title, tmp_path / "planted")

    skilled = run["recipe"]["learning_rate"] > 1e-6
    report, _ = spoilt_export(either, 8, spoil)
    refused = {each.format: (each.cause, each.detail) for each in report.formats}
    assert (moved["by"] > 0.03) == skilled
    assert refused.keys() >= (set(FORMATS) if skilled else {"f16"})
    assert all(cause == "weights" and "blk.1.ffn_down.weight" in said for cause, said in refused.values())


def test_a_file_made_with_an_importance_matrix_is_refused(either):
    """llama.cpp writes into the file which matrix it was quantised with."""
    import gguf

    def weighed(_, files, __):
        for path in files.values():
            reader = gguf.GGUFReader(path)
            copy = gguf.GGUFWriter(path.with_suffix(".new"), "qwen3")
            for field in reader.fields.values():
                if not field.name.startswith("GGUF.") and field.name != "general.architecture":
                    kind = field.types[0]
                    part = field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
                    copy.add_key_value(field.name, field.contents(), kind, part)
            copy.add_string("quantize.imatrix.file", "other.imatrix")
            for tensor in reader.tensors:
                copy.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            copy.write_header_to_file()
            copy.write_kv_data_to_file()
            copy.write_tensors_to_file()
            copy.close()
            path.with_suffix(".new").replace(path)

    report, _ = spoilt_export(either, 8, weighed)
    assert {each.detail for each in report.formats} == {"quantize.imatrix.file is not of the model"}


@pytest.mark.parametrize("rows", [8, 100])
def test_unchanged_files_are_identical(either, rows):
    # 99 equal groups, which 100 of these rows are, exclude a fall of 0.031, not of the usual 0.03.
    options = {"formats": [*FORMATS, "f32"], "parity_rows": rows, "tolerance": 0.035}
    result = export(either, ExportRequest(options=options))
    for each in result.parity.formats:
        assert (each.identical, each.cause) == (True, None), each
        sure = rows == 100 or each.format in FLOAT_FORMATS
        assert each.verdict == ("pass" if sure else "not_enough_data"), each


def test_the_model_quantised_elsewhere_is_compared_with_todays(either, tmp_path):
    """Other bytes, as another version of llama.cpp writes them: from float32 here, from float16 there."""

    def elsewhere(merged, files, name):
        write_gguf(merged, tmp_path / "f32.gguf", "f32", name=name)
        quantise(tmp_path / "f32.gguf", files["q4_k_m"], "q4_k_m")

    result = export_changed(either, {"formats": ["q4_k_m"], "parity_rows": 8}, elsewhere)
    (file,) = result.parity.formats
    assert (file.identical, file.cause) == (True, None)
    assert file.mean_kl != file.requantised_kl
    assert file.mean_kl == pytest.approx(file.requantised_kl, rel=0.2)
