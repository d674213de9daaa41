"""`gliner:MODEL`: GLiNER, which finds spans of any type by the name of the type (Zaratiana et al. 2024).

Nothing is trained: the names of the task's types are its labels, and only the score from which a span counts
is chosen on train rows. It serves spans and the copied fields of objects; closed fields are classified as by
`svm`. The package is Apache-2.0, as are the weights of the series v2.1; neither comes with ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from narrowcast.core.names import AnswerKind
from narrowcast.errors import ModelError, UsageError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.extractors.spans import TaggedSpan
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory, fitted_on_train
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.linear_text import fit_linear
from narrowcast.plugins.optional import require
from narrowcast.store.files import sha256_file

_CONFIG = "gliner_config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the latter is read as tensors alone
_LEAST = 0.1  # spans below this score are not looked at
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_TRIED_ON = 200  # train rows that the score is chosen on
_BATCH = 8


class GlinerTagger:
    """Finds spans by the names of their types.

    Args:
        model: a loaded GLiNER.
        texts: of the train rows.
        spans: theirs; their types are asked for, and the least score is chosen on some of them.
    """

    def __init__(self, model: Any, texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> None:
        self._model = model
        kinds = sorted({span.kind for each in spans for span in each})
        self._names = {spoken(kind): kind for kind in kinds}
        step = max(1, len(texts) // _TRIED_ON)
        tried = self._scored(texts[::step])
        self.least = max(_SCORES, key=lambda score: (_agreement(tried, spans[::step], score), -score))

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""
        return [
            sorted((span for score, span in each if score >= self.least), key=lambda span: span.start)
            for each in self._scored(texts)
        ]

    def _scored(self, texts: Sequence[str]) -> list[list[tuple[float, TaggedSpan]]]:
        """The best spans that do not overlap, with scores: a higher threshold only takes some away."""
        if not self._names or not texts:
            return [[] for _ in texts]
        answers = self._model.inference(
            list(texts), list(self._names), flat_ner=True, threshold=_LEAST, batch_size=_BATCH
        )
        return [
            [
                (each["score"], TaggedSpan(self._names[each["label"]], each["start"], each["end"]))
                for each in row
            ]
            for row in answers
        ]


def spoken(kind: str) -> str:
    """A type as words: `people_count` and `peopleCount` are `people count`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind)
    return re.sub(r"[\W_]+", " ", words).strip().lower() or kind


def from_reference(context: PredictorContext, argument: str) -> FittedPredictor:
    """Load GLiNER for the spans or copied fields of a task.

    Raises:
        UsageError: for tasks whose answers are not copied from the message.
        ModelError: if its weights or tokenizer are not on this machine, or cannot be read.
        MissingExtraError: without the package.
    """
    if context.answer not in (AnswerKind.SPANS, AnswerKind.FIELDS):
        raise UsageError(
            f"there is nothing to tag in the task {context.task.profile}",
            where=f"gliner:{argument}",
            next_command="narrowcast baseline --models svm",
        )
    folder = _folder(argument)
    with _readable(folder):
        from gliner import GLiNER

        model = GLiNER.from_pretrained(str(folder), local_files_only=True)
    taggers: list[GlinerTagger] = []

    def tagger(texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> GlinerTagger:
        taggers.append(GlinerTagger(model.eval(), texts, spans))
        return taggers[-1]

    recipe = LinearRecipe.named("svm", context.seed)
    predictor = fit_linear(context, f"gliner:{argument}", recipe, note="GLiNER", tagger=tagger)
    least = ", ".join(f"spans from a score of {each.least}" for each in taggers)
    predictor.note = f"{predictor.note}, {least}" if least else predictor.note
    predictor.size_bytes = _weights(folder).stat().st_size
    return predictor


def _content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """The weights, and the train rows whose types are asked for."""
    require("gliner", purpose="the baseline gliner")
    return {**fitted_on_train(context, argument), "weights": sha256_file(_weights(_folder(argument)))}


def _folder(argument: str) -> Path:
    """A folder, or an earlier download from the Hub."""
    require("gliner", "huggingface_hub", purpose="the baseline gliner")
    path = Path(argument).expanduser()
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(argument, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"the weights of {argument} are not on this machine",
            where="GLiNER",
            next_command=f"hf download {argument}",
            reason_code="model_not_downloaded",
        ) from error


def _weights(folder: Path) -> Path:
    files = [folder / name for name in _WEIGHTS if (folder / name).is_file()]
    if not files or not (folder / _CONFIG).is_file():
        raise ModelError(
            f"there is no GLiNER model: {_CONFIG} or {' or '.join(_WEIGHTS)} is missing",
            where=str(folder),
            next_command="name a folder that GLiNER has saved, or a model of the Hub",
        )
    return files[0]


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """What the library raises of files that are missing or wrong, as an error of the model."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"GLiNER cannot load it: {first_line(error)}",
            where=str(folder),
            next_command=f"hf download the tokenizer that {_CONFIG} names as model_name",
        ) from error


def _agreement(
    tried: Sequence[Sequence[tuple[float, TaggedSpan]]], spans: Sequence[Sequence[TaggedSpan]], score: float
) -> float:
    """F1 of the spans from this score."""
    kept = [{span for reached, span in each if reached >= score} for each in tried]
    right = sum(len(each & set(gold)) for each, gold in zip(kept, spans, strict=True))
    total = sum(map(len, kept)) + sum(map(len, spans))
    return 2 * right / total if total else 0.0


GLINER = PredictorFactory(
    load=from_reference,
    argument="a model of the Hub that was downloaded, or the folder of one",
    content=_content,
)
