"""A trained run becomes a bundle that is proven, described and whole; or there is no bundle."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from tokenizers.pre_tokenizers import ByteLevel

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import AnswerKind
from narrowcast.core.work import Work
from narrowcast.errors import DataError, ModelError, StageError, WorkspaceError
from narrowcast.models.loading import read_run_manifest
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.ops.export import export, parity
from narrowcast.ops.requests import ExportRequest, ParityRequest
from narrowcast.pipeline.execute import preview_stage, stage_options
from narrowcast.reasons import StageName
from narrowcast.stages.export import STAGE, language_model
from narrowcast.store import folders
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import sha256_file
from narrowcast.store.stage_records import save_record
from tests.support.progress import Notes
from tests.support.records import stage_record


@pytest.fixture
def bundle(trained):
    return export(
        trained,
        ExportRequest(options={"formats": ["f16", "q8_0", "q4_k_m"], "parity_rows": 24, "tolerance": 0.15}),
    )


def test_time_memory_and_disk_are_said_before(trained):
    options = {"formats": ["f16", "q8_0"], "parity_rows": 24, "tolerance": 0.15}
    preview = preview_stage(trained, STAGE, ExportRequest(options=options, dry_run=True))
    forecast = preview.outcome.forecast
    assert forecast.seconds is None  # nobody has measured it
    shown = Notes()
    export(trained, ExportRequest(options=options), Work(shown))
    assert f"export: {forecast.sentence}" in shown.notes
    written = sum(path.stat().st_size for path in trained.paths.gguf.rglob("*.gguf"))
    assert written < forecast.disk_bytes
    model = f"run:{preview.outcome.run_id}"
    speed = {"latency_p50_ms": 500.0, "load_seconds": 21.0}
    measured = {"results": [{"model": model, "speed": speed}], "dataset_version": ""}
    save_record(trained.paths, stage_record("evaluate", "evaluate-0", measured))
    again = preview_stage(trained, STAGE, ExportRequest(options={**options, "parity_rows": 8}, dry_run=True))
    run = read_run_manifest(trained.paths, preview.outcome.run_id)
    a_row = run.tokens["all"] / run.rows["train"] / run.tokens_per_second  # in training
    # Loading, an answer of the model and of each file, and reading each row alone, which training does not.
    expected = 21.0 + 8 * 3 * 0.5 + 8 * a_row * (4 + 2 * 3)
    assert again.outcome.forecast.seconds == pytest.approx(expected, abs=1)
    assert "8 rows at 500 ms an answer" in again.outcome.forecast.sentence
    parity(trained, ParityRequest(options={"parity_rows": 8}), Work(shown))
    assert shown.notes[-1].startswith("parity: about ")


def test_the_bundle_is_whole_proven_and_described(trained, bundle):
    folder = trained.paths.root / bundle.bundle
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_bytes())
    names = {each.path for each in manifest.files}
    assert {"model-f16.gguf", "model-q8_0.gguf", "model-q4_k_m.gguf", "Modelfile", "README.md"} <= names
    assert {"tokenizer.json", "chat_template.jinja"} <= names
    for each in manifest.files:
        data = (folder / each.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (each.size_bytes, each.sha256)
    assert {each.path for each in manifest.files} | {"bundle.json"} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    }
    assert manifest.smoke.tokens
    report = manifest.parity
    f16 = next(each for each in report.formats if each.format == "f16")
    assert (report.prompt_ids_equal, report.eos_equal, report.cause) == (True, True, None)
    assert all(each.identical for each in report.formats)
    assert (f16.verdict, f16.detail) == ("pass", "")
    assert f16.top1_agreement >= 0.99
    assert f16.mean_kl < 1e-6
    assert manifest.parity.runtime["quantised from"] == "f16"
    assert manifest.parity.runtime["cached keys and values"] == "f16"
    for each in report.formats[1:]:
        assert (each.requantised_kl, each.requantised_top1) == (each.mean_kl, each.top1_agreement)
    assert next(each for each in report.formats if each.format == "q4_k_m").mean_kl > 0
    card = (folder / "README.md").read_text()
    for fact in (manifest.run_id, "CC0-1.0", "jsonl:rows.jsonl", "synthetic 120", "q4_k_m", "not evaluated"):
        assert fact in card
    modelfile = (folder / "Modelfile").read_text()
    assert "FROM ./model-q8_0.gguf" in modelfile
    assert 'PARAMETER stop "<|im_end|>"' in modelfile
    assert "Classify the message." in modelfile


@pytest.mark.nightly
def test_events_carry_format_path_and_size(trained, bundle):
    event = next(each for each in trained.trail.events() if each.reason_code == "export_run")
    assert event.stage == "export"
    assert event.payload["format"] == "f16,q8_0,q4_k_m"
    assert event.payload["output_path"] == bundle.bundle
    assert event.payload["file_size_bytes"] == sum(bundle.sizes.values())


@pytest.mark.nightly
def test_an_unchanged_export_is_not_repeated_and_a_lost_file_is(trained, bundle):
    path = trained.paths.root / bundle.files["q8_0"]
    before = path.stat().st_mtime_ns
    options = {"formats": ["f16", "q8_0", "q4_k_m"], "parity_rows": 24, "tolerance": 0.15}
    assert export(trained, ExportRequest(options=options)) == bundle
    assert path.stat().st_mtime_ns == before
    path.unlink()
    export(trained, ExportRequest(options=options))
    assert path.exists()


@pytest.mark.nightly
def test_exported_files_answer_through_their_reference(trained, bundle):
    manifest = load_manifest(trained.paths)
    context = PredictorContext(trained.paths, trained.settings, manifest.task, AnswerKind.LABEL, "", list)
    with predictor_factory(ModelRef("gguf:q8_0")).load(context, "q8_0") as predictor:
        assert predictor.name == "gguf:q8_0"
        assert predictor.size_bytes == bundle.sizes["q8_0"]
    with pytest.raises(ModelError, match="no q6_k file") as caught:
        predictor_factory(ModelRef("gguf:q6_k")).load(context, "q6_k")
    assert "--formats q6_k" in caught.value.next_command


@pytest.mark.nightly
def test_measured_again_the_bundle_passes(trained, bundle):
    options = {"formats": ["f16"], "parity_rows": 8, "tolerance": 0.4}
    report = parity(trained, ParityRequest(options=options))
    assert report.verdict == "pass"
    assert [each.format for each in report.formats] == ["f16"]
    assert trained.trail.events()[-1].reason_code == "export_parity_proven"


@pytest.mark.nightly
def test_adapter_and_merged_weights(trained):
    result = export(trained, ExportRequest(options={"formats": ["adapter", "merged"]}))
    assert result.parity is None
    root = trained.paths.root
    assert (root / result.files["merged"] / "model.safetensors").exists()
    assert (root / result.files["adapter"] / "adapter_model.safetensors").exists()
    assert result.sizes["merged"] > result.sizes["adapter"] > 0
    assert "No file that answers" in (root / result.bundle / "README.md").read_text()


@pytest.mark.nightly
def test_without_a_reference_file_quantisation_still_has_one_to_begin_from(trained):
    result = export(trained, ExportRequest(options={"formats": ["q8_0"], "parity_rows": 4}))
    folder = trained.paths.root / result.bundle
    assert [path.name for path in folder.glob("*.gguf")] == ["model-q8_0.gguf"]


@pytest.mark.nightly
def test_a_generating_task_is_proven_on_its_generated_answers(extractor):
    options = {"formats": ["f16", "q8_0"], "parity_rows": 12, "max_tokens": 40, "tolerance": 0.3}
    result = export(extractor, ExportRequest(options=options))
    f16 = result.parity.formats[0]
    assert (f16.identical, f16.verdict) == (True, "pass")
    assert f16.answers_equal >= 0.9
    assert f16.top1_agreement >= 0.99
    manifest = BundleManifest.model_validate_json(
        (extractor.paths.root / result.bundle / "bundle.json").read_bytes()
    )
    assert manifest.method == "full"
    assert manifest.smoke.finish in ("stop", "length")


@pytest.mark.nightly
def test_exporting_an_adapter_needs_one(extractor):
    with pytest.raises(StageError, match="has no adapter"):
        export(extractor, ExportRequest(options={"formats": ["adapter"]}))


@pytest.mark.nightly
def test_a_language_model_is_not_written_as_onnx(trained):
    with pytest.raises(StageError, match="is a language model, which has no format onnx") as caught:
        export(trained, ExportRequest(options={"formats": ["f16", "onnx"]}))
    assert caught.value.reason_code == "export_format_unsuited"
    assert "adapter, merged, f16, bf16, f32" in caught.value.where
    assert not list(trained.paths.gguf.glob("*"))


def test_nothing_trained_is_said(project):
    with pytest.raises((StageError, DataError)) as caught:
        export(project)
    assert caught.value.reason_code == "export_artifact_missing"
    assert caught.value.next_command == "narrowcast data import --locator SCHEME:PATH --auto"


@pytest.mark.nightly
def test_weights_of_another_data_set_are_refused(trained):
    path = next(trained.paths.adapters.glob("*/run.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_version": "f" * 64}))
    with pytest.raises(WorkspaceError, match=r"is not the one that its stage wrote|edited"):
        export(trained)
    # With an event that names the file as it is now, the run is one of other data.
    written = {trained.paths.relative(path): sha256_file(path)}
    trained.trail.emit(StageName.EXPORT, "export_run", "forged", payload={"written": written})
    with pytest.raises(StageError, match="another version of the data"):
        export(trained)


@pytest.mark.nightly
def test_a_lost_adapter_is_an_error_and_leaves_no_bundle(trained):
    for path in trained.paths.adapters.glob("*/adapter_model.safetensors"):
        path.unlink()
    with pytest.raises(ModelError, match="adapter"):
        trained.runner().run(STAGE, stage_options(trained, STAGE, {"formats": ["f16"]}))
    assert not list(trained.paths.gguf.glob("*"))
    assert trained.trail.events()[-1].severity == "error"


def test_a_disk_that_is_too_small_is_refused_before_anything_is_loaded(trained, monkeypatch):
    usage = shutil._ntuple_diskusage(100, 99, 1)  # a disk of 100 bytes cannot be mounted by a test
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(WorkspaceError, match="the merged model takes") as caught:
        export(trained, ExportRequest(options={"formats": ["f16"]}))
    assert caught.value.reason_code == "system_disk_short"
    assert not trained.paths.gguf.exists()


def test_the_proof_reaches_back_to_the_files_of_the_base(trained, monkeypatch):
    """What loading would lose is lost in the measured model and in its file alike."""
    load = language_model.load_measured

    def losing(run_id, ctx):
        found = load(run_id, ctx)
        found.tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
        return found

    monkeypatch.setattr(language_model, "load_measured", losing)
    with pytest.raises(StageError, match="tokenizer: its pre-tokeniser is not that of the base"):
        export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 4}))
