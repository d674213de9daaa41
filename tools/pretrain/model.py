"""The base model for pretraining: Qwen3 (arXiv:2505.09388) rewritten for the step's speed on a CPU.

Same function as ``transformers.Qwen3ForCausalLM`` (tested), laid out for few, wide matrix products:
fused query-key-value and gate-up projections, fp32 master weights with one bf16 copy per step, and a
cross entropy that computes the logits in chunks and never keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; hidden and feed-forward are multiples of 256 for llama.cpp's K-quants."""

    vocabulary: int = 8192
    hidden: int = 512
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 128
    feed_forward: int = 1280
    context: int = 2048
    rope_theta: float = 10_000.0
    epsilon: float = 1e-6

    def config(self) -> dict[str, Any]:
        """Keyword arguments of ``transformers.Qwen3Config`` for the same network."""
        return {
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_size,
            "intermediate_size": self.feed_forward,
            "max_position_embeddings": self.context,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": self.epsilon,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "bos_token_id": None,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }


def normed(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """RMS norm over the last axis, computed in fp32, returned in ``x``'s type."""
    wide = x.float()
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)
    return (wide * scale * weight).to(x.dtype)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (arXiv:2104.09864), half-split layout; ``x`` is (batch, T, heads, size)."""
    first, second = x.float().chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1).to(x.dtype)


class CausalSoftmax(torch.autograd.Function):
    """Softmax over the keys not ahead of the query, keeping only its bf16 result for the backward."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, bias: Tensor, scale: float) -> Tensor:
        """``scores`` (groups, heads, T, T) with ``bias`` (T, T), 0 or minus infinity; ``scale`` first."""
        weights = (scores.float() * scale + bias).softmax(-1).to(scores.dtype)
        ctx.save_for_backward(weights)
        ctx.scale = scale
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Weights times what a gradient exceeds its weighted mean."""
        (weights,) = ctx.saved_tensors
        wide, given = weights.float(), grads[0].float()
        mean = (wide * given).sum(-1, keepdim=True)
        return (wide * (given - mean) * ctx.scale).to(weights.dtype), None, None


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Causal grouped-query attention; ``q`` (batch, T, heads, size), ``k`` and ``v`` with fewer heads.

    Plain batched products with the queries of a group stacked along T: at T <= 1,024 on AMX this costs a
    third of torch's CPU flash attention, whose backward is slow, and needs no copies of keys and values.
    """
    batch, length, heads, size = q.shape
    shared = k.shape[2]
    group = heads // shared
    stacked = q.view(batch, length, shared, group, size).permute(0, 2, 3, 1, 4)
    stacked = stacked.reshape(batch * shared, group * length, size)
    keys = k.permute(0, 2, 1, 3).reshape(batch * shared, length, size)
    values = v.permute(0, 2, 1, 3).reshape(batch * shared, length, size)
    scores = torch.bmm(stacked, keys.transpose(1, 2)).view(-1, group, length, length)
    weights: Tensor = CausalSoftmax.apply(scores, bias, size**-0.5)
    mixed = torch.bmm(weights.view(-1, group * length, length), values)
    return mixed.view(batch, shared, group, length, size).permute(0, 3, 1, 2, 4)


class Block(nn.Module):
    """One decoder layer: grouped-query attention with normed queries and keys, then SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        wide = shape.heads * shape.head_size
        narrow = shape.kv_heads * shape.head_size
        self.qkv = nn.Parameter(torch.empty(wide + 2 * narrow, shape.hidden))
        self.out = nn.Parameter(torch.empty(shape.hidden, wide))
        self.gate_up = nn.Parameter(torch.empty(2 * shape.feed_forward, shape.hidden))
        self.down = nn.Parameter(torch.empty(shape.hidden, shape.feed_forward))
        self.before_attention = nn.Parameter(torch.ones(shape.hidden))
        self.before_mlp = nn.Parameter(torch.ones(shape.hidden))
        self.query_norm = nn.Parameter(torch.ones(shape.head_size))
        self.key_norm = nn.Parameter(torch.ones(shape.head_size))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """Map (batch, T, hidden) to the same shape."""
        s = self.shape
        batch, length, _ = x.shape
        h = functional.linear(normed(x, self.before_attention, s.epsilon), self.qkv.to(x.dtype))
        q, k, v = h.view(batch, length, -1, s.head_size).split((s.heads, s.kv_heads, s.kv_heads), 2)
        q = rotated(normed(q, self.query_norm, s.epsilon), cos, sin)
        k = rotated(normed(k, self.key_norm, s.epsilon), cos, sin)
        mixed = attention(q, k, v, bias)
        x = x + functional.linear(mixed.reshape(batch, length, -1), self.out.to(x.dtype))
        gate, up = functional.linear(normed(x, self.before_mlp, s.epsilon), self.gate_up.to(x.dtype)).chunk(
            2, -1
        )
        return x + functional.linear(functional.silu(gate) * up, self.down.to(x.dtype))


class ChunkedLoss(torch.autograd.Function):
    """Weighted cross entropy of tied logits, a slice of rows at a time, gradients made in the forward.

    Only (rows, vocabulary) logits of one slice exist at once; the backward just scales what is stored.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, table: Tensor, targets: Tensor, weights: Tensor, rows: int
    ) -> Tensor:
        """The weighted sum of losses of ``hidden`` (N, d) against ``table`` (V, d), ``targets`` (N,)."""
        grad_hidden = torch.empty_like(hidden)
        grad_table = torch.zeros(table.shape, dtype=torch.float32)
        total = torch.zeros((), dtype=torch.float32)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = hidden[part] @ table.T
            probabilities, loss = HOT["softmax_loss"](logits, targets[part], weights[part])
            total += loss
            grad_hidden[part] = probabilities @ table
            grad_table += probabilities.T @ hidden[part]
        ctx.save_for_backward(grad_hidden, grad_table)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Scale the stored gradients."""
        grad_hidden, grad_table = ctx.saved_tensors
        return grad_hidden * grads[0].to(grad_hidden.dtype), grad_table * grads[0], None, None, None


def softmax_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return d(loss)/d(logits) in the logits' type, and the weighted sum of the rows' losses."""
    log_p = torch.log_softmax(logits.float(), -1)
    loss = -(log_p.gather(1, targets[:, None]).squeeze(1) * weights).sum()
    gradient = log_p.exp() * weights[:, None]
    gradient.scatter_add_(1, targets[:, None], -weights[:, None])
    return gradient.to(logits.dtype), loss


HOT: dict[str, Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {"softmax_loss": softmax_loss}
"""What `compile_hot_paths` replaces."""


class Base(nn.Module):
    """The whole network; parameters are fp32 masters, the arithmetic runs in ``dtype``."""

    def __init__(self, shape: Shape, dtype: torch.dtype = torch.bfloat16, seed: int = 0) -> None:
        super().__init__()
        self.shape, self.dtype = shape, dtype
        self.embedding = nn.Parameter(torch.empty(shape.vocabulary, shape.hidden))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.final_norm = nn.Parameter(torch.ones(shape.hidden))
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                last = name.endswith(("out", "down"))
                spread = 0.02 / (2 * shape.layers) ** 0.5 if last else 0.02
                nn.init.normal_(parameter, std=spread, generator=generator)

    @property
    def decoder(self) -> list[Block]:
        """The layers in order."""
        return cast(list[Block], list(self.blocks))

    def rotary(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines, each (length, 1, head_size / 2), fp32."""
        half = self.shape.head_size // 2
        rates = self.shape.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
        angles = (torch.arange(length, dtype=torch.float32)[:, None] * rates)[:, None, :]
        return angles.cos(), angles.sin()

    def hidden(self, ids: Tensor) -> Tensor:
        """Final hidden states (batch, T, hidden) of ``ids`` (batch, T)."""
        cos, sin = self.rotary(ids.shape[1])
        x = functional.embedding(ids, self.embedding.to(self.dtype))
        bias = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)
        for block in self.decoder:
            x = block(x, cos, sin, bias)
        return normed(x, self.final_norm, self.shape.epsilon)

    def logits(self, ids: Tensor) -> Tensor:
        """Logits (batch, T, vocabulary)."""
        return functional.linear(self.hidden(ids), self.embedding.to(self.dtype))

    def loss(self, ids: Tensor, targets: Tensor, weights: Tensor, rows: int = 2048) -> Tensor:
        """Weighted sum of next-token losses (nats); all arguments are (batch, T)."""
        hidden = self.hidden(ids).flatten(0, 1)
        loss: Tensor = ChunkedLoss.apply(
            hidden, self.embedding.to(self.dtype), targets.flatten(), weights.flatten(), rows
        )
        return loss


def to_transformers(model: Base) -> dict[str, Tensor]:
    """The state dict under ``Qwen3ForCausalLM``'s names, without the tied output matrix."""
    s = model.shape
    wide, narrow = s.heads * s.head_size, s.kv_heads * s.head_size
    state: dict[str, Tensor] = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.final_norm,
    }
    for index, block in enumerate(model.decoder):
        prefix = f"model.layers.{index}."
        q, k, v = block.qkv.split((wide, narrow, narrow))
        gate, up = block.gate_up.chunk(2)
        state |= {
            prefix + "self_attn.q_proj.weight": q,
            prefix + "self_attn.k_proj.weight": k,
            prefix + "self_attn.v_proj.weight": v,
            prefix + "self_attn.o_proj.weight": block.out,
            prefix + "self_attn.q_norm.weight": block.query_norm,
            prefix + "self_attn.k_norm.weight": block.key_norm,
            prefix + "input_layernorm.weight": block.before_attention,
            prefix + "post_attention_layernorm.weight": block.before_mlp,
            prefix + "mlp.gate_proj.weight": gate,
            prefix + "mlp.up_proj.weight": up,
            prefix + "mlp.down_proj.weight": block.down,
        }
    return {name: tensor.detach().contiguous() for name, tensor in state.items()}


def compile_hot_paths() -> None:
    """Compile the layer and the loss's element-wise work with torch.compile (needs a C++ compiler)."""
    HOT["softmax_loss"] = torch.compile(softmax_loss, dynamic=False)
    Block.forward = torch.compile(Block.forward, dynamic=False)  # type: ignore[method-assign]
