"""Optional extras: a missing one becomes the command that installs it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from narrowcast.errors import MissingExtraError

# module → extra that brings it
EXTRAS = {
    "accelerate": "train",
    "bitsandbytes": "qlora",
    "cyllama": "gguf",
    "datasets": "hub",
    "dbos": "jobs",
    "detect_secrets": "clean",
    "docx": "documents",
    "faker": "teacher",
    "fastapi": "serve",
    "fsspec": "cloud",
    "ftfy": "clean",
    "gcsfs": "cloud",
    "gguf": "gguf",
    "httpx": "teacher",
    "inscriptis": "documents",
    "jinja2": "gguf",
    "kaggle": "kaggle",
    "lxml": "clean",
    "matplotlib": "eval",
    "mlflow": "mlflow",
    "model2vec": "semantic",
    "numpy": "eval",
    "onnx": "onnx",
    "onnxruntime": "onnx-serve",
    "onnxscript": "onnx",
    "optuna": "search",
    "peft": "train",
    "presidio_analyzer": "clean",
    "psycopg": "postgres",
    "py3langid": "clean",
    "pycrfsuite": "eval",
    "pypdf": "documents",
    "rouge_score": "eval",
    "s3fs": "cloud",
    "sacrebleu": "eval",
    "safetensors": "train",
    "sklearn": "eval",
    "tokenizers": "train",
    "torch": "train",
    "transformers": "train",
    "uvicorn": "serve",
    "wandb": "wandb",
}

# module → what brings it, where no extra of ours does. GLiNER asks for transformers below 5.17 and works with
# 5.23 (tests/models/predictors/test_gliner.py), so its dependencies are left to us.
COMMANDS = {"gliner": "pip install --no-deps gliner sentencepiece"}


def require(*modules: str, purpose: str, extra: str = "") -> None:
    """Check that modules can be found, without importing them.

    Args:
        modules: their names.
        purpose: what needs them, in words.
        extra: brings all of them; by default each is brought by its own.

    Raises:
        MissingExtraError: names every missing module and the one command that installs them.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        known = {EXTRAS.get(name, "all") for name in missing if name not in COMMANDS}
        extras = [extra] if extra else sorted(known)
        commands = [f"pip install 'narrowcast[{','.join(extras)}]'"] if extras else []
        commands += [COMMANDS[name] for name in missing if name in COMMANDS]
        raise MissingExtraError(f"{purpose} needs {', '.join(missing)}", next_command=" && ".join(commands))


def is_installed(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    return find_spec(module) is not None


def load(module: str, purpose: str) -> ModuleType:
    """Import an optional module.

    Raises:
        MissingExtraError: if it is not installed.
    """
    require(module.partition(".")[0], purpose=purpose)
    return import_module(module)
