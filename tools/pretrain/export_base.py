"""Write a checkpoint as an ordinary Hugging Face folder: weights, configuration, tokenizer, template.

Run: ``python tools/pretrain/export_base.py --work WORK --checkpoint WORK/decay.pt --to FOLDER [--card CARD]``

The tensors are bf16 safetensors under ``Qwen3ForCausalLM``'s names; the output matrix is the embedding.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from model import Base, Shape, to_transformers
from safetensors.torch import save_file
from tokenizer import END, PAD, SPECIALS
from tokenizers import Tokenizer


def configuration(shape: Shape) -> dict[str, Any]:
    """``config.json``: Qwen3 as transformers 5 writes it."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "use_cache": True,
        "use_sliding_window": False,
        "sliding_window": None,
        "max_window_layers": shape.layers,
        "layer_types": ["full_attention"] * shape.layers,
        "attention_dropout": 0.0,
        **shape.config(),
    }


def write_tokenizer(source: Path, folder: Path, context: int) -> None:
    """``tokenizer.json``, ``tokenizer_config.json`` and ``chat_template.jinja``."""
    shutil.copyfile(source, folder / "tokenizer.json")
    settings = {
        "backend": "tokenizers",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": None,
        "extra_special_tokens": [s for s in SPECIALS if s not in (PAD, END)],
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    shutil.copyfile(Path(__file__).with_name("chat_template.jinja"), folder / "chat_template.jinja")


def write_folder(checkpoint: Path, tokenizer: Path, folder: Path) -> int:
    """Write the whole folder; return the number of parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.load(checkpoint, weights_only=False)
    shape = Shape(**state["config"]["shape"])
    base = Base(shape)
    base.load_state_dict(state["model"])
    tensors = {name: tensor.bfloat16() for name, tensor in to_transformers(base).items()}
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    (folder / "config.json").write_text(json.dumps(configuration(shape), indent=2) + "\n")
    generation = {
        "bos_token_id": None,
        "eos_token_id": Tokenizer.from_file(str(tokenizer)).token_to_id(END),
        "pad_token_id": Tokenizer.from_file(str(tokenizer)).token_to_id(PAD),
        "max_new_tokens": 256,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    write_tokenizer(tokenizer, folder, shape.context)
    return sum(t.numel() for t in tensors.values())


def main() -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    count = write_folder(options.checkpoint, options.work / "tokenizer.json", options.to)
    size = (options.to / "model.safetensors").stat().st_size
    if options.json:
        print(json.dumps({"folder": str(options.to), "parameters": count, "bytes": size}))
    else:
        print(f"{count:,} parameters, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
