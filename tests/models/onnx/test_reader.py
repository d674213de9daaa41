"""ONNX files of classifiers: read by narrowcast without torch, and by the program of the documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from narrowcast.core.work import Work
from narrowcast.errors import MissingExtraError, ModelError
from narrowcast.models.classifiers.fit import fit_label, fit_label_sets
from narrowcast.models.classifiers.loading import TrainedClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.onnx.writer import write_onnx
from narrowcast.testing.tiny import build_tiny_encoder
from tests.conftest import ROOT
from tests.support.classifiers import TOPICS, texts

ROWS = texts(120)
HELD_OUT = [text for text, _ in texts(30, seed=1)] + [
    "",
    "???",
    "a",
    "x" * 300,
    "ÄÖÜ ß\u2028\n\tCard",
    "🙂 fee",
]


def fitted(folder: Path, *features: Any, kind: Any = "svm", several: bool = False) -> TrainedClassifier:
    encoder = None
    if "encoder" in features:
        encoder = Encoder(read_encoder_folder(build_tiny_encoder(folder / "encoder")))
    recipe = LinearRecipe(features, kind, encoder=encoder)
    asked, topics = [text for text, _ in ROWS], [each for _, each in ROWS]
    if several:
        return TrainedClassifier(fit_label_sets(recipe, asked, topics, Work()), encoder)
    return TrainedClassifier(fit_label(recipe, asked, [each[0] for each in topics]), encoder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedClassifier, Path]:
    """A classifier on every feature, and its file."""
    folder = tmp_path_factory.mktemp("whole")
    trained = fitted(folder, "encoder", "words", "characters")
    write_onnx(trained, folder / "model.onnx", Origin("exp-0123456789"))
    return trained, folder / "model.onnx"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a classifier on words."""
    path = tmp_path_factory.mktemp("words") / "model.onnx"
    write_onnx(fitted(path.parent, "words", kind="logistic"), path, Origin("exp-0123456789"))
    return path


def same(trained: TrainedClassifier, path: Path) -> None:
    file, classifier = open_onnx(path), trained.classifier
    expected = classifier.scores(HELD_OUT, trained.encoder.embed if trained.encoder else None)
    scores, logs = file.outputs(HELD_OUT)
    np.testing.assert_allclose(scores, expected, atol=2e-5)
    known = classifier.log_probabilities(expected)
    if known is None:
        assert logs is None
    else:
        np.testing.assert_allclose(logs, known, atol=1e-4)
    found = [text for text, _ in file.answers(HELD_OUT, list(TOPICS))]
    assert found == [text for text, _ in trained.answers(HELD_OUT, list(TOPICS))]


def test_a_file_with_every_feature_answers_as_the_classifier(whole):
    same(*whole)


@pytest.mark.parametrize(
    ("features", "kind", "several"),
    [
        (("words",), "logistic", False),
        (("characters",), "svm", False),
        (("characters", "words"), "svm", True),
    ],
)
def test_a_file_answers_as_the_classifier(features, kind, several, tmp_path):
    trained = fitted(tmp_path, *features, kind=kind, several=several)
    write_onnx(trained, tmp_path / "model.onnx", Origin("exp-0123456789"))
    same(trained, tmp_path / "model.onnx")


def test_one_class_and_a_class_with_two_rows_have_files(tmp_path):
    """The first gives one answer whatever is asked; the second is no basis for probabilities."""
    recipe = LinearRecipe(("words",), "svm")
    for number, targets in enumerate((["card"] * 120, ["fee"] * 2 + ["card"] * 118)):
        trained = TrainedClassifier(fit_label(recipe, [text for text, _ in ROWS], targets))
        path = tmp_path / f"{number}.onnx"
        write_onnx(trained, path, Origin("exp-0123456789"))
        same(trained, path)
    assert not open_onnx(path).description.gives_probabilities


@pytest.mark.nightly
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalised", [True, False])
def test_pooling_and_normalisation_are_in_the_file(pooling, normalised, tmp_path):
    folder = build_tiny_encoder(tmp_path / "encoder", pooling=pooling, normalised=normalised)
    encoder = Encoder(read_encoder_folder(folder))
    recipe = LinearRecipe(("encoder",), "logistic", encoder=encoder)
    trained = TrainedClassifier(
        fit_label(recipe, [text for text, _ in ROWS], [topics[0] for _, topics in ROWS]), encoder
    )
    write_onnx(trained, tmp_path / "model.onnx", Origin("exp-0123456789"))
    same(trained, tmp_path / "model.onnx")


def test_the_program_of_the_documentation_gives_the_same(whole, tmp_path):
    """It runs beside the file, in a process that cannot import narrowcast."""
    path = whole[1]
    program, *_ = re.findall(r"```python\n(.*?)```", (ROOT / "docs/onnx.md").read_text(), re.DOTALL)
    ask = (
        "import sys\n"
        f"for text in {HELD_OUT!r}:\n"
        "    (table,) = session.run(['log_probabilities'], features(text))\n"
        "    print(json.dumps(table[0].tolist()))\n"
        "assert not {'narrowcast', 'torch', 'onnx'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program + ask],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    first, *rows = done.stdout.splitlines()
    assert first.split()[0] in TOPICS
    _, expected = open_onnx(path).outputs(HELD_OUT)
    np.testing.assert_allclose([json.loads(row) for row in rows], expected, atol=1e-4)


def test_reading_needs_neither_torch_nor_scikit_learn_nor_onnx(whole):
    program = (
        "import sys\nfrom pathlib import Path\nfrom narrowcast.models.onnx.reader import open_onnx\n"
        f"assert open_onnx(Path({str(whole[1])!r})).answers(['my card'], ['card'])\n"
        "print(sorted({'torch', 'sklearn', 'transformers', 'onnx', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_runtime_neither_reports_nor_leaves_anything(words, tmp_path):
    """Its telemetry keeps an identifier in the home folder and a session in the temporary one."""
    program = (
        "import time\nfrom pathlib import Path\nfrom narrowcast.models.onnx.reader import open_onnx\n"
        f"open_onnx(Path({str(words)!r})).answers(['my card'], ['card'])\ntime.sleep(2)"
    )
    own = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run([sys.executable, "-c", program], env=inherited | own, check=True)
    assert not list(tmp_path.iterdir())


def test_several_threads_get_the_same_answers(whole):
    file = open_onnx(whole[1])
    alone = [file.answers([text], list(TOPICS)) for text in HELD_OUT]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: file.answers([text], list(TOPICS)), HELD_OUT * 4))
    assert together == alone * 4


def _metadata(change: Callable[[dict[str, str]], None]) -> Callable[[onnx.ModelProto], None]:
    def damage(model: onnx.ModelProto) -> None:
        values = {each.key: each.value for each in model.metadata_props}
        change(values)
        del model.metadata_props[:]
        helper.set_model_props(model, values)

    return damage


def _said(**values: Any) -> Callable[[onnx.ModelProto], None]:
    def change(metadata: dict[str, str]) -> None:
        metadata["narrowcast"] = json.dumps(json.loads(metadata["narrowcast"]) | values)

    return _metadata(change)


def _renamed_output(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.output[0] == "log_probabilities":
            node.output[0] = "other"
    model.graph.output[1].name = "other"


def _computed(
    name: str, width: int, kind: int = TensorProto.FLOAT, *, scalar: bool = False, said: int | None = None
) -> Callable[[onnx.ModelProto], None]:
    """An output that is a constant of another shape; with `said` the graph says another width."""

    def damage(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.input[:] = [f"former {name}" if each == name else each for each in node.input]
            node.output[:] = [f"former {name}" if each == name else each for each in node.output]
        shape = [] if scalar else [1, width]
        table = numpy_helper.from_array(np.zeros(shape, helper.tensor_dtype_to_np_dtype(kind)))
        model.graph.node.append(helper.make_node("Constant", [], [name], value=table))
        (at,) = [number for number, each in enumerate(model.graph.output) if each.name == name]
        shown = shape if said is None else ["rows", said]
        model.graph.output[at].CopyFrom(helper.make_tensor_value_info(name, kind, shown))

    return damage


DAMAGE = {
    "foreign": (_metadata(dict.clear), "not a classifier that narrowcast exported"),
    "no JSON": (_metadata(lambda each: each.update(narrowcast="{")), "metadata is damaged"),
    "another format": (_said(format="narrowcast/classifier/9"), "metadata is damaged: format"),
    "classes": (_said(classes=["card"]), "another number of classes"),
    "scalar scores": (_computed("scores", 0, scalar=True), "scores is not a table"),
    "wide probabilities": (_computed("log_probabilities", 16), "log_probabilities has another number"),
    "narrow probabilities": (_computed("log_probabilities", 1), "log_probabilities has another number"),
    "double scores": (_computed("scores", 4, TensorProto.DOUBLE), "scores is not a table of float32"),
    "deep JSON": (_metadata(lambda each: each.update(narrowcast="[" * 100_000)), "metadata is damaged"),
    "no temperature": (_said(temperature=-1.0), "the temperature is not a number above 0"),
    "a class twice": (_said(classes=["card", "card", "fee", "rate"]), "named twice"),
    "no tokenizer": (_metadata(lambda each: each.pop("tokenizer.json")), "tokenizer.json is missing"),
    "tokenizer": (_metadata(lambda each: each.update({"tokenizer.json": "{}"})), "damaged: tokenizer.json"),
    "features": (_said(ngrams={}), "inputs or outputs are not those of the graph"),
    "several": (_said(several=True), "inputs or outputs are not those of the graph"),
    "output": (_renamed_output, "inputs or outputs are not those of the graph"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_foreign_or_damaged_file_is_refused(whole, damage, tmp_path):
    change, says = DAMAGE[damage]
    model = onnx.load(whole[1])
    change(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="the ONNX file cannot be used") as caught:
        open_onnx(tmp_path / "model.onnx")
    assert says in caught.value.what
    assert caught.value.next_command.startswith("narrowcast export")


@pytest.mark.parametrize("content", [b"", b"GGUF", bytes(range(256)) * 40])
def test_what_is_not_an_onnx_file_is_refused(content, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="the ONNX file cannot be used"):
        open_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (lambda ngrams: [*ngrams, "another"], "the table of words has not"),
        (lambda ngrams: ngrams[:-1], "the table of words has not"),
        (lambda ngrams: [*ngrams[:-1], ngrams[0]], "an n-gram is listed twice"),
    ],
)
def test_a_vocabulary_that_does_not_fit_its_table_is_refused(words, changed, says, tmp_path):
    model = onnx.load(words)
    metadata = json.loads(model.metadata_props[0].value)
    _said(ngrams={"words": changed(metadata["ngrams"]["words"])})(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=says):
        open_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("width", [1, 16])
def test_an_output_of_another_shape_than_the_graph_says_is_an_error_and_no_answer(words, width, tmp_path):
    model = onnx.load(words)
    _computed("log_probabilities", width, said=4)(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="the ONNX file cannot be used"):
        open_onnx(tmp_path / "model.onnx").answers(["my card"], list(TOPICS))


def test_without_onnxruntime_the_error_names_the_extra(words, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError) as caught:
        open_onnx(words)
    assert caught.value.next_command == "pip install 'narrowcast[onnx-serve]'"


def test_a_graph_of_words_alone_is_written_without_torch(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from narrowcast.models.classifiers.bag import Bag, Vocabulary\n"
        "from narrowcast.models.classifiers.linear import LinearClassifier\n"
        "from narrowcast.models.classifiers.loading import TrainedClassifier\n"
        "from narrowcast.models.onnx.layout import Origin\n"
        "from narrowcast.models.onnx.writer import write_onnx\n"
        "bag = Bag(Vocabulary('words', ['card', 'fee']), np.ones(2, np.float32))\n"
        "blocks = {'words': np.eye(2, dtype=np.float32)}\n"
        "classifier = LinearClassifier(('card', 'fee'), (bag,), blocks, np.zeros(2, np.float32))\n"
        f"path = Path({str(tmp_path / 'model.onnx')!r})\n"
        "write_onnx(TrainedClassifier(classifier), path, Origin('exp-0'))\n"
        "print(sorted({'torch', 'onnxscript', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert onnx.load(tmp_path / "model.onnx").graph.initializer[0].data_type == TensorProto.FLOAT
    assert open_onnx(tmp_path / "model.onnx").answers(["the fee"], ["card", "fee"])[0][0] == "fee"
