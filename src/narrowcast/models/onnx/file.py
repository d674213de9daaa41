"""An exported file that runs, by onnxruntime; torch and scikit-learn are not needed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.onnx.layout import Description, read_description
from narrowcast.models.onnx.runtime import silent_onnxruntime
from narrowcast.plugins.optional import require

_FLOAT = "tensor(float)"


class OnnxFile:
    """One file, loaded. It may be run from several threads.

    Attributes:
        path: of the file.
        metadata: by key.
        description: in the metadata.

    Raises:
        ModelError: if it cannot be loaded, or was not exported here.
        MissingExtraError: without onnxruntime or numpy, or, where there is an encoder, tokenizers.
    """

    def __init__(self, path: Path) -> None:
        require("onnxruntime", "numpy", purpose="an exported classifier", extra="onnx-serve")
        self.path = path
        self._session = _session(path)
        try:
            self.metadata = _metadata(self._session)
            self.description: Description = read_description(self.metadata)
            _check_ports(self._session, self.description)
        except ValueError as error:
            raise self.refused(str(error)) from error
        if self.description.encoder is not None:
            require("tokenizers", purpose="an exported classifier with an encoder", extra="onnx-serve")

    @property
    def runtime(self) -> dict[str, str]:
        """What it is run with."""
        return {"onnxruntime": version("onnxruntime")}

    def run(self, inputs: dict[str, Any]) -> list[Any]:
        """The outputs, in the order of the description.

        Raises:
            ModelError: if the runtime cannot compute them.
        """
        try:
            return list(self._session.run(self.description.outputs, inputs))
        except Exception as error:  # the library has no common base for its errors
            raise ModelError(
                f"the file cannot be run: {first_line(error)}",
                where=str(self.path),
                next_command="narrowcast export --force",
            ) from error

    def refused(self, why: str) -> ModelError:
        """The error of a file that cannot be used."""
        return _refused(why, self.path)


def _session(path: Path) -> Any:
    onnxruntime = silent_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what matters is raised
    # Threads that wait in busy loops for each other are slow where another process uses one of the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # which prints and tries the same once more
        )
    except Exception as error:  # the library has no common base for its errors
        raise _refused(f"it cannot be loaded: {first_line(error)}", path) from error


def _metadata(session: Any) -> dict[str, str]:
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise ValueError("its metadata is damaged: it is not UTF-8") from error


def _check_ports(session: Any, description: Description) -> None:
    """The graph takes and gives what its description says."""
    takes, gives = (
        [each.name for each in session.get_inputs()],
        {each.name: each for each in session.get_outputs()},
    )
    if sorted(takes) != sorted(description.inputs) or list(gives) != description.outputs:
        raise ValueError("its metadata is damaged: inputs or outputs are not those of the graph")
    for name, each in gives.items():
        shape = description.shapes[name]
        if len(each.shape) != len(shape) or each.type != _FLOAT:
            raise ValueError(f"its metadata is damaged: {name} is not a table of float32")
        if each.shape[-1] != shape[-1]:
            raise ValueError(f"its metadata is damaged: {name} has another number of classes")


def _refused(why: str, path: Path) -> ModelError:
    return ModelError(
        f"the ONNX file cannot be used: {why}",
        where=str(path),
        next_command="narrowcast export --formats onnx, which writes one",
    )
