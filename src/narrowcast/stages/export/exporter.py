"""What differs between families of models in an export; everything else is one way for all.

A language model becomes GGUF files, a classifier one ONNX file. Each family has an `Exporter`; which one a
run has follows from its method and is decided in `exporter_of` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from narrowcast.core.bundle import SmokeTrace
from narrowcast.core.example import Example
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.parity import FormatParity
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext

if TYPE_CHECKING:
    from narrowcast.stages.export.options import Inputs, Options

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """An exported file of weights.

    Attributes:
        tables: number of matrices by stored type.
        fallbacks: matrices that were stored as another type than asked for.
    """

    path: Path
    tables: Mapping[str, int] = field(default_factory=dict)
    fallbacks: Mapping[str, str] = field(default_factory=dict)


Files = Mapping[str, WrittenFile]
"""Format to file."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        files: format to the file that answers.
        folders: format to the folder of what is for further work, in the bundle or beside it.
    """

    files: Files
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Room:
    """What an export takes, in bytes and seconds.

    Attributes:
        packages: to write and to prove.
        memory: of the model.
        scratch: files that are removed or kept beside the bundle.
        kept_in: where they are kept; None where they are removed.
        files: of the bundle.
        writing: seconds.
        comparing: seconds, of the weights of each file with those of the model.
    """

    packages: Sequence[str]
    memory: float
    scratch: float
    files: float
    writing: float
    comparing: float
    kept_in: Path | None = None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows to compare, and the group of each by its id."""

    dataset: DatasetManifest
    examples: list[Example]
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is to be proven.

    Attributes:
        run_id: of the measured model.
        rows: that it and the files answer.
        files: format to file, at least one.
        options: tolerance, longest answer, the float type that quantisation began from.
        folder: for temporary files.
    """

    run_id: str
    rows: HeldOut
    files: Mapping[str, Path]
    options: Options
    folder: Path


@dataclass(frozen=True, slots=True)
class CardWords:
    """What the model card says of a family.

    Attributes:
        library: that reads the files, in the card's front matter.
        compared: what "equal" weights are in the parity table, in a sentence.
        elsewhere: what to know where other programs run the files.
        commands: of other programs that run them.
        between: stands between the prompt that was tried and its answer.
    """

    library: str
    compared: str
    elsewhere: str
    commands: tuple[str, ...] = ()
    between: str = ""


class Exporter(Protocol[T]):
    """A family of models; `T` is one in memory.

    Attributes:
        what: a run of it is, in words.
        formats: that it can be written in.
        default_formats: where none are asked for.
        cures: cause of a failed proof to what can be done.
        words: of the card.
    """

    what: str
    formats: tuple[str, ...]
    default_formats: tuple[str, ...]
    cures: Mapping[str, str]
    words: CardWords

    def check(self, run: RunManifest, options: Options) -> None:
        """Refuse what this run cannot be written as.

        Raises:
            StageError: before anything is loaded.
        """

    def room(self, inputs: Inputs, options: Options, ctx: StageContext) -> Room:
        """What it takes."""

    def load(self, run: RunManifest, ctx: StageContext) -> T:
        """The model that was measured.

        Raises:
            ModelError: if a part of it is missing or changed.
        """

    def write(
        self, trained: T, bundle: Path, inputs: Inputs, options: Options, ctx: StageContext
    ) -> AbstractContextManager[Written]:
        """Write the files into the bundle's folder; what lies beside it is kept if the block ends well.

        Raises:
            ModelError: for what cannot be written.
        """

    def compare(
        self, trained: T, proof: Proof, ctx: StageContext
    ) -> tuple[list[FormatParity], dict[str, str]]:
        """Judge files beside the measured model.

        Returns:
            An entry of each file (of those alone that are not the model, where there are such), and with
            what they were made and run.
        """

    def try_out(
        self, inputs: Inputs, files: Files, bundle: Path, options: Options, ctx: StageContext
    ) -> SmokeTrace:
        """A real prompt through an exported file; and what other programs need beside it.

        Raises:
            StageError: if it does not answer.
        """


def exporter_of(run: RunManifest) -> Exporter[Any]:
    """The exporter of a run's family."""
    if run.is_classifier:
        from narrowcast.stages.export.classifier import ClassifierExporter

        return ClassifierExporter()
    from narrowcast.stages.export.language_model import LanguageModelExporter

    return LanguageModelExporter()
