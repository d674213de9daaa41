"""How each kind of input is run and judged, always through a public door."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from narrowcast.core.message import Message
from narrowcast.errors import NarrowcastError
from narrowcast.plugins.boundary import known_error
from tests.fuzz.place import Place
from tests.fuzz.record import Input, Outcome
from tests.fuzz.site import environment

Run = Callable[[Place, Input, Outcome], None]


def run_source(place: Place, given: Input, outcome: Outcome) -> None:
    """Commands that read a source; rows read = accepted + rejected, and the ledger balances."""
    from tests.connectors.test_bucket import BucketHandler

    objects = {
        f"/{name[8:]}": content for name, content in given.files.items() if name.startswith("objects/")
    }
    address = place.sites.offer(BucketHandler, objects).url if objects else ""
    place.sites.raw.answer = given.files.get("answer", b"")
    variables = {
        "AWS_ENDPOINT_URL": address,
        "STORAGE_EMULATOR_HOST": address,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with environment(
        {**variables, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} if objects else {}
    ):
        run_commands(place, given, outcome)


def run_commands(place: Place, given: Input, outcome: Outcome) -> None:
    """The commands of the input in the project; imports are checked, then removed."""
    for command in given.commands:
        done = (
            place.run(outcome, *place.words(command), "-p", str(place.project))
            if command[1] != "introspect"
            else (place.run(outcome, *place.words(command)))
        )
        if done is None or done.returncode:
            break
        value = json.loads(done.stdout)
        if "record" in value:
            _check_rows(place, value["record"], outcome)


def _check_rows(place: Place, record: dict[str, Any], outcome: Outcome) -> None:
    rejected = sum(record["rejected"].values())
    if record["rows"] != record["accepted"] + rejected:
        outcome.found("imbalance", json.dumps(record))
    for folder, expected in (
        ("raw", record["rows"]),
        ("accepted", record["accepted"]),
        ("rejected", rejected),
    ):
        path = place.project / "data" / folder / f"{record['id']}.jsonl"
        lines = path.read_bytes().count(b"\n") if path.exists() else 0
        if lines != expected:
            outcome.found("imbalance", f"{lines} lines in {folder}, {expected} recorded")
    if not outcome.problem:
        done = place.run(outcome, "data", "ledger", "--json", "-p", str(place.project))
        if done is not None and not json.loads(done.stdout).get("balanced"):
            outcome.found("imbalance", done.stdout)
        place.run(outcome, "data", "remove", record["id"], "--json", "-p", str(place.project))


def run_hub(place: Place, given: Input, outcome: Outcome) -> None:
    """A data set of the hub; `HF_ENDPOINT` was set when this process began."""
    from tests.connectors.test_hf import HubHandler

    place.sites.offer(HubHandler, {name[4:]: content for name, content in given.files.items()})
    with environment({"HF_HUB_OFFLINE": "", "NARROWCAST_OFFLINE": ""}):
        run_commands(place, given, outcome)


def run_kaggle(place: Place, given: Input, outcome: Outcome) -> None:
    """A file from Kaggle, whose client's table of endpoints leads to loopback."""
    from kagglesdk import kaggle_env

    from tests.connectors.test_kaggle import KaggleHandler

    site = place.sites.offer(KaggleHandler, {f"/{name[6:]}": each for name, each in given.files.items()})
    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = site.url
    with environment({"KAGGLE_USERNAME": "me", "KAGGLE_KEY": "key", "KAGGLE_CONFIG_DIR": str(place.folder)}):
        run_commands(place, given, outcome)


def run_config(place: Place, given: Input, outcome: Outcome) -> None:
    """Commands on a project whose `narrowcast.yaml` was edited; the file is put back afterwards."""
    shutil.copy(place.folder / "rows.jsonl", place.project / "rows.jsonl")
    path = place.project / "narrowcast.yaml"
    before = path.read_bytes()
    path.write_bytes(given.files["narrowcast.yaml"])
    try:
        for command in given.commands:
            place.run(outcome, *command, "-p", str(place.project), "--json")
    finally:
        path.write_bytes(before)
        (place.project / "rows.jsonl").unlink()


def run_model(place: Place, given: Input, outcome: Outcome) -> None:
    """A model folder: the files of a good one with those of the input over them; an empty one is removed."""
    folder = place.folder / "model"
    folder.mkdir(exist_ok=True)
    for path in place.seeds.joinpath("model").iterdir():
        if not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)
        elif not (folder / path.name).stat().st_size:
            (folder / path.name).unlink()
    for command in given.commands:
        if command == ["load"]:
            _guarded(outcome, lambda: _load(folder))
        else:
            place.run(outcome, *place.words(command))


def _load(folder: Path) -> None:
    from narrowcast.core.settings import Settings
    from narrowcast.models.chat import render_training
    from narrowcast.models.loading import load_model, load_tokenizer, resolve_base

    base = resolve_base(str(folder), Settings.from_environment())
    tokenizer = load_tokenizer(base)
    render_training(tokenizer, [Message("user", "Where is my card?"), Message("assistant", "Here.")])
    load_model(base)


def run_gguf(place: Place, given: Input, outcome: Outcome) -> None:
    """A GGUF file: read here, and loaded by llama.cpp in its own process."""
    from narrowcast.models.gguf.reader import read_gguf
    from narrowcast.models.llama_client import LlamaClient

    path = place.folder / "model.gguf"
    if given.commands == [["read"]]:
        _guarded(outcome, lambda: read_gguf(path))
    else:

        def ask() -> None:
            with LlamaClient(path) as client:
                tokens = client.tokenize_prompt([Message("user", "Where is my card?")])
                client.ask("generate", tokens=tokens, max_tokens=2)

        _guarded(outcome, ask)


def run_onnx(place: Place, given: Input, outcome: Outcome) -> None:
    """The file of a classifier, which answers in this process."""
    from narrowcast.models.onnx.reader import open_onnx

    path = place.folder / "model.onnx"
    _guarded(outcome, lambda: open_onnx(path).answers(["Where is my card?", ""], ["card", "refund"]))


def run_template(place: Place, given: Input, outcome: Outcome) -> None:
    """A chat template over a conversation."""
    from narrowcast.models.template import prompt_pieces, template_renderer

    template = given.files["template"].decode("utf-8", "surrogatepass")
    turns = [Message(**turn) for turn in json.loads(given.files["messages"])]
    render = template_renderer(template, {"bos_token": "<s>", "eos_token": "</s>"}, generate=True)
    _guarded(outcome, lambda: prompt_pieces(render, turns, ["<s>", "</s>", "<|im_end|>"]))


def _guarded(outcome: Outcome, work: Callable[[], object]) -> None:
    """Judge what is raised below the interfaces as their boundary would."""
    try:
        work()
    except NarrowcastError as error:
        outcome.code = error.reason_code
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        known = known_error(error)
        outcome.code = known.reason_code if known else "system_unexpected"
        if known is None:
            outcome.found("traceback", f"{type(error).__name__}: {error}")
    else:
        outcome.accepted = True
