"""Faults planted in exported files: each makes a file that is not the model that was measured."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.parity import FLOAT_FORMATS
from narrowcast.core.progress import NullProgress
from narrowcast.core.work import Work
from narrowcast.models.gguf.quantise import quantise
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest
from narrowcast.pipeline.project import Project
from narrowcast.stages.export.options import ExportResult

FORMATS = ("f16", "q8_0", "q4_k_m")
Spoil = Callable[[Path, Mapping[str, Path], str], None]


@dataclass(frozen=True)
class Fault:
    """What is done to the model folder that a file is written from, and what must be found."""

    name: str
    cause: str
    named: str
    """A part of the detail that must be given."""
    spoil: Callable[[Path], None]


def write_files(folder: Path, target: Path, name: str = "task", formats: tuple[str, ...] = FORMATS):
    """The files of a model folder, as an export writes them."""
    target.mkdir(parents=True, exist_ok=True)
    write_gguf(folder, target / "model-f16.gguf", "f16", name=name)
    for each in formats:
        path = target / f"model-{each}.gguf"
        if each in FLOAT_FORMATS:
            write_gguf(folder, path, each, name=name)
        else:
            quantise(target / "model-f16.gguf", path, each)
    return {each: target / f"model-{each}.gguf" for each in formats}


def plant(fault: Fault, folder: Path, files: Mapping[str, Path], name: str, work: Path) -> None:
    """Replace files by those of a spoilt copy of their folder."""
    spoilt = shutil.copytree(folder, work / "spoilt")
    fault.spoil(spoilt)
    for each, path in write_files(spoilt, work / "files", name, tuple(files)).items():
        shutil.copyfile(path, files[each])


class BeforeParity(NullProgress):
    """Shows nothing, and changes an export's files once they are written, before they are compared.

    Args:
        project: the one that is exported.
        change: called with the folder of the merged weights, the files by format, and the model's name.
    """

    def __init__(self, project: Project, change: Spoil) -> None:
        self._project = project
        self._change = change

    def start(self, description: str, total: int | None = None) -> None:
        if description != "parity: weights":
            return
        paths = self._project.paths
        (bundle,) = paths.gguf.glob(".exp-*.part")
        kept = list(paths.merged.glob(".exp-*.part"))
        (merged,) = kept or Path(tempfile.gettempdir()).glob(f"narrowcast-merged-{os.getpid()}-*")
        files = {path.stem.removeprefix("model-"): path for path in bundle.glob("model-*.gguf")}
        run_id = (paths.stage_records / "train" / "current").read_text().strip()
        self._change(merged, files, f"{paths.root.name} {run_id}")


def export_changed(project: Project, options: Mapping[str, Any], change: Spoil) -> ExportResult:
    """Export files that `change` has replaced."""
    work = Work(BeforeParity(project, change))
    return export(project, ExportRequest(options=dict(options)), work)


def _text(file: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return spoil


def _json(file: str, change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        values = json.loads((folder / file).read_text())
        change(values)
        (folder / file).write_text(json.dumps(values))

    return spoil


def _tensors(match: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change every tensor whose name ends so; every matrix and vector for an empty text."""

    def spoil(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        path = folder / "model.safetensors"
        tensors = load_file(path)
        names = [name for name in tensors if name.endswith(match)]
        assert names
        save_file(
            {n: change(t).contiguous() if n in names else t for n, t in tensors.items()},
            path,
            {"format": "pt"},
        )

    return spoil


def _matrices(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return _tensors("", lambda tensor: change(tensor) if tensor.ndim > 1 else tensor)


def _eos(folder: Path) -> None:
    _json("generation_config.json", lambda values: values.update(eos_token_id=0))(folder)
    _json("tokenizer_config.json", lambda values: values.update(eos_token="<|endoftext|>"))(folder)


def _reverse_merges(values: dict[str, Any]) -> None:
    values["model"]["merges"].reverse()


def _swap_merges(values: dict[str, Any]) -> None:
    merges = values["model"]["merges"]
    merges[-1], merges[-2] = merges[-2], merges[-1]


def _noise(tensor: Any) -> Any:
    import torch

    return tensor + 0.05 * tensor.std() * torch.randn(
        tensor.shape, generator=torch.Generator().manual_seed(1)
    )


def _four_bits(tensor: Any) -> Any:
    step = tensor.abs().max() / 7
    return (tensor / step).round() * step


def _shuffled(tensor: Any) -> Any:
    return tensor.flip(0)


def _attention_off(folder: Path) -> None:
    _tensors("layers.0.self_attn.o_proj.weight", lambda tensor: tensor * 0)(folder)


def _heads_swapped(tensor: Any) -> Any:
    """The first two attention heads of 64 rows each."""
    import torch

    return torch.cat([tensor[64:128], tensor[:64], tensor[128:]])


def _token_copied(tensor: Any) -> Any:
    copied = tensor.clone()
    copied[300] = copied[301]
    return copied


def _nudged(tensor: Any) -> Any:
    """As far away as one more step of training takes a matrix: a tenth of its spread."""
    import torch

    return tensor + 0.1 * tensor.std() * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(2))


def _one_sign(tensor: Any) -> Any:
    changed = tensor.clone()
    changed.view(-1)[changed.abs().argmax()] *= -1
    return changed


def _layers_swapped(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    first, second = (f"model.layers.{layer}.mlp.gate_proj.weight" for layer in (0, 1))
    tensors[first], tensors[second] = tensors[second].clone(), tensors[first].clone()
    save_file(tensors, path, {"format": "pt"})


def _swap_tokens(values: dict[str, Any]) -> None:
    """Two tokens change places, so that one's text is read as the other's id."""
    vocabulary = values["model"]["vocab"]
    first, second = (next(text for text, number in vocabulary.items() if number == place) for place in (5, 6))
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


def _split_otherwise(values: dict[str, Any]) -> None:
    """The pre-tokeniser of Llama 3: digits are read three at a time."""
    split = values["pre_tokenizer"]["pretokenizers"][0]["pattern"]
    assert "|\\p{N}|" in split["Regex"]
    split["Regex"] = split["Regex"].replace("|\\p{N}|", "|\\p{N}{1,3}|")


def _ordinary_special(values: dict[str, Any]) -> None:
    """Users could write it, and it would be read as the end of a turn."""
    next(each for each in values["added_tokens"] if each["content"] == "<|im_start|>")["special"] = False


def _second_stop(folder: Path) -> None:
    _json("generation_config.json", lambda values: values.update(eos_token_id=[2, 40]))(folder)


_ROLE = _text("chat_template.jinja", "+ message['role'] +", "+ 'x' +")
_VALUES = _tensors("v_proj.weight", lambda tensor: tensor * 1.02)
_NORM = _tensors("layers.0.post_attention_layernorm.weight", lambda tensor: tensor * 0)

FAULTS = [
    Fault("role word", "template", "chat_template", _ROLE),
    Fault(
        "newline of the answer",
        "template",
        "chat_template",
        _text("chat_template.jinja", "assistant\\n' -}}", "assistant' -}}"),
    ),
    Fault("end of sequence", "eos", "eos_token_id", _eos),
    Fault("merges reversed", "tokenizer", "merges", _json("tokenizer.json", _reverse_merges)),
    Fault("two merges swapped", "tokenizer", "merges", _json("tokenizer.json", _swap_merges)),
    Fault(
        "rows of a feed-forward matrix permuted",
        "weights",
        "blk.0.ffn_down.weight",
        _tensors("layers.0.mlp.down_proj.weight", _shuffled),
    ),
    Fault(
        "rows of the embedding permuted",
        "weights",
        "token_embd.weight",
        _tensors("embed_tokens.weight", _shuffled),
    ),
    Fault(
        "one tensor scaled",
        "weights",
        "blk.1.ffn_up.weight",
        _tensors("layers.1.mlp.up_proj.weight", lambda tensor: tensor * 1.02),
    ),
    Fault(
        "output norm scaled",
        "weights",
        "output_norm.weight",
        _tensors("model.norm.weight", lambda tensor: tensor * 1.02),
    ),
    Fault("values scaled", "weights", "attn_v.weight", _VALUES),
    Fault("all weights scaled", "weights", "weight", _tensors("", lambda tensor: tensor * 1.02)),
    Fault(
        "down projections scaled",
        "weights",
        "ffn_down.weight",
        _tensors("down_proj.weight", lambda tensor: tensor * 1.1),
    ),
    Fault(
        "last feed-forward zeroed",
        "weights",
        "blk.1.ffn_down.weight",
        _tensors("layers.1.mlp.down_proj.weight", lambda tensor: tensor * 0),
    ),
    Fault("attention zeroed", "weights", "blk.0.attn_output.weight", _attention_off),
    Fault("noise of 5 %", "weights", "weight", _matrices(_noise)),
    Fault("whole tensors in 4 bits", "weights", "weight", _matrices(_four_bits)),
    Fault(
        "rope base",
        "metadata",
        "rope.freq_base is 100000.0, not 10000.0",
        _json("config.json", lambda values: values["rope_parameters"].update(rope_theta=100000.0)),
    ),
    Fault(
        "context length",
        "metadata",
        "context_length is 64, not 512",
        _json("config.json", lambda values: values.update(max_position_embeddings=64)),
    ),
    Fault("one norm left out", "weights", "blk.0.ffn_norm", _NORM),
    Fault(
        "attention heads swapped",
        "weights",
        "blk.1.attn_q.weight",
        _tensors("layers.1.self_attn.q_proj.weight", _heads_swapped),
    ),
    Fault(
        "a token's embedding copied over another's",
        "weights",
        "token_embd.weight",
        _tensors("embed_tokens.weight", _token_copied),
    ),
    Fault(
        "one norm off by 1 %",
        "weights",
        "blk.1.attn_norm.weight",
        _tensors("layers.1.input_layernorm.weight", lambda tensor: tensor * 1.01),
    ),
    Fault(
        "one tensor of another step",
        "weights",
        "blk.0.attn_output.weight",
        _tensors("layers.0.self_attn.o_proj.weight", _nudged),
    ),
    Fault(
        "the sign of one weight",
        "weights",
        "blk.0.ffn_gate.weight",
        _tensors("layers.0.mlp.gate_proj.weight", _one_sign),
    ),
    Fault("a matrix of two layers exchanged", "weights", "blk.0.ffn_gate.weight", _layers_swapped),
    Fault(
        "keys turned round",
        "weights",
        "blk.0.attn_k.weight",
        _tensors("layers.0.self_attn.k_proj.weight", lambda tensor: -tensor),
    ),
    Fault(
        "norm's epsilon",
        "metadata",
        "rms_epsilon",
        _json("config.json", lambda values: values.update(rms_norm_eps=1e-3)),
    ),
    Fault("two tokens swapped", "tokenizer", "tokenizer.ggml.tokens", _json("tokenizer.json", _swap_tokens)),
    Fault(
        "digits split otherwise",
        "tokenizer",
        "tokenizer.ggml.pre",
        _json("tokenizer.json", _split_otherwise),
    ),
    Fault(
        "a special token that users can write",
        "tokenizer",
        "token_type",
        _json("tokenizer.json", _ordinary_special),
    ),
    Fault("one more stop token", "eos", "stop", _second_stop),
    Fault(
        "a system prompt in the template",
        "template",
        "chat_template",
        _text(
            "chat_template.jinja", "{%- for", "{{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' -}}{%- for"
        ),
    ),
]
