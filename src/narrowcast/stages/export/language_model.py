"""A language model in an export: merged, written as GGUF, quantised, proven by next-token distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copy2, copytree

from narrowcast.core.bundle import SmokeTrace
from narrowcast.core.formats import FLOAT_FORMATS, SAFETENSORS
from narrowcast.core.parity import FormatParity
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.models.credit import credit_of
from narrowcast.models.gguf.quantise import QUANTISATIONS
from narrowcast.stages.export.exporter import CardWords, Files, Proof, Room, Written
from narrowcast.stages.export.gguf_files import without_unfit, write_gguf_files
from narrowcast.stages.export.merge import Trained, load_measured, merged_folder
from narrowcast.stages.export.options import LANGUAGE_MODEL_FORMATS, Inputs, Options

_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.07, "q6_k": 0.83, "q5_k_m": 0.72, "q4_k_m": 0.62}
"""Bytes a weight. Small matrices fall back to wider types, for which `_MARGIN` stands."""
_MARGIN = 1.15
_BYTES_PER_SECOND = 60e6
"""Of weights that are merged, written, quantised and read again, in all; a slow disk needs longer."""

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
)


class LanguageModelExporter:
    """See `narrowcast.stages.export.exporter.Exporter`."""

    what = "a language model"
    formats: tuple[str, ...] = (*SAFETENSORS, *FLOAT_FORMATS, *QUANTISATIONS)
    default_formats: tuple[str, ...] = LANGUAGE_MODEL_FORMATS
    cures: Mapping[str, str] = {
        "file": "narrowcast export --force",
        "run": "narrowcast export --force",
        "weights": "narrowcast export --force, and report it as a bug if it happens again",
        "metadata": "narrowcast export --force, and report it as a bug if it happens again",
        "template": "narrowcast parity --json, and report the chat template as a bug",
        "tokenizer": "narrowcast export --formats merged",
        "eos": "narrowcast parity --json, and report the tokenizer's configuration as a bug",
        "numerics": "narrowcast export --reference f32 --formats f32",
        "quantisation": "narrowcast export --formats f16,q8_0",
    }
    words = CardWords(
        library="gguf",
        compared="Weights: each tensor lies within the rounding of its type, tokens and settings are equal.",
        elsewhere="Parity was proven with narrowcast's worker; other programs may tokenise or sample "
        "differently.",
        commands=("ollama create my-model -f Modelfile",),
    )

    def check(self, run: RunManifest, options: Options) -> None:
        """An adapter is there only where one was trained."""
        if "adapter" in options.formats and run.method == "full":
            raise StageError(
                f"run {run.run_id} trained all weights and has no adapter",
                next_command="narrowcast export --formats merged,f16,q8_0",
                reason_code="export_artifact_missing",
            )

    def room(self, inputs: Inputs, options: Options, ctx: StageContext) -> Room:
        """All from the number of weights."""
        weights = inputs.run.base.parameters
        merged = (4 if inputs.run.weights_dtype == "float32" else 2) * weights
        files = sum(_BYTES.get(name, 0.0) for name in options.formats) * weights * _MARGIN
        if any(name not in (*SAFETENSORS, options.reference) for name in options.formats):
            files += _BYTES[options.reference] * weights  # quantised files are made from it
        # The proof writes all of it once more, and reads it as float32 for each file that it compares.
        compared = merged + files + merged * sum(name not in SAFETENSORS for name in options.formats)
        writing, comparing = (merged + 2 * files) / _BYTES_PER_SECOND, compared / _BYTES_PER_SECOND
        return Room(
            packages=("torch", "transformers", "gguf", "cyllama"),
            memory=merged,
            scratch=merged,
            files=files,
            writing=writing,
            comparing=comparing,
            kept_in=ctx.project.merged if "merged" in options.formats else None,
        )

    def load(self, run: RunManifest, ctx: StageContext) -> Trained:
        """The model, adapter merged in."""
        return load_measured(run.run_id, ctx)

    @contextmanager
    def write(
        self, trained: Trained, bundle: Path, inputs: Inputs, options: Options, ctx: StageContext
    ) -> Iterator[Written]:
        """GGUF files, tokenizer, adapter; the merged model lies beside the bundle."""
        with merged_folder(trained, ctx, keep="merged" in options.formats) as merged:
            name = f"{ctx.project.root.name} {trained.run_id}"
            options = without_unfit(merged, options, ctx)
            files = write_gguf_files(merged, bundle, options, name, credit_of(inputs.run.base), ctx)
            for file in _TOKENIZER_FILES:
                if (merged / file).exists():
                    copy2(merged / file, bundle / file)
            folders = {}
            if "adapter" in options.formats:
                adapter = ctx.project.adapters / inputs.run.run_id
                folders["adapter"] = copytree(adapter, bundle / "adapter")
            if "merged" in options.formats:
                folders["merged"] = ctx.project.merged / inputs.run.run_id
            yield Written(files, folders)

    def compare(
        self, trained: Trained, proof: Proof, ctx: StageContext
    ) -> tuple[list[FormatParity], dict[str, str]]:
        """Each tensor, then the distributions of next tokens, then the answers."""
        from narrowcast.stages.export.gguf_proof import compare_gguf_files

        return compare_gguf_files(trained, proof, ctx)

    def try_out(
        self, inputs: Inputs, files: Files, bundle: Path, options: Options, ctx: StageContext
    ) -> SmokeTrace:
        """An answer is generated; a `Modelfile` is written for Ollama."""
        from narrowcast.stages.export.smoke import smoke_trace, write_modelfile

        trace = smoke_trace(inputs, files, options, ctx)
        write_modelfile(inputs, files, bundle, ctx)
        return trace
