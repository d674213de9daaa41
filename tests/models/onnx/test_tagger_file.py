"""ONNX files of taggers: the answers of the tagger, by narrowcast and by the documentation's program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from narrowcast.errors import ModelError
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.models.onnx.identity import Compared, compare_onnx
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.onnx.tagger_file import OnnxTagger
from narrowcast.models.onnx.writer import write_onnx
from narrowcast.models.taggers.tagger import TokenTagger
from narrowcast.models.taggers.trained import TrainedTagger
from narrowcast.models.taggers.words import SURFACES
from narrowcast.testing.tiny import build_tiny_encoder
from tests.conftest import ROOT
from tests.support.spans import rows_with_spans

KINDS = ("thing", "count", "wäre")
SHORT = [
    *(row["text"] for row in rows_with_spans(12)),
    "",
    " ",
    "???",
    "x",
    "Größe BOB Bob mcB 7 b7\u2028\n\t",
    "👍🏽👨‍👩‍👧 cafe\u0301 東京へ 7pm",
    "\u0301x\u200b \x1b y",
]
LONG = ["please wait, " * 40 + "my card", "x" * 400, "a b " * 70]
ORIGIN = Origin("exp-0123456789")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedTagger, Path]:
    """A tagger with random tables, wide enough that tags differ from word to word, and its file."""
    folder = tmp_path_factory.mktemp("tagger")
    encoder = Encoder(read_encoder_folder(build_tiny_encoder(folder / "encoder")))
    draw = np.random.default_rng(3)

    def table(*shape: int) -> Any:
        return draw.normal(size=shape).astype(np.float32)

    tagger = TokenTagger(KINDS, table(32, 7), table(7), table(SURFACES + 1, 32))
    trained = TrainedTagger(tagger, encoder)
    write_onnx(trained, folder / "model.onnx", ORIGIN)
    return trained, folder / "model.onnx"


def test_a_file_answers_as_the_tagger(whole):
    trained, path = whole
    file, texts = open_onnx(path), SHORT + LONG
    assert isinstance(file, OnnxTagger)
    assert compare_onnx(path, trained, ORIGIN) == Compared(None, graph_equal=True)
    expected, answers = trained.judged(texts, ())
    tables, found = file.judged(texts, ())
    assert found == answers
    assert {kind for text, _ in answers for kind in json.loads(text)} == set(KINDS)
    for own, other in zip(expected, tables, strict=True):
        np.testing.assert_allclose(other, own, atol=1e-4)
    assert file.features(texts) == trained.features(texts)
    alone = [file.answers([text], ())[0] for text in texts]
    assert alone == answers


def test_several_threads_get_the_same_answers(whole):
    file = open_onnx(whole[1])
    alone = [file.answers([text], ()) for text in SHORT]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: file.answers([text], ()), SHORT * 4))
    assert together == alone * 4


def test_the_program_of_the_documentation_gives_the_same(whole):
    """It runs beside the file, in a process that cannot import narrowcast."""
    _, program, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs/onnx.md").read_text(), re.DOTALL)
    ask = f"for text in {SHORT!r}:\n    print(json.dumps(spans(text)))\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program + ask],
        cwd=whole[1].parent,
        capture_output=True,
        text=True,
        check=True,
    )
    _, *rows = done.stdout.splitlines()
    expected = open_onnx(whole[1]).answers(SHORT, ())
    assert [json.loads(row) for row in rows] == [json.loads(text) for text, _ in expected]


def test_reading_needs_neither_torch_nor_scikit_learn_nor_onnx(whole):
    program = (
        "import sys\nfrom pathlib import Path\nfrom narrowcast.models.onnx.reader import open_onnx\n"
        f"assert open_onnx(Path({str(whole[1])!r})).answers(['my card'], [])\n"
        "print(sorted({'torch', 'sklearn', 'transformers', 'onnx', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _nudged(name: str) -> Any:
    def spoil(model: onnx.ModelProto) -> None:
        (table,) = [each for each in model.graph.initializer if each.name == name]
        values = numpy_helper.to_array(table).copy()
        values.flat[0] = np.nextafter(values.flat[0], np.float32(9))
        table.CopyFrom(numpy_helper.from_array(values, name))

    return spoil


def _said(**values: Any) -> Any:
    def spoil(model: onnx.ModelProto) -> None:
        (entry,) = [each for each in model.metadata_props if each.key == "narrowcast"]
        entry.value = json.dumps(json.loads(entry.value) | values)

    return spoil


def _other_axis(model: onnx.ModelProto) -> None:
    model.graph.node[-1].attribute[0].i = 1


def _planted(model: onnx.ModelProto) -> None:
    """The encoder's part computes with surfaces that are twice as large."""
    nodes = list(model.graph.node)
    is_looked_up = [node.op_type == "Gather" and "surfaces" in node.input for node in nodes]
    at = is_looked_up.index(True)
    twice = helper.make_node("Add", ["surfaces", "surfaces"], ["twice"])
    nodes[at].input[:] = ["twice" if each == "surfaces" else each for each in nodes[at].input]
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:at], twice, *nodes[at:]])


READING = {"prompt": "", "lowered": False, "longest": 30}
OTHER_KINDS = ["O", "B-a", "I-a", "B-b", "I-b", "B-c", "I-c"]


@pytest.mark.parametrize(
    ("cause", "named", "spoil"),
    [
        ("weights", "surface.weight", _nudged("surface.weight")),
        ("weights", "encoder.weight", _nudged("encoder.weight")),
        ("weights", "bias", _nudged("bias")),
        ("weights", "word_embeddings", _nudged("transformer.embeddings.word_embeddings.weight")),
        ("weights", "computes something else", _other_axis),
        ("weights", "computes something else", _planted),
        ("metadata", "tags", _said(tags=OTHER_KINDS)),
        ("tokenizer", "encoder", _said(encoder=READING)),
        ("run", "exp-1", _said(run_id="exp-1")),
        ("file", "the tags are not", _said(tags=["O", "B-a", "I-b"])),
    ],
)
def test_a_planted_fault_is_named(whole, cause, named, spoil, tmp_path):
    model = onnx.load(whole[1])
    spoil(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    mismatch = compare_onnx(tmp_path / "model.onnx", whole[0], ORIGIN).mismatch
    assert mismatch is not None
    assert mismatch.cause == cause
    assert named in mismatch.detail


@pytest.mark.parametrize(
    ("says", "spoil"),
    [
        ("the tags are not", _said(tags=["O", "B-a", "I-a", "B-a", "I-a"])),
        ("the tags are not", _said(tags=[])),
        ("another number of classes", _said(tags=["O", "B-a", "I-a"])),
        ("damaged: format", _said(format="narrowcast/tagger/9")),
        ("damaged: encoder", _said(encoder=None)),
        ("no room for a word", _said(encoder={**READING, "longest": 2})),
        ("damaged: classes", _said(format="narrowcast/classifier/1")),
    ],
)
def test_a_damaged_file_is_refused(whole, says, spoil, tmp_path):
    model = onnx.load(whole[1])
    spoil(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="the ONNX file cannot be used") as caught:
        open_onnx(tmp_path / "model.onnx")
    assert says in caught.value.what
