"""The file of an extractor: it answers as the model does, and what differs from the model is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from narrowcast.core.message import Message
from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work
from narrowcast.errors import ModelError
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.extractors.fit import fit_fields, fit_spans
from narrowcast.models.extractors.trained import TrainedExtractor
from narrowcast.models.onnx.identity import compare_onnx
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.onnx.writer import write_onnx
from narrowcast.models.predictors.base import TrainingPair
from tests.support.fields import rows_with_fields
from tests.support.spans import rows_with_spans

ROOT = Path(__file__).parents[3]
ORIGIN = Origin("exp-0123456789")
TEXTS = [row["message"] for row in rows_with_fields(60, seed=1)] + [
    "",
    "   ",
    "?",
    "unbekannt é",
    "a " * 5000,
]


def pair(text: str, target: Any) -> TrainingPair:
    return TrainingPair((Message("user", text),), json.dumps(target))


FIELDS = [pair(row["message"], row["ticket"]) for row in rows_with_fields(160)]
CLOSED = [pair(row["message"], {"kind": row["ticket"]["kind"]}) for row in rows_with_fields(80)]
COPIED = [
    pair(row["message"], {"order": row["ticket"]["order"], "source": "mail"}) for row in rows_with_fields(80)
]
NOTHING = [pair(f"message {number}", {"source": "mail"}) for number in range(30)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedExtractor, Path]:
    trained = fitted(FIELDS)
    path = tmp_path_factory.mktemp("fields") / "model.onnx"
    write_onnx(trained, path, ORIGIN)
    return trained, path


def fitted(pairs: list[TrainingPair]) -> TrainedExtractor:
    recipe = LinearRecipe(("words", "characters"), "svm")
    return TrainedExtractor(fit_fields(recipe, pairs, Work(NullProgress())))


def of_spans() -> TrainedExtractor:
    rows = rows_with_spans(80)
    grouped = []
    for row in rows:
        spans: dict[str, list[str]] = {}
        for each in row["spans"]:
            spans.setdefault(each["label"], []).append(row["text"][each["start"] : each["end"]])
        grouped.append(pair(row["text"], spans))
    return TrainedExtractor(fit_spans(grouped))


@pytest.mark.parametrize(
    "trained",
    [
        fitted(FIELDS),
        fitted(CLOSED),
        fitted(COPIED),
        fitted(NOTHING),
        of_spans(),
        TrainedExtractor(fit_spans(CLOSED[:0])),
    ],
    ids=["fields", "closed", "copied", "one answer", "spans", "no rows"],
)
def test_a_file_answers_as_its_model(trained: TrainedExtractor, tmp_path: Path) -> None:
    write_onnx(trained, tmp_path / "model.onnx", ORIGIN)
    assert compare_onnx(tmp_path / "model.onnx", trained, ORIGIN).mismatch is None
    file = open_onnx(tmp_path / "model.onnx")
    assert file.features(TEXTS) == trained.features(TEXTS)
    (ours, answers), (theirs, answered) = trained.judged(TEXTS, ()), file.judged(TEXTS, ())
    assert answers == answered == trained.extractor.answers(TEXTS)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-4)
    assert [file.answers([text], ())[0] for text in TEXTS] == answers


def test_an_answer_has_every_field_in_order(written: tuple[TrainedExtractor, Path]) -> None:
    text = "the parcel with 37 pieces is late, order WF-9999, hurry"
    answer, known = open_onnx(written[1]).answers([text], ())[0]
    wanted = {"kind": "late", "urgent": True, "order": "WF-9999", "count": 37, "source": "mail"}
    assert answer == json.dumps(wanted)
    assert known is None


def _table(model: onnx.ModelProto, name: str, shift: float = 0.0, cut: int = 0) -> None:
    (table,) = [each for each in model.graph.initializer if each.name == name]
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[cut:] + np.float32(shift), name))


def _described(model: onnx.ModelProto, **changes: Any) -> None:
    (held,) = [each for each in model.metadata_props if each.key == "narrowcast"]
    held.value = json.dumps({**json.loads(held.value), **changes})


def _spoilt(path: Path, folder: Path, spoil: Any) -> Path:
    model = onnx.load(path)
    spoil(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda model: _table(model, "tags.weight", 0.5), "weights"),
        (lambda model: _table(model, "tags.bias", 0.5), "weights"),
        (lambda model: _table(model, "words.weight", 0.5), "weights"),
        (lambda model: _described(model, tags=["O", "B-order", "I-order", "B-count"]), "metadata"),
        (lambda model: _described(model, run_id="exp-9999999999"), "run"),
        (lambda model: model.graph.node[-1].input.reverse(), "weights"),
    ],
)
def test_what_is_not_of_the_model_is_found(
    written: tuple[TrainedExtractor, Path], tmp_path: Path, spoil: Any, cause: str
) -> None:
    found = compare_onnx(_spoilt(written[1], tmp_path, spoil), written[0], ORIGIN).mismatch
    assert found is not None
    assert found.cause == cause


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda model: _table(model, "tags.weight", cut=1), "the table of tags has not"),
        (lambda model: _table(model, "words.idf", cut=1), "the table of words has not"),
        (lambda model: _described(model, tags=["O"]), "has another number of classes"),
        (lambda model: _described(model, tags=[]), "a field is copied, and there are no tags"),
        (lambda model: _described(model, answer=[]), "fields and features do not fit"),
        (lambda model: _described(model, features=["bias", "bias"]), "is listed twice"),
        (lambda model: _described(model, answer=7), "its metadata is damaged: answer"),
    ],
)
def test_a_file_that_does_not_fit_itself_is_refused(
    written: tuple[TrainedExtractor, Path], tmp_path: Path, spoil: Any, why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        open_onnx(_spoilt(written[1], tmp_path, spoil))


@pytest.mark.parametrize("make", [lambda: fitted(FIELDS), of_spans], ids=["fields", "spans"])
def test_the_program_of_the_documentation_gives_the_same(make: Any, tmp_path: Path) -> None:
    """It runs beside the file, in a process that cannot import narrowcast."""
    write_onnx(make(), tmp_path / "model.onnx", ORIGIN)
    first, _, program = re.findall(r"```python\n(.*?)```", (ROOT / "docs/onnx.md").read_text(), re.DOTALL)
    asked = [*TEXTS[:30], *(row["text"] for row in rows_with_spans(20, seed=3)), "", "?"]
    ask = f"for text in {asked!r}:\n    print(json.dumps(answer(text)))\n"
    whole = first[: first.index("outputs = dict(")] + program + ask
    done = subprocess.run(
        [sys.executable, "-I", "-c", whole], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    _, *rows = done.stdout.splitlines()
    expected = open_onnx(tmp_path / "model.onnx").answers(asked, ())
    assert [json.loads(row) for row in rows] == [json.loads(text) for text, _ in expected]


def test_reading_needs_neither_torch_nor_scikit_learn_nor_onnx(
    written: tuple[TrainedExtractor, Path],
) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom narrowcast.models.onnx.reader import open_onnx\n"
        f"assert open_onnx(Path({str(written[1])!r})).answers(['it is late'], [])\n"
        "print(sorted({'torch', 'sklearn', 'transformers', 'onnx', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
