"""The model that learns: architecture `new` of the 400M, in small. Its forward pass is that of the checkpoint format."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

VOCAB = 24_576
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

    def forward(self, x: Tensor, parts: list["Part"]) -> Tensor:
        """x [tokens, hidden] of all parts in a row."""
        q, k, v = through(self.qkv_proj, x).split(HIDDEN, dim=-1)
        sizes = [part.tokens for part in parts]
        by_part = zip(q.split(sizes), k.split(sizes), v.split(sizes), parts)
        found = torch.cat([attention(q, k, v, part) for q, k, v, part in by_part])
        x = normed(self.attn_ln, x + through(self.o_proj, found))
        up, gate = through(self.up_gate_proj, x).split(INTERMEDIATE, dim=-1)
        return normed(self.mlp_ln, x + through(self.down_proj, functional.gelu(gate) * up))


class Part:
    """Texts padded to one length: what all layers need to know of them."""

    def __init__(self, present: Tensor, dtype: torch.dtype) -> None:
        """present [batch, length], True where there is a token."""
        self.batch, self.length = present.shape
        self.tokens = self.batch * self.length
        self.mask = present[:, None, None, :]
        self.cos, self.sin = (table.to(dtype) for table in tables(self.length))
        self.weights = present.float().unsqueeze(-1)

    def mean(self, x: Tensor) -> Tensor:
        """Of the tokens of each text: x [tokens, hidden] to [batch, hidden]."""
        return (x.view(self.batch, self.length, -1) * self.weights).sum(1) / self.weights.sum(1)


def attention(q: Tensor, k: Tensor, v: Tensor, part: Part) -> Tensor:
    """Of one part: all [tokens, hidden]."""
    q, k, v = (x.view(part.batch, part.length, HEADS, HIDDEN // HEADS).transpose(1, 2) for x in (q, k, v))
    # Spelled out: on a processor, the backward pass of torch's fused attention takes half of a step (2.15).
    scores = rotate(q, part.cos, part.sin) @ rotate(k, part.cos, part.sin).transpose(-1, -2)
    scores = (scores.float() * (HIDDEN // HEADS) ** -0.5).masked_fill(~part.mask, ABSENT)
    found = scores.softmax(-1).to(q.dtype) @ v
    return found.transpose(1, 2).reshape(part.tokens, HIDDEN)


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

    def forward(self, ids: Tensor, present: Tensor) -> dict[int, Tensor]:
        """ids and present [batch, length] to {dimensions: [batch, dimensions]}, not normalised."""
        return self.of_words(self.word_embeddings(ids.flatten()), [present])

    def of_words(self, words: Tensor, present: list[Tensor], dtype: torch.dtype = torch.float32) -> dict[int, Tensor]:
        """
        The same of word embeddings [tokens, hidden] of several parts in a row, each padded to a length of its own. Layers
        work in `dtype`, from weights of float32: train.py has them in bfloat16, which is faster.
        """
        parts = [Part(of_part, dtype) for of_part in present]
        x = normed(self.norm, (words + self.token_type_embeddings.weight[0]).to(dtype))
        for layer in self.layers:
            x = layer(x, parts)
        pooled = torch.cat([part.mean(of_part) for part, of_part in zip(parts, x.float().split([p.tokens for p in parts]))])
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
