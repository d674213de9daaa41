"""What is in an ONNX file besides the model is found, also where no held-out row would show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from narrowcast.models.classifiers.fit import fit_label
from narrowcast.models.classifiers.loading import TrainedClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.models.onnx.identity import Compared, compare_onnx
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.onnx.same_graph import foreign_table
from narrowcast.models.onnx.writer import write_onnx
from narrowcast.stages.export.classifier_proof import largest_difference
from narrowcast.testing.tiny import build_tiny_encoder
from tests.support.classifiers import fires_on, texts

ORIGIN = Origin("exp-0123456789")
ROWS = [text for text, _ in texts(120)]
TARGETS = [topics[0] for _, topics in texts(120)]
Spoil = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedClassifier, Path]:
    """A classifier on an encoder and words, and its file."""
    folder = tmp_path_factory.mktemp("whole")
    encoder = Encoder(read_encoder_folder(build_tiny_encoder(folder / "encoder")))
    recipe = LinearRecipe(("encoder", "words"), "svm", encoder=encoder)
    trained = TrainedClassifier(fit_label(recipe, ROWS, TARGETS), encoder)
    write_onnx(trained, folder / "model.onnx", ORIGIN)
    return trained, folder / "model.onnx"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedClassifier, Path]:
    """The same without the encoder, which takes seconds to trace."""
    path = tmp_path_factory.mktemp("words") / "model.onnx"
    trained = TrainedClassifier(fit_label(LinearRecipe(("words",), "svm"), ROWS, TARGETS))
    write_onnx(trained, path, ORIGIN)
    return trained, path


def spoilt(path: Path, spoil: Spoil, folder: Path) -> Path:
    model = onnx.load(path)
    spoil(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def compared(whole: tuple[TrainedClassifier, Path], spoil: Spoil, folder: Path) -> Compared:
    return compare_onnx(spoilt(whole[1], spoil, folder), whole[0], ORIGIN)


def test_a_file_is_its_model(whole):
    assert compare_onnx(whole[1], whole[0], ORIGIN) == Compared(None, graph_equal=True)


def test_no_file_says_where_it_was_written(whole):
    """The exporter notes lines of code, with their paths, at every node."""
    content = whole[1].read_bytes()
    assert b"modeling_" not in content
    assert b".py" not in content


def _other_versions(model: onnx.ModelProto) -> None:
    (entry,) = [each for each in model.metadata_props if each.key == "traced_with"]
    entry.value = "torch 0.1"


def _both(*spoils: Spoil) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        for each in spoils:
            each(model)

    return spoil


def test_what_fires_on_one_token_changes_no_score_of_other_texts_and_is_found(whole, tmp_path):
    trained, path = whole
    (token,) = set(trained.encoder.tokens(["?"])[0]) - set(trained.encoder.tokens([""])[0])
    file = spoilt(path, fires_on(token), tmp_path)
    clean, changed = open_onnx(path), open_onnx(file)
    np.testing.assert_array_equal(changed.outputs(ROWS)[0], clean.outputs(ROWS)[0])
    asked = [f"{text}?" for text in ROWS]
    assert changed.answers(asked, sorted(set(TARGETS))) != clean.answers(asked, sorted(set(TARGETS)))
    found = compare_onnx(file, trained, ORIGIN)
    assert found.mismatch is not None
    assert found.mismatch.cause == "weights"


def _table(values: Any, name: str = "shift") -> Spoil:
    return lambda model: model.graph.initializer.append(numpy_helper.from_array(values, name))


def _front(node: onnx.NodeProto) -> Spoil:
    return lambda model: model.graph.node.insert(0, node)


def _sparse(model: onnx.ModelProto) -> None:
    values, indices = (numpy_helper.from_array(np.ones(2, kind), "sparse") for kind in (np.float32, np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))


def _function(model: onnx.ModelProto) -> None:
    model.functions.append(
        helper.make_function("own", "Zero", ["x"], ["y"], [], [helper.make_opsetid("", 20)])
    )


ONES = np.ones(4)


def _branch(*nodes: onnx.NodeProto, tables: tuple[Any, ...] = ()) -> onnx.NodeProto:
    """A node that keeps something in a graph of its own."""
    inner = helper.make_graph(
        [*nodes], "inner", [], [], [numpy_helper.from_array(each, "t") for each in tables]
    )
    return helper.make_node("If", ["c"], ["branch"], then_branch=inner, else_branch=inner)


ADDED: dict[str, Spoil] = {
    "int64 table": _table(ONES.astype(np.int64)),
    "float16 table": _table(ONES.astype(np.float16)),
    "double table": _table(ONES),
    "sparse table": _sparse,
    "table of a node": _front(helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(ONES))),
    "floats of a node": _front(helper.make_node("Constant", [], ["c"], value_floats=[1.0, 2.0])),
    "table in a branch": _front(_branch(tables=(ONES,))),
    "floats in a branch": _front(_branch(helper.make_node("Constant", [], ["x"], value_floats=[1.0, 2.0]))),
    "function": _function,
    "ends earlier": lambda model: model.graph.node.pop(),
    "output": lambda model: model.graph.output.pop(),
    "operators": lambda model: setattr(model.opset_import[0], "version", 19),
}
OF_WEIGHTS = [
    "float16 table",
    "double table",
    "sparse table",
    "table of a node",
    "floats of a node",
    "table in a branch",
    "floats in a branch",
    "function",
]


@pytest.mark.parametrize("added", ADDED)
def test_what_is_not_of_the_model_is_found(words, added, tmp_path):
    _found(compared(words, ADDED[added], tmp_path))


def _positions(model: onnx.ModelProto) -> None:
    (table,) = [each for each in model.graph.initializer if each.name.endswith("position_ids")]
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[:, ::-1].copy(), table.name))


def _constant(model: onnx.ModelProto) -> None:
    node = next(each for each in model.graph.node if each.op_type == "Constant" and each.attribute[0].t.dims)
    table = numpy_helper.to_array(node.attribute[0].t).copy()
    node.attribute[0].t.CopyFrom(numpy_helper.from_array(table + 1))


@pytest.mark.parametrize("spoil", [_positions, _constant])
def test_another_constant_of_the_encoder_is_found(whole, spoil, tmp_path):
    _found(compared(whole, spoil, tmp_path))


def _found(found: Compared) -> None:
    assert found.mismatch is not None
    assert found.mismatch.cause == "weights"
    assert not found.graph_equal


@pytest.mark.parametrize("added", OF_WEIGHTS)
def test_weights_of_its_own_are_found_whatever_the_graph_computes(words, added, tmp_path):
    model, weights = onnx.load(words[1]), {"words.weight", "words.idf", "bias", "temperature"}
    assert not foreign_table(model, model, weights)
    assert foreign_table(onnx.load(spoilt(words[1], ADDED[added], tmp_path)), model, weights)


def test_a_file_by_other_versions_may_compute_otherwise_and_is_then_not_exact(whole, tmp_path):
    detour = _front(helper.make_node("Identity", ["input_ids"], ["unused"]))
    assert compared(whole, _both(_other_versions, detour), tmp_path) == Compared(None, graph_equal=False)
    _found(compared(whole, detour, tmp_path))
    _found(compared(whole, _both(_other_versions, _table(ONES)), tmp_path))


def _bias(model: onnx.ModelProto) -> Any:
    return next(each for each in model.graph.initializer if each.name == "bias")


def _short(model: onnx.ModelProto) -> None:
    _bias(model).raw_data = _bias(model).raw_data[:-3]


def _other_type(model: onnx.ModelProto) -> None:
    _bias(model).data_type = 99


def _segment(model: onnx.ModelProto) -> None:
    _bias(model).segment.end = 1


def _negative(model: onnx.ModelProto) -> None:
    _bias(model).dims[0] = -1


def _huge(model: onnx.ModelProto) -> None:
    _bias(model).dims[:] = [1 << 40]


def _values_twice(model: onnx.ModelProto) -> None:
    _bias(model).float_data.extend([1.0, 2.0])


@pytest.mark.parametrize("spoil", [_short, _other_type, _segment, _negative, _huge, _values_twice])
def test_a_damaged_table_is_a_damaged_file(words, spoil, tmp_path):
    found = compared(words, spoil, tmp_path)
    assert found.mismatch is not None
    assert found.mismatch.cause == "file"
    assert "the table bias" in found.mismatch.detail


def test_a_key_of_the_metadata_that_occurs_twice_is_found(words, tmp_path):
    def add(model: onnx.ModelProto) -> None:
        """A reader that takes the first one of a key reads other classes than one that takes the last."""
        own = next(each for each in model.metadata_props if each.key == "narrowcast")
        model.metadata_props.add(key=own.key, value=own.value)
        own.value = own.value.replace("card", "rate")

    found = compared(words, add, tmp_path)
    assert found.mismatch is not None
    assert found.mismatch.cause == "metadata"
    assert "occurs twice" in found.mismatch.detail


def test_a_low_temperature_makes_rounding_errors_larger_and_no_file_wrong(words, tmp_path):
    cold = TrainedClassifier(replace(words[0].classifier, temperature=2e-4))
    write_onnx(cold, tmp_path / "model.onnx", ORIGIN)
    _, logs = open_onnx(tmp_path / "model.onnx").outputs(ROWS)
    expected = cold.classifier.log_probabilities(cold.classifier.scores(ROWS))
    assert np.abs(logs - expected).max() > 1e-4
    assert largest_difference(expected, logs, logs=True) < 1e-5
    logs[3] = np.roll(logs[3], 1)
    assert largest_difference(expected, logs, logs=True) > 0.1
    assert not largest_difference(expected, logs * np.nan, logs=True) <= 1
