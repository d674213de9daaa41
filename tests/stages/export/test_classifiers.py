"""An exported classifier: what is written of it, and the faults that end its export, each by its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from narrowcast.core.parity import ParityReport
from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work
from narrowcast.errors import ModelError, NarrowcastError, StageError
from narrowcast.ops.export import export, parity
from narrowcast.ops.requests import ExportRequest, ParityRequest, ServeRequest
from narrowcast.ops.serve import find_served
from narrowcast.pipeline.execute import preview_stage
from narrowcast.pipeline.project import Project
from narrowcast.stages.export import STAGE
from tests.stages.export.conftest import opened_copy
from tests.support.classifiers import EVERY_FEATURE, fires_on, trained
from tests.support.cli import run_here

QUICK = {"parity_rows": 12, "tolerance": 0.6}
QUESTION_MARK = 10
"""Token of the tiny encoder; no row has one."""
Spoil = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def words_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained classifier on words and characters."""
    home = tmp_path_factory.mktemp("words")
    trained(home, "words,characters").close()
    return home


@pytest.fixture(scope="module")
def encoder_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained classifier on words, characters and an encoder."""
    home = tmp_path_factory.mktemp("encoder")
    trained(home, EVERY_FEATURE).close()
    return home


@pytest.fixture
def topics(words_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the one on words, in a workspace of its own."""
    yield from opened_copy(words_home, tmp_path, "topics")


@pytest.fixture
def encoded(encoder_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the one with an encoder."""
    yield from opened_copy(encoder_home, tmp_path, "topics")


class BeforeParity(NullProgress):
    """Changes the written file before it is compared."""

    def __init__(self, project: Project, change: Callable[[Path], None]) -> None:
        self._project, self._change = project, change

    def start(self, description: str, total: int | None = None) -> None:
        if description == "parity: weights":
            (bundle,) = self._project.paths.gguf.glob(".exp-*.part")
            self._change(bundle / "model.onnx")


def _spoilt(spoil: Spoil) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        model = onnx.load(path)
        spoil(model)
        path.write_bytes(model.SerializeToString())

    return change


def _table(name: str, change: Callable[[Any], Any]) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        (table,) = [each for each in model.graph.initializer if each.name == name]
        table.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(table).copy()), name))

    return spoil


def _nudged(table: Any) -> Any:
    table.flat[0] = np.nextafter(table.flat[0], np.float32(9))
    return table


def _said(change: Callable[[dict[str, Any]], None]) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        (entry,) = [each for each in model.metadata_props if each.key == "narrowcast"]
        values = json.loads(entry.value)
        change(values)
        entry.value = json.dumps(values)

    return spoil


def _swap(values: list[str]) -> None:
    values[0], values[1] = values[1], values[0]


def _other_tokenizer(model: onnx.ModelProto) -> None:
    (entry,) = [each for each in model.metadata_props if each.key == "tokenizer.json"]
    assert '"lowercase":true' in entry.value.replace(" ", "")
    entry.value = entry.value.replace(" ", "").replace('"lowercase":true', '"lowercase":false')


def _doubled(model: onnx.ModelProto) -> None:
    (last,) = [node for node in model.graph.node if node.output[0] == "scores"]
    last.output[0] = "half"
    model.graph.node.append(helper.make_node("Add", ["half", "half"], ["scores"]))


def _other_epsilon(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                attribute.f = 0.5


FAULTS = {
    "weight": ("weights", "words.weight", _table("words.weight", _nudged)),
    "idf": ("weights", "characters.idf", _table("characters.idf", _nudged)),
    "bias": ("weights", "bias", _table("bias", lambda table: table[::-1].copy())),
    "temperature": ("weights", "temperature", _table("temperature", _nudged)),
    "another table": (
        "weights",
        "shift is not of the model",
        lambda model: model.graph.initializer.append(
            numpy_helper.from_array(np.ones(4, np.float32), "shift")
        ),
    ),
    "classes": ("metadata", "classes", _said(lambda description: _swap(description["classes"]))),
    "said temperature": (
        "metadata",
        "temperature",
        _said(lambda description: description.update(temperature=9.0)),
    ),
    "licence": (
        "metadata",
        "base",
        _said(
            lambda description: description.update(
                base=None
                if description["base"]
                else {
                    "name": "minilm",
                    "licence": "other",
                    "note": "",
                    "repository": "",
                }
            )
        ),
    ),
    "n-grams": ("tokenizer", "ngrams", _said(lambda description: _swap(description["ngrams"]["words"]))),
    "run": ("run", "exp-1111111111", _said(lambda description: description.update(run_id="exp-1111111111"))),
    "graph": ("weights", "computes something else", _doubled),
}
OF_THE_ENCODER = {
    "weight": (
        "weights",
        "transformer.embeddings.word_embeddings.weight",
        _table("transformer.embeddings.word_embeddings.weight", _nudged),
    ),
    "cut": ("tokenizer", "encoder", _said(lambda description: description["encoder"].update(longest=5))),
    "tokenizer": ("tokenizer", "tokenizer", _other_tokenizer),
    "epsilon": ("weights", "computes something else", _other_epsilon),
    "silent on the held-out rows": ("weights", "computes something else", fires_on(QUESTION_MARK)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refused_and_named(topics: Project, fault: str) -> None:
    _refused_and_named(topics, *FAULTS[fault])


@pytest.mark.nightly
@pytest.mark.parametrize("fault", OF_THE_ENCODER)
def test_a_planted_fault_of_the_encoder_is_refused_and_named(encoded: Project, fault: str) -> None:
    _refused_and_named(encoded, *OF_THE_ENCODER[fault])


def _refused_and_named(topics: Project, cause: str, named: str, spoil: Spoil) -> None:
    with pytest.raises(StageError, match="is not the model that was measured") as caught:
        export(topics, ExportRequest(options=QUICK), Work(BeforeParity(topics, _spoilt(spoil))))
    assert caught.value.reason_code == "export_parity_failed"
    assert f"{cause}: " in caught.value.what
    assert named in caught.value.what
    (kept,) = topics.paths.reports.glob("parity-exp-*.json")
    report = ParityReport.model_validate_json(kept.read_text())
    assert [(each.format, each.cause) for each in report.formats] == [("onnx", cause)]
    assert not list(topics.paths.gguf.glob("*"))


def test_a_cut_file_and_one_of_another_run_are_refused(topics: Project, tmp_path: Path) -> None:
    export(topics, ExportRequest(options=QUICK))
    (former,) = topics.paths.gguf.glob("exp-*/model.onnx")
    kept = shutil.copyfile(former, tmp_path / "former.onnx")
    run_here(
        "--home", tmp_path / "work", "train", "--method", "linear", "--features", "words",
        cwd=topics.paths.root,
    )  # fmt: skip
    for change, cause in (
        (lambda path: shutil.copyfile(kept, path), "run: the file is of run exp-"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "file: "),
    ):
        with pytest.raises(StageError, match=cause):
            export(topics, ExportRequest(options=QUICK), Work(BeforeParity(topics, change)))


def test_what_was_changed_after_the_export_is_neither_proven_nor_served(topics: Project) -> None:
    export(topics, ExportRequest(options=QUICK))
    assert parity(topics, ParityRequest(options=QUICK)).verdict == "pass"
    (bundle,) = topics.paths.gguf.glob("exp-*")
    manifest, model = bundle / "bundle.json", bundle / "model.onnx"
    for path, change in (
        (model, _spoilt(_table("bias", _nudged))),
        (manifest, lambda path: path.write_text(path.read_text().replace('"onnx"', '"q8_0"', 1))),
    ):
        before = path.read_bytes()
        change(path)
        with pytest.raises(NarrowcastError):
            parity(topics, ParityRequest(options=QUICK))
        with pytest.raises(NarrowcastError) as caught:
            find_served(topics, ServeRequest())
        assert caught.value.reason_code == "system_file_edited"
        path.write_bytes(before)
    assert find_served(topics, ServeRequest()).model_id == "topics-onnx"


@pytest.mark.parametrize("wanted", [["q8_0"], ["onnx", "merged"], ["adapter"]])
def test_formats_of_language_models_are_refused_before_any_work(topics: Project, wanted: list[str]) -> None:
    request = ExportRequest(options={"formats": wanted})
    for attempt in (lambda: export(topics, request), lambda: preview_stage(topics, STAGE, request)):
        with pytest.raises(StageError, match="is a classifier, which has no format") as caught:
            attempt()
        assert caught.value.reason_code == "export_format_unsuited"
        assert caught.value.next_command == "narrowcast export --formats onnx"


@pytest.mark.parametrize("name", ["classifier.json", "classifier.safetensors"])
def test_a_classifier_without_one_of_its_files_is_named(topics: Project, name: str) -> None:
    (folder,) = topics.paths.adapters.iterdir()
    (folder / name).unlink()
    for attempt in (
        lambda: export(topics, ExportRequest()),
        lambda: preview_stage(topics, STAGE, ExportRequest()),
    ):
        with pytest.raises(ModelError, match="the classifier cannot be read") as caught:
            attempt()
        assert caught.value.reason_code == "model_adapter_missing"
        assert caught.value.next_command == "narrowcast train --force"


def test_a_dry_run_says_what_would_be_written(topics: Project) -> None:
    outcome = preview_stage(topics, STAGE, ExportRequest()).outcome
    assert outcome.formats == ["onnx"]
    assert outcome.forecast.disk_bytes > 10_000
    assert not topics.paths.gguf.exists()


def test_the_card_names_encoder_features_and_what_was_compared(encoded: Project) -> None:
    result = export(encoded, ExportRequest(options=QUICK))
    card = (encoded.paths.root / result.bundle / "README.md").read_text()
    assert "library_name: onnx" in card
    assert "encoder, words, characters (svm)" in card
    assert "| onnx |" in card
    assert "ollama" not in card
    assert "largest difference" in card
    with pytest.raises(ModelError, match="has no q8_0 file"):
        find_served(encoded, ServeRequest(model="q8_0"))


def _of_other_versions(model: onnx.ModelProto) -> None:
    (entry,) = [each for each in model.metadata_props if each.key == "traced_with"]
    entry.value = "torch 0.1"
    model.graph.node.insert(0, helper.make_node("Identity", ["input_ids"], ["unused"]))


def test_a_file_whose_graph_was_not_compared_says_so(encoded: Project) -> None:
    result = export(
        encoded, ExportRequest(options=QUICK), Work(BeforeParity(encoded, _spoilt(_of_other_versions)))
    )
    assert result.parity is not None
    (file,) = result.parity.formats
    assert (file.verdict, file.graph_equal) == ("pass", False)
    assert "by the answers alone" in file.detail


def test_a_run_that_is_not_the_current_one_is_exported_by_its_id(topics: Project) -> None:
    home, root = topics.settings.home, topics.paths.root

    def run(*words: str, code: int | None = 0) -> Any:
        done = run_here("--home", home, *words, "--json", cwd=root, code=code)
        return json.loads(done.stdout)

    (former,) = [path.name for path in topics.paths.adapters.iterdir()]
    other = run("train", "--method", "linear", "--features", "words")["run_id"]
    exported = run("export", former, "--force", "--parity-rows", "12", "--tolerance", "0.6")
    assert exported["run_id"] == former != other
    assert exported["serve"].startswith("narrowcast serve --model ")
    served = exported["serve"].split()[-1]
    assert find_served(topics.settings, ServeRequest(model=served, force=True)).run_id == former
    assert run("parity", former, "--tolerance", "0.6")["run_id"] == former
    assert run("parity", code=None)["error"]["reason_code"] == "export_artifact_missing"  # of the current one
    missing = run("parity", former, "--formats", "f16", code=None)["error"]
    assert missing["actionable_fix"].endswith(f" export {former} --formats f16")
    refused = run("export", "exp-0000000000", code=None)["error"]
    assert refused["reason_code"] == "model_adapter_missing"
    assert (
        run("export", "--force", "--parity-rows", "12", "--tolerance", "0.6")["serve"] == "narrowcast serve"
    )
