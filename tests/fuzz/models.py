"""Model folders, exported files and chat templates: what comes with a model is foreign, too."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.fuzz.damage import Draw, damaged, damaged_value, json_text, nested, odd_text, odd_value, text_bytes
from tests.fuzz.record import Input

_KEYS = ["max_position_embeddings", "model_type", "architectures", "vocab_size", "hidden_size",
    "num_hidden_layers",
         "num_attention_heads", "head_dim", "rope_parameters", "auto_map", "text_config",
         "tie_word_embeddings", "eos_token_id",
         "torch_dtype", "dtype", "quantization_config", "layer_types", "hidden_act"]  # fmt: skip
_JSON_FILES = ["config.json", "tokenizer_config.json", "tokenizer.json", "generation_config.json"]


@lru_cache(maxsize=16)
def _seed(path: Path) -> bytes:
    return path.read_bytes()


def model(draw: Draw, seeds: Path) -> Input:
    """A folder whose configuration, tokenizer, template, index or weights are damaged."""
    folder = seeds / "model"
    files: dict[str, bytes] = {}
    for _ in range(draw.choice([1, 1, 2])):
        name, content = draw.choice([_config, _text_file, _json_file, _weights, _index])(draw, folder)
        files[f"model/{name}"] = content
    if "model/model.safetensors.index.json" in files:
        files["model/model.safetensors"] = b""
    shown = ["models", "show", draw.choice(["{folder}/model"] * 9 + ["{folder}/model/config.json"]), "--json"]
    return Input("model", files, [["load"]] if draw.random() < 0.3 else [shown])


def _config(draw: Draw, folder: Path) -> tuple[str, bytes]:
    value = json.loads(_seed(folder / "config.json"))
    for _ in range(draw.choice([1, 1, 3])):
        value[draw.choice(_KEYS)] = odd_value(draw)
    return "config.json", text_bytes(json_text(draw, value))


def _json_file(draw: Draw, folder: Path) -> tuple[str, bytes]:
    name = draw.choice([each for each in _JSON_FILES if (folder / each).exists()])
    value = damaged_value(draw, json.loads(_seed(folder / name)), draw.choice([0.001, 0.02, 0.2]))
    return name, text_bytes(json.dumps(value))


def _text_file(draw: Draw, folder: Path) -> tuple[str, bytes]:
    name = draw.choice([each.name for each in sorted(folder.iterdir()) if each.suffix in (".json", ".jinja")])
    made = [
        lambda: damaged(draw, _seed(folder / name)), lambda: b"", lambda: b"{", lambda: b"[]",
            lambda: b"\xff\xfe",
        lambda: b'{"a":' * 90_000, lambda: json.dumps(odd_value(draw)).encode(),
        lambda: text_bytes(_template_text(draw)),
    ]  # fmt: skip
    content = draw.choice(made)()
    return (
        (name, content) if draw.random() < 0.8 else ("chat_template.jinja", text_bytes(_template_text(draw)))
    )


def _weights(draw: Draw, folder: Path) -> tuple[str, bytes]:
    content = _seed(folder / "model.safetensors")
    size = struct.unpack("<Q", content[:8])[0]
    header: Any = json.loads(content[8 : 8 + size])
    kind = draw.randrange(5)
    if kind == 0:
        return "model.safetensors", content[: draw.choice([0, 4, 8, 20, size, len(content) - 1])]
    if kind == 1:
        return "model.safetensors", struct.pack("<Q", draw.choice([0, 1, 2**40, 2**63, size + 1])) + content[
            8:
        ]
    if kind == 2:
        header = damaged_value(draw, header, draw.choice([0.01, 0.1]))
    elif kind == 3:
        header[draw.choice(list(header))] = draw.choice([odd_value(draw), {"dtype": "F32",
            "shape": [odd_value(draw)]},
            {"dtype": "F8", "shape": [2**40], "data_offsets": [0, 1]}, {"dtype": "F32", "shape": [1],
            "data_offsets": [9, 1]}])  # fmt: skip
    else:
        return "model.safetensors", content[:8] + damaged(draw, content[8 : 8 + size]) + content[8 + size :]
    text = json.dumps(header).encode()
    return "model.safetensors", struct.pack("<Q", len(text)) + text + content[8 + size :]


def _index(draw: Draw, folder: Path) -> tuple[str, bytes]:
    del folder
    values: list[Any] = [{}, [], 5, {"weight_map": {}}, {"weight_map": {"a": "../x"}},
        {"weight_map": {"a": "/etc/passwd"}},
                         {"weight_map": {"a": odd_value(draw)}}, {"weight_map": odd_value(draw)},
                         nested(900)]  # fmt: skip
    return "model.safetensors.index.json", text_bytes(json.dumps(draw.choice(values)))


def gguf(draw: Draw, seeds: Path) -> Input:
    """A file whose header, key-value pairs, tensor table or end is damaged."""
    content = _seed(seeds / "model.gguf")
    head = content[:40_000]
    kind = draw.randrange(6)
    if kind == 0:
        changed = content[: draw.randrange(len(content))]
    elif kind == 1:
        place = draw.choice([0, 4, 8, 16])
        changed = (
            content[:place]
            + struct.pack("<Q", draw.choice([0, 1, 2**31, 2**40, 2**63, 2**64 - 1]))
            + content[place + 8 :]
        )
    elif kind == 2:
        changed = damaged(draw, head) + content[40_000:]
    elif kind == 3:  # a length, a type or a value of some key
        place = draw.choice([at for at in range(24, 4000) if content[at : at + 8].endswith(b"\0\0\0\0")])
        changed = (
            content[:place]
            + draw.choice([b"\xff" * 8, struct.pack("<Q", 2**62), b"\x09\0\0\0\xff\0\0\0"])
            + content[place + 8 :]
        )
    elif kind == 4:
        names = [
            b"general.architecture",
            b"tokenizer.ggml.tokens",
            b"token_embd.weight",
            b"tokenizer.chat_template",
            b"qwen3",
        ]
        name = draw.choice(names)
        changed = content.replace(name, name[:-1] + b"X")
    else:
        flipped = bytearray(content)
        for _ in range(draw.choice([1, 5, 50])):
            flipped[draw.randrange(len(head))] = draw.randrange(256)
        changed = bytes(flipped)
    return Input("gguf", {"model.gguf": changed}, [["read"]] if draw.random() < 0.75 else [["load"]])


@lru_cache(maxsize=1)
def _classifier() -> bytes:
    """A classifier that knows two words, exported."""
    import numpy as np

    from narrowcast.models.classifiers.bag import Bag, Vocabulary
    from narrowcast.models.classifiers.linear import LinearClassifier
    from narrowcast.models.classifiers.loading import TrainedClassifier
    from narrowcast.models.onnx.layout import Origin
    from narrowcast.models.onnx.writer import onnx_model

    bag = Bag(Vocabulary("words", ["card", "refund"]), np.ones(2, np.float32))
    blocks = {"words": np.eye(2, dtype=np.float32)}
    classifier = LinearClassifier(("card", "refund"), (bag,), blocks, np.zeros(2, np.float32))
    return bytes(onnx_model(TrainedClassifier(classifier), Origin("exp-0123456789")).SerializeToString())


def onnx(draw: Draw) -> Input:
    """The file of a classifier whose bytes, metadata, operators or shapes are damaged."""
    from onnx import ModelProto

    content = _classifier()
    graph = ModelProto.FromString(content)
    kind = draw.randrange(5)
    if kind == 0:
        changed = content[: draw.randrange(len(content))]
    elif kind == 1:
        changed = damaged(draw, content)
    elif kind == 2:
        (entry,) = graph.metadata_props
        value = json.loads(entry.value)
        entry.value = json_text(draw, damaged_value(draw, value, 0.2)).encode("utf-8", "replace").decode()
        changed = graph.SerializeToString()
    elif kind == 3:
        node = draw.choice(graph.graph.node)
        node.op_type = draw.choice(["Add", "Gather", "Loop", "Identity", "NoSuchOperator", ""])
        changed = graph.SerializeToString()
    else:
        table = draw.choice(graph.graph.initializer)
        table.dims[:] = draw.choice([[], [0], [1], [2, 3], [2**40], [-1, 4]])
        changed = graph.SerializeToString()
    return Input("onnx", {"model.onnx": changed}, [["answer"]])


_PIECES = [
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}",
        "{{ messages[0].content }}",
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}", "{{ bos_token }}",
    "{{ raise_exception('no') }}",
    "{{ 1 / 0 }}", "{{ 'a' * 10**9 }}", "{% set x = 'ab' * 99 %}{{ x }}", "{{ messages | tojson }}",
    "{{ strftime_now('%d') }}",
    "{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(9) }}",
    "{% generation %}a{% endgeneration %}",
    "{% macro r() %}{{ r() }}{% endmacro %}{{ r() }}", "{{ range(10**6) | list | length }}",
    "{% include 'x' %}", "{{ ''.__class__ }}",
    "{% for i in range(99999) %}{% endfor %}",
    "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ messages[-1].content.split('a')[1:] | join(',') }}",
    "{{ messages | map(attribute='role') | list }}", "{{ tools | length }}",
    "{{ messages[0]['content'] | trim | upper | replace('A', 'B') }}",
    "{%- if messages[0].role == 'system' -%}{{ 1 }}{%- endif -%}",
    "{{ '%s' % messages }}", "{{ '{0.__class__}'.format(messages) }}", "{{ '{:>{}}'.format(1, 99) }}",
    "{% set messages = messages[1:] %}",
    "{% call(x) m(1) %}{% endcall %}", "{% break %}",
    "{% for m in messages recursive %}{{ loop.index0 }}{% endfor %}", "{{ cycler(1, 2).next() }}",
    "{{ lipsum(9) }}", "{{ dict(a=1).items() | list }}", "{{ 2 ** 99 ** 9 }}", "{{ -messages }}",
    "{{ messages.x.y }}", "{{ joiner(',')() }}",
    "{{ messages | sort(attribute='x') }}", "{{ messages | groupby('role') }}", "{{ 'é' | urlencode }}",
    "{{ range(3) | batch(2, 'x') | list }}",
    "{{ ['a', 1] | sort }}", "{{ 'x' | random }}", "{{ self }}", "{{ namespace() }}",
    "{% raw %}{{{% endraw %}", "{# note #}", "\x00", "{{", "{%",
]  # fmt: skip


def _template_text(draw: Draw) -> str:
    text = "".join(draw.choice(_PIECES) for _ in range(draw.choice([1, 2, 3, 6])))
    if draw.random() < 0.1:  # loops in loops
        text = "{% for i in range(" + draw.choice(["3", "999", "99999"]) + ") %}" + text + "{% endfor %}"
    if draw.random() < 0.3:
        text = damaged(draw, text.encode()).decode("utf-8", "replace")
    return text


def template(draw: Draw) -> Input:
    """A template of pieces that are ordinary, wrong or without end; odd conversations."""
    roles = ["system", "user", "assistant", "tool"]
    turns = [
        {
            "role": draw.choice(roles),
            "content": draw.choice([odd_text(draw), "Where is my card?", "<|im_end|>" * 3]),
        }
        for _ in range(draw.choice([0, 1, 2, 3, 9]))
    ]
    return Input(
        "template", {"template": text_bytes(_template_text(draw)), "messages": json.dumps(turns).encode()}
    )
