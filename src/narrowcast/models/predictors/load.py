"""Model references: the names by which every command asks for something that answers.

    majority                  the most frequent answer of the training rows
    tfidf, tfidf-chars        logistic regression on TF-IDF of words, or of words and characters
    svm                       support-vector machine on TF-IDF of words and characters
    crf                       conditional random field over the words, for spans and copied fields
    encoder:<id>              logistic regression on the vectors of a frozen sentence encoder
    encoder-svm:<id>          support-vector machine on these vectors, words and characters
    nearest:<id>              vote of the nearest train rows, by these vectors
    base, base-few-shot       the untuned base model, without and with examples in its prompt
    run:<run id>              a trained model of this project
    gguf:<path or q8_0 ...>   an exported file of a language model
    onnx:<path or onnx>       an exported file of a classifier or tagger

A reference is a name of `PREDICTORS`; what stands after the colon is the argument of its factory. Plug-ins
register further names (`docs/plugins.md`).
"""

from __future__ import annotations

from narrowcast.core.hashing import content_hash
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.plugins.contract import instance_of
from narrowcast.plugins.registry import Registry

PREDICTORS: Registry[PredictorFactory] = Registry(
    "predictor",
    {
        "majority": "narrowcast.models.predictors.majority:MAJORITY",
        "tfidf": "narrowcast.models.predictors.tfidf:WORDS",
        "tfidf-chars": "narrowcast.models.predictors.tfidf:CHARACTERS",
        "svm": "narrowcast.models.predictors.tfidf:SUPPORT_VECTORS",
        "crf": "narrowcast.models.predictors.tfidf:RANDOM_FIELD",
        "encoder": "narrowcast.models.predictors.encoder:LINEAR",
        "encoder-svm": "narrowcast.models.predictors.encoder:WITH_WORDS",
        "nearest": "narrowcast.models.predictors.encoder:NEAREST",
        "base": "narrowcast.models.predictors.transformers:BASE",
        "base-few-shot": "narrowcast.models.predictors.few_shot:FEW_SHOT",
        "run": "narrowcast.models.predictors.trained:RUN",
        "gguf": "narrowcast.models.predictors.llama:GGUF",
        "onnx": "narrowcast.models.predictors.onnx:ONNX",
    },
    instance_of(PredictorFactory),
)

# What tables for people call a model; others are called by their reference. The cheapest to run in front.
_TITLES = {
    "majority": "majority answer",
    "tfidf": "TF-IDF + linear model",
    "tfidf-chars": "TF-IDF with characters + linear model",
    "svm": "words, characters + SVM",
    "crf": "conditional random field",
    "encoder": "sentence encoder + linear model",
    "encoder-svm": "sentence encoder, words + SVM",
    "nearest": "nearest train rows",
    "base": "base model",
    "base-few-shot": "base model with shots",
    "run": "trained model",
    "gguf": "trained model, exported",
    "onnx": "trained model, exported",
}

# Raised when a fitted baseline or a prompt made here would answer differently.
_VERSION = 2


def predictor_factory(ref: ModelRef) -> PredictorFactory:
    """What builds the predictor of a reference, by `load(context, ref.argument)`; it loads nothing yet.

    Raises:
        UsageError: for an unknown name, or an argument that is missing or not wanted.
    """
    factory = PREDICTORS.get(ref.name)
    if factory.argument and not ref.argument:
        raise UsageError(
            f"the model {ref.name!r} needs an argument: {factory.argument}",
            where=ref,
            next_command=f"write {ref.name}:ARGUMENT",
        )
    if ref.argument and not factory.argument:
        raise UsageError(
            f"the model {ref.name!r} takes no argument", where=ref, next_command=f"write {ref.name}"
        )
    return factory


def cost_rank(ref: ModelRef) -> int:
    """Models in the order of what they cost to run: the majority before words, encoders and language models.

    Of plug-ins nothing is known, so they come last.
    """
    names = list(_TITLES)
    return names.index(ref.name) if ref.name in names else len(names)


def model_title(ref: ModelRef) -> str:
    """How a table for people names a model: `TF-IDF + linear model`, `trained model, exported q8_0`."""
    title = _TITLES.get(ref.name)
    if title is None:
        return str(ref)
    return f"{title} {ref.argument}" if ref.is_file else title


def fingerprint(ref: ModelRef, context: PredictorContext) -> str:
    """Equal fingerprints, equal answers to equal prompts: a hash of weights, or of the rows it is fitted on.

    Loads no model. A plug-in's version is part of it.

    Raises:
        UsageError: for an unknown name, or an argument that is missing or not wanted.
        ModelError: if the model is not there.
    """
    factory = predictor_factory(ref)
    parts: dict[str, object] = {"name": ref.name, "version": _VERSION}
    if ref.argument and not factory.by_content:
        parts["argument"] = ref.argument
    if origin := PREDICTORS.origin(ref.name):
        parts["plugin"] = str(origin)
    return content_hash({**parts, **factory.content(context, ref.argument)})


def trained_run(ref: ModelRef, project: ProjectPaths) -> str | None:
    """The training run of the project whose weights answer; None where there is none, or it is not known."""
    return predictor_factory(ref).run(project, ref.argument)
