"""The model that learns: architecture `new` of the 400M, in small. Its forward pass is that of the checkpoint format."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

VOCAB = 12_288
HIDDEN = 256
LAYERS = 3
HEADS = 4
INTERMEDIATE = 512
DIMENSIONS = (256, 512)
THETA = 160_000.0
NTK_FACTOR = 2.0
EPSILON = 1e-12
# Score of a key that is no token.
ABSENT = -1e9


class Layer(nn.Module):
    """Attention and a gated MLP, each normalised after its sum."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv_proj = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.o_proj = nn.Linear(HIDDEN, HIDDEN)
        self.attn_ln = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.up_gate_proj = nn.Linear(HIDDEN, 2 * INTERMEDIATE, bias=False)
        self.down_proj = nn.Linear(INTERMEDIATE, HIDDEN)
        self.mlp_ln = nn.LayerNorm(HIDDEN, eps=EPSILON)

    def forward(self, x: Tensor, mask: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x [batch, length, hidden], mask [batch, 1, 1, length] True where there is a token."""
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, HEADS, HIDDEN // HEADS).transpose(1, 2)
            for part in through(self.qkv_proj, x).split(HIDDEN, dim=-1)
        )
        # Spelled out: on a processor, the backward pass of torch's fused attention takes half of a step (2.15).
        scores = rotate(q, cos, sin) @ rotate(k, cos, sin).transpose(-1, -2)
        scores = (scores.float() * (HIDDEN // HEADS) ** -0.5).masked_fill(~mask, ABSENT)
        found = scores.softmax(-1).to(x.dtype) @ v
        x = normed(self.attn_ln, x + through(self.o_proj, found.transpose(1, 2).reshape(batch, length, HIDDEN)))
        up, gate = through(self.up_gate_proj, x).split(INTERMEDIATE, dim=-1)
        return normed(self.mlp_ln, x + through(self.down_proj, functional.gelu(gate) * up))


class Student(nn.Module):
    """Token ids to one vector for each head."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCAB, HIDDEN)
        self.token_type_embeddings = nn.Embedding(2, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.heads = nn.ModuleDict({str(d): nn.Linear(HIDDEN, d) for d in DIMENSIONS})
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.5 / math.sqrt(module.in_features))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.token_type_embeddings.weight)
        # Layers that add nothing, to begin with: static.py trains what is before and after them.
        for layer in self.layers:
            nn.init.zeros_(layer.o_proj.weight)
            nn.init.zeros_(layer.down_proj.weight)

    def forward(self, ids: Tensor, present: Tensor, dtype: torch.dtype = torch.float32) -> dict[int, Tensor]:
        """
        ids and present [batch, length] to {dimensions: [batch, dimensions]}, not normalised. Layers work in `dtype`, from
        weights of float32: train.py has them in bfloat16, which is faster.
        """
        cos, sin = (table.to(dtype) for table in tables(ids.shape[1]))
        x = normed(self.norm, (self.word_embeddings(ids) + self.token_type_embeddings.weight[0]).to(dtype))
        mask = present[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask, cos, sin)
        weights = present.float().unsqueeze(-1)
        pooled = (x.float() * weights).sum(1) / weights.sum(1)
        return {d: self.heads[str(d)](pooled) for d in DIMENSIONS}


def through(module: nn.Linear, x: Tensor) -> Tensor:
    """The map in the numbers of x."""
    bias = None if module.bias is None else module.bias.to(x.dtype)
    return functional.linear(x, module.weight.to(x.dtype), bias)


def normed(module: nn.LayerNorm, x: Tensor) -> Tensor:
    """The norm, worked out in float32."""
    return module(x.float()).to(x.dtype)


def tables(length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [length, head size] of the rotary positions, with the NTK scaling of the 400M."""
    size = HIDDEN // HEADS
    exponents = torch.arange(0, size, 2, dtype=torch.float32) / size
    frequencies = (THETA * NTK_FACTOR) ** -exponents / NTK_FACTOR ** (2 / size)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns queries or keys [batch, heads, length, head size] by their positions."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
