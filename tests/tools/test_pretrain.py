"""The pretraining recipe: its network equals transformers', its rendering the template, its state resumes."""

from __future__ import annotations

import json
import lzma
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.nightly

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
np = pytest.importorskip("numpy")

TOOLS = Path(__file__).parents[2] / "tools" / "pretrain"
SMALL = {
    "vocabulary": 300,
    "hidden": 64,
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "head_size": 16,
    "feed_forward": 96,
    "context": 64,
    "rope_theta": 10000.0,
    "epsilon": 1e-6,
}


@pytest.fixture(scope="module")
def recipe():
    """The recipe's modules, imported as its scripts import each other."""
    names = ["tokenizer", "encode", "blocks", "model", "muon", "schedule", "heldout", "train", "export_base"]
    sys.path.insert(0, str(TOOLS))
    try:
        import importlib

        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(TOOLS))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def small_base(recipe):
    base = recipe.model.Base(recipe.model.Shape(**SMALL), dtype=torch.float32)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return base


@pytest.fixture(scope="module")
def reference(recipe, small_base):
    from transformers import Qwen3Config, Qwen3ForCausalLM

    model = Qwen3ForCausalLM(Qwen3Config(**small_base.shape.config()))
    missing = model.load_state_dict(recipe.model.to_transformers(small_base), strict=False)
    assert missing.unexpected_keys == []
    model.tie_weights()
    return model


def test_logits_equal_transformers(small_base, reference):
    ids = torch.randint(0, 300, (2, 33), generator=torch.Generator().manual_seed(2))
    assert torch.allclose(small_base.logits(ids), reference(ids).logits, atol=1e-4)


def test_chunked_loss_and_its_gradient_equal_transformers(small_base, reference):
    ids = torch.randint(0, 300, (2, 33), generator=torch.Generator().manual_seed(3))
    ours = small_base.loss(ids[:, :-1], ids[:, 1:], torch.full((2, 32), 1 / 64), rows=24)
    ours.backward()
    reference.zero_grad()
    theirs = reference(ids, labels=ids).loss
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert torch.allclose(small_base.embedding.grad, reference.model.embed_tokens.weight.grad, atol=1e-4)
    small_base.zero_grad()


def test_orthogonal_flattens_the_spectrum(recipe):
    matrix = torch.randn(48, 32, generator=torch.Generator().manual_seed(4))
    values = torch.linalg.svdvals(recipe.muon.orthogonal(matrix))
    assert 0.5 < values.min() < values.max() < 1.4


def corpus(folder: Path) -> Path:
    """A corpus of the real one's form: two training files and two held-out files."""
    texts = [
        {"text": f"The {w} sat on the {w} mat, {i} times — naïve."} for i, w in enumerate(["cat", "dog"] * 60)
    ]
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"Count to {i}."},
                {"role": "assistant", "content": f"{i} é"},
            ]
        }
        for i in range(120)
    ]
    for name, rows in {
        "text-00": texts,
        "text-valid": texts[:3],
        "instruct-00": chats,
        "instruct-valid": chats[:3],
    }.items():
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.fixture(scope="module")
def work(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrain")
    source = corpus(folder)
    tokenizer = recipe.tokenizer.train(source, 300, 100_000)
    tokenizer.save(str(folder / "tokenizer.json"))
    for kind in ("text", "instruct"):
        recipe.encode.encode_files(
            tokenizer, recipe.tokenizer.corpus_files(source, kind), folder / f"{kind}.bin"
        )
    return folder


def test_answers_carry_the_bit(recipe, work):
    tokens = np.fromfile(work / "instruct.bin", dtype=np.uint16)
    first = tokens[: int(np.flatnonzero(tokens == 0)[0])]
    answer = [int(t) & 0x7FFF for t in first if t & 0x8000]
    tokenizer = tokenizers.Tokenizer.from_file(str(work / "tokenizer.json"))
    assert tokenizer.decode(answer, skip_special_tokens=False) == "0 é<|im_end|>"


def test_tokenizer_keeps_any_text(work):
    tokenizer = tokenizers.Tokenizer.from_file(str(work / "tokenizer.json"))
    text = "Grüße 漢字 🤖 e\u0301 \t\n  x\r\n\x00\u200b123 ﬁ"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_template_renders_what_training_saw(recipe, work, tmp_path):
    from transformers import AutoTokenizer

    recipe.export_base.write_tokenizer(work / "tokenizer.json", tmp_path, 64)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3"}))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    turns = [
        {"role": r, "content": f"{r} says\n x "} for r in ("system", "user", "assistant", "tool", "assistant")
    ]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == "".join(
        p for p, _ in recipe.tokenizer.render(turns)
    )
    asked = tokenizer.apply_chat_template(turns[:2], tokenize=False, add_generation_prompt=True)
    assert asked.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.eos_token == "<|im_end|>"
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    with_tools = tokenizer.apply_chat_template(turns[1:2], tools=tools, tokenize=False)
    assert '\nAvailable functions:\n{"name": "f", "parameters": {}}<|im_end|>\n' in with_tools


def test_bits_per_byte_of_uniform_logits(recipe, work):
    tokenizer = tokenizers.Tokenizer.from_file(str(work / "tokenizer.json"))
    sample = recipe.heldout.text_sample(tokenizer, work)
    total, answers = recipe.heldout.bits(sample, lambda ids: torch.zeros(*ids.shape, 300), batch_tokens=16)
    predicted = sum(len(d.ids) - 1 for d in sample.documents)
    assert total == pytest.approx(predicted * math.log2(300))
    assert answers == 0


def options(work: Path, phase: str = "stable") -> SimpleNamespace:
    return SimpleNamespace(work=work, corpus=work, phase=phase, minutes=1.0, start=None)


def configuration() -> dict:
    phase = {"block": 16, "instruct_share": 0.5, "answer_weight": 1.0, "from": 1.0, "to": 1.0}
    return {
        "seed": 1,
        "shape": SMALL,
        "step_tokens": 64,
        "micro_tokens": 32,
        "optimiser": {
            "muon": {"rate": 0.01, "momentum": 0.9, "weight_decay": 0.1},
            "adam": {"rate": 0.01, "betas": [0.9, 0.95], "epsilon": 1e-10},
            "warm_up_steps": 2,
            "clip": 1.0,
        },
        "phases": {"stable": phase},
        "heldout": {"curve_bytes": 100, "curve_minutes": 10, "checkpoint_minutes": 8},
    }


def test_a_resumed_run_takes_the_same_steps(recipe, work):
    (work / "stable.pt").unlink(missing_ok=True)
    straight = recipe.train.Run(options(work), configuration())
    losses = [straight.step()[0] for _ in range(4)]
    broken = recipe.train.Run(options(work), configuration())
    broken.step(), broken.step()
    broken.save()
    resumed = recipe.train.Run(options(work), configuration())
    assert [resumed.step()[0] for _ in range(2)] == losses[2:]
    assert losses[-1] < losses[0]
    (work / "stable.pt").unlink()


def test_decay_reaches_zero(recipe):
    raw = {"block": 16, "instruct_share": 0.5, "answer_weight": 1.0, "from": 1.0, "to": 0.0}
    phase = recipe.schedule.Phase.read("decay", raw)
    assert [phase.scale(p, 100, 10) for p in (0.0, 0.5, 1.0, 1.5)] == [1.0, 0.5, 0.0, 0.0]
    assert phase.scale(0.0, 4, 10) == 0.5
