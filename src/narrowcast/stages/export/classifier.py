"""A classifier or tagger in an export: one ONNX file, proven by the scores of every class or tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from narrowcast.core.bundle import SmokeTrace
from narrowcast.core.parity import FormatParity
from narrowcast.core.run import NO_BASE, RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.models.credit import credit_of
from narrowcast.models.loading import read_run_manifest
from narrowcast.models.onnx.layout import FORMAT, Origin
from narrowcast.models.shipped import TrainedModel, load_trained, stored_bytes
from narrowcast.stages.export.exporter import CardWords, Files, Proof, Room, Written, WrittenFile
from narrowcast.stages.export.options import Inputs, Options, held_out
from narrowcast.store.bundles import bundle_file
from narrowcast.store.datasets import read_split
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for

_AGAIN = "narrowcast export --force, and report it as a bug if it happens again"
_TRACING_S = 15.0
"""Of an encoder's computation, by torch's exporter; on one machine 10 s of processor time."""
_BYTES_PER_SECOND = 60e6
_TRACER = ("onnxscript", "tokenizers", "torch", "transformers")


class ClassifierExporter:
    """See `narrowcast.stages.export.exporter.Exporter`."""

    what = "a classifier"
    formats: tuple[str, ...] = (FORMAT,)
    default_formats: tuple[str, ...] = (FORMAT,)
    cures: Mapping[str, str] = {
        "file": "narrowcast export --force",
        "run": "narrowcast export --force",
        "weights": _AGAIN,
        "metadata": _AGAIN,
        "tokenizer": _AGAIN,
        "numerics": "narrowcast parity --json, and report the encoder's architecture as a bug",
    }
    words = CardWords(
        library="onnx",
        compared="Weights: each table, vocabulary and class, and the tokenizer, equal the measured ones.",
        elsewhere="Parity was proven with onnxruntime on a CPU; other runtimes may round differently.",
        between="\n→ ",
    )

    def check(self, run: RunManifest, options: Options) -> None:
        """Its one format suits every run."""

    def room(self, inputs: Inputs, options: Options, ctx: StageContext) -> Room:  # noqa: ARG002 - the contract
        """The file holds the run's tables and the encoder's weights, which have to be traced."""
        folder, encoder = ctx.project.adapters / inputs.run.run_id, 4 * inputs.run.base.parameters
        size = encoder + stored_bytes(folder)
        read, traced = size / _BYTES_PER_SECOND, _TRACING_S if encoder else 0
        tracer = () if inputs.run.base.name == NO_BASE else _TRACER
        return Room(
            packages=("onnx", "onnxruntime", *tracer),
            memory=3 * size,
            scratch=0,
            files=size,
            writing=2 * read + traced,
            comparing=read + traced,
        )

    def load(self, run: RunManifest, ctx: StageContext) -> TrainedModel:
        """The model with its encoder."""
        ctx.progress.start("load the trained model", None)
        return load_trained(ctx.project, run, ctx.settings)

    @contextmanager
    def write(
        self, trained: TrainedModel, bundle: Path, inputs: Inputs, options: Options, ctx: StageContext
    ) -> Iterator[Written]:
        """One file that needs no other."""
        from narrowcast.models.onnx.writer import write_onnx

        ctx.progress.start("write ONNX", len(options.formats))
        path = bundle_file(bundle, FORMAT)
        tables = write_onnx(trained, path, _origin(inputs.run))
        ctx.progress.advance()
        yield Written({FORMAT: WrittenFile(path, {"f32": tables})})

    def compare(
        self, trained: TrainedModel, proof: Proof, ctx: StageContext
    ) -> tuple[list[FormatParity], dict[str, str]]:
        """Tables and metadata, then tokens, scores and answers."""
        from narrowcast.stages.export.classifier_proof import compare_onnx_files

        origin = _origin(read_run_manifest(ctx.project, proof.run_id))
        return compare_onnx_files(trained, origin, proof, ctx)

    def try_out(
        self,
        inputs: Inputs,
        files: Files,
        bundle: Path,  # noqa: ARG002 - nothing lies beside the file
        options: Options,
        ctx: StageContext,
    ) -> SmokeTrace:
        """The first held-out text is answered."""
        from narrowcast.models.onnx.reader import open_onnx
        from narrowcast.models.predictors.baseline import last_user_turn

        task = inputs.dataset.task
        example = read_split(ctx.project, inputs.dataset, held_out(options))[0]
        request = request_for(handler_for(task), example.inputs, max_tokens=options.max_tokens)
        text, model = last_user_turn(request), open_onnx(files[FORMAT].path)
        answer, _ = model.answers([text], task.labels or ())[0]
        return SmokeTrace(
            format=FORMAT,
            prompt=text,
            prompt_tokens=model.tokens([text])[0],
            text=answer,
            tokens=[],
            finish="stop",
        )


def _origin(run: RunManifest) -> Origin:
    return Origin(run.run_id, None if run.base.name == NO_BASE else credit_of(run.base))
