"""Weights out of a wheel: from a folder, from an index over HTTP, and never another wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import PackagedWeights, find_encoder
from narrowcast.models.installed import ModelSource, write_source
from narrowcast.models.noted import fingerprint_of, require_noted
from narrowcast.models.packages import packaged_folder, unpack
from narrowcast.ops.models import show_model
from narrowcast.ops.requests import ModelRequest
from narrowcast.testing.tiny import build_tiny_encoder

NAME = "tiny_weights-1.0-py3-none-any.whl"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture
def wheel(encoder, tmp_path) -> Path:
    """A wheel with the encoder's files, code beside them, and a licence."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for file in sorted(encoder.rglob("*")):
            if file.is_file():
                archive.write(file, f"tiny_weights/model/{file.relative_to(encoder)}")
        archive.writestr("tiny_weights/__init__.py", "raise SystemExit('run')")
        archive.writestr("tiny_weights/model/custom.py", "raise SystemExit('run')")
        archive.writestr("tiny_weights-1.0.dist-info/licenses/LICENSE", "Apache License 2.0")
        for name, text in METADATA.items():
            archive.writestr(f"tiny_weights-1.0.dist-info/{name}", text)
    return folder / NAME


def source_of(wheel: Path, **changes: object) -> PackagedWeights:
    fields = {
        "package": "tiny-weights",
        "version": "1.0",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "size_mb": 0.1,
        "folder": "tiny_weights/model",
    }
    return PackagedWeights.model_validate({**fields, **changes})


def settings_in(folder: Path, **fields: object) -> Settings:
    return Settings.model_validate({"home": folder, "database_url": f"sqlite:///{folder / 'db'}", **fields})


def files_of(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_the_models_files_and_the_licence_are_taken_from_a_folder_and_no_code(wheel, encoder, tmp_path):
    offline = settings_in(tmp_path / "home", offline=True)
    folder = unpack("tiny", source_of(wheel), "apache-2.0", offline, str(wheel.parent))
    assert files_of(folder) == sorted([*files_of(encoder), "LICENSE", "source.json"])
    assert (folder / "model.safetensors").read_bytes() == (encoder / "model.safetensors").read_bytes()
    assert show_model(offline, ModelRequest(name=str(folder))).licence == "apache-2.0"
    kept = source_of(wheel)
    wheel.unlink()
    assert unpack("tiny", kept, "apache-2.0", offline) == folder  # not fetched again


def test_a_package_index_serves_it_over_http(wheel, tmp_path):
    simple = tmp_path / "index" / "simple" / "tiny-weights"
    simple.mkdir(parents=True)
    (simple / NAME).write_bytes(wheel.read_bytes())
    (simple / "index.html").write_text(
        f'<!DOCTYPE html><html><body><a href="{NAME}">{NAME}</a></body></html>'
    )
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_port}/simple"
        folder = unpack("tiny", source_of(wheel), "apache-2.0", settings_in(tmp_path / "home"), index)
        server.shutdown()
    assert (folder / "model.safetensors").is_file()


def test_another_wheel_of_the_same_name_is_refused_and_leaves_nothing(wheel, tmp_path):
    home = tmp_path / "home"
    with pytest.raises(ModelError, match="its SHA-256 is") as refused:
        unpack("tiny", source_of(wheel, sha256="0" * 64), "mit", settings_in(home), str(wheel.parent))
    assert refused.value.reason_code == "model_other_content"
    assert not home.exists() or not list(home.rglob("*.safetensors"))


def test_a_wheel_that_leads_out_of_its_folder_is_refused(wheel, tmp_path):
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny_weights/model/../../../../escaped.json", "{}")
    with pytest.raises(ModelError, match="outside itself"):
        unpack("tiny", source_of(wheel), "mit", settings_in(tmp_path / "home"), str(wheel.parent))
    assert not list(tmp_path.rglob("escaped.json"))


def test_offline_without_a_folder_says_how_to_bring_it(wheel, tmp_path):
    with pytest.raises(ModelError, match="NARROWCAST_OFFLINE") as refused:
        unpack("tiny", source_of(wheel), "mit", settings_in(tmp_path, offline=True))
    assert "--index FOLDER" in refused.value.next_command


def test_a_folder_without_the_wheel_is_named(wheel, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"holds no wheel of tiny-weights 1\.0"):
        unpack("tiny", source_of(wheel), "mit", settings_in(tmp_path), str(tmp_path / "empty"))


def test_a_pipe_is_not_taken_for_a_wheel(wheel, tmp_path):
    """A pipe of the wheel's name would be waited for without end."""
    (tmp_path / "odd").mkdir()
    kept = source_of(wheel)
    os.mkfifo(tmp_path / "odd" / NAME)
    with pytest.raises(ModelError, match=r"holds no wheel of tiny-weights 1\.0"):
        unpack("tiny", kept, "mit", settings_in(tmp_path), str(tmp_path / "odd"))


def test_credentials_of_an_index_are_not_shown(wheel, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        port = server.server_port  # nobody listens there any more
    with pytest.raises(ModelError, match="cannot be fetched") as refused:
        unpack(
            "tiny",
            source_of(wheel),
            "mit",
            settings_in(tmp_path),
            f"http://me:s3cret@127.0.0.1:{port}/simple",
        )
    assert "s3cret" not in str(refused.value)
    assert refused.value.where == f"http://127.0.0.1:{port}/simple"


@pytest.mark.parametrize("name", ["minilm", "smollm2-135m"])
def test_an_index_that_is_neither_a_folder_nor_an_address_is_named(name, cli_json, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    error = cli_json("models", "pull", name, "--index", nowhere, code=1)["error"]
    assert error["message"] == f"the folder that --index names does not exist ({nowhere})"
    assert "name the folder that holds the wheel" in error["actionable_fix"]
    (tmp_path / "wheel.whl").write_bytes(b"")
    error = cli_json("models", "pull", name, "--index", str(tmp_path / "wheel.whl"), code=1)["error"]
    assert "names a file, not a folder" in error["message"]


def test_files_that_were_replaced_are_refused_until_they_are_written_again(wheel, tmp_path):
    settings, source = settings_in(tmp_path / "home", offline=True), source_of(wheel)
    folder = unpack("tiny", source, "apache-2.0", settings, str(wheel.parent))
    whole = fingerprint_of(folder)
    require_noted(folder, whole)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="damaged or replaced") as refused:
        require_noted(folder, fingerprint_of(folder))
    assert refused.value.reason_code == "model_damaged"
    assert refused.value.next_command == "narrowcast models pull tiny --force"
    assert unpack("tiny", source, "apache-2.0", settings, str(wheel.parent), again=True) == folder
    assert fingerprint_of(folder) == whole


def test_a_replaced_encoder_of_the_catalogue_is_not_used(encoder, project, cli, cli_json):
    entry = find_encoder("minilm")
    folder = packaged_folder("minilm", entry.package, project.settings)
    shutil.copytree(encoder, folder)
    source = {"name": "minilm", "origin": "a wheel", "sha256": entry.package.sha256, "pulled": True}
    write_source(folder, ModelSource(**source, fingerprint=fingerprint_of(folder)))
    cli("models", "show", "minilm")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    for name, code in (("minilm", "model_damaged"), (str(folder), None)):  # a path is the user's own
        error = cli_json("models", "show", name, code=None).get("error", {})
        assert error.get("reason_code") == code
